"""What the interface itself must remember: answers under idempotency keys, and webhooks. `rest.db` beside the spool.

Synchronous, safe in threads and processes; every method raises SpoolUnavailable when the disk does not play along.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from agents.errors import SpoolUnavailable
from agents.spool.news import NewsKind, Place
from agents.spool.schema import UtcTime
from agents.spool.sqlite import SqliteStore, bring_up, sqlite_engine

FILE: Final = "rest.db"
PRIVATE: Final = 0o600
BUSY_TIMEOUT: Final = 30.0  # seconds another process may hold the database
PROBLEM_CHARS: Final = 300

metadata: Final = MetaData()

answers: Final = Table(
    "answers",
    metadata,
    Column("system_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("body", LargeBinary),  # NULL: still being worked on
    Column("created_at", UtcTime, nullable=False),
)

webhooks: Final = Table(
    "webhooks",
    metadata,
    Column("webhook_id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("kinds", Text, nullable=False),  # one per line
    Column("secret", LargeBinary, nullable=False),  # sealed
    Column("created_at", UtcTime, nullable=False),
    Column("inbox", Integer, nullable=False),
    Column("receipts", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("delivered_at", UtcTime),
    Column("problem", Text, nullable=False),
)

_FIRST: Final = (
    """CREATE TABLE answers (
        system_id TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, body BLOB, created_at TEXT NOT NULL,
        PRIMARY KEY (system_id, key))""",
    "CREATE INDEX answers_age ON answers (created_at)",
    """CREATE TABLE webhooks (
        webhook_id TEXT PRIMARY KEY, key_id TEXT NOT NULL, url TEXT NOT NULL, kinds TEXT NOT NULL,
        secret BLOB NOT NULL, created_at TEXT NOT NULL, inbox INTEGER NOT NULL, receipts INTEGER NOT NULL,
        attempts INTEGER NOT NULL, next_attempt_at TEXT NOT NULL, delivered_at TEXT, problem TEXT NOT NULL)""",
    "CREATE INDEX webhooks_key ON webhooks (key_id)",
)
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_FIRST,)
"""Step n brings a file from version n to n + 1. Steps are only ever added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A subscription. `secret` is sealed. `attempts` counts failures since the last success; `problem` is the last."""

    webhook_id: str
    key_id: str
    url: str
    kinds: tuple[NewsKind, ...]
    secret: bytes = field(repr=False)
    created_at: datetime
    place: Place
    attempts: int = 0
    next_attempt_at: datetime
    delivered_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """The same was asked before, and this was the answer."""

    body: bytes


@dataclass(frozen=True, slots=True)
class OtherContent:
    """The key was used for something else."""


@dataclass(frozen=True, slots=True)
class Open:
    """Nobody has answered under this key yet. `since` is when it was first used: the same for all who try again."""

    since: datetime


class RestMemory(SqliteStore):
    """Open one with `RestMemory.open(folder)`."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Creates the file when it is not there; only this user may read it."""
        path = folder / FILE
        with cls._told():
            path.touch(mode=PRIVATE)
            path.chmod(PRIVATE)
            engine = sqlite_engine(path, busy=BUSY_TIMEOUT)
            with engine.begin() as connection:
                bring_up(connection, MIGRATIONS, fault=cls._fault)
            return cls(engine)

    @staticmethod
    def _fault(words: str) -> SpoolUnavailable:
        return SpoolUnavailable(f"{FILE}: {words}")

    # ── Idempotency keys ────────────────────────────────────────────────────────────────────────────────────────────

    def claim(
        self, system_id: str, key: str, digest: str, *, now: datetime, keep: timedelta
    ) -> Answered | OtherContent | Open:
        """What is known of a key, which from now on belongs to this content. Forgets what is older than `keep`."""
        with self._write() as connection:
            connection.execute(delete(answers).where(answers.c.created_at < now - keep))
            fresh = {"system_id": system_id, "key": key, "digest": digest, "body": None, "created_at": now}
            connection.execute(insert(answers).values(fresh).on_conflict_do_nothing())
            row = connection.execute(
                select(answers).where(answers.c.system_id == system_id, answers.c.key == key)
            ).one()
        if row.digest != digest:
            return OtherContent()
        return Open(row.created_at) if row.body is None else Answered(row.body)

    def settle(self, system_id: str, key: str, digest: str, body: bytes) -> bytes:
        """Keeps the answer, unless one is there: the answer that counts is returned."""
        this = (answers.c.system_id == system_id, answers.c.key == key, answers.c.digest == digest)
        with self._write() as connection:
            connection.execute(update(answers).where(*this, answers.c.body.is_(None)).values(body=body))
            held: bytes | None = connection.scalar(select(answers.c.body).where(*this))
        return body if held is None else held

    def release(self, system_id: str, key: str, digest: str) -> None:
        """Nothing was done under the key: it may be used for mended content."""
        with self._write() as connection:
            connection.execute(
                delete(answers).where(
                    answers.c.system_id == system_id,
                    answers.c.key == key,
                    answers.c.digest == digest,
                    answers.c.body.is_(None),
                )
            )

    # ── Webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def add_webhook(self, new: Webhook, *, most: int) -> bool:
        """False when the key has `most` of them already."""
        with self._write() as connection:
            of_key = select(func.count()).select_from(webhooks).where(webhooks.c.key_id == new.key_id)
            if (connection.scalar(of_key) or 0) >= most:
                return False
            connection.execute(insert(webhooks).values(_row_of(new)))
            return True

    def webhooks_of(self, key_id: str) -> Sequence[Webhook]:
        """Oldest first."""
        query = select(webhooks).where(webhooks.c.key_id == key_id).order_by(webhooks.c.created_at)
        with self._read() as connection:
            return [_webhook_of(row) for row in connection.execute(query)]

    def remove_webhook(self, key_id: str, webhook_id: str) -> bool:
        """False when the key has none of this id."""
        with self._write() as connection:
            gone = connection.execute(
                delete(webhooks).where(webhooks.c.key_id == key_id, webhooks.c.webhook_id == webhook_id)
            )
            return gone.rowcount == 1

    def due(self, *, now: datetime) -> Sequence[Webhook]:
        """Webhooks whose time has come."""
        query = select(webhooks).where(webhooks.c.next_attempt_at <= now).order_by(webhooks.c.next_attempt_at)
        with self._read() as connection:
            return [_webhook_of(row) for row in connection.execute(query)]

    def told(self, webhook_id: str, place: Place, *, now: datetime | None) -> None:
        """The receiver has heard everything up to a place; `now` None when there was nothing to tell."""
        values: dict[str, Any] = {"inbox": place.inbox, "receipts": place.receipts, "attempts": 0, "problem": ""}
        if now is not None:
            values["delivered_at"] = now
        with self._write() as connection:
            connection.execute(update(webhooks).where(webhooks.c.webhook_id == webhook_id).values(values))

    def failed(self, webhook_id: str, problem: str, *, retry_at: datetime) -> None:
        """The receiver did not take it."""
        with self._write() as connection:
            connection.execute(
                update(webhooks)
                .where(webhooks.c.webhook_id == webhook_id)
                .values(attempts=webhooks.c.attempts + 1, problem=problem[:PROBLEM_CHARS], next_attempt_at=retry_at)
            )


def _row_of(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": webhook.webhook_id,
        "key_id": webhook.key_id,
        "url": webhook.url,
        "kinds": "\n".join(webhook.kinds),
        "secret": webhook.secret,
        "created_at": webhook.created_at,
        "inbox": webhook.place.inbox,
        "receipts": webhook.place.receipts,
        "attempts": webhook.attempts,
        "next_attempt_at": webhook.next_attempt_at,
        "delivered_at": webhook.delivered_at,
        "problem": webhook.problem,
    }


def _webhook_of(row: Row[Any]) -> Webhook:
    values = dict(row._mapping)
    values["kinds"] = tuple(NewsKind(each) for each in values["kinds"].split("\n"))
    values["place"] = Place(inbox=values.pop("inbox"), receipts=values.pop("receipts"))
    return Webhook(**values)
