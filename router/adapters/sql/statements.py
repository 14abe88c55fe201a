"""The statements of the hot path as text, made from the tables once per store.

They are given to the driver as they are, with rows as tuples: SQLAlchemy's compilation and its work per parameter
would cost more than the database does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Engine, Table

from router.adapters.sql.tables import EVENTS, LEGS, MESSAGES, OUTBOX, STATUSES

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
    """Writing statements in the parameter style of one driver."""

    put_message: str
    put_leg: Put
    move_leg: str
    hand_over: str
    """Parameters: the time, the id."""
    put_status: Put
    put_event: Put
    put_outbox: Put
    drop_outbox: str
    lease: str
    """Parameters: the new end of the lease, the id."""


def statements_for(engine: Engine) -> Statements:
    copies = engine.dialect.name != "sqlite"
    mark = "?" if engine.dialect.paramstyle == "qmark" else "%s"
    replaced = ", ".join(f"{each.name} = excluded.{each.name}" for each in MESSAGES.c if not each.primary_key)
    moved = ", ".join(f"{name} = {mark}" for name in MOVED_LEG)
    return Statements(
        put_message=f"{_insert(MESSAGES, mark)} ON CONFLICT (id) DO UPDATE SET {replaced}"
        " WHERE messages.state = 'deferred'",
        put_leg=_put(LEGS, mark, copies=copies),
        move_leg=f"UPDATE legs SET {moved} WHERE id = {mark} AND version = {mark} - 1",  # noqa: S608  names of columns
        hand_over=f"{HAND_OVER}, handed_over_at = COALESCE(handed_over_at, {mark}) WHERE id = {mark}",
        put_status=_put(STATUSES, mark, copies=copies),
        put_event=_put(EVENTS, mark, copies=copies),
        put_outbox=_put(OUTBOX, mark, copies=copies),
        drop_outbox=f"DELETE FROM outbox WHERE id = {mark}",  # noqa: S608  only a parameter mark
        lease=f"UPDATE outbox SET leased_until = {mark}, attempts = attempts + 1 WHERE id = {mark}",  # noqa: S608  marks
    )


HAND_OVER: Final = (
    "UPDATE legs SET version = version + 1, state = CASE state WHEN 'delivered' THEN state ELSE 'handed-over' END"
)
MOVED_LEG: Final = tuple(each.name for each in LEGS.c if each.name not in ("id", "message_id"))


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
