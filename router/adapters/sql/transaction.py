"""What one transaction of the hub reads and writes."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Column, Connection, Select, case, delete, select, text

from edxml_schemas.contract import MessageType, Urgency
from router.adapters.sql.copying import WORTH_COPYING, copy_rows
from router.adapters.sql.rows import (
    Row,
    event_row,
    leg_of,
    leg_row,
    message_of,
    message_row,
    outbox_of,
    outbox_row,
    status_row,
    to_date,
    to_time,
)
from router.adapters.sql.statements import Put, Statements, chunks
from router.adapters.sql.tables import LEGS, MESSAGES, OUTBOX
from router.core.records import (
    Change,
    DropOutbox,
    HandOver,
    Leg,
    MessageRecord,
    MessageState,
    MoveLeg,
    OutboxItem,
    PutEvent,
    PutLeg,
    PutMessage,
    PutOutbox,
    PutStatus,
)
from router.core.registry import Registry
from router.ports import StoreConflict

MANY_KEYS: Final = 1000
"""More keys than this in one question lock their whole space: the server's table of locks is finite."""

LOCK_SPACE: Final = text("SELECT pg_advisory_xact_lock(:space)")
SHARE_SPACE: Final = text("SELECT pg_advisory_xact_lock_shared(:space)")
LOCK_KEYS: Final = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")

ACCEPTED: Final = MESSAGES.c.state == MessageState.ACCEPTED.value
IS_DOCUMENT: Final = MESSAGES.c.type == MessageType.DOCUMENT.value
# Conditions in `text` repeat those of partial indexes: as bound values the databases would not recognise them.
BY_AGE: Final = (MESSAGES.c.received_at, MESSAGES.c.id)


