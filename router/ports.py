"""The effects the hub needs, by name. `adapters/` perform them; in-memory twins ship as product.

Stores are synchronous and are called from one thread of their own per worker, so that SQLite and PostgreSQL share one
code path. Brokers are asynchronous.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from edxml_schemas.contract import Urgency
from edxml_schemas.trust import TrustMaterial
from router.core.records import Change, Event, Leg, MessageRecord, OutboxItem, StatusRecord, Submission
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, Registry


class StoreUnavailable(Exception):
    """The database cannot be reached or refuses to write. Nothing was committed; try again later."""


class StoreConflict(StoreUnavailable):
    """Another writer was quicker (a leg moved on, a message is there already, a deadlock was broken), or a change
    contradicts what is there. Nothing was committed; run the transaction again, a few times, reading anew."""


class BrokerUnavailable(Exception):
    """The broker cannot be reached. Nothing was confirmed; try again later."""


class PayloadUnavailable(Exception):
    """Bytes that were promised cannot be read now."""


class Transaction(Protocol):
    """One transaction. What it reads is locked against other writers until it ends."""

    def registry(self) -> Registry:
        """The registry as of this transaction (cached by version)."""
        ...

    def messages(self, ids: Iterable[str]) -> Mapping[str, MessageRecord]: ...

    def messages_with_content(self, content_digests: Iterable[str]) -> Sequence[MessageRecord]:
        """Accepted messages with one of these signed digests."""
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

    def legs_by_id(self, leg_ids: Iterable[str]) -> Mapping[str, Leg]: ...

    def apply(self, changes: Iterable[Change]) -> None:
        """Write changes. A message, leg, status or outbox item that is there already is a programming error, except
        that PutMessage replaces a deferred message."""
        ...

    def drop_outbox(self, item_ids: Iterable[str]) -> Set[str]:
        """Take items out of the outbox; the ids of those that were there."""
        ...

    def lease_outbox(self, *, now: datetime, lease_for: timedelta, limit: int) -> Sequence[OutboxItem]:
        """Take items whose lease has run out: urgent first, then oldest. Their lease and attempts move on."""
        ...

    def due_deferred(self, *, now: datetime, limit: int) -> Sequence[MessageRecord]:
        """Deferred messages whose `retry_at` has come."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Counts for `truc status`. `oldest_outbox` is the creation time of the longest-waiting outbox item."""

    messages: Mapping[str, int]  # by state
    legs: Mapping[str, int]  # by state
    outbox: int
    oldest_outbox: datetime | None


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

    def events_of(self, message_id: str) -> Sequence[Event]:
        """In the order in which they were written."""
        ...

    def backlog(self) -> Backlog: ...

    def may_read(self, *, agent: str, digest: str) -> bool:
        """Whether an agent is a party (sender or recipient of a leg) to an accepted message with these bytes."""
        ...

    def claimed_blobs(self, digests: Iterable[str]) -> Set[str]:
        """Those of these digests whose uploaded blob a message speaks of that was accepted or is deferred."""
        ...

    def ping(self) -> None:
        """Raises StoreUnavailable."""
        ...

    # Registry
    def registry(self) -> Registry: ...

    def put_organs(self, organs: Sequence[OrganRecord]) -> None: ...

    def put_agents(self, agents: Sequence[AgentRecord]) -> None: ...

    def put_certificates(self, certificates: Sequence[CertificateRecord]) -> None: ...

    def drop_certificates(self, organ: str, fingerprints: Iterable[str]) -> None: ...

    def certificates_of(self, organ: str) -> Sequence[CertificateRecord]: ...

    def close(self) -> None: ...


class Payloads(Protocol):
    """Where envelopes' bytes are. A reference is opaque text: `seg:…` for append segments, `blob:<digest>`."""

    def append(self, envelopes: Sequence[bytes]) -> Sequence[str]:
        """Durable (synced to disk) on return, one reference per envelope."""
        ...

    def read(self, reference: str) -> bytes:
        """Raises PayloadUnavailable."""
        ...

    def claim(self, digest: str, size: int) -> str | None:
        """The reference of a blob uploaded beforehand; None when it is not (wholly) there."""
        ...


class TrustSource(Protocol):
    """Anchors, intermediates and revocation lists, refreshed in the background."""

    def material(self) -> TrustMaterial: ...


class Delivery(Protocol):
    """One message in the worker's hands. Exactly one of the three is called, once, by the worker."""

    @property
    def submission(self) -> Submission: ...

    async def ack(self) -> None: ...

    async def requeue(self) -> None:
        """Back to the queue; counts towards the broker's delivery limit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredReport:
    """An agent says that a leg is durable in its spool."""

    leg_id: str
    agent: str
    digest: str
    at: datetime


class ReportDelivery(Protocol):
    """A report in the worker's hands; `report` is None when it cannot be read."""

    @property
    def report(self) -> DeliveredReport | None: ...

    async def ack(self) -> None: ...

    async def requeue(self) -> None: ...


@dataclass(frozen=True, slots=True)
class QueueDepth:
    queue: str
    messages: int
    consumers: int


class Broker(Protocol):
    """The hub's end of the broker. Every method raises BrokerUnavailable when the connection is lost."""

    def submissions(self, urgency: Urgency, *, prefetch: int) -> AsyncIterator[Delivery]: ...

    def reports(self, *, prefetch: int) -> AsyncIterator[ReportDelivery]: ...

    async def ack(self, deliveries: Sequence["Delivery | ReportDelivery"]) -> None:
        """Acknowledge deliveries of this broker together; each of them as by its own `ack`."""
        ...

    async def publish(self, items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[bool]:
        """Publish persistently with mandatory, wait for all confirms together; per item whether it is in a queue."""
        ...

    async def ensure_inboxes(self, agents: Iterable[str]) -> None:
        """Declare the inbox queues of agents."""
        ...

    async def depths(self, agents: Iterable[str]) -> Sequence[QueueDepth]: ...

    async def close(self) -> None: ...


class Clock(Protocol):
    """The one source of now."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...
