"""The tables, the same for SQLite and PostgreSQL.

Times are integers, microseconds since 1970-01-01 UTC, on both: exact, fast to bind, and in order. Calendar dates are
ISO texts, empty for none. Texts are compared byte by byte (collation C on PostgreSQL, which is SQLite's way, too). No
text has a length here: the schemas bound what comes from outside, and a bound that only one of the databases keeps
would be a trap. Nothing is NULL except times that have not come yet, and a user that the broker did not name.
"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table

from router.adapters.sql.alarm_tables import ALARM_MARKS, ALARMS, NOTICES
from router.adapters.sql.answer_tables import ANSWERS
from router.adapters.sql.figures_tables import FIGURES, FIGURES_MARK
from router.adapters.sql.metadata import METADATA, SEQUENCE, TEXT, TIME
from router.adapters.sql.metadata import partial_index as _where
from router.adapters.sql.people_tables import SESSIONS, SIGN_IN_MISSES, USERS
from router.adapters.sql.search_tables import SEARCH_DOCUMENTS, SEARCH_MARK, SEARCH_POSTINGS, SEARCH_WORDS

__all__ = [
    "AGENTS",
    "ALARMS",
    "ALARM_MARKS",
    "ANSWERS",
    "APPLICATIONS",
    "ATTEMPTS",
    "BLOBS",
    "BY_PEOPLE",
    "CERTIFICATES",
    "DEAD_LETTERS",
    "EVENTS",
    "FIGURES",
    "FIGURES_MARK",
    "FIRST_CONTENT",
    "HOLDS",
    "LEGS",
    "MESSAGES",
    "METADATA",
    "NEW_DOCUMENTS",
    "NOTICES",
    "NOT_ACCEPTED",
    "ORGANS",
    "OUTBOX",
    "REGISTRY_VERSION",
    "SEALS",
    "SEARCH_DOCUMENTS",
    "SEARCH_MARK",
    "SEARCH_POSTINGS",
    "SEARCH_WORDS",
    "SESSIONS",
    "SIGN_IN_MISSES",
    "STATUSES",
    "USERS",
]

MESSAGES: Final = Table(
    "messages",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("submission_id", TEXT, nullable=False),
    Column("agent", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("urgency", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", TEXT, nullable=False),
    Column("received_at", TIME, nullable=False),
    Column("decided_at", TIME, nullable=False),
    Column("content_digest", TEXT, nullable=False),
    Column("sender", TEXT, nullable=False),
    Column("document_id", TEXT, nullable=False),
    Column("code", TEXT, nullable=False),
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
    Column("arrived_on", TEXT, nullable=False, server_default=""),
    Column("vouched", TEXT, nullable=False, server_default=""),
)
"""`findings` is JSON. `vouched` is the note of `edxml_schemas.vouched` as it travels.

Indexes on what is random (ids, digests) cost a page of the disk per row: they cover only the rows that are asked for.
An accepted message is found by its submission id through its id, which follows from it and the agent.
"""


NEW_DOCUMENTS: Final = "type = 'edoc' AND doc_type = 0 AND state = 'accepted' AND duplicate_of = ''"

BLOBS: Final = "payload >= 'blob:' AND payload < 'blob;'"
NOT_ACCEPTED: Final = "state <> 'accepted'"
FIRST_CONTENT: Final = "content_digest <> '' AND duplicate_of = ''"

_where(MESSAGES, BLOBS, "digest", name="ix_messages_blob_digest")
_where(MESSAGES, NOT_ACCEPTED, "submission_id", name="ix_messages_submission_id")
_where(MESSAGES, FIRST_CONTENT, "content_digest", name="ix_messages_content_digest")
_where(MESSAGES, "document_id <> ''", "document_id", name="ix_messages_document_id")
_where(MESSAGES, "code <> ''", "code", name="ix_messages_code")
_where(MESSAGES, "sender <> ''", "sender", "received_at", name="ix_messages_sender_received_at")
_where(MESSAGES, "about <> ''", "about", name="ix_messages_about")
_where(MESSAGES, "state = 'refused'", "received_at", "id", name="ix_messages_refused")
_where(MESSAGES, "state = 'deferred'", "retry_at", name="ix_messages_retry_at")
_where(MESSAGES, NEW_DOCUMENTS, "received_at", name="ix_messages_new_documents")

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
    Column("recall_at", TIME, nullable=True),
    Column("forwarded_from", TEXT, nullable=False, server_default=""),
    Column("look_at", TIME, nullable=True),
    Column("raised", TEXT, nullable=False, server_default=""),
    Index("ix_legs_recipient_created_at", "recipient", "created_at"),
)
"""`raised` are names with commas between them."""

_where(LEGS, "look_at IS NOT NULL", "look_at", name="ix_legs_look_at")
_where(LEGS, "raised <> ''", "created_at", name="ix_legs_raised")
_where(LEGS, "state = 'parked'", "created_at", name="ix_legs_parked")
_where(LEGS, "state = 'held'", "recipient", "created_at", name="ix_legs_held")
_where(LEGS, "forwarded_from <> ''", "message_id", name="ix_legs_forwarded")

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
    sqlite_autoincrement=True,
)
"""Append-only; the order of `seq` is the order of writing, and no `seq` is given twice, whatever became of the row.
`facts` is a JSON object of texts, empty for none."""

BY_PEOPLE: Final = (
    "((actor >= 'admin:' AND actor < 'admin;') OR (actor >= 'user:' AND actor < 'user;') OR name = 'session.refused')"
)
_where(EVENTS, BY_PEOPLE, "seq", name="ix_events_by_people")

SEALS: Final = Table(
    "seals",
    METADATA,
    Column("number", SEQUENCE, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False, index=True),
    Column("count", BigInteger, nullable=False),
    Column("root", TEXT, nullable=False),
    Column("previous", TEXT, nullable=False),
    Column("sealed_at", TIME, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("timestamp", LargeBinary, nullable=False),
)

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
    Column("forwarded_from", TEXT, nullable=False, server_default=""),
)

_where(OUTBOX, "agent = ''", "recipient", name="ix_outbox_held")

ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("item_id", TEXT, nullable=False),
    Column("message_id", TEXT, nullable=False, index=True),
    Column("leg_id", TEXT, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", TIME, nullable=False),
    Column("reason", TEXT, nullable=False),
)
"""Attempts to publish that failed, in the order of `seq`. They outlive their outbox item."""

DEAD_LETTERS: Final = Table(
    "dead_letters",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("queue", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("routing_key", TEXT, nullable=False),
    Column("agent", TEXT, nullable=False),
    Column("user_id", TEXT, nullable=True),
    Column("submission_id", TEXT, nullable=False),
    Column("leg_id", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("urgency", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", TEXT, nullable=False),
    Column("properties", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("died_at", TIME, nullable=False, index=True),
    Column("return_at", TIME, nullable=True),
    Column("decided_at", TIME, nullable=True),
    Column("decided_by", TEXT, nullable=False),
    Column("note", TEXT, nullable=False),
    Index("ix_dead_letters_state_died_at", "state", "died_at"),
)
"""`properties` is a JSON object of texts."""

_where(DEAD_LETTERS, "state = 'returning'", "return_at", name="ix_dead_letters_return_at")

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
    Column("phone", TEXT, nullable=False, server_default=""),
    Column("address", TEXT, nullable=False, server_default=""),
    Column("changed_in", BigInteger, nullable=False, server_default="0"),
)
"""`changed_in` is the registry's version of the last change of the row."""

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

HOLDS: Final = Table(
    "holds",
    METADATA,
    Column("organ", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("since", TIME, nullable=False),
    Column("until", TIME, nullable=True),
    Column("forward_to", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("set_by", TEXT, nullable=False),
)

REGISTRY_VERSION: Final = Table(
    "registry_version",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
"""One row with id 1; every change to organs, agents, certificates and holds adds one to it in the same transaction."""

APPLICATIONS: Final = Table(
    "applications",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("agent", TEXT, nullable=False),
    Column("reference", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("code", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("parent", TEXT, nullable=False),
    Column("email", TEXT, nullable=False),
    Column("phone", TEXT, nullable=False),
    Column("address", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("applied_at", TIME, nullable=False),
    Column("decided_at", TIME, nullable=True),
    Column("decided_by", TEXT, nullable=False),
    Column("note", TEXT, nullable=False),
    Index("ix_applications_agent_applied_at", "agent", "applied_at"),
)
"""Agents' applications for new organs and for the end of some."""

_where(APPLICATIONS, "state = 'open'", "applied_at", name="ix_applications_open")