class SqlTransaction:
    """`ports.Transaction` on one connection.

    SQLite lets one writer in at a time, so what is read stays true. On PostgreSQL a row that is there is locked by
    FOR UPDATE, in order of ids, and the absence of a message or a document by an advisory lock on the key asked for:
    of two workers with the same document, the second waits, and then sees the first one's.
    """

    def __init__(
        self, connection: Connection, statements: Statements, registry: Callable[[Connection], Registry]
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._registry = registry
        self._locks = connection.dialect.name != "sqlite"

    def registry(self) -> Registry:
        return self._registry(self._connection)

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]:
        found = (message_of(row) for row in self._rows_in(select(MESSAGES), MESSAGES.c.id, ids, space="id"))
        return {each.id: each for each in found}

    def messages_with_content(self, content_digests: Iterable[str]) -> Sequence[MessageRecord]:
        question = select(MESSAGES).where(ACCEPTED, text("content_digest <> ''"))
        return _in_age(self._rows_in(question, MESSAGES.c.content_digest, content_digests, space="content"))

    def documents(self, document_ids: Iterable[str]) -> Sequence[MessageRecord]:
        question = select(MESSAGES).where(ACCEPTED, IS_DOCUMENT, text("document_id <> ''"))
        return _in_age(self._rows_in(question, MESSAGES.c.document_id, document_ids, space="document"))

    def documents_by_code(self, sender: str, code: str, promulgated: date | None) -> Sequence[MessageRecord]:
        question = select(MESSAGES).where(ACCEPTED, IS_DOCUMENT, MESSAGES.c.code == code, MESSAGES.c.sender == sender)
        if code:
            question = question.where(text("code <> ''"))
        if promulgated is not None:
            question = question.where(MESSAGES.c.promulgation_date == to_date(promulgated))
        rows = self._connection.execute(question.order_by(*BY_AGE))
        return tuple(message_of(tuple(row)) for row in rows)

    def legs(self, message_ids: Iterable[str]) -> Mapping[str, Sequence[Leg]]:
        found: dict[str, list[Leg]] = {}
        for leg in self._locked_legs(LEGS.c.message_id, message_ids):
            found.setdefault(leg.message_id, []).append(leg)
        return {message: tuple(sorted(legs, key=lambda leg: leg.ordinal)) for message, legs in found.items()}

    def legs_by_id(self, leg_ids: Iterable[str]) -> Mapping[str, Leg]:
        return {leg.id: leg for leg in self._locked_legs(LEGS.c.id, leg_ids)}

    def _locked_legs(self, column: Column[str], values: Iterable[str]) -> Iterable[Leg]:
        question = select(LEGS)
        if self._locks:
            question = question.order_by(LEGS.c.id).with_for_update()
        return (leg_of(row) for row in self._rows_in(question, column, values))

    def _rows_in(
        self, question: Select[Row], column: Column[str], values: Iterable[str], *, space: str = ""
    ) -> Iterable[Row]:
        wanted = sorted(set(values))
        if space and wanted and self._locks:
            self._lock_keys(space, wanted)
        for chunk in chunks(wanted):
            for row in self._connection.execute(question.where(column.in_(chunk))):
                yield tuple(row)

    def _lock_keys(self, space: str, wanted: Sequence[str]) -> None:
        if len(wanted) > MANY_KEYS:
            self._connection.execute(LOCK_SPACE, {"space": _lock_key(space, "")})
            return
        self._connection.execute(SHARE_SPACE, {"space": _lock_key(space, "")})
        self._connection.execute(LOCK_KEYS, {"keys": sorted(_lock_key(space, each) for each in wanted if each)})

    def due_deferred(self, *, now: datetime, limit: int) -> Sequence[MessageRecord]:
        question = (
            select(MESSAGES)
            .where(text("state = 'deferred'"), MESSAGES.c.retry_at <= to_time(now))
            .order_by(MESSAGES.c.retry_at, MESSAGES.c.id)
            .limit(limit)
        )
        if self._locks:
            question = question.with_for_update(skip_locked=True)
        return tuple(message_of(tuple(row)) for row in self._connection.execute(question))

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, changes: Iterable[Change]) -> None:
        """Grouped by table, each group as one `executemany`; the order inside a group is kept."""
        messages: list[Row] = []
        legs: list[Row] = []
        moves: list[Row] = []
        statuses: list[Row] = []
        events: list[Row] = []
        outbox: list[Row] = []
        drops: list[Row] = []
        handed: list[Row] = []
        for change in changes:
            match change:
                case PutEvent():
                    events.append(event_row(change.event))
                case PutLeg():
                    legs.append(leg_row(change.leg))
                case PutOutbox():
                    outbox.append(outbox_row(change.item))
                case HandOver():
                    handed.append((to_time(change.at), change.leg_id))
                case DropOutbox():
                    drops.append((change.item_id,))
                case PutMessage():
                    messages.append(message_row(change.message))
                case MoveLeg():
                    leg = change.leg
                    moves.append((*leg_row(leg)[2:], leg.id, leg.version))
                case PutStatus():
                    statuses.append(status_row(change.status))
        say = self._statements
        self._write(say.put_message, messages, conflict="a message is there already")
        self._put(say.put_leg, legs)
        self._write(say.move_leg, moves, conflict="a leg was moved by another writer")
        self._write(say.hand_over, sorted(handed, key=lambda row: row[1]))  # one order of locks for everybody
        self._put(say.put_status, statuses)
        self._put(say.put_event, events)
        self._put(say.put_outbox, outbox)
        self._write(say.drop_outbox, drops)

    def _put(self, put: Put, rows: list[Row]) -> None:
        if put.copy and len(rows) >= WORTH_COPYING:
            copy_rows(self._connection, put.copy, rows)
        else:
            self._write(put.insert, rows)

    def _write(self, statement: str, rows: list[Row], *, conflict: str = "") -> None:
        if not rows:
            return
        written = self._connection.exec_driver_sql(statement, rows, execution_options={"preserve_rowcount": True})
        if conflict and written.rowcount != len(rows):
            raise StoreConflict(conflict)

    def drop_outbox(self, item_ids: Iterable[str]) -> Set[str]:
        there: set[str] = set()
        for chunk in chunks(sorted(set(item_ids))):
            dropped = delete(OUTBOX).where(OUTBOX.c.id.in_(chunk)).returning(OUTBOX.c.id)
            there.update(self._connection.scalars(dropped))
        return there

    def lease_outbox(self, *, now: datetime, lease_for: timedelta, limit: int) -> Sequence[OutboxItem]:
        urgent_first = case((OUTBOX.c.urgency == Urgency.URGENT.value, 0), else_=1)
        question = (
            select(OUTBOX)
            .where(OUTBOX.c.leased_until <= to_time(now))
            .order_by(urgent_first, OUTBOX.c.created_at, OUTBOX.c.id)
            .limit(limit)
        )
        if self._locks:
            question = question.with_for_update(skip_locked=True)
        until = to_time(now + lease_for)
        due = [tuple(row) for row in self._connection.execute(question)]
        self._write(self._statements.lease, [(until, row[0]) for row in due])
        return tuple(outbox_of((*row[:7], until, *row[8:17], row[17] + 1)) for row in due)


def _in_age(rows: Iterable[Row]) -> Sequence[MessageRecord]:
    return tuple(sorted((message_of(row) for row in rows), key=lambda each: (each.received_at, each.id)))


def _lock_key(space: str, key: str) -> int:
    """A signed 64-bit number; a collision makes one writer wait for nothing and does no harm."""
    digest = hashlib.blake2b(f"{space}:{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
