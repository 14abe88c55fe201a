"""Tables of the spool, and the ordered steps that bring an older spool to the present shape.

The step a spool stands at is its `PRAGMA user_version`. A spool of a later version is refused, not guessed at.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

from agents.errors import SpoolUnavailable
from agents.spool.form import has_form_bytes
from agents.spool.sqlite import bring_up


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime as text of fixed width in UTC, so that text order is time order."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  as above
        return None if value is None else datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


metadata: Final = MetaData()

envelopes: Final = Table(
    "envelopes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary),  # NULL: in a file named by the digest
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("submission_id", Text, unique=True, nullable=False),
    Column("kind", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("recipients", Text, nullable=False),  # one per line
    Column("document_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("status_code", Text, nullable=False),
    Column("about_leg", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("duplicate", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("published_at", UtcTime),
    Column("answered_at", UtcTime),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("problem", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("shown_version", Integer, nullable=False),
    Column("caller", Text, nullable=False),  # the document system that offered it at the gateway
    Column("offered", Text, nullable=False),  # digest of what it offered
    Column("original", Text, nullable=False),  # digest of the envelope as offered, when another one is sent
    Column("vouched", Text, nullable=False),  # the note of `edxml_schemas.vouched`, when this agent vouches
    Column("self_test", Boolean, nullable=False),  # of the link, or a status about one
)

inbox: Final = Table(
    "inbox",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("leg_id", Text, unique=True, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("doc_type", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("status_code", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("staff", Text, nullable=False),
    Column("said_at", UtcTime),
    Column("about_document_id", Text, nullable=False),
    Column("about_code", Text, nullable=False),
    Column("about_submission", Text, nullable=False),
    Column("about_leg", Text, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("reported_at", UtcTime),
    Column("taken_at", UtcTime),
    Column("exported_at", UtcTime),
    Column("place", Text, nullable=False),
    Column("place_key", Text, nullable=False),  # the place case-folded
    Column("arrival_due", Boolean, nullable=False),
    Column("taken_by", Text, nullable=False),
    Column("failed_at", UtcTime),
    Column("lease_by", Text, nullable=False),
    Column("lease_until", UtcTime),
    Column("self_test", Boolean, nullable=False),  # of the link, or a status about one
    Column("outlined", Boolean),  # the row has what a status about the document needs; NULL: of an earlier version
    Column("promulgated_on", Date),
)

receipts: Final = Table(
    "receipts",
    metadata,
    Column("receipt_id", Text, primary_key=True),
    Column("submission_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("duplicate", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("signer", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
)

receipt_places: Final = Table(
    "receipt_places",
    metadata,
    Column("seq", Integer, primary_key=True),  # never given out twice, whatever is cleared away
    Column("receipt_id", Text, unique=True, nullable=False),
)
"""The order in which receipts came. The database keeps it by itself: a row comes and goes with its receipt."""

doubtful: Final = Table(
    "doubtful_receipts",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("submission_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", UtcTime, nullable=False),
)

_FIRST: Final = (
    "CREATE TABLE envelopes (digest TEXT PRIMARY KEY, size INTEGER NOT NULL, body BLOB)",
    """CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, submission_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
        type TEXT NOT NULL, urgency TEXT NOT NULL, organ TEXT NOT NULL, recipients TEXT NOT NULL,
        document_id TEXT NOT NULL, code TEXT NOT NULL, subject TEXT NOT NULL, status_code TEXT NOT NULL,
        about_leg TEXT NOT NULL, origin TEXT NOT NULL, digest TEXT NOT NULL REFERENCES envelopes (digest),
        size INTEGER NOT NULL, state TEXT NOT NULL, outcome TEXT NOT NULL, duplicate BOOLEAN NOT NULL,
        created_at TEXT NOT NULL, published_at TEXT, answered_at TEXT, attempts INTEGER NOT NULL,
        next_attempt_at TEXT NOT NULL, problem TEXT NOT NULL, version INTEGER NOT NULL,
        shown_version INTEGER NOT NULL)""",
    "CREATE INDEX outbox_due ON outbox (state, next_attempt_at)",
    "CREATE INDEX outbox_document ON outbox (document_id)",
    "CREATE INDEX outbox_code ON outbox (code)",
    "CREATE INDEX outbox_about ON outbox (about_leg) WHERE about_leg <> ''",
    "CREATE INDEX outbox_origin ON outbox (origin) WHERE origin <> ''",
    "CREATE INDEX outbox_unshown ON outbox (seq) WHERE origin <> '' AND shown_version < version",
    """CREATE TABLE inbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, leg_id TEXT NOT NULL UNIQUE, message_id TEXT NOT NULL,
        type TEXT NOT NULL, urgency TEXT NOT NULL, recipient TEXT NOT NULL, sender TEXT NOT NULL,
        digest TEXT NOT NULL REFERENCES envelopes (digest), size INTEGER NOT NULL, document_id TEXT NOT NULL,
        code TEXT NOT NULL, subject TEXT NOT NULL, doc_type INTEGER NOT NULL, priority INTEGER NOT NULL,
        status_code TEXT NOT NULL, description TEXT NOT NULL, staff TEXT NOT NULL, said_at TEXT,
        about_document_id TEXT NOT NULL, about_code TEXT NOT NULL, about_submission TEXT NOT NULL,
        about_leg TEXT NOT NULL, received_at TEXT NOT NULL, reported_at TEXT, taken_at TEXT, exported_at TEXT,
        place TEXT NOT NULL, arrival_due BOOLEAN NOT NULL)""",
    "CREATE INDEX inbox_document ON inbox (document_id)",
    "CREATE INDEX inbox_digest ON inbox (digest)",
    "CREATE INDEX inbox_unreported ON inbox (seq) WHERE reported_at IS NULL",
    "CREATE INDEX inbox_untaken ON inbox (seq) WHERE taken_at IS NULL",
    "CREATE INDEX inbox_unexported ON inbox (seq) WHERE exported_at IS NULL",
    "CREATE INDEX inbox_about_submission ON inbox (about_submission) WHERE about_submission <> ''",
    "CREATE INDEX inbox_about_leg ON inbox (about_leg) WHERE about_leg <> ''",
    "CREATE UNIQUE INDEX inbox_place ON inbox (place) WHERE place <> ''",
    """CREATE TABLE receipts (
        receipt_id TEXT PRIMARY KEY, submission_id TEXT NOT NULL, kind TEXT NOT NULL, duplicate BOOLEAN NOT NULL,
        body BLOB NOT NULL, received_at TEXT NOT NULL)""",
    "CREATE INDEX receipts_submission ON receipts (submission_id)",
)

_PLACE_KEYS: Final = (
    "ALTER TABLE inbox ADD COLUMN place_key TEXT NOT NULL DEFAULT ''",
    "UPDATE inbox SET place_key = casefold(place) WHERE place <> ''",  # a function of this program, see `store`
    "CREATE INDEX inbox_place_key ON inbox (place_key) WHERE place_key <> ''",
)

_SIGNED_RECEIPTS: Final = (
    "ALTER TABLE receipts ADD COLUMN recipient TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE receipts ADD COLUMN signer TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE receipts ADD COLUMN fingerprint TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE doubtful_receipts (
        digest TEXT PRIMARY KEY, submission_id TEXT NOT NULL, kind TEXT NOT NULL, findings TEXT NOT NULL,
        body BLOB NOT NULL, received_at TEXT NOT NULL)""",
    "CREATE INDEX doubtful_submission ON doubtful_receipts (submission_id)",
)

