"""Everything that is in the database, as lines; and back, into an empty database of either kind.

A line is the JSON array of one row, in the order of the table's columns; bytes are base64.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import orjson
from sqlalchemy import Connection, LargeBinary, func, inspect, select, text
from sqlalchemy.engine import Engine

from router.adapters.sql.engine import WRITES, is_sqlite, open_engine, told_as_ports
from router.adapters.sql.migrate import head, revision_of, upgrade
from router.adapters.sql.raw import Raw
from router.adapters.sql.rows import Row, to_time
from router.adapters.sql.tables import DEAD_LETTERS, MESSAGES, METADATA
from router.ports import StoreUnavailable

ROWS: Final = 500
"""Rows in memory at a time. A row of the outbox may hold a receipt of some kilobytes."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
NUMBERED: Final = ("events", "statuses", "attempts")
"""Tables whose `seq` the database gives; the number given last is kept, so that none is given twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShape:
    """`binary` are the columns with bytes."""

    name: str
    columns: tuple[str, ...]
    binary: frozenset[str]


SHAPES: Final = tuple(
    TableShape(
        name=table.name,
        columns=tuple(table.c.keys()),
        binary=frozenset(each.name for each in table.c if isinstance(each.type, LargeBinary)),
    )
    for table in METADATA.sorted_tables
    if not table.info.get("derived")
)
"""Every table but those that are made again from the others; what is spoken of stands before what speaks of it."""


class Snapshot:
    """One state of the database, whatever is written meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.revision = revision_of(connection) or ""
        if self.revision != head():
            raise StoreUnavailable(
                f"the database is at revision {self.revision or 'none'}, this version needs {head()}"
            )

    def lines(self, shape: TableShape) -> Iterator[bytes]:
        table = METADATA.tables[shape.name]
        places = [number for number, name in enumerate(shape.columns) if name in shape.binary]
        for row in self._stream(select(table).order_by(*table.primary_key)):
            values = list(row)
            for place in places:
                values[place] = base64.b64encode(values[place]).decode()
            yield orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)

    def payloads(self) -> Iterator[tuple[str, bool]]:
        """References of payloads, and whether their bytes must be there: those of what was refused may have gone."""
        for table in (MESSAGES, DEAD_LETTERS):
            for row in self._stream(select(table.c.payload, table.c.state).where(table.c.payload != "")):
                yield row[0], row[1] != "refused"

    def last_numbers(self) -> Mapping[str, int]:
        """The highest `seq` that was ever given, per table."""
        return {name: self._last_number(name) for name in NUMBERED}

    def _last_number(self, name: str) -> int:
        table = METADATA.tables[name]
        highest = self._connection.scalar(select(func.max(table.c.seq))) or 0
        if self._connection.dialect.name == "sqlite":
            question = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
            given = self._connection.scalar(question, {"name": name})
        else:
            question = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}_seq_seq")  # noqa: S608
            given = self._connection.scalar(question)
        return max(highest, given or 0)

    def _stream(self, question: Any) -> Iterator[Sequence[Any]]:
        options = {"stream_results": True, "yield_per": ROWS}
        with self._connection.execute(question, execution_options=options) as rows:
            yield from rows


@contextmanager
def snapshot(database_url: str) -> Iterator[Snapshot]:
    """A consistent view for reading. Raises StoreUnavailable."""
    engine = open_engine(database_url)
    try:
        with told_as_ports(), engine.connect() as connection:
            if not is_sqlite(engine):
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield Snapshot(connection)
    finally:
        engine.dispose()


def is_empty(database_url: str) -> bool:
    """Whether there is no table yet. Raises StoreUnavailable."""
    engine = open_engine(database_url)
    try:
        with told_as_ports():
            return not inspect(engine).get_table_names()
    finally:
        engine.dispose()


def load(
    database_url: str,
    *,
    revision: str,
    tables: Iterable[tuple[TableShape, Iterable[bytes]]],
    last_numbers: Mapping[str, int],
    now: datetime,
) -> None:
    """Fill an empty database: created at the dump's revision, filled in one transaction, then brought up to date.

    What somebody was publishing is due at `now`. Raises StoreUnavailable, and ValueError for a dump that does not fit.
    """
    upgrade(database_url, to=revision)
    engine = open_engine(database_url)
    try:
        with (
            told_as_ports(),
            engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            for shape, lines in tables:
                _fill(engine, connection, shape, lines)
            due = text("UPDATE outbox SET leased_until = :now WHERE leased_until > :now AND agent <> ''")
            connection.execute(due, {"now": to_time(now)})
            for name, number in last_numbers.items():
                _go_on_after(engine, connection, name, number)
    finally:
        engine.dispose()
    upgrade(database_url)


def _fill(engine: Engine, connection: Connection, shape: TableShape, lines: Iterable[bytes]) -> None:
    there = {each["name"] for each in inspect(connection).get_columns(shape.name)} if NAME.fullmatch(shape.name) else {}
    if {*shape.columns} != {*there}:
        raise ValueError(f"the table {shape.name[:70]!r} has other columns")
    names = ", ".join(f'"{each}"' for each in shape.columns)
    raw, rows = Raw(connection), _rows(shape, lines)
    connection.execute(text(f"DELETE FROM {shape.name}"))  # noqa: S608  the first migration writes a row of its own
    marks = ", ".join("?" for _ in shape.columns)
    while portion := list(islice(rows, ROWS)):
        if is_sqlite(engine):
            raw.write(f"INSERT INTO {shape.name} ({names}) VALUES ({marks})", portion)  # noqa: S608  names compared above
        else:
            raw.copy(f"COPY {shape.name} ({names}) FROM STDIN", portion)


def _rows(shape: TableShape, lines: Iterable[bytes]) -> Iterator[Row]:
    places = [number for number, name in enumerate(shape.columns) if name in shape.binary]
    for line in lines:
        values = orjson.loads(line)
        if not isinstance(values, list) or len(values) != len(shape.columns):
            raise ValueError(f"a row of the table {shape.name} has another length")
        for place in places:
            values[place] = base64.b64decode(values[place], validate=True)
        yield tuple(values)


def _go_on_after(engine: Engine, connection: Connection, name: str, number: int) -> None:
    if name not in NUMBERED or number <= 0:
        return
    if not is_sqlite(engine):
        connection.execute(text("SELECT setval(:sequence, :number)"), {"sequence": f"{name}_seq_seq", "number": number})
    elif name == "events":  # the one with AUTOINCREMENT
        moved = text("UPDATE sqlite_sequence SET seq = max(seq, :number) WHERE name = :name")
        if not connection.execute(moved, {"name": name, "number": number}).rowcount:
            put = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)")
            connection.execute(put, {"name": name, "number": number})
