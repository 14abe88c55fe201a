"""The statements of the hot path as text, made from the tables once per store.

They are given to the driver as they are, with rows as tuples: SQLAlchemy's compilation and its work per parameter
would cost more than the database does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Engine, Table

from edxml_schemas.contract import MessageType
from router.adapters.sql.tables import ANSWERS, ATTEMPTS, DEAD_LETTERS, EVENTS, LEGS, MESSAGES, OUTBOX, STATUSES
from router.core.records import MessageState

CHUNK: Final = 500
"""Most values of one IN list; SQLite's limit is 32766, and a bounded set of lengths keeps statements cached."""

T = TypeVar("T")


def chunks(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """How rows get into one table. `copy` is empty where the database has no COPY."""

    insert: str
    copy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Statements in the parameter style of one driver. Questions have one parameter, a list of keys (see `raw.py`)."""

    messages: str
    messages_with_content: str
    documents: str
    legs: str
    """By the ids of their messages."""
    forwarded_legs: str
    """By the ids of their messages."""
    legs_by_id: str
    lock_legs: str
    take_outbox: str
    """Drops items and gives the ids of those that were there."""
    put_message: str
    put_leg: Put
    move_leg: str
    hand_over: str
    """Parameters: the time, the id."""
    put_status: Put
    put_answer: Put
    put_event: Put
    put_outbox: Put
    drop_outbox: str
    lease: str
    """Parameters: the new end of the lease, the id."""
    delay: str
    """Parameters: as of `lease`."""
    put_attempt: Put
    put_dead: str


def statements_for(engine: Engine) -> Statements:
    copies = engine.dialect.name != "sqlite"
    mark = "?" if engine.dialect.paramstyle == "qmark" else "%s"
    moved = ", ".join(f"{name} = {mark}" for name in MOVED_LEG)
    # SQLite has no parameter that is a list, but reads one from JSON.
    among = "IN (SELECT value FROM json_each(?))" if mark == "?" else "= ANY(%s)"
    locked = "" if mark == "?" else " ORDER BY id FOR UPDATE"
    messages, legs = f"SELECT {_columns(MESSAGES)} FROM messages", f"SELECT {_columns(LEGS)} FROM legs"  # noqa: S608
    return Statements(
        messages=f"{messages} WHERE id {among}",
        messages_with_content=f"{messages} WHERE content_digest {among} AND content_digest <> '' AND {FIRST}",
        documents=f"{messages} WHERE document_id {among} AND document_id <> '' AND {FIRST} AND {IS_DOCUMENT}",
        legs=f"{legs} WHERE message_id {among}{locked}",
        forwarded_legs=f"{legs} WHERE message_id {among} AND forwarded_from <> ''{locked}",
        legs_by_id=f"{legs} WHERE id {among}{locked}",
        lock_legs=f"SELECT id FROM legs WHERE id {among}{locked}",  # noqa: S608  no values in it
        take_outbox=f"DELETE FROM outbox WHERE id {among} RETURNING id",  # noqa: S608  no values in it
        put_message=f"{_upsert(MESSAGES, mark)} WHERE messages.state = 'deferred'",
        put_leg=_put(LEGS, mark, copies=copies),
        move_leg=f"UPDATE legs SET {moved} WHERE id = {mark} AND version = {mark} - 1",  # noqa: S608  names of columns
        hand_over=f"{HAND_OVER}, handed_over_at = COALESCE(handed_over_at, {mark}) WHERE id = {mark}",
        put_status=_put(STATUSES, mark, copies=copies),
        put_answer=_put(ANSWERS, mark, copies=copies),
        put_event=_put(EVENTS, mark, copies=copies),
        put_outbox=_put(OUTBOX, mark, copies=copies),
        drop_outbox=f"DELETE FROM outbox WHERE id = {mark}",  # noqa: S608  only a parameter mark
        lease=f"UPDATE outbox SET leased_until = {mark}, attempts = attempts + 1 WHERE id = {mark}",  # noqa: S608  marks
        delay=f"UPDATE outbox SET leased_until = {mark} WHERE id = {mark}",  # noqa: S608  marks
        put_attempt=_put(ATTEMPTS, mark, copies=copies),
        put_dead=_upsert(DEAD_LETTERS, mark),
    )


FIRST: Final = f"duplicate_of = '' AND state = '{MessageState.ACCEPTED.value}'"
"""The repetitions of a message are not among what a decision needs to know, and there may be any number of them."""
IS_DOCUMENT: Final = f"type = '{MessageType.DOCUMENT.value}'"
HAND_OVER: Final = (
    "UPDATE legs SET version = version + 1, state = CASE state WHEN 'delivered' THEN state ELSE 'handed-over' END"
)
MOVED_LEG: Final = tuple(each.name for each in LEGS.c if each.name not in ("id", "message_id"))


def _columns(table: Table) -> str:
    return ", ".join(each.name for each in table.c)


def _names(table: Table) -> list[str]:
    """Columns that we give; `seq` is the database's."""
    return [each.name for each in table.c if each.name != "seq"]


def _put(table: Table, mark: str, *, copies: bool) -> Put:
    copy = f"COPY {table.name} ({', '.join(_names(table))}) FROM STDIN" if copies else ""
    return Put(insert=_insert(table, mark), copy=copy)


def _insert(table: Table, mark: str) -> str:
    names = _names(table)
    marks = ", ".join([mark] * len(names))
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608  names of our own tables


def _upsert(table: Table, mark: str) -> str:
    replaced = ", ".join(f"{each.name} = excluded.{each.name}" for each in table.c if not each.primary_key)
    return f"{_insert(table, mark)} ON CONFLICT (id) DO UPDATE SET {replaced}"
