"""Gives up, for the time being, on what could not be delivered in its time: the leg is parked and the sender is told.

Nothing is thrown away: an administrator sends a parked leg once more (`Relay.requeue`), the sender may send the
document again, and an agent's report that comes after all still makes the leg delivered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from edxml_schemas.receipts import ReceiptKind
from router.core.events import EventName
from router.core.leg_steps import Step, stepped
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.records import (
    Change,
    DropOutbox,
    Event,
    Leg,
    MessageRecord,
    MoveLeg,
    OutboxItem,
    OutboxKind,
    PutEvent,
    PutOutbox,
)
from router.pipeline.outbox import leg_receipt_of
from router.ports import Transaction

_HUB = "hub"


class Parking:
    """Stateless beside its policy."""

    def __init__(self, policy: Policy = DEFAULT_POLICY) -> None:
        self._policy = policy
        self._shortest_life = policy.clocks.shortest_life

    def beyond_time(
        self, tx: Transaction, items: Sequence[OutboxItem], *, now: datetime
    ) -> Mapping[str, MessageRecord | None]:
        """Of these outbox items, by id, those that set out longer ago than their urgency allows; with their messages.

        Messages are read only when something is old enough to be late at all.
        """
        old = [each for each in items if now - each.created_at >= self._shortest_life]
        if not old:
            return {}
        messages = tx.decided_messages({each.message_id for each in old})
        late: dict[str, MessageRecord | None] = {}
        for item in old:
            message = messages.get(item.message_id)
            life = self._policy.deliver_within
            if message is not None and item.kind is OutboxKind.DELIVERY:
                life = self._policy.clocks.row_of(message).deliver_within
            if now - item.created_at >= life:
                late[item.id] = message
        return late

    def park_item(
        self,
        item: OutboxItem,
        leg: Leg | None,
        message: MessageRecord | None,
        changes: list[Change],
        *,
        now: datetime,
        lease_for: timedelta,
        already_at: str = "",
        original: MessageRecord | None = None,
    ) -> Sequence[OutboxItem]:
        """Take an item out of the outbox for good, and park its leg; the receipt that tells the sender.

        `already_at` names the organ that has the document on a leg of its own, so that this one leads nowhere. A
        receipt that cannot be sent is dropped: it can be made again from the records. `original` is what a status is
        about.
        """
        changes.append(DropOutbox(item.id))
        if item.kind is OutboxKind.RECEIPT or leg is None or message is None:
            facts = {"attempts": str(item.attempts)}
            changes.append(_event(EventName.RECEIPT_DROPPED, item.message_id, item.leg_id, now, facts))
            return ()
        # The alarms of a parked leg are worked out by the chore that owns them.
        parked = replace(leg, state=stepped(leg.state, Step.PARK), look_at=now, version=leg.version + 1)
        changes.append(MoveLeg(parked))
        return self.tell(
            parked,
            message,
            changes,
            attempts=item.attempts,
            now=now,
            lease_for=lease_for,
            already_at=already_at,
            original=original,
        )

    def tell(
        self,
        parked: Leg,
        message: MessageRecord,
        changes: list[Change],
        *,
        attempts: int,
        now: datetime,
        lease_for: timedelta,
        already_at: str = "",
        original: MessageRecord | None = None,
    ) -> Sequence[OutboxItem]:
        """The event of a leg that is parked (moved by the caller), and the receipt that tells the sender."""
        facts = {"attempts": str(attempts), "recipient": parked.recipient}
        if already_at:
            facts["already_at"] = already_at
        changes.append(_event(EventName.LEG_PARKED, parked.message_id, parked.id, now, facts))
        receipt = leg_receipt_of(
            message, parked, kind=ReceiptKind.NOT_DELIVERED, now=now, lease_for=lease_for, original=original
        )
        changes.append(PutOutbox(receipt))
        return (receipt,)


def _event(name: EventName, message_id: str, leg_id: str, now: datetime, facts: Mapping[str, str]) -> PutEvent:
    return PutEvent(Event(name=name.value, at=now, message_id=message_id, leg_id=leg_id, actor=_HUB, facts=facts))
