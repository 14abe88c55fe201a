"""Phones and addresses of organs, the version in which each changed last, and agents' applications.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: None = None
depends_on: None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.BigInteger()


def _where(clause: str) -> dict[str, Any]:
    """Options of a partial index."""
    return {"sqlite_where": sa.text(clause), "postgresql_where": sa.text(clause)}


def upgrade() -> None:
    op.add_column("organs", sa.Column("phone", TEXT, nullable=False, server_default=""))
    op.add_column("organs", sa.Column("address", TEXT, nullable=False, server_default=""))
    op.add_column("organs", sa.Column("changed_in", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "applications",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("agent", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("parent", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("phone", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("applied_at", TIME, nullable=False),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("decided_by", TEXT, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
    )
    op.create_index("ix_applications_agent_applied_at", "applications", ["agent", "applied_at"])
    op.create_index("ix_applications_open", "applications", ["applied_at"], **_where("state = 'open'"))


def downgrade() -> None:
    op.drop_table("applications")
    for column in ("changed_in", "address", "phone"):
        op.drop_column("organs", column)
