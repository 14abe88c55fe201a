"""One transaction of the in-memory store: a journal of undo steps takes back what a failed one wrote."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from edxml_schemas.contract import MessageType, Urgency
from router.adapters.memory_tables import Tables, by_age
from router.adapters.sql.rows import event_row
from router.core.dead import DeadLetter, DeadState
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
    handed_over,
)
from router.core.registry import Registry
from router.core.seals import EventRow, Seal
from router.ports import StoreConflict

FIRST_LANE: Final = {Urgency.URGENT: 0, Urgency.NORMAL: 1}

K = TypeVar("K")
V = TypeVar("V")


class MemoryTransaction:
    """What `MemoryStore.begin` gives. Not usable after its block has ended."""

    def __init__(self, tables: Tables, registry: Callable[[], Registry]) -> None:
        self._tables = tables
        self._registry = registry
        self._undo: list[Callable[[], object]] = []

    def registry(self) -> Registry:
        return self._registry()

    def messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]:
        table = self._tables.messages
        return {each: table[each] for each in ids if each in table}

    def decided_messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]:
        return self.messages(ids)

    def messages_with_content(self, content_digests: Iterable[str]) -> Sequence[MessageRecord]:
        wanted = frozenset(content_digests) - {""}
        return self._accepted(lambda m: m.content_digest in wanted)

    def documents(self, document_ids: Iterable[str]) -> Sequence[MessageRecord]:
        wanted = frozenset(document_ids) - {""}
        return self._accepted(lambda m: m.type is MessageType.DOCUMENT and m.document_id in wanted)

    def documents_by_code(self, sender: str, code: str, promulgated: date | None) -> Sequence[MessageRecord]:
        return self._accepted(
            lambda m: (
                m.type is MessageType.DOCUMENT
                and m.sender == sender
                and m.code == code
                and (promulgated is None or m.promulgation_date == promulgated)
            )
        )

    def _accepted(self, wanted: Callable[[MessageRecord], bool]) -> Sequence[MessageRecord]:
        first = (m for m in self._tables.messages.values() if m.state is MessageState.ACCEPTED and not m.duplicate_of)
        return tuple(sorted(filter(wanted, first), key=by_age))

    def legs(self, message_ids: Iterable[str]) -> Mapping[str, Sequence[Leg]]:
        table = self._tables
        return {
            each: tuple(sorted((table.legs[leg] for leg in table.legs_of[each]), key=lambda leg: leg.ordinal))
            for each in message_ids
            if each in table.legs_of
        }

    def lock_legs(self, leg_ids: Iterable[str]) -> None:
        """Nothing to do: one transaction at a time."""

    def legs_by_id(self, leg_ids: Iterable[str]) -> Mapping[str, Leg]:
        return {each: self._tables.legs[each] for each in leg_ids if each in self._tables.legs}

    def forwarded_legs(self, message_ids: Iterable[str]) -> Sequence[Leg]:
        return tuple(leg for found in self.legs(message_ids).values() for leg in found if leg.forwarded_from)

    def apply(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._apply(change)

    def _apply(self, change: Change) -> None:
        tables = self._tables
        match change:
            case PutMessage(message):
                there = tables.messages.get(message.id)
                if there is not None and there.state is not MessageState.DEFERRED:
                    raise StoreConflict(f"message {message.id} is there already")
                self._set(tables.messages, message.id, message)
            case PutLeg(leg):
                self._insert(tables.legs, leg.id, leg, needs=(tables.messages, leg.message_id))
                self._set(tables.legs_of.setdefault(leg.message_id, {}), leg.id, None)
            case MoveLeg(leg):
                was = tables.legs.get(leg.id)
                if was is None or was.version != leg.version - 1:
                    raise StoreConflict(f"leg {leg.id} was moved by another writer")
                self._set(tables.legs, leg.id, leg)
            case PutStatus(status):
                key = (status.message_id, status.leg_id)
                self._insert(tables.statuses, key, status, needs=(tables.legs, status.leg_id))
            case PutAnswer(answer):
                needs = (tables.messages, answer.message_id)
                self._insert(tables.answers, (answer.message_id, answer.place), answer, needs=needs)
            case PutEvent(event):
                tables.events.append(event)
                self._undo.append(tables.events.pop)
                tables.log.append(EventRow(len(tables.log) + 1, *event_row(event)))
                self._undo.append(tables.log.pop)
            case HandOver(leg_id, at):
                if leg_id in self._tables.legs:
                    self._set(self._tables.legs, leg_id, handed_over(self._tables.legs[leg_id], at=at))
            case _:
                self._apply_work(change)

    def _apply_work(self, change: Change) -> None:
        """What is to be published, what failed at it, and what died."""
        tables = self._tables
        match change:
            case PutOutbox(item):
                self._insert(tables.outbox, item.id, item)
            case DropOutbox(item_id):
                self._drop(tables.outbox, item_id)
            case DelayOutbox(item_id, until):
                if item_id in tables.outbox:
                    self._set(tables.outbox, item_id, replace(tables.outbox[item_id], leased_until=until))
            case PutAttempt(attempt):
                tables.attempts.append(attempt)
                self._undo.append(tables.attempts.pop)
            case PutDead(letter):
                self._set(tables.dead, letter.id, letter)

    def drop_outbox(self, item_ids: Iterable[str]) -> Set[str]:
        there = {each for each in item_ids if each in self._tables.outbox}
        for each in there:
            self._drop(self._tables.outbox, each)
        return there

    def lease_outbox(
        self, *, now: datetime, lease_for: timedelta, limit: int, longest: timedelta | None = None
    ) -> Sequence[OutboxItem]:
        due = [each for each in self._tables.outbox.values() if _is_over(each.leased_until, now, longest)]
        due.sort(key=lambda item: (FIRST_LANE[item.urgency], item.created_at, item.id))
        leased = [replace(item, leased_until=now + lease_for, attempts=item.attempts + 1) for item in due[:limit]]
        for item in leased:
            self._set(self._tables.outbox, item.id, item)
        return tuple(leased)

    def due_deferred(self, *, now: datetime, limit: int, longest: timedelta | None = None) -> Sequence[MessageRecord]:
        due = [
            (m.retry_at, m.id, m)
            for m in self._tables.messages.values()
            if m.state is MessageState.DEFERRED and m.retry_at is not None and _is_over(m.retry_at, now, longest)
        ]
        return tuple(m for _, _, m in sorted(due, key=lambda row: row[:2])[:limit])

    def due_legs(self, *, now: datetime, limit: int) -> Sequence[Leg]:
        due = [
            (leg.look_at, leg.id, leg)
            for leg in self._tables.legs.values()
            if leg.look_at is not None and leg.look_at <= now
        ]
        return tuple(leg for _, _, leg in sorted(due, key=lambda row: row[:2])[:limit])

    def hasten(self, recipient: str, *, now: datetime) -> int:
        return self._make_due(
            lambda item: not item.agent and item.recipient == recipient and item.kind is OutboxKind.DELIVERY, now=now
        )

    def free_leases(self, *, now: datetime) -> int:
        return self._make_due(lambda item: item.agent != "", now=now)

    def _make_due(self, wanted: Callable[[OutboxItem], bool], *, now: datetime) -> int:
        found = [item for item in self._tables.outbox.values() if item.leased_until > now and wanted(item)]
        for item in found:
            self._set(self._tables.outbox, item.id, replace(item, leased_until=now))
        return len(found)

    def dead_letters(self, ids: Iterable[str]) -> Mapping[str, DeadLetter]:
        table = self._tables.dead
        return {each: table[each] for each in ids if each in table}

    def due_returns(self, *, now: datetime, limit: int) -> Sequence[DeadLetter]:
        due = [
            (letter.return_at, letter.id, letter)
            for letter in self._tables.dead.values()
            if letter.state is DeadState.RETURNING and letter.return_at is not None and letter.return_at <= now
        ]
        return tuple(letter for _, _, letter in sorted(due, key=lambda row: row[:2])[:limit])

    def events_to_seal(self, *, limit: int) -> Sequence[EventRow]:
        last = self._tables.last_seal()
        return tuple(islice(self._tables.log, 0 if last is None else last.last_seq, None))[:limit]

    def last_seal(self) -> Seal | None:
        return self._tables.last_seal()

    def put_seal(self, seal: Seal) -> None:
        self._insert(self._tables.seals, seal.number, seal)

    def stamp_seal(self, number: int, token: bytes) -> bool:
        seal = self._tables.seals.get(number)
        if seal is None or seal.timestamp:
            return False
        self._set(self._tables.seals, number, replace(seal, timestamp=token))
        return True

    def _insert(
        self, table: dict[K, V], key: K, row: V, *, needs: tuple[Mapping[str, object], str] | None = None
    ) -> None:
        if key in table:
            raise StoreConflict(f"{key} is there already")
        if needs is not None and needs[1] not in needs[0]:
            raise StoreConflict(f"{key} speaks of {needs[1]}, which is not there")
        self._set(table, key, row)

    def _set(self, table: dict[K, V], key: K, row: V) -> None:
        if key in table:
            was = table[key]
            self._undo.append(lambda: table.__setitem__(key, was))
        else:
            self._undo.append(lambda: table.pop(key, None))
        table[key] = row

    def _drop(self, table: dict[K, V], key: K) -> None:
        if key in table:
            was = table.pop(key)
            self._undo.append(lambda: table.__setitem__(key, was))

    def roll_back(self) -> None:
        while self._undo:
            self._undo.pop()()


def _is_over(end: datetime, now: datetime, longest: timedelta | None) -> bool:
    return end <= now or (longest is not None and end > now + longest)
