"""The index of the search. It begins empty; the hub fills it from the log.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "search_documents",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("legs", sa.Integer(), nullable=False),
        sa.Column("fixed", TEXT, nullable=False),
        sa.Column("marks", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_search_documents"),
    )
    op.create_index("ix_search_documents_message_id", "search_documents", ["message_id"])
    op.create_table(
        "search_postings",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("term", TEXT, nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block", "term", name="pk_search_postings"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_words",
        sa.Column("term", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("term", name="pk_search_words"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("registry", sa.BigInteger(), nullable=False),
        sa.Column("gaps", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_mark"),
    )


def downgrade() -> None:
    for table in ("search_mark", "search_words", "search_postings", "search_documents"):
        op.drop_table(table)
