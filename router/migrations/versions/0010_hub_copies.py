"""Copies of the whole hub: before, they were summed up with their senders only.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("DELETE FROM figures WHERE organ = '' AND measure = 'copies'")
    op.execute(
        "INSERT INTO figures (period, organ, kind, measure, value)"
        " SELECT period, '', kind, 'copies', SUM(value) FROM figures"
        " WHERE measure = 'copies' AND organ <> '' GROUP BY period, kind"
    )


def downgrade() -> None:
    op.execute("DELETE FROM figures WHERE organ = '' AND measure = 'copies'")
