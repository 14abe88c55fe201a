"""The hub's end of the broker. Brokers are asynchronous."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from edxml_schemas.contract import Urgency
from router.core.dead import DeadLetter
from router.core.records import OutboxItem, Submission


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


class DeadDelivery(Protocol):
    """A dead letter in the worker's hands, with the bytes as they died. `letter.payload` is still empty."""

    @property
    def letter(self) -> DeadLetter: ...

    @property
    def body(self) -> bytes: ...

    async def ack(self) -> None: ...

    async def requeue(self) -> None: ...


class Placement(StrEnum):
    """What became of an item that was published."""

    CONFIRMED = "confirmed"  # durable in a queue
    NO_INBOX = "no-inbox"  # its queue is not there
    FULL = "inbox-full"  # its queue takes no more
    SILENT = "inbox-silent"  # no confirm in time, or the inbox was silent before and is left alone for a while
    LOST = "connection-lost"  # nobody knows; it is published once more


@dataclass(frozen=True, slots=True)
class QueueDepth:
    queue: str
    messages: int
    consumers: int


class Broker(Protocol):
    """The hub's end of the broker. Every method raises BrokerUnavailable when the connection is lost."""

    def submissions(self, urgency: Urgency, *, prefetch: int) -> AsyncIterator[Delivery]: ...

    def reports(self, *, prefetch: int) -> AsyncIterator[ReportDelivery]: ...

    def dead_letters(self, *, prefetch: int) -> AsyncIterator[DeadDelivery]:
        """What the broker gave up on, from the dead-letter queue."""
        ...

    async def ack(self, deliveries: Sequence[Delivery | ReportDelivery | DeadDelivery]) -> None:
        """Acknowledge deliveries of this broker together; each of them as by its own `ack`."""
        ...

    async def publish(self, items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[Placement]:
        """Publish persistently with mandatory, wait for all confirms together; per item what became of it.

        An inbox that does not answer keeps the others waiting for a moment only, and is then left alone for a growing
        while. Raises BrokerUnavailable when nothing at all was confirmed because the connection was lost.
        """
        ...

    async def ensure_inboxes(self, agents: Iterable[str]) -> None:
        """Declare the inbox queues of agents."""
        ...

    async def depths(self, agents: Iterable[str]) -> Sequence[QueueDepth]: ...

    async def close(self) -> None: ...
