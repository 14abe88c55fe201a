"""Which documents a document answers, so that the page of a document lists its answers. Those of before are not known.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: None = None
depends_on: None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("document_id", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("organ", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_answers_message_id_messages")),
        sa.PrimaryKeyConstraint("message_id", "place", name=op.f("pk_answers")),
    )
    for column in ("document_id", "code"):
        said = sa.text(f"{column} <> ''")
        op.create_index(f"ix_answers_{column}", "answers", [column], sqlite_where=said, postgresql_where=said)


def downgrade() -> None:
    op.drop_table("answers")