_GATEWAY: Final = (
    "ALTER TABLE outbox ADD COLUMN caller TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outbox ADD COLUMN offered TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outbox ADD COLUMN original TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX outbox_offered ON outbox (caller, offered) WHERE offered <> ''",
    "CREATE INDEX outbox_original ON outbox (original) WHERE original <> ''",
    "CREATE INDEX outbox_digest ON outbox (digest)",
    "CREATE INDEX outbox_organ ON outbox (organ, seq)",
    "ALTER TABLE inbox ADD COLUMN taken_by TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE inbox ADD COLUMN failed_at TEXT",
    "ALTER TABLE inbox ADD COLUMN lease_by TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE inbox ADD COLUMN lease_until TEXT",
    "CREATE INDEX inbox_waiting ON inbox (recipient, seq) WHERE taken_at IS NULL",
    "CREATE INDEX inbox_recipient ON inbox (recipient, seq)",
    "CREATE INDEX inbox_code ON inbox (code) WHERE code <> ''",
    "CREATE INDEX inbox_arrival_due ON inbox (seq) WHERE arrival_due",
)

_VOUCHED: Final = ("ALTER TABLE outbox ADD COLUMN vouched TEXT NOT NULL DEFAULT ''",)

_RECEIPT_PLACES: Final = (
    "CREATE TABLE receipt_places (seq INTEGER PRIMARY KEY AUTOINCREMENT, receipt_id TEXT NOT NULL UNIQUE)",
    "INSERT INTO receipt_places (seq, receipt_id) SELECT rowid, receipt_id FROM receipts ORDER BY rowid",
    """CREATE TRIGGER receipt_came AFTER INSERT ON receipts
        BEGIN INSERT INTO receipt_places (receipt_id) VALUES (NEW.receipt_id); END""",
    """CREATE TRIGGER receipt_went AFTER DELETE ON receipts
        BEGIN DELETE FROM receipt_places WHERE receipt_id = OLD.receipt_id; END""",
)

