"""The tables, the same for SQLite and PostgreSQL.

Times are integers, microseconds since 1970-01-01 UTC, on both: exact, fast to bind, and in order. Calendar dates are
ISO texts, empty for none. Texts are compared byte by byte (collation C on PostgreSQL, which is SQLite's way, too). No
text has a length here: the schemas bound what comes from outside, and a bound that only one of the databases keeps
would be a trap. Nothing is NULL except times that have not come yet.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

METADATA: Final = MetaData(naming_convention=NAMING)


TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
SEQUENCE: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column declared INTEGER."""
TIME: Final = BigInteger()

MESSAGES: Final = Table(
    "messages",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("submission_id", TEXT, nullable=False, index=True),
    Column("agent", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("urgency", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("payload", TEXT, nullable=False),
    Column("received_at", TIME, nullable=False),
    Column("decided_at", TIME, nullable=False),
    Column("content_digest", TEXT, nullable=False),
    Column("sender", TEXT, nullable=False),
    Column("document_id", TEXT, nullable=False),
    Column("code", TEXT, nullable=False),
    Column("code_number", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("doc_type", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("promulgation_date", TEXT, nullable=False),
    Column("due_date", TEXT, nullable=False),
    Column("status_code", TEXT, nullable=False),
    Column("about", TEXT, nullable=False),
    Column("certificate", TEXT, nullable=False),
    Column("duplicate_of", TEXT, nullable=False),
    Column("retry_at", TIME, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("findings", TEXT, nullable=False),
)
"""`code_number` is what stands before the slash in `code`. `findings` is JSON."""


def _where(clause: str, *columns: str, name: str) -> Index:
    """A partial index: rows that leave the column empty cost nothing."""
    condition = text(clause)
    return Index(name, *(MESSAGES.c[each] for each in columns), sqlite_where=condition, postgresql_where=condition)


_where("content_digest <> ''", "content_digest", name="ix_messages_content_digest")
_where("document_id <> ''", "document_id", name="ix_messages_document_id")
_where("code <> ''", "code", name="ix_messages_code")
_where("code_number <> ''", "code_number", name="ix_messages_code_number")
_where("sender <> ''", "sender", "received_at", name="ix_messages_sender_received_at")
_where("about <> ''", "about", name="ix_messages_about")
_where("state = 'deferred'", "retry_at", name="ix_messages_retry_at")

LEGS: Final = Table(
    "legs",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("message_id", TEXT, ForeignKey("messages.id"), nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
    Column("recipient", TEXT, nullable=False),
    Column("agent", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("urgency", TEXT, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("handed_over_at", TIME, nullable=True),
    Column("delivered_at", TIME, nullable=True),
    Column("status", TEXT, nullable=False),
    Column("status_at", TIME, nullable=True),
    Column("reason", TEXT, nullable=False),
    Column("recall", TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_legs_recipient_created_at", "recipient", "created_at"),
)

STATUSES: Final = Table(
    "statuses",
    METADATA,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("message_id", TEXT, ForeignKey("messages.id"), nullable=False),
    Column("leg_id", TEXT, ForeignKey("legs.id"), nullable=False, index=True),
    Column("code", TEXT, nullable=False),
    Column("sender", TEXT, nullable=False),
    Column("said_at", TIME, nullable=True),
    Column("accepted_at", TIME, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("staff", TEXT, nullable=False),
    Index("uq_statuses_message_id_leg_id", "message_id", "leg_id", unique=True),
)
"""`seq` is the order in which the hub accepted them."""

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("name", TEXT, nullable=False),
    Column("at", TIME, nullable=False),
    Column("message_id", TEXT, nullable=False, index=True),
    Column("leg_id", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("facts", TEXT, nullable=False),
)
"""Append-only; the order of `seq` is the order of writing. `facts` is a JSON object of texts, empty for none."""

OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("agent", TEXT, nullable=False),
    Column("urgency", TEXT, nullable=False),
    Column("message_id", TEXT, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("leased_until", TIME, nullable=False, index=True),
    Column("leg_id", TEXT, nullable=False),
    Column("submission_id", TEXT, nullable=False),
    Column("sender", TEXT, nullable=False),
    Column("recipient", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", TEXT, nullable=False),
    Column("claim", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
)

ORGANS: Final = Table(
    "organs",
    METADATA,
    Column("code", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("parent", TEXT, nullable=False),
    Column("old_code", TEXT, nullable=False),
    Column("agent", TEXT, nullable=False),
    Column("email", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
)

AGENTS: Final = Table(
    "agents",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("title", TEXT, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("token_hash", TEXT, nullable=False),
)

CERTIFICATES: Final = Table(
    "certificates",
    METADATA,
    Column("organ", TEXT, primary_key=True),
    Column("fingerprint", TEXT, primary_key=True),
    Column("subject", TEXT, nullable=False),
    Column("pem", TEXT, nullable=False),
)

REGISTRY_VERSION: Final = Table(
    "registry_version",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
"""One row with id 1; every change to the three tables above adds one to it in the same transaction."""
