"""What will be published because of a decision."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from edxml_schemas.contract import MessageType
from edxml_schemas.receipts import ReceiptKind, ReceiptLeg
from router.core.ids import outbox_id_of
from router.core.leg_steps import Step, stepped
from router.core.receipts import receipt_words, verdict_of
from router.core.records import Leg, MessageRecord, OutboxItem, OutboxKind
from router.core.traces import trace_of


def delivery_of(message: MessageRecord, leg: Leg, *, claim: bool, now: datetime, leased_until: datetime) -> OutboxItem:
    """The delivery of a message on one leg. An envelope that came as a claim check goes on as one."""
    return OutboxItem(
        id=outbox_id_of("delivery", leg.id),
        kind=OutboxKind.DELIVERY,
        type=message.type,
        agent=leg.agent,
        urgency=leg.urgency,
        message_id=message.id,
        created_at=now,
        leased_until=leased_until,
        leg_id=leg.id,
        sender=message.sender,
        recipient=leg.recipient,
        digest=message.digest,
        size=message.size,
        payload=message.payload,
        claim=claim,
        forwarded_from=leg.forwarded_from,
    )


def once_more(message: MessageRecord, leg: Leg, *, now: datetime, leased_until: datetime) -> OutboxItem:
    """The delivery of a leg that was parked and is queued again, in its new state; each time under a new id."""
    item = delivery_of(message, leg, claim=message.payload.startswith("blob:"), now=now, leased_until=leased_until)
    return replace(item, id=outbox_id_of(f"requeued-{leg.version}", leg.id))


def unparked(leg: Leg, *, version: int, now: datetime) -> Leg:
    """A parked leg, queued again, or held while nobody carries for its recipient; its hand-over is still to come."""
    state = stepped(leg.state, Step.RESEND) if leg.agent else stepped(leg.state, Step.RESEND, Step.HOLD)
    return replace(leg, state=state, handed_over_at=None, look_at=now, version=version)


def receipt_of(
    message: MessageRecord, legs: Iterable[Leg], *, now: datetime, lease_for: timedelta, trace: str
) -> OutboxItem:
    """The receipt that answers a submission, to the agent that submitted it. `trace` is the message's trace id."""
    receipt_id, body = receipt_words(
        message, legs, kind=verdict_of(message), decided_at=message.decided_at, trace=trace
    )
    return _receipt(message, receipt_id, body, leg_id="", now=now, lease_for=lease_for)


def leg_receipt_of(
    message: MessageRecord,
    leg: Leg | ReceiptLeg,
    *,
    kind: ReceiptKind,
    now: datetime,
    lease_for: timedelta,
    original: MessageRecord | None = None,
) -> OutboxItem:
    """A receipt about one leg at this time, to the agent that submitted the document. `original` is what a status is
    about."""
    trace = trace_of(message, original)
    receipt_id, body = receipt_words(message, (leg,), kind=kind, decided_at=now, trace=trace)
    leg_id = leg.id if isinstance(leg, Leg) else leg.leg_id
    return _receipt(message, receipt_id, body, leg_id=leg_id, now=now, lease_for=lease_for)


def _receipt(
    message: MessageRecord, receipt_id: str, body: bytes, *, leg_id: str, now: datetime, lease_for: timedelta
) -> OutboxItem:
    return OutboxItem(
        id=receipt_id,
        kind=OutboxKind.RECEIPT,
        type=MessageType.RECEIPT,
        agent=message.agent,
        urgency=message.urgency,
        message_id=message.id,
        created_at=now,
        leased_until=now + lease_for,
        leg_id=leg_id,
        submission_id=message.submission_id,
        sender=message.sender,
        digest=hashlib.sha256(body).hexdigest(),
        size=len(body),
        body=body,
    )
