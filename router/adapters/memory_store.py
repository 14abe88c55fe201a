"""The hub's memory in this process: the in-memory twin of the SQL store.

Ships as product for demonstrations without a database and for fast tests. It is held to the same contract tests as
the stores that last. One lock makes transactions serial; a journal of undo steps takes back what a failed one wrote.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice

from edxml_schemas.contract import MessageType
from edxml_schemas.statuses import BussinessDocType
from router.adapters.memory_payloads import MemoryPayloads
from router.adapters.memory_tables import Tables, by_age
from router.adapters.memory_transaction import MemoryTransaction
from router.core.applications import Application, ApplicationState
from router.core.dead import DeadLetter, DeadState
from router.core.histories import History, Stray
from router.core.holds import Hold
from router.core.records import (
    Answer,
    Attempt,
    Event,
    Leg,
    LegState,
    MessageRecord,
    MessageState,
    StatusRecord,
)
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, Registry
from router.core.seals import EventRow, Seal
from router.ports import Backlog, Promptness

__all__ = ["MemoryPayloads", "MemoryStore", "MemoryTransaction"]


class MemoryStore:
    """`ports.Store` without anything beneath it. Safe for several threads; forgets everything with the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tables = Tables()
        self._registry = Registry()

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        """The rows, which nobody changes meanwhile; for those who ask the same memory other questions."""
        with self._lock:
            yield self._tables

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
        return tuple(sorted(found, key=by_age, reverse=True)[:limit])

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
        return tuple(sorted(found, key=by_age))

    def answers_naming(self, *, document_id: str, code: str, limit: int) -> Sequence[tuple[MessageRecord, Answer]]:
        with self._lock:
            found = [
                (self._tables.messages[each.message_id], each)
                for each in self._tables.answers.values()
                if (document_id and each.document_id == document_id) or (code and each.code == code)
            ]
        return sorted(found, key=lambda pair: by_age(pair[0]), reverse=True)[:limit]

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
                if message.payload == f"blob:{digest}" and message.state is MessageState.ACCEPTED:
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

    # ── What needs somebody ─────────────────────────────────────────────────────────────────────────────────────────

    def raised_legs(self, *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        with self._lock:
            return self._tables.legs_with_messages(lambda leg: bool(leg.raised), limit=limit)

    def parked_legs(self, *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        with self._lock:
            return self._tables.legs_with_messages(lambda leg: leg.state is LegState.PARKED, limit=limit)

    def held_legs(self, recipient: str = "", *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        with self._lock:
            return self._tables.legs_with_messages(
                lambda leg: leg.state is LegState.HELD and recipient in ("", leg.recipient), limit=limit
            )

    def attempts_of(self, message_id: str) -> Sequence[Attempt]:
        with self._lock:
            return tuple(each for each in self._tables.attempts if each.message_id == message_id)

    def find_dead(
        self, query: str = "", *, state: DeadState | None = DeadState.OPEN, limit: int = 100
    ) -> Sequence[DeadLetter]:
        text = query.strip()
        with self._lock:
            found = [d for d in self._tables.dead.values() if state in (None, d.state) and _is_about(d, text)]
        return tuple(sorted(found, key=lambda each: (each.died_at, each.id), reverse=True)[:limit])

    def promptness(self, *, since: datetime) -> Promptness:
        with self._lock:
            found = [m for m in self._tables.messages.values() if m.received_at >= since and _is_new_document(m)]
        known = [m for m in found if m.promulgation_date is not None and m.arrived_on is not None]
        same = sum(m.promulgation_date == m.arrived_on for m in known)
        return Promptness(same_day=same, later=len(known) - same, unknown=len(found) - len(known))

    # ── The log and its seals ───────────────────────────────────────────────────────────────────────────────────────

    def events_after(self, seq: int, *, limit: int) -> Sequence[EventRow]:
        with self._lock:
            return tuple(islice(self._tables.log, max(seq, 0), max(seq, 0) + limit))

    def event_rows_of(self, message_id: str) -> Sequence[EventRow]:
        with self._lock:
            return tuple(row for row in self._tables.log if row.message_id == message_id)

    def seals(self, *, after: int = 0, limit: int = 1000) -> Sequence[Seal]:
        with self._lock:
            numbers = sorted(number for number in self._tables.seals if number > after)
            return tuple(self._tables.seals[number] for number in numbers[:limit])

    def seals_of(self, seqs: Iterable[int]) -> Sequence[Seal]:
        wanted = tuple(seqs)
        covers = self.seals(limit=len(self._tables.seals))
        return tuple(seal for seal in covers if any(seal.first_seq <= seq <= seal.last_seq for seq in wanted))

    def histories(self, after: str | None = None, *, limit: int) -> Sequence[History]:
        with self._lock:
            return tuple(islice(self._tables.histories(after), limit))

    def strays(self, *, limit: int = 100) -> Sequence[Stray]:  # noqa: ARG002  this store lets nobody make one
        return ()

    # ── Registry ────────────────────────────────────────────────────────────────────────────────────────────────────

    def registry(self) -> Registry:
        with self._lock:
            return self._registry

    def put_organs(self, organs: Sequence[OrganRecord]) -> None:
        with self._lock:
            version = self._registry.version + 1
            self._tables.organs.update({each.code: replace(each, changed_in=version) for each in organs})
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

    def put_hold(self, hold: Hold) -> None:
        with self._lock:
            self._tables.holds[hold.organ] = hold
            self._rebuild()

    def drop_hold(self, organ: str) -> bool:
        with self._lock:
            was = self._tables.holds.pop(organ, None)
            self._rebuild()
            return was is not None

    def _rebuild(self) -> None:
        tables = self._tables
        self._registry = Registry.of(
            version=self._registry.version + 1,
            organs=tables.organs.values(),
            agents=tables.agents.values(),
            bindings=tables.certificates,
            holds=tables.holds.values(),
        )

    # ── Applications ────────────────────────────────────────────────────────────────────────────────────────────────

    def put_application(self, application: Application, *, most_open: int) -> Application | None:
        with self._lock:
            kept = self._tables.applications
            waiting = [each for each in kept.values() if each.agent == application.agent and each.is_open]
            same = kept.get(application.id) or next((each for each in waiting if each.is_same(application)), None)
            if same is not None:
                return same
            if len(waiting) >= most_open:
                return None
            kept[application.id] = application
            return application

    def applications(
        self, *, agent: str = "", state: ApplicationState | None = None, limit: int = 1000
    ) -> Sequence[Application]:
        with self._lock:
            kept = self._tables.applications.values()
            found = [each for each in kept if agent in ("", each.agent) and state in (None, each.state)]
        return tuple(sorted(found, key=lambda each: (each.applied_at, each.id), reverse=True)[:limit])

    def decide_application(
        self, application_id: str, *, state: ApplicationState, at: datetime, by: str, note: str
    ) -> bool:
        with self._lock:
            found = self._tables.applications.get(application_id)
            if found is None or not found.is_open:
                return False
            decided = replace(found, state=state, decided_at=at, decided_by=by, note=note)
            self._tables.applications[application_id] = decided
            return True

    def close(self) -> None:
        """Nothing to let go of."""


def _answers(message: MessageRecord, text: str) -> bool:
    """Whether a query means this message; `code` also by its number alone or by a beginning with a slash in it."""
    return (
        text in (message.id, message.submission_id, message.document_id, message.code, message.sender)
        or message.code.partition("/")[0] == text
        or ("/" in text and message.code.startswith(text))
    )


def _is_about(letter: DeadLetter, text: str) -> bool:
    said = (letter.id, letter.agent, letter.queue, letter.reason, letter.submission_id, letter.leg_id)
    return any(text in each for each in said)


def _is_new_document(message: MessageRecord) -> bool:
    """What the rule of the same day counts: accepted for the first time, not a change of an earlier one."""
    return (
        message.type is MessageType.DOCUMENT
        and message.doc_type == BussinessDocType.NEW
        and message.state is MessageState.ACCEPTED
        and not message.duplicate_of
    )


def _counts(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts
