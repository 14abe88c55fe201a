"""The first tables.

This file says what was created then and never changes; `router.adapters.sql.tables` says what there is now.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(clause: str) -> dict[str, Any]:
    """Options of a partial index."""
    return {"sqlite_where": sa.text(clause), "postgresql_where": sa.text(clause)}


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("token_hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_agents"),
    )
    op.create_table(
        "certificates",
        sa.Column("organ", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("pem", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("organ", "fingerprint", name="pk_certificates"),
    )
    op.create_table(
        "events",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("leg_id", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("facts", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
    )
    op.create_index("ix_events_message_id", "events", ["message_id"])

    op.create_table(
        "messages",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("submission_id", TEXT, nullable=False),
        sa.Column("agent", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("urgency", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("content_digest", TEXT, nullable=False),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("document_id", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("code_number", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("doc_type", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("promulgation_date", TEXT, nullable=False),
        sa.Column("due_date", TEXT, nullable=False),
        sa.Column("status_code", TEXT, nullable=False),
        sa.Column("about", TEXT, nullable=False),
        sa.Column("certificate", TEXT, nullable=False),
        sa.Column("duplicate_of", TEXT, nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("findings", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index("ix_messages_about", "messages", ["about"], **_where("about <> ''"))
    op.create_index("ix_messages_code", "messages", ["code"], **_where("code <> ''"))
    op.create_index("ix_messages_code_number", "messages", ["code_number"], **_where("code_number <> ''"))
    op.create_index("ix_messages_content_digest", "messages", ["content_digest"], **_where("content_digest <> ''"))
    op.create_index("ix_messages_digest", "messages", ["digest"])
    op.create_index("ix_messages_document_id", "messages", ["document_id"], **_where("document_id <> ''"))
    op.create_index("ix_messages_retry_at", "messages", ["retry_at"], **_where("state = 'deferred'"))
    op.create_index("ix_messages_sender_received_at", "messages", ["sender", "received_at"], **_where("sender <> ''"))
    op.create_index("ix_messages_submission_id", "messages", ["submission_id"])

    op.create_table(
        "organs",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("parent", TEXT, nullable=False),
        sa.Column("old_code", TEXT, nullable=False),
        sa.Column("agent", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_organs"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("agent", TEXT, nullable=False),
        sa.Column("urgency", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("leg_id", TEXT, nullable=False),
        sa.Column("submission_id", TEXT, nullable=False),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("recipient", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("claim", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_leased_until", "outbox", ["leased_until"])

    op.create_table(
        "registry_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registry_version"),
    )
    op.create_table(
        "legs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("recipient", TEXT, nullable=False),
        sa.Column("agent", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("urgency", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("handed_over_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("status_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("recall", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_legs_message_id"),
        sa.PrimaryKeyConstraint("id", name="pk_legs"),
    )
    op.create_index("ix_legs_message_id", "legs", ["message_id"])
    op.create_index("ix_legs_recipient_created_at", "legs", ["recipient", "created_at"])

    op.create_table(
        "statuses",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("leg_id", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("staff", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["leg_id"], ["legs.id"], name="fk_statuses_leg_id"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_statuses_message_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_statuses"),
    )
    op.create_index("ix_statuses_leg_id", "statuses", ["leg_id"])
    op.create_index("uq_statuses_message_id_leg_id", "statuses", ["message_id", "leg_id"], unique=True)
    op.execute("INSERT INTO registry_version (id, version) VALUES (1, 0)")


def downgrade() -> None:
    for table in (
        "statuses",
        "legs",
        "registry_version",
        "outbox",
        "organs",
        "messages",
        "events",
        "certificates",
        "agents",
    ):
        op.drop_table(table)