_NUMBER: Final = "[0-9a-f]" * 16 + "/KIEMTRA"
_BYTES: Final = "(SELECT body FROM envelopes WHERE envelopes.digest = {table}.digest)"
_OUTLINES: Final = (
    "ALTER TABLE outbox ADD COLUMN self_test BOOLEAN NOT NULL DEFAULT 0",
    "ALTER TABLE inbox ADD COLUMN self_test BOOLEAN NOT NULL DEFAULT 0",
    "ALTER TABLE inbox ADD COLUMN outlined BOOLEAN",
    "ALTER TABLE inbox ADD COLUMN promulgated_on TEXT",
    # Before, a letter could pass for a self-test: whatever is none is shown from now on.
    *(
        f"UPDATE {table} SET self_test = 1 WHERE type = 'edoc' AND code GLOB '{_NUMBER}'"  # noqa: S608  own names
        f" AND self_test_form({_BYTES.format(table=table)})"  # a function of this program, see `store`
        for table in ("inbox", "outbox")
    ),
    f"""UPDATE inbox SET self_test = 1 WHERE type = 'status' AND about_code GLOB '{_NUMBER}' AND (
        about_submission IN (SELECT submission_id FROM outbox WHERE self_test)
        OR about_leg IN (SELECT leg_id FROM inbox WHERE self_test)
        OR (about_submission = '' AND about_leg = ''))""",  # noqa: S608  as above
    """UPDATE outbox SET self_test = 1 WHERE type = 'status'
        AND about_leg IN (SELECT leg_id FROM inbox WHERE self_test)""",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    _FIRST,
    _PLACE_KEYS,
    _SIGNED_RECEIPTS,
    _GATEWAY,
    _VOUCHED,
    _RECEIPT_PLACES,
    _OUTLINES,
)
"""Step n brings a spool from version n to n + 1. Steps are only ever added."""


FUNCTIONS: Final[tuple[tuple[str, Callable[[Any], Any]], ...]] = (
    ("casefold", str.casefold),
    ("self_test_form", has_form_bytes),
)
"""Functions of one argument that the steps use; every connection has them."""


def migrate(connection: Connection) -> None:
    """Brings the spool to the present version, in the caller's transaction. Raises SpoolUnavailable for a later one."""
    bring_up(connection, MIGRATIONS, fault=SpoolUnavailable)
