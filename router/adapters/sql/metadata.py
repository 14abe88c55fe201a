"""What all tables share: the naming of their parts, and the types of their columns. `tables` says what they mean."""

from typing import Final

from sqlalchemy import BigInteger, Index, Integer, MetaData, Table, Text, text

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

METADATA: Final = MetaData(naming_convention=NAMING)


TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
SEQUENCE: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column declared INTEGER."""
TIME: Final = BigInteger()

DERIVED: Final = {"derived": True}
"""`info` of a table that is made again from the others: a backup leaves it out."""


def partial_index(table: Table, clause: str, *columns: str, name: str, unique: bool = False) -> None:
    """A partial index: rows outside the condition cost nothing."""
    condition = text(clause)
    Index(
        name,
        *(table.c[each] for each in columns),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )
