"""Tables of the store of keys, and the ordered steps that bring an older store to the present shape.

The step a store stands at is its `PRAGMA user_version`. A store of a later version is refused, not guessed at.
"""

from typing import Final

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, Text

from agents.gateway.access.errors import AccessUnavailable
from agents.spool.schema import UtcTime
from agents.spool.sqlite import bring_up

metadata: Final = MetaData()

keys: Final = Table(
    "keys",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("key_id", Text, unique=True, nullable=False),
    Column("name", Text, nullable=False),
    Column("system_id", Text, nullable=False),
    Column("organs", Text, nullable=False),  # one per line
    Column("rights", Text, nullable=False),  # one per line
    Column("per_minute", Integer, nullable=False),
    Column("username", Text, nullable=False),  # empty: no login
    Column("password_salt", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
)

credentials: Final = Table(
    "credentials",  # one row per key, two during a rotation, none after a revocation
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("password_hash", LargeBinary, nullable=False),  # empty: no login
    Column("certificate", Text, nullable=False),  # SHA-256 of the DER in hexadecimal; empty: none
    Column("ends_at", UtcTime),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("token_hash", LargeBinary, unique=True, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

failures: Final = Table(
    "login_failures",
    metadata,
    Column("who", LargeBinary, primary_key=True),  # SHA-256: what strangers typed is not kept
    Column("in_a_row", Integer, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("locked_until", UtcTime),
)

seal: Final = Table(
    "seal",  # one row: a known text, sealed, that proves the sealing key
    metadata,
    Column("proof", LargeBinary, nullable=False),
)

_FIRST: Final = (
    """CREATE TABLE keys (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        system_id TEXT NOT NULL, organs TEXT NOT NULL, rights TEXT NOT NULL, per_minute INTEGER NOT NULL,
        username TEXT NOT NULL, password_salt BLOB NOT NULL, created_at TEXT NOT NULL, expires_at TEXT,
        last_used_at TEXT, revoked_at TEXT)""",
    # Names that differ in letter case alone are one name: people would take one for the other.
    "CREATE UNIQUE INDEX keys_system ON keys (system_id COLLATE NOCASE) WHERE revoked_at IS NULL",
    "CREATE UNIQUE INDEX keys_username ON keys (username COLLATE NOCASE) WHERE revoked_at IS NULL AND username <> ''",
    """CREATE TABLE credentials (
        key_id TEXT NOT NULL REFERENCES keys (key_id), generation INTEGER NOT NULL, token_hash BLOB NOT NULL,
        secret_hash BLOB NOT NULL, secret_sealed BLOB NOT NULL, password_hash BLOB NOT NULL,
        certificate TEXT NOT NULL, ends_at TEXT, PRIMARY KEY (key_id, generation))""",
    "CREATE INDEX credentials_certificate ON credentials (certificate) WHERE certificate <> ''",
    """CREATE TABLE sessions (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, token_hash BLOB NOT NULL UNIQUE, key_id TEXT NOT NULL,
        generation INTEGER NOT NULL, expires_at TEXT NOT NULL,
        FOREIGN KEY (key_id, generation) REFERENCES credentials (key_id, generation) ON DELETE CASCADE)""",
    "CREATE INDEX sessions_key ON sessions (key_id, generation)",
    "CREATE INDEX sessions_expiry ON sessions (expires_at)",
    """CREATE TABLE login_failures (
        who BLOB PRIMARY KEY, in_a_row INTEGER NOT NULL, last_at TEXT NOT NULL, locked_until TEXT)""",
    "CREATE INDEX failures_age ON login_failures (last_at)",
    "CREATE TABLE seal (proof BLOB NOT NULL)",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_FIRST,)
"""Step n brings a store from version n to n + 1. Steps are only ever added."""


def migrate(connection: Connection) -> None:
    """Brings the store to the present version, in the caller's transaction. Raises AccessUnavailable for a later."""
    bring_up(connection, MIGRATIONS, fault=AccessUnavailable)
