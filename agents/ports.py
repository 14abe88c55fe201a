"""The effects an agent needs, by name: the link to the broker and the store of large envelopes."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from edxml_schemas.contract import Claim, MessageType, Urgency
from edxml_schemas.vouched import Vouched


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A submission on its way to the hub. `body` is None for a claim check, whose bytes were uploaded before.

    `vouched` is set when the agent vouches for a document system that cannot sign.
    """

    submission_id: str
    type: MessageType
    urgency: Urgency
    digest: str
    size: int
    body: bytes | None = field(repr=False)
    vouched: Vouched | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message from an inbox queue. `leg_id` is empty on receipts.

    `body` is None for a claim check.
    """

    type: MessageType
    urgency: Urgency
    message_id: str
    leg_id: str
    recipient: str
    sender: str
    digest: str
    size: int
    body: bytes | None = field(repr=False)
    redelivered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredNote:
    """The agent's word to the hub that a leg is durable in its spool."""

    leg_id: str
    message_id: str
    digest: str
    at: datetime


class InboxDelivery(Protocol):
    """One message in the agent's hands. Exactly one of the two is called, once."""

    @property
    def message(self) -> Incoming | None:
        """None when the message is none of the contract's."""
        ...

    async def ack(self) -> None: ...

    async def requeue(self) -> None:
        """Back to the queue; counts towards the broker's delivery limit."""
        ...


class Link(Protocol):
    """The agent's end of the broker. Every method raises LinkUnavailable when the broker is away."""

    async def ready(self) -> bool:
        """Returns when the broker is connected, however long that takes; True when it had to be connected anew."""
        ...

    async def publish(self, outgoing: Outgoing) -> None:
        """Returns when the broker has confirmed that the submission is in a queue."""
        ...

    def deliveries(self, *, prefetch: int) -> AsyncGenerator[InboxDelivery, None]:
        """Messages of both inbox queues until the link breaks; at most `prefetch` of each lane without an ack."""
        ...

    async def report(self, note: DeliveredNote) -> None:
        """Returns when the broker has confirmed the report."""
        ...

    async def close(self) -> None: ...


class Blobs(Protocol):
    """The hub's store of envelopes above `contract.CLAIM_THRESHOLD`. Methods raise BlobsUnavailable."""

    async def put(self, claim: Claim, content: bytes) -> None:
        """Idempotent. Returns when the hub has the bytes and found the digest right."""
        ...

    async def get(self, claim: Claim) -> bytes:
        """Bytes whose size and digest were checked."""
        ...

    async def close(self) -> None: ...


class Clock(Protocol):
    """The one source of now."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...
