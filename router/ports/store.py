"""The hub's memory. Stores are synchronous and are called from one thread of their own per worker, so that SQLite and
PostgreSQL share one code path."""

from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from router.core.applications import Application, ApplicationState
from router.core.dead import DeadLetter, DeadState
from router.core.histories import History, Stray
from router.core.holds import Hold
from router.core.records import Answer, Attempt, Change, Event, Leg, MessageRecord, OutboxItem, StatusRecord
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, Registry
from router.core.seals import EventRow, Seal


class Transaction(Protocol):
    """One transaction. What it reads is locked against other writers until it ends."""

    def registry(self) -> Registry:
        """The registry as of this transaction (cached by version)."""
        ...

    def messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]: ...

    def decided_messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]:
        """Messages that were decided by a transaction that has ended, as those of every leg: they change no more, so
        nothing is locked."""
        ...

    def messages_with_content(self, content_digests: Iterable[str]) -> Sequence[MessageRecord]:
        """Accepted messages that first carried one of these signed digests. Their repetitions, of which there may be
        any number, are left out, here and in the next two."""
        ...

    def documents(self, document_ids: Iterable[str]) -> Sequence[MessageRecord]:
        """Accepted documents (not statuses) with one of these DocumentIds, oldest first."""
        ...

    def documents_by_code(self, sender: str, code: str, promulgated: date | None) -> Sequence[MessageRecord]:
        """Accepted documents of a sender by `number/notation`; for statuses whose DocumentId differs."""
        ...

    def legs(self, message_ids: Iterable[str]) -> Mapping[str, Sequence[Leg]]:
        """Legs of messages, in order of recipients, locked for change."""
        ...

    def lock_legs(self, leg_ids: Iterable[str]) -> None:
        """Keep others from these legs, in one order for everybody, so that two that need the same ones never wait for
        each other. Who will need several sets locks them together, before the first is read."""
        ...

    def legs_by_id(self, leg_ids: Iterable[str]) -> Mapping[str, Leg]: ...

    def forwarded_legs(self, message_ids: Iterable[str]) -> Sequence[Leg]:
        """Those legs of messages whose `forwarded_from` is not empty (they are few), locked for change."""
        ...

    def apply(self, changes: Iterable[Change]) -> None:
        """Write changes. A message, leg, status or outbox item that is there already is a programming error, except
        that PutMessage replaces a deferred message."""
        ...

    def drop_outbox(self, item_ids: Iterable[str]) -> Set[str]:
        """Take items out of the outbox; the ids of those that were there."""
        ...

    def lease_outbox(
        self, *, now: datetime, lease_for: timedelta, limit: int, longest: timedelta | None = None
    ) -> Sequence[OutboxItem]:
        """Take items whose lease has run out: urgent first, then oldest. Their lease and attempts move on.

        A lease that would last for more than `longest` from now was written by a clock that was wrong, and is over.
        """
        ...

    def due_deferred(self, *, now: datetime, limit: int, longest: timedelta | None = None) -> Sequence[MessageRecord]:
        """Deferred messages whose `retry_at` has come, or is more than `longest` away: a wrong clock wrote that."""
        ...

    def due_legs(self, *, now: datetime, limit: int) -> Sequence[Leg]:
        """Legs whose `look_at` has come, the longest due first, locked for change; others' locked ones are skipped."""
        ...

    def hasten(self, recipient: str, *, now: datetime) -> int:
        """Held deliveries to an organ (outbox items without an agent) become due now; how many."""
        ...

    def free_leases(self, *, now: datetime) -> int:
        """Outbox items that a former run leased and did not publish become due now (those with an agent); how many."""
        ...

    def dead_letters(self, ids: Iterable[str]) -> Mapping[str, DeadLetter]:
        """Dead letters by id, locked for change."""
        ...

    def due_returns(self, *, now: datetime, limit: int) -> Sequence[DeadLetter]:
        """Dead letters that an administrator sent back, whose `return_at` has come, locked; oldest first."""
        ...

    def events_to_seal(self, *, limit: int) -> Sequence[EventRow]:
        """The oldest events that no seal covers, in order of `seq`, as they are stored.

        Until the transaction ends nobody else seals, and no event with a lower `seq` can still appear.
        """
        ...

    def last_seal(self) -> Seal | None: ...

    def put_seal(self, seal: Seal) -> None:
        """Append a seal. StoreConflict when its number is taken."""
        ...

    def stamp_seal(self, number: int, token: bytes) -> bool:
        """Give a seal that has no time stamp this one; whether it had none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Counts for `truc status`. `oldest_outbox` is the creation time of the longest-waiting outbox item."""

    messages: Mapping[str, int]  # by state
    legs: Mapping[str, int]  # by state
    outbox: int
    oldest_outbox: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promptness:
    """Counts for the rule of the same day. `unknown` are documents whose promulgation date could not be read."""

    same_day: int = 0
    later: int = 0
    unknown: int = 0


class Store(Protocol):
    """The hub's memory."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """A transaction that commits on leaving and rolls back on an exception. Raises StoreUnavailable."""
        ...

    def find(self, query: str, *, limit: int = 50) -> Sequence[MessageRecord]:
        """Messages by id, submission id, DocumentId, code or code number, sender or recipient organ; newest first."""
        ...

    def message(self, message_id: str) -> MessageRecord | None: ...

    def legs_of(self, message_id: str) -> Sequence[Leg]: ...

    def statuses_of(self, leg_ids: Iterable[str]) -> Sequence[StatusRecord]: ...

    def messages_about(self, message_id: str) -> Sequence[MessageRecord]:
        """Statuses and changes that speak of a message, oldest first."""
        ...

    def answers_naming(self, *, document_id: str, code: str, limit: int) -> Sequence[tuple[MessageRecord, Answer]]:
        """Accepted documents that name one of these as what they answer, the newest first. Empty names find nothing."""
        ...

    def events_of(self, message_id: str) -> Sequence[Event]:
        """In the order in which they were written."""
        ...

    def backlog(self) -> Backlog: ...

    def may_read(self, *, agent: str, digest: str) -> bool:
        """Whether an agent is a party (sender or carrier of a leg) to an accepted message whose bytes are this blob."""
        ...

    def claimed_blobs(self, digests: Iterable[str]) -> Set[str]:
        """Those of these digests whose uploaded blob a message speaks of that was accepted or is deferred."""
        ...

    def ping(self) -> None:
        """Raises StoreUnavailable."""
        ...

    def raised_legs(self, *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        """Legs with an alarm standing (`raised` is not empty), the oldest first, with their messages."""
        ...

    def parked_legs(self, *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        """Legs that wait for an administrator, the oldest first, with their messages."""
        ...

    def held_legs(self, recipient: str = "", *, limit: int = 1000) -> Sequence[tuple[MessageRecord, Leg]]:
        """Legs held for an organ (for any, when empty), the oldest first, with their messages."""
        ...

    def attempts_of(self, message_id: str) -> Sequence[Attempt]:
        """Failed attempts to publish what belongs to a message, in the order in which they were written."""
        ...

    def find_dead(
        self, query: str = "", *, state: DeadState | None = DeadState.OPEN, limit: int = 100
    ) -> Sequence[DeadLetter]:
        """Dead letters, newest first. `query` is part of an id, agent, queue, reason, submission or leg id."""
        ...

    def promptness(self, *, since: datetime) -> Promptness:
        """How many accepted new documents since then arrived on the day on which they were signed."""
        ...

    def events_after(self, seq: int, *, limit: int) -> Sequence[EventRow]:
        """Events as they are stored, in order of `seq`, above `seq`."""
        ...

    def event_rows_of(self, message_id: str) -> Sequence[EventRow]:
        """A message's events as they are stored, in order of `seq`."""
        ...

    def seals(self, *, after: int = 0, limit: int = 1000) -> Sequence[Seal]:
        """Seals by number, above `after`."""
        ...

    def seals_of(self, seqs: Iterable[int]) -> Sequence[Seal]:
        """The seals that cover these events, by number."""
        ...

    def histories(self, after: str | None = None, *, limit: int) -> Sequence[History]:
        """Messages with ids above `after`, in their order, each with all that is stored about it; read at one time."""
        ...

    def strays(self, *, limit: int = 100) -> Sequence[Stray]:
        """What speaks of messages and legs that are not there."""
        ...

    # Registry
    def registry(self) -> Registry: ...

    def put_organs(self, organs: Sequence[OrganRecord]) -> None: ...

    def put_agents(self, agents: Sequence[AgentRecord]) -> None: ...

    def put_certificates(self, certificates: Sequence[CertificateRecord]) -> None: ...

    def drop_certificates(self, organ: str, fingerprints: Iterable[str]) -> None: ...

    def certificates_of(self, organ: str) -> Sequence[CertificateRecord]: ...

    def put_hold(self, hold: Hold) -> None:
        """Set or replace what is arranged for an organ's deliveries. The registry's version grows."""
        ...

    def drop_hold(self, organ: str) -> bool:
        """Take it away; whether there was one. The registry's version grows."""
        ...

    # Applications
    def put_application(self, application: Application, *, most_open: int) -> Application | None:
        """The application as it is kept: this one, the one kept under its id, or the same agent's open one for the
        same. None, and nothing is kept, when that agent has `most_open` open ones."""
        ...

    def applications(
        self, *, agent: str = "", state: ApplicationState | None = None, limit: int = 1000
    ) -> Sequence[Application]:
        """The newest first; of one agent, and in one state, when they are given."""
        ...

    def decide_application(
        self, application_id: str, *, state: ApplicationState, at: datetime, by: str, note: str
    ) -> bool:
        """Closes an open application; whether it was there and open."""
        ...

    def close(self) -> None: ...
