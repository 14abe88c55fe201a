"""Who vouched for a message whose own system cannot sign.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: None = None
depends_on: None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("messages", sa.Column("vouched", TEXT, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("messages", "vouched")
