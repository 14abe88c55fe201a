"""What one transaction of the hub reads and writes."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, case, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement, TextClause

from edxml_schemas.contract import MessageType, Urgency
from router.adapters.sql import dead_letters, leg_questions, seals
from router.adapters.sql.raw import WORTH_COPYING, Raw
from router.adapters.sql.rows import (
    Row,
    answer_row,
    attempt_row,
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
from router.adapters.sql.statements import Put, Statements
from router.adapters.sql.tables import MESSAGES, OUTBOX
from router.core.dead import DeadLetter
from router.core.records import (
    Change,
    DelayOutbox,
    DropOutbox,
    HandOver,
    Leg,
    MessageRecord,
    MessageState,
    MoveLeg,
    OutboxItem,
    OutboxKind,
    PutAnswer,
    PutAttempt,
    PutDead,
    PutEvent,
    PutLeg,
    PutMessage,
    PutOutbox,
    PutStatus,
)
from router.core.registry import Registry
from router.core.seals import EventRow, Seal
from router.ports import StoreConflict

MANY_KEYS: Final = 1000
"""More keys than this in one question lock their whole space: the server's table of locks is finite."""

LOCK_SPACE: Final = "SELECT pg_advisory_xact_lock(%s)"
SHARE_SPACE: Final = "SELECT pg_advisory_xact_lock_shared(%s)"
LOCK_KEYS: Final = "SELECT count(pg_advisory_xact_lock(key)) FROM unnest(CAST(%s AS bigint[])) AS key"

ACCEPTED: Final = MESSAGES.c.state == MessageState.ACCEPTED.value
IS_DOCUMENT: Final = MESSAGES.c.type == MessageType.DOCUMENT.value
FIRST: Final = MESSAGES.c.duplicate_of == ""
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
        self._raw = Raw(connection)
        self._statements = statements
        self._registry = registry
        self._locks = connection.dialect.name != "sqlite"

    def registry(self) -> Registry:
        return self._registry(self._connection)

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]:
        found = (message_of(row) for row in self._rows(self._statements.messages, ids, space="id"))
        return {each.id: each for each in found}

    def decided_messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]:
        return {each.id: each for each in map(message_of, self._rows(self._statements.messages, ids))}

    def messages_with_content(self, content_digests: Iterable[str]) -> Sequence[MessageRecord]:
        return _in_age(self._rows(self._statements.messages_with_content, content_digests, space="content"))

    def documents(self, document_ids: Iterable[str]) -> Sequence[MessageRecord]:
        return _in_age(self._rows(self._statements.documents, document_ids, space="document"))

    def documents_by_code(self, sender: str, code: str, promulgated: date | None) -> Sequence[MessageRecord]:
        question = select(MESSAGES).where(
            ACCEPTED, IS_DOCUMENT, FIRST, MESSAGES.c.code == code, MESSAGES.c.sender == sender
        )
        if code:
            question = question.where(text("code <> ''"))
        if promulgated is not None:
            question = question.where(MESSAGES.c.promulgation_date == to_date(promulgated))
        rows = self._connection.execute(question.order_by(*BY_AGE))
        return tuple(message_of(tuple(row)) for row in rows)

    def legs(self, message_ids: Iterable[str]) -> Mapping[str, Sequence[Leg]]:
        found: dict[str, list[Leg]] = {}
        for leg in map(leg_of, self._rows(self._statements.legs, message_ids)):
            found.setdefault(leg.message_id, []).append(leg)
        return {message: tuple(sorted(legs, key=lambda leg: leg.ordinal)) for message, legs in found.items()}

    def lock_legs(self, leg_ids: Iterable[str]) -> None:
        if self._locks:
            self._rows(self._statements.lock_legs, leg_ids)

    def legs_by_id(self, leg_ids: Iterable[str]) -> Mapping[str, Leg]:
        return {leg.id: leg for leg in map(leg_of, self._rows(self._statements.legs_by_id, leg_ids))}

    def forwarded_legs(self, message_ids: Iterable[str]) -> Sequence[Leg]:
        return tuple(map(leg_of, self._rows(self._statements.forwarded_legs, message_ids)))

    def _rows(self, statement: str, keys: Iterable[str], *, space: str = "") -> list[Row]:
        """The rows that a statement finds by keys, which are locked as absent or present in their `space`."""
        wanted = sorted(set(keys))
        if not wanted:
            return []
        if space and self._locks:
            self._lock_keys(space, wanted)
        return self._raw.rows(statement, wanted)

    def _lock_keys(self, space: str, wanted: Sequence[str]) -> None:
        if len(wanted) > MANY_KEYS:
            self._raw.run(LOCK_SPACE, _lock_key(space, ""))
            return
        self._raw.run(SHARE_SPACE, _lock_key(space, ""))
        self._raw.run(LOCK_KEYS, sorted(_lock_key(space, each) for each in wanted if each))

    def due_deferred(self, *, now: datetime, limit: int, longest: timedelta | None = None) -> Sequence[MessageRecord]:
        question = (
            select(MESSAGES)
            .where(text("state = 'deferred'"), _is_over(MESSAGES.c.retry_at, now, longest))
            .order_by(MESSAGES.c.retry_at, MESSAGES.c.id)
            .limit(limit)
        )
        if self._locks:
            question = question.with_for_update(skip_locked=True)
        return tuple(message_of(tuple(row)) for row in self._connection.execute(question))

    def due_legs(self, *, now: datetime, limit: int) -> Sequence[Leg]:
        return leg_questions.due(self._connection, now=now, limit=limit, locks=self._locks)

    def dead_letters(self, ids: Iterable[str]) -> Mapping[str, DeadLetter]:
        wanted = sorted(set(ids))
        if wanted and self._locks:
            self._lock_keys("dead", wanted)
        return dead_letters.by_id(self._connection, wanted, locks=self._locks)

    def due_returns(self, *, now: datetime, limit: int) -> Sequence[DeadLetter]:
        return dead_letters.due(self._connection, now=now, limit=limit, locks=self._locks)

    def events_to_seal(self, *, limit: int) -> Sequence[EventRow]:
        return seals.unsealed(self._connection, limit=limit, locks=self._locks)

    def last_seal(self) -> Seal | None:
        return seals.last_seal(self._connection)

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
        rare: list[Change] = []
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
                case _:
                    rare.append(change)
        say = self._statements
        self._write(say.put_message, messages, conflict="a message is there already")
        self._put(say.put_leg, legs)
        self._write(say.move_leg, moves, conflict="a leg was moved by another writer")
        self._write(say.hand_over, sorted(handed, key=lambda row: row[1]))  # one order of locks for everybody
        self._put(say.put_status, statuses)
        self._put(say.put_event, events)
        self._put(say.put_outbox, outbox)
        self._write(say.drop_outbox, drops)
        if rare:
            self._apply_rare(rare)

    def _apply_rare(self, changes: Iterable[Change]) -> None:
        """What most transactions have none of: answers, failed attempts, dead letters."""
        answers: list[Row] = []
        attempts: list[Row] = []
        delays: list[Row] = []
        dead: list[Row] = []
        for change in changes:
            match change:
                case PutAnswer():
                    answers.append(answer_row(change.answer))
                case PutAttempt():
                    attempts.append(attempt_row(change.attempt))
                case DelayOutbox():
                    delays.append((to_time(change.until), change.item_id))
                case PutDead():
                    dead.append(dead_letters.dead_letter_row(change.letter))
        say = self._statements
        self._put(say.put_answer, answers)
        self._write(say.delay, sorted(delays, key=lambda row: row[1]))
        self._put(say.put_attempt, attempts)
        self._write(say.put_dead, dead)

    def _put(self, put: Put, rows: list[Row]) -> None:
        if put.copy and len(rows) >= WORTH_COPYING:
            self._raw.copy(put.copy, rows)
        else:
            self._write(put.insert, rows)

    def _write(self, statement: str, rows: list[Row], *, conflict: str = "") -> None:
        if not rows:
            return
        written = self._raw.write(statement, rows)
        if conflict and written != len(rows):
            raise StoreConflict(conflict)

    def drop_outbox(self, item_ids: Iterable[str]) -> Set[str]:
        return {row[0] for row in self._rows(self._statements.take_outbox, item_ids)}

    def put_seal(self, seal: Seal) -> None:
        seals.put_seal(self._connection, seal)

    def stamp_seal(self, number: int, token: bytes) -> bool:
        return seals.stamp_seal(self._connection, number, token)

    def hasten(self, recipient: str, *, now: datetime) -> int:
        held = (text("agent = ''"), OUTBOX.c.recipient == recipient, OUTBOX.c.kind == OutboxKind.DELIVERY.value)
        return self._make_due(*held, now=now)

    def free_leases(self, *, now: datetime) -> int:
        return self._make_due(OUTBOX.c.agent != "", now=now)

    def _make_due(self, *which: ColumnElement[bool] | TextClause, now: datetime) -> int:
        moment = to_time(now)
        due = update(OUTBOX).where(OUTBOX.c.leased_until > moment, *which).values(leased_until=moment)
        return self._connection.execute(due).rowcount

    def lease_outbox(
        self, *, now: datetime, lease_for: timedelta, limit: int, longest: timedelta | None = None
    ) -> Sequence[OutboxItem]:
        urgent_first = case((OUTBOX.c.urgency == Urgency.URGENT.value, 0), else_=1)
        question = (
            select(OUTBOX)
            .where(_is_over(OUTBOX.c.leased_until, now, longest))
            .order_by(urgent_first, OUTBOX.c.created_at, OUTBOX.c.id)
            .limit(limit)
        )
        if self._locks:
            question = question.with_for_update(skip_locked=True)
        until = to_time(now + lease_for)
        due = [tuple(row) for row in self._connection.execute(question)]
        self._write(self._statements.lease, [(until, row[0]) for row in due])
        return tuple(outbox_of((*row[:7], until, *row[8:17], row[17] + 1, *row[18:])) for row in due)


def _is_over(end: ColumnElement[int], now: datetime, longest: timedelta | None) -> ColumnElement[bool]:
    come = end <= to_time(now)
    return come if longest is None else or_(come, end > to_time(now + longest))


def _in_age(rows: Iterable[Row]) -> Sequence[MessageRecord]:
    return tuple(sorted((message_of(row) for row in rows), key=lambda each: (each.received_at, each.id)))


def _lock_key(space: str, key: str) -> int:
    """A signed 64-bit number; a collision makes one writer wait for nothing and does no harm."""
    digest = hashlib.blake2b(f"{space}:{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
