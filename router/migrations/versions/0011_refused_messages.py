"""Refused messages by their time: the list of them begins at the newest and reads no others.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

from alembic import op
from sqlalchemy import text

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    refused = text("state = 'refused'")
    op.create_index(
        "ix_messages_refused", "messages", ["received_at", "id"], sqlite_where=refused, postgresql_where=refused
    )


def downgrade() -> None:
    op.drop_index("ix_messages_refused", "messages")
