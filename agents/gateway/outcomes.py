"""What the office answers. Outcomes are values; `Refusal` is `agents.packaging.Refusal`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from agents.desk import Sent
from agents.spool.records import InboxItem, Submission, Taking

if TYPE_CHECKING:
    from agents.gateway.vouching import VouchedEnvelope

__all__ = ["About", "Accepted", "Fetched", "LeasedByOther", "Marked", "NotYours", "Received", "Sent", "Taking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Durable here. `repeated`: the same was submitted before, and nothing new is sent.

    `vouched` tells what was mended for a legacy envelope; None for one that was sound, and for repeated ones.
    """

    submission_id: str
    repeated: bool = False
    vouched: "VouchedEnvelope | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A document or status that came, and whether a document system has it."""

    item: InboxItem
    state: Taking


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The bytes that the sender signed. `lease_until` is None for what was taken, or given up, before."""

    item: InboxItem
    envelope: bytes = field(repr=False)
    lease_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What the mark made of it. `repeated`: it was so before. A document that failed stays so when it is taken."""

    state: Taking
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYours:
    """Not there, not of the caller's organs, or not within the key's rights: one answer for all."""

    leg_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedByOther:
    """Another key has it in hand; free again after `until` unless that key takes it for good."""

    leg_id: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Everything known about a delivery: what this side said of it, and what its sender said later."""

    received: Received
    said: tuple[Submission, ...]
    heard: tuple[InboxItem, ...]
