"""The hub's memory in this process: the in-memory twin of the SQL store.

Ships as product for demonstrations without a database and for fast tests. It is held to the same contract tests as
the stores that last. One lock makes transactions serial; a journal of undo steps takes back what a failed one wrote.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from edxml_schemas.contract import MessageType, Urgency
from router.adapters.memory_payloads import MemoryPayloads
from router.core.records import (
    Change,
    DropOutbox,
    Event,
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
    StatusRecord,
    handed_over,
)
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, Registry
from router.ports import Backlog, StoreConflict

FIRST_LANE: Final = {Urgency.URGENT: 0, Urgency.NORMAL: 1}

__all__ = ["MemoryPayloads", "MemoryStore", "MemoryTransaction"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Tables:
    """Rows by key. `seq` of a message is its place in the order of arrival."""

    messages: dict[str, MessageRecord] = field(default_factory=dict)
    legs: dict[str, Leg] = field(default_factory=dict)
    legs_of: dict[str, dict[str, None]] = field(default_factory=dict)
    statuses: dict[tuple[str, str], StatusRecord] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    outbox: dict[str, OutboxItem] = field(default_factory=dict)
    organs: dict[str, OrganRecord] = field(default_factory=dict)
    agents: dict[str, AgentRecord] = field(default_factory=dict)
    certificates: dict[tuple[str, str], CertificateRecord] = field(default_factory=dict)


def _by_age(message: MessageRecord) -> tuple[datetime, str]:
    return message.received_at, message.id


class MemoryTransaction:
    """What `MemoryStore.begin` gives. Not usable after its block has ended."""

    def __init__(self, tables: _Tables, registry: Callable[[], Registry]) -> None:
        self._tables = tables
        self._registry = registry
        self._undo: list[Callable[[], object]] = []

    def registry(self) -> Registry:
        return self._registry()

    def messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]:
        table = self._tables.messages
        return {each: table[each] for each in ids if each in table}

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
        found = (m for m in self._tables.messages.values() if m.state is MessageState.ACCEPTED and wanted(m))
        return tuple(sorted(found, key=_by_age))

    def legs(self, message_ids: Iterable[str]) -> Mapping[str, Sequence[Leg]]:
        table = self._tables
        return {
            each: tuple(sorted((table.legs[leg] for leg in table.legs_of[each]), key=lambda leg: leg.ordinal))
            for each in message_ids
            if each in table.legs_of
        }

    def legs_by_id(self, leg_ids: Iterable[str]) -> Mapping[str, Leg]:
        return {each: self._tables.legs[each] for each in leg_ids if each in self._tables.legs}

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
            case PutEvent(event):
                tables.events.append(event)
                self._undo.append(tables.events.pop)
            case PutOutbox(item):
                self._insert(tables.outbox, item.id, item)
            case HandOver(leg_id, at):
                if leg_id in self._tables.legs:
                    self._set(self._tables.legs, leg_id, handed_over(self._tables.legs[leg_id], at=at))
            case DropOutbox(item_id):
                self._drop(tables.outbox, item_id)

    def drop_outbox(self, item_ids: Iterable[str]) -> Set[str]:
        there = {each for each in item_ids if each in self._tables.outbox}
        for each in there:
            self._drop(self._tables.outbox, each)
        return there

    def lease_outbox(self, *, now: datetime, lease_for: timedelta, limit: int) -> Sequence[OutboxItem]:
        due = [item for item in self._tables.outbox.values() if item.leased_until <= now]
        due.sort(key=lambda item: (FIRST_LANE[item.urgency], item.created_at, item.id))
        leased = [replace(item, leased_until=now + lease_for, attempts=item.attempts + 1) for item in due[:limit]]
        for item in leased:
            self._set(self._tables.outbox, item.id, item)
        return tuple(leased)

    def due_deferred(self, *, now: datetime, limit: int) -> Sequence[MessageRecord]:
        due = [
            (m.retry_at, m.id, m)
            for m in self._tables.messages.values()
            if m.state is MessageState.DEFERRED and m.retry_at is not None and m.retry_at <= now
        ]
        return tuple(m for _, _, m in sorted(due, key=lambda row: row[:2])[:limit])

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


class MemoryStore:
    """`ports.Store` without anything beneath it. Safe for several threads; forgets everything with the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tables = _Tables()
        self._registry = Registry()

    @contextmanager
    def begin(self) -> Iterator[MemoryTransaction]:
        with self._lock:
            transaction = MemoryTransaction(self._tables, self.registry)
            try:
                yield transaction
            except BaseException:
                transaction.roll_back()
                raise

    def find(self, query: str, *, limit: int = 50) -> Sequence[MessageRecord]:
        text = query.strip()
        if not text:
            return ()
        with self._lock:
            messages = self._tables.messages
            carried = {leg.message_id for leg in self._tables.legs.values() if leg.recipient == text}
            found = [m for m in messages.values() if m.id in carried or _answers(m, text)]
        return tuple(sorted(found, key=_by_age, reverse=True)[:limit])

    def message(self, message_id: str) -> MessageRecord | None:
        with self._lock:
            return self._tables.messages.get(message_id)

    def legs_of(self, message_id: str) -> Sequence[Leg]:
        with self.begin() as transaction:
            return transaction.legs([message_id]).get(message_id, ())

    def statuses_of(self, leg_ids: Iterable[str]) -> Sequence[StatusRecord]:
        wanted = frozenset(leg_ids)
        with self._lock:
            return tuple(each for each in self._tables.statuses.values() if each.leg_id in wanted)

    def messages_about(self, message_id: str) -> Sequence[MessageRecord]:
        with self._lock:
            found = [m for m in self._tables.messages.values() if message_id and m.about == message_id]
        return tuple(sorted(found, key=_by_age))

    def events_of(self, message_id: str) -> Sequence[Event]:
        with self._lock:
            return tuple(event for event in self._tables.events if event.message_id == message_id)

    def backlog(self) -> Backlog:
        with self._lock:
            tables = self._tables
            return Backlog(
                messages=_counts(m.state.value for m in tables.messages.values()),
                legs=_counts(leg.state.value for leg in tables.legs.values()),
                outbox=len(tables.outbox),
                oldest_outbox=min((item.created_at for item in tables.outbox.values()), default=None),
            )

    def may_read(self, *, agent: str, digest: str) -> bool:
        with self._lock:
            tables = self._tables
            for message in tables.messages.values():
                if message.digest == digest and message.state is MessageState.ACCEPTED:
                    legs = tables.legs_of.get(message.id, {})
                    if message.agent == agent or any(tables.legs[leg].agent == agent for leg in legs):
                        return True
            return False

    def claimed_blobs(self, digests: Iterable[str]) -> Set[str]:
        wanted = {f"blob:{each}": each for each in digests}
        with self._lock:
            return {
                wanted[message.payload]
                for message in self._tables.messages.values()
                if message.payload in wanted and message.state is not MessageState.REFUSED
            }

    def ping(self) -> None:
        """Memory is always there."""

    # ── Registry ────────────────────────────────────────────────────────────────────────────────────────────────────

    def registry(self) -> Registry:
        with self._lock:
            return self._registry

    def put_organs(self, organs: Sequence[OrganRecord]) -> None:
        with self._lock:
            self._tables.organs.update({each.code: each for each in organs})
            self._rebuild()

    def put_agents(self, agents: Sequence[AgentRecord]) -> None:
        with self._lock:
            self._tables.agents.update({each.name: each for each in agents})
            self._rebuild()

    def put_certificates(self, certificates: Sequence[CertificateRecord]) -> None:
        with self._lock:
            self._tables.certificates.update({(each.organ, each.fingerprint): each for each in certificates})
            self._rebuild()

    def drop_certificates(self, organ: str, fingerprints: Iterable[str]) -> None:
        with self._lock:
            for fingerprint in fingerprints:
                self._tables.certificates.pop((organ, fingerprint), None)
            self._rebuild()

    def certificates_of(self, organ: str) -> Sequence[CertificateRecord]:
        with self._lock:
            found = [each for each in self._tables.certificates.values() if each.organ == organ]
        return tuple(sorted(found, key=lambda each: each.fingerprint))

    def _rebuild(self) -> None:
        tables = self._tables
        self._registry = Registry.of(
            version=self._registry.version + 1,
            organs=tables.organs.values(),
            agents=tables.agents.values(),
            bindings=tables.certificates,
        )

    def close(self) -> None:
        """Nothing to let go of."""


def _answers(message: MessageRecord, text: str) -> bool:
    """Whether a query means this message; `code` also by its number alone or by a beginning with a slash in it."""
    return (
        text in (message.id, message.submission_id, message.document_id, message.code, message.sender)
        or message.code.partition("/")[0] == text
        or ("/" in text and message.code.startswith(text))
    )


def _counts(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts
