"""The tables of alarms, of notices about them, and of the marks of who looks after them."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from router.adapters.sql.metadata import METADATA, TEXT, TIME, partial_index

ALARMS: Final = Table(
    "alarms",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("severity", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("vi", TEXT, nullable=False),
    Column("en", TEXT, nullable=False),
    Column("raised_at", TIME, nullable=False),
    Column("seen_at", TIME, nullable=False),
    Column("told_at", TIME, nullable=True),
    Column("told", Integer, nullable=False),
    Column("ended_at", TIME, nullable=True, index=True),
    Column("quiet_until", TIME, nullable=True),
    Column("quiet_by", TEXT, nullable=False),
    Column("quiet_reason", TEXT, nullable=False),
    Column("quiet_severity", TEXT, nullable=False),
    Column("version", BigInteger, nullable=False),
)

partial_index(ALARMS, "ended_at IS NULL", "kind", "subject", name="uq_alarms_standing", unique=True)

NOTICES: Final = Table(
    "notices",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("channel", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("title", TEXT, nullable=False),
    Column("text", TEXT, nullable=False),
    Column("data", TEXT, nullable=False),
    Column("to", TEXT, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("due_at", TIME, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("problem", TEXT, nullable=False),
    Index("ix_notices_created_at", "created_at"),
)
"""`data` is a JSON object, `to` a JSON list of addresses."""

partial_index(NOTICES, "state = 'waiting'", "channel", "due_at", name="ix_notices_waiting")

ALARM_MARKS: Final = Table(
    "alarm_marks",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("holder", TEXT, nullable=False),
    Column("held_until", TIME, nullable=False),
    Column("text", TEXT, nullable=False),
)
"""Under each name a lease, or something to remember."""
