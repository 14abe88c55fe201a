"""Sums for statistics, and how far the log has been counted.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "figures",
        sa.Column("period", TEXT, nullable=False),
        sa.Column("organ", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("measure", TEXT, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("period", "organ", "kind", "measure", name="pk_figures"),
    )
    op.create_table(
        "figures_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_figures_mark"),
    )
    op.execute("INSERT INTO figures_mark (id, seq) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_table("figures_mark")
    op.drop_table("figures")
