"""The tables of accounts, sessions, and sign-ins that failed."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Table

from router.adapters.sql.metadata import METADATA, TEXT, TIME, partial_index

USERS: Final = Table(
    "users",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("display", TEXT, nullable=False),
    Column("role", TEXT, nullable=False),
    Column("root", TEXT, nullable=False),
    Column("password_hash", TEXT, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("identity", TEXT, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("password_at", TIME, nullable=True),
    Column("signed_in_at", TIME, nullable=True),
    Column("version", BigInteger, nullable=False),
)

partial_index(USERS, "identity <> ''", "identity", name="uq_users_identity", unique=True)

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("digest", TEXT, primary_key=True),
    Column("user", TEXT, ForeignKey("users.name"), nullable=False, index=True),
    Column("how", TEXT, nullable=False),
    Column("opened_at", TIME, nullable=False, index=True),
    Column("seen_at", TIME, nullable=False),
    Column("address", TEXT, nullable=False),
    Column("agent", TEXT, nullable=False),
)
"""`digest` is the SHA-256 of the id that the browser has."""

SIGN_IN_MISSES: Final = Table(
    "sign_in_misses",
    METADATA,
    Column("key", TEXT, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", TIME, nullable=False, index=True),
)
"""`key` is a digest of an account's name or an address."""
