"""An index of what people did.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    by_people = sa.text(
        "((actor >= 'admin:' AND actor < 'admin;') OR (actor >= 'user:' AND actor < 'user;')"
        " OR name = 'session.refused')"
    )
    op.create_index("ix_events_by_people", "events", ["seq"], sqlite_where=by_people, postgresql_where=by_people)


def downgrade() -> None:
    op.drop_index("ix_events_by_people", "events")
