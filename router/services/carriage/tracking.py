"""Believes an agent that says a document is durable in its spool, if it is the agent that the document went to."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hmac import compare_digest

from edxml_schemas.contract import MessageType
from edxml_schemas.receipts import ReceiptKind
from router.core.deadlines import moved_on
from router.core.events import EventName
from router.core.leg_steps import Step, after
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.records import (
    Change,
    Event,
    Leg,
    MessageRecord,
    MoveLeg,
    OutboxItem,
    PutEvent,
    PutOutbox,
)
from router.pipeline.outbox import leg_receipt_of
from router.ports import DeliveredReport, Transaction

_ID_CHARS = 200


class Tracking:
    """Stateless beside its policy."""

    def __init__(self, policy: Policy = DEFAULT_POLICY) -> None:
        self._policy = policy

    def record(self, tx: Transaction, reports: Sequence[DeliveredReport], *, now: datetime) -> Sequence[OutboxItem]:
        """Move the legs that these reports speak of to delivered; receipts for the senders, leased to the caller.

        A report that says what is known already changes nothing. One from another agent, about an unknown leg, or
        with another digest changes nothing either, and leaves an event.
        """
        legs = tx.legs_by_id({each.leg_id for each in reports})
        messages = tx.decided_messages({each.message_id for each in legs.values()})
        changes: list[Change] = []
        receipts: list[OutboxItem] = []
        done: set[str] = set()
        for report in reports:
            leg = legs.get(report.leg_id)
            if leg is None:
                changes.append(_doubt(EventName.REPORT_UNKNOWN, report, "", now=now))
                continue
            message = messages[leg.message_id]
            doubt = _doubt_about(report, leg, message)
            if doubt is not None:
                changes.append(_doubt(doubt, report, leg.message_id, now=now))
            elif (reached := after(leg.state, Step.REPORT)) is not None and leg.id not in done:
                done.add(leg.id)
                delivered = replace(leg, state=reached, delivered_at=now, version=leg.version + 1)
                delivered = moved_on(delivered, message, self._policy.clocks, now=now)
                changes.append(MoveLeg(delivered))
                changes.append(_delivered(report, leg, now=now))
                if self._policy.delivery_receipts and message.type is MessageType.DOCUMENT:
                    receipts.append(self._receipt(message, delivered, now=now))
        changes.extend(map(PutOutbox, receipts))
        if changes:
            tx.apply(changes)
        return receipts

    def _receipt(self, message: MessageRecord, leg: Leg, *, now: datetime) -> OutboxItem:
        return leg_receipt_of(message, leg, kind=ReceiptKind.DELIVERED, now=now, lease_for=self._policy.lease_for)


def _doubt_about(report: DeliveredReport, leg: Leg, message: MessageRecord) -> EventName | None:
    if report.agent != leg.agent:
        return EventName.REPORT_FOREIGN
    same = compare_digest(report.digest.encode(errors="replace"), message.digest.encode(errors="replace"))
    return None if same else EventName.REPORT_DIGEST


def _doubt(name: EventName, report: DeliveredReport, message_id: str, *, now: datetime) -> PutEvent:
    """The event of a report that is not believed. Its texts come from outside and are cut."""
    return PutEvent(
        Event(
            name=name.value,
            at=now,
            message_id=message_id,
            leg_id=report.leg_id[:_ID_CHARS],
            actor=report.agent[:_ID_CHARS],
            facts={"agent": report.agent[:_ID_CHARS], "digest": report.digest[:_ID_CHARS]},
        )
    )


def _delivered(report: DeliveredReport, leg: Leg, *, now: datetime) -> PutEvent:
    return PutEvent(
        Event(
            name=EventName.LEG_DELIVERED.value,
            at=now,
            message_id=leg.message_id,
            leg_id=leg.id,
            actor=report.agent,
            facts={"recipient": leg.recipient, "said_at": report.at.isoformat()},
        )
    )
