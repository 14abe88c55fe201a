"""Deadlines, holds, attempts, dead letters and seals; event numbers that are never given twice.

This file says what was changed then and never changes; `router.adapters.sql.tables` says what there is now.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: None = None
depends_on: None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.BigInteger()
NEW_DOCUMENTS = "type = 'edoc' AND doc_type = 0 AND state = 'accepted' AND duplicate_of = ''"
FIRST_CONTENT = "content_digest <> '' AND duplicate_of = ''"
BLOBS = "payload >= 'blob:' AND payload < 'blob;'"

ARRIVED_ON = {
    "sqlite": "date(received_at / 1000000 + 25200, 'unixepoch')",
    "postgresql": "to_char(to_timestamp(received_at / 1000000 + 25200) AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
}
"""The Vietnamese calendar day, seven hours ahead of UTC all year."""

ASKED_AT = (
    "UPDATE legs SET recall_at = (SELECT MIN(at) FROM events WHERE events.message_id = legs.message_id"
    " AND events.leg_id = legs.id AND events.name = 'leg.recall') WHERE recall <> 'none'"
)
LOOK_AT = (
    "UPDATE legs SET look_at = created_at WHERE state <> 'delivered' OR recall = 'requested' OR"
    " (status NOT IN ('02', '06') AND message_id IN (SELECT id FROM messages WHERE type = 'edoc'))"
)
"""What may have a deadline is looked at once, and gets its next look then."""


def _where(clause: str) -> dict[str, Any]:
    """Options of a partial index."""
    return {"sqlite_where": sa.text(clause), "postgresql_where": sa.text(clause)}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    op.add_column("messages", sa.Column("arrived_on", TEXT, nullable=False, server_default=""))
    op.execute(f"UPDATE messages SET arrived_on = {ARRIVED_ON[dialect]}")  # noqa: S608  a text of this file
    # Indexes in random order cost a page per row: only what is asked for stays in them.
    op.drop_index("ix_messages_digest", "messages")
    op.create_index("ix_messages_blob_digest", "messages", ["digest"], **_where(BLOBS))
    op.drop_index("ix_messages_submission_id", "messages")
    op.create_index("ix_messages_submission_id", "messages", ["submission_id"], **_where("state <> 'accepted'"))
    op.drop_index("ix_messages_content_digest", "messages")
    op.create_index("ix_messages_content_digest", "messages", ["content_digest"], **_where(FIRST_CONTENT))
    op.drop_index("ix_messages_code_number", "messages")
    op.drop_column("messages", "code_number")
    op.create_index("ix_messages_new_documents", "messages", ["received_at"], **_where(NEW_DOCUMENTS))

    op.add_column("legs", sa.Column("recall_at", TIME, nullable=True))
    op.add_column("legs", sa.Column("forwarded_from", TEXT, nullable=False, server_default=""))
    op.add_column("legs", sa.Column("look_at", TIME, nullable=True))
    op.add_column("legs", sa.Column("raised", TEXT, nullable=False, server_default=""))
    op.execute(ASKED_AT)
    op.execute(LOOK_AT)
    op.create_index("ix_legs_look_at", "legs", ["look_at"], **_where("look_at IS NOT NULL"))
    op.create_index("ix_legs_raised", "legs", ["created_at"], **_where("raised <> ''"))
    op.create_index("ix_legs_parked", "legs", ["created_at"], **_where("state = 'parked'"))
    op.create_index("ix_legs_held", "legs", ["recipient", "created_at"], **_where("state = 'held'"))

    op.create_index("ix_legs_forwarded", "legs", ["message_id"], **_where("forwarded_from <> ''"))

    op.add_column("outbox", sa.Column("forwarded_from", TEXT, nullable=False, server_default=""))
    op.create_index("ix_outbox_held", "outbox", ["recipient"], **_where("agent = ''"))

    if dialect == "sqlite":  # PostgreSQL's sequences never fall
        with op.batch_alter_table("events", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass

    op.create_table(
        "seals",
        sa.Column("number", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("root", TEXT, nullable=False),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("sealed_at", TIME, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("timestamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_seals"),
    )
    op.create_index("ix_seals_last_seq", "seals", ["last_seq"])

    op.create_table(
        "attempts",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("item_id", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("leg_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_attempts"),
    )
    op.create_index("ix_attempts_message_id", "attempts", ["message_id"])

    op.create_table(
        "dead_letters",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("queue", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("routing_key", TEXT, nullable=False),
        sa.Column("agent", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=True),
        sa.Column("submission_id", TEXT, nullable=False),
        sa.Column("leg_id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("urgency", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("properties", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("died_at", TIME, nullable=False),
        sa.Column("return_at", TIME, nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("decided_by", TEXT, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_died_at", "dead_letters", ["died_at"])
    op.create_index("ix_dead_letters_state_died_at", "dead_letters", ["state", "died_at"])
    op.create_index("ix_dead_letters_return_at", "dead_letters", ["return_at"], **_where("state = 'returning'"))

    op.create_table(
        "holds",
        sa.Column("organ", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=True),
        sa.Column("forward_to", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("set_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organ", name="pk_holds"),
    )


def downgrade() -> None:
    for table in ("holds", "dead_letters", "attempts", "seals"):
        op.drop_table(table)
    op.drop_index("ix_outbox_held", "outbox")
    op.drop_column("outbox", "forwarded_from")
    for index in ("ix_legs_forwarded", "ix_legs_held", "ix_legs_parked", "ix_legs_raised", "ix_legs_look_at"):
        op.drop_index(index, "legs")
    for column in ("raised", "look_at", "forwarded_from", "recall_at"):
        op.drop_column("legs", column)
    op.drop_index("ix_messages_new_documents", "messages")
    op.drop_index("ix_messages_content_digest", "messages")
    op.create_index("ix_messages_content_digest", "messages", ["content_digest"], **_where("content_digest <> ''"))
    op.drop_column("messages", "arrived_on")
    op.add_column("messages", sa.Column("code_number", TEXT, nullable=False, server_default=""))
    number = {"sqlite": "substr(code, 1, instr(code || '/', '/') - 1)", "postgresql": "split_part(code, '/', 1)"}
    op.execute(f"UPDATE messages SET code_number = {number[op.get_bind().dialect.name]}")  # noqa: S608  a text above
    op.create_index("ix_messages_code_number", "messages", ["code_number"], **_where("code_number <> ''"))
    op.drop_index("ix_messages_submission_id", "messages")
    op.create_index("ix_messages_submission_id", "messages", ["submission_id"])
    op.drop_index("ix_messages_blob_digest", "messages")
    op.create_index("ix_messages_digest", "messages", ["digest"])
