"""What the hub remembers, as values: messages, legs, statuses, events, the outbox, and the changes to them.

All times are aware datetimes in UTC. All digests are lower-case hexadecimal SHA-256.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.findings import Findings
from edxml_schemas.vouched import Vouched
from router.core.dead import DeadLetter

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class MessageState(StrEnum):
    """Where the hub's verdict on a submission stands."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"  # the verdict waits for something outside, for example a revocation list


class LegState(StrEnum):
    """How far the hub has carried a document to one recipient. Later members come later on the way."""

    QUEUED = "queued"  # accepted, waits in the outbox
    HELD = "held"  # the recipient cannot take it now; waits on purpose
    HANDED_OVER = "handed-over"  # in the inbox queue of the recipient's agent, confirmed by the broker
    DELIVERED = "delivered"  # durable at the recipient's agent, which said so
    PARKED = "parked"  # could not be delivered in time; an administrator decides


class RecallState(StrEnum):
    """The handshake 13 → 15 or 16 on one leg."""

    NONE = "none"
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A message as it came from the broker, before anything in it is believed.

    `agent` is named by the routing key, which the broker's topic permissions hold the sender to; `user_id` is the
    broker's word for who published, None when the publisher left it out. `body` is None for a claim check, whose
    bytes wait in the blob store under `digest`. `vouched` is the header as it came, cut to a little more than a note
    may have; empty without one.
    """

    submission_id: str
    agent: str
    user_id: str | None
    type: MessageType
    urgency: Urgency
    digest: str
    size: int
    body: bytes | None = field(repr=False)
    received_at: datetime
    redelivered: bool = False
    vouched: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """One submission and what became of it. The headline fields are empty when the envelope could not be read.

    `id` is derived from agent and submission id, so a redelivery names the same record. `content_digest` is the
    signed digest: the same content signed anew is the same content. `payload` says where the bytes are (see
    `ports.Payloads`), empty when they were not kept. `about` is the message that a status or a change speaks of.
    `arrived_on` is the Vietnamese calendar day of `received_at`, for the rule of the same day. `vouched` is the word of
    the submitting agent for a document system that cannot sign.
    """

    id: str
    submission_id: str
    agent: str
    type: MessageType
    state: MessageState
    urgency: Urgency
    digest: str
    size: int
    payload: str
    received_at: datetime
    decided_at: datetime
    content_digest: str = ""
    sender: str = ""
    document_id: str = ""
    code: str = ""
    subject: str = ""
    doc_type: int = 0
    priority: int = 0
    promulgation_date: date | None = None
    arrived_on: date | None = None
    due_date: date | None = None
    status_code: str = ""
    about: str = ""
    certificate: str = ""
    duplicate_of: str = ""
    retry_at: datetime | None = None
    attempts: int = 1
    findings: Findings = ()
    vouched: Vouched | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One document on its way to one recipient. `id` is derived from message and recipient.

    `forwarded_from` is the recipient that the sender named, when its deliveries are forwarded to this one. `recall_at`
    is when a recall or change was asked for. `look_at` is when the next deadline has to be looked at, None when none is
    left; `raised` are the names of deadlines that have passed and still stand (see `core/deadlines.py`).
    """

    id: str
    message_id: str
    ordinal: int
    recipient: str
    agent: str
    state: LegState
    urgency: Urgency
    created_at: datetime
    handed_over_at: datetime | None = None
    delivered_at: datetime | None = None
    status: str = ""
    status_at: datetime | None = None
    reason: str = ""
    recall: RecallState = RecallState.NONE
    recall_at: datetime | None = None
    forwarded_from: str = ""
    look_at: datetime | None = None
    raised: tuple[str, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRecord:
    """One status somebody sent about one leg, in the order in which the hub accepted it."""

    message_id: str  # of the status message
    leg_id: str
    code: str
    sender: str
    said_at: datetime | None
    accepted_at: datetime
    description: str = ""
    staff: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `name` is from the catalogue in `core/events.py`; `facts` are texts."""

    name: str
    at: datetime
    message_id: str = ""
    leg_id: str = ""
    actor: str = ""
    facts: Mapping[str, str] = field(default_factory=lambda: NOTHING)


def handed_over(leg: Leg, *, at: datetime) -> Leg:
    """The leg after the broker's confirm. An agent may have said that it has the document before that came."""
    state = leg.state if leg.state is LegState.DELIVERED else LegState.HANDED_OVER
    return replace(leg, state=state, handed_over_at=leg.handed_over_at or at, version=leg.version + 1)


class OutboxKind(StrEnum):
    """What an outbox item publishes."""

    DELIVERY = "delivery"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """A promise to publish, written in the same transaction as the decision it follows from.

    A delivery takes its bytes from `payload` (or travels as a claim check when `claim`), a receipt carries `body`.
    `leased_until` keeps other workers away while one publishes; the item is dropped only after the broker confirmed.
    `forwarded_from` is that of the leg.
    """

    id: str
    kind: OutboxKind
    type: MessageType
    agent: str
    urgency: Urgency
    message_id: str
    created_at: datetime
    leased_until: datetime
    leg_id: str = ""
    submission_id: str = ""
    sender: str = ""
    recipient: str = ""
    digest: str = ""
    size: int = 0
    payload: str = ""
    claim: bool = False
    body: bytes = field(default=b"", repr=False)
    attempts: int = 0
    forwarded_from: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to publish an outbox item that failed. `number` counts from 1; `reason` says why."""

    item_id: str
    message_id: str
    leg_id: str
    number: int
    at: datetime
    reason: str


# ── Changes: what a decision wants written, all in one transaction ──────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PutMessage:
    """Insert a message, or replace it when a deferred one is decided."""

    message: MessageRecord


@dataclass(frozen=True, slots=True)
class PutLeg:
    leg: Leg


@dataclass(frozen=True, slots=True)
class MoveLeg:
    """Replace a leg that was read in this transaction; `leg.version` is the new one, one above the one read."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class HandOver:
    """The broker confirmed a leg: it is handed over, unless it is delivered already. Needs no leg to be read."""

    leg_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PutStatus:
    status: StatusRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """That a document answers another, as one of its ResponseFor says: by DocumentId, or by code and sending organ."""

    message_id: str
    place: int
    document_id: str
    code: str
    organ: str


@dataclass(frozen=True, slots=True)
class PutAnswer:
    answer: Answer


@dataclass(frozen=True, slots=True)
class PutEvent:
    event: Event


@dataclass(frozen=True, slots=True)
class PutOutbox:
    item: OutboxItem


@dataclass(frozen=True, slots=True)
class DropOutbox:
    item_id: str


@dataclass(frozen=True, slots=True)
class PutAttempt:
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class PutDead:
    """Insert a dead letter, or replace the one with its id."""

    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class DelayOutbox:
    """Nobody takes this item up before `until`."""

    item_id: str
    until: datetime


Change = (
    PutAttempt
    | PutDead
    | DelayOutbox
    | PutMessage
    | PutLeg
    | MoveLeg
    | HandOver
    | PutStatus
    | PutAnswer
    | PutEvent
    | PutOutbox
    | DropOutbox
)
