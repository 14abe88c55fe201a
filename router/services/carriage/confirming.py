"""What the broker confirmed: it leaves the outbox, its legs are handed over, and the senders of documents are told."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from edxml_schemas.contract import MessageType
from edxml_schemas.receipts import ReceiptKind
from router.core.events import EventName
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.receipts import spoken_leg, told_by
from router.core.records import Change, Event, HandOver, OutboxItem, OutboxKind, PutEvent, PutOutbox
from router.pipeline.outbox import leg_receipt_of
from router.ports import Transaction

_HUB = "hub"


class Confirming:
    """Stateless beside its policy."""

    def __init__(self, policy: Policy = DEFAULT_POLICY) -> None:
        self._policy = policy

    def confirm(self, tx: Transaction, items: Sequence[OutboxItem], *, now: datetime) -> Sequence[OutboxItem]:
        """The broker has these in a queue: they leave the outbox, and their legs are handed over.

        The receipts that tell the senders of documents so, leased to the caller. Doing it twice changes nothing. A
        recipient may have said that it has the document before the confirm arrived; then the leg only learns when it
        was handed over.
        """
        there = tx.drop_outbox([each.id for each in items])
        changes: list[Change] = []
        handed: list[OutboxItem] = []
        for item in {each.id: each for each in items if each.id in there}.values():
            if item.kind is OutboxKind.RECEIPT:
                changes.append(_receipt_sent(item, now))
                continue
            changes.append(HandOver(item.leg_id, now))
            facts = {"agent": item.agent, "recipient": item.recipient}
            changes.append(_event(EventName.LEG_HANDED_OVER, item, now, facts))
            if item.type is MessageType.DOCUMENT:
                handed.append(item)
        receipts = self._receipts(tx, handed, now=now) if self._policy.handover_receipts and handed else []
        changes += map(PutOutbox, receipts)
        if changes:
            tx.apply(changes)
        return receipts

    def _receipts(self, tx: Transaction, handed: Sequence[OutboxItem], *, now: datetime) -> list[OutboxItem]:
        """One per leg, from the records of all their messages, asked for together."""
        messages = tx.decided_messages({each.message_id for each in handed})
        return [
            leg_receipt_of(
                messages[each.message_id],
                spoken_leg(each.leg_id, recipient=each.recipient, named=each.forwarded_from),
                kind=ReceiptKind.HANDED_OVER,
                now=now,
                lease_for=self._policy.lease_for,
            )
            for each in handed
        ]


def _receipt_sent(item: OutboxItem, now: datetime) -> PutEvent:
    """With what proves which receipt it was: its id, its kind, and the SHA-256 of its words as they were signed."""
    receipt_id, kind = told_by(item.body)
    facts = {"agent": item.agent, "receipt": receipt_id, "kind": kind, "digest": item.digest}
    return _event(EventName.RECEIPT_SENT, item, now, facts)


def _event(name: EventName, item: OutboxItem, now: datetime, facts: Mapping[str, str]) -> PutEvent:
    event = Event(name=name.value, at=now, message_id=item.message_id, leg_id=item.leg_id, actor=_HUB, facts=facts)
    return PutEvent(event)
