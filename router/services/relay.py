"""Carries the outbox to the broker: loads what is to be published, notes what was confirmed, takes up leftovers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from edxml_schemas.receipts import ReceiptKind
from router.core.events import EventName
from router.core.ids import outbox_id_of
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.records import (
    Change,
    DropOutbox,
    Event,
    HandOver,
    Leg,
    LegState,
    MoveLeg,
    OutboxItem,
    OutboxKind,
    PutEvent,
    PutOutbox,
)
from router.core.registry import OrganState, Registry
from router.core.routing import carrier_of
from router.pipeline.outbox import leg_receipt_of, once_more, unparked
from router.ports import Payloads, Transaction

HUB_ACTOR = "hub"


class Relay:
    """Stateless beside its policy; the outbox is the only memory."""

    def __init__(self, payloads: Payloads, policy: Policy = DEFAULT_POLICY) -> None:
        self._payloads = payloads
        self._policy = policy

    def load(self, item: OutboxItem) -> bytes:
        """The bytes to publish; empty for a claim check. Raises PayloadUnavailable."""
        if item.kind is OutboxKind.RECEIPT:
            return item.body
        return b"" if item.claim else self._payloads.read(item.payload)

    def confirm(self, tx: Transaction, items: Sequence[OutboxItem], *, now: datetime) -> None:
        """The broker has these in a queue: they leave the outbox, and their legs are handed over.

        Doing it twice changes nothing. A recipient may have said that it has the document before the confirm arrived;
        then the leg only learns when it was handed over.
        """
        there = tx.drop_outbox([each.id for each in items])
        changes: list[Change] = []
        for item in {each.id: each for each in items if each.id in there}.values():
            facts = {"agent": item.agent}
            if item.kind is OutboxKind.RECEIPT:
                changes.append(_event(EventName.RECEIPT_SENT, item.message_id, item.leg_id, now, facts))
                continue
            changes.append(HandOver(item.leg_id, now))
            facts["recipient"] = item.recipient
            changes.append(_event(EventName.LEG_HANDED_OVER, item.message_id, item.leg_id, now, facts))
        if changes:
            tx.apply(changes)

    def lease(self, tx: Transaction, *, now: datetime, lease_for: timedelta, limit: int) -> Sequence[OutboxItem]:
        """Outbox items that nobody publishes: their worker died, or the broker did not confirm them. Urgent first.

        Legs whose recipient has an agent by now are released; legs that are beyond their time are parked, and the
        sender is told; what was delivered all the same leaves the outbox.
        """
        leased = tx.lease_outbox(now=now, lease_for=lease_for, limit=limit)
        if not leased:
            return ()
        legs = tx.legs_by_id([each.leg_id for each in leased if each.kind is OutboxKind.DELIVERY])
        registry = tx.registry()
        changes: list[Change] = []
        late: list[OutboxItem] = []
        ready: list[OutboxItem] = []
        for item in leased:
            leg = legs.get(item.leg_id)
            if leg is not None and leg.state in (LegState.HANDED_OVER, LegState.DELIVERED):
                changes.append(DropOutbox(item.id))
            elif now - item.created_at >= self._policy.deliver_within:
                late.append(item)
            elif leg is not None and not item.agent:
                ready += self._look_again(item, leg, registry, changes, now=now, lease_for=lease_for)
            else:
                ready.append(item)
        ready += self._park(tx, late, legs, changes, now=now, lease_for=lease_for)
        if changes:
            tx.apply(changes)
        return ready

    def requeue(self, tx: Transaction, leg_ids: Iterable[str], *, now: datetime) -> Sequence[str]:
        """Send parked legs once more, on an administrator's word; the ids of those that were parked.

        They start anew, with a new deadline, and are taken up by the next `lease`.
        """
        legs = [each for each in tx.legs_by_id(leg_ids).values() if each.state is LegState.PARKED]
        messages = tx.messages({each.message_id for each in legs})
        changes: list[Change] = []
        for leg in legs:
            queued = unparked(leg, version=leg.version + 1)
            changes.append(MoveLeg(queued))
            changes.append(PutOutbox(once_more(messages[leg.message_id], queued, now=now, leased_until=now)))
            name = EventName.LEG_QUEUED if queued.agent else EventName.LEG_HELD
            changes.append(_event(name, leg.message_id, leg.id, now, {"recipient": leg.recipient}))
        tx.apply(changes)
        return [each.id for each in legs]

    def _look_again(
        self,
        item: OutboxItem,
        leg: Leg,
        registry: Registry,
        changes: list[Change],
        *,
        now: datetime,
        lease_for: timedelta,
    ) -> Sequence[OutboxItem]:
        """A held item: the released one when somebody carries for the recipient now, else it waits on.

        The item is written anew under a new id, because what is dropped and what is put never share one.
        """
        organ = registry.organ(leg.recipient)
        agent = carrier_of(registry, organ) if organ is not None and organ.state is OrganState.ACTIVE else ""
        changes.append(DropOutbox(item.id))
        wait = lease_for if agent else self._policy.held_check
        name = "released" if agent else f"held-{item.attempts}"
        anew = replace(item, id=outbox_id_of(f"{name}-{leg.version}", leg.id), agent=agent, leased_until=now + wait)
        changes.append(PutOutbox(anew))
        if not agent:
            return ()
        changes.append(MoveLeg(replace(leg, state=LegState.QUEUED, agent=agent, version=leg.version + 1)))
        facts = {"recipient": leg.recipient, "agent": agent}
        changes.append(_event(EventName.LEG_RELEASED, leg.message_id, leg.id, now, facts))
        return (anew,)

    def _park(
        self,
        tx: Transaction,
        late: Sequence[OutboxItem],
        legs: Mapping[str, Leg],
        changes: list[Change],
        *,
        now: datetime,
        lease_for: timedelta,
    ) -> Sequence[OutboxItem]:
        """Give up on what is beyond its time; the receipts that tell the senders."""
        receipts: list[OutboxItem] = []
        messages = tx.messages({each.message_id for each in late}) if late else {}
        for item in late:
            changes.append(DropOutbox(item.id))
            facts = {"attempts": str(item.attempts)}
            leg, message = legs.get(item.leg_id), messages.get(item.message_id)
            if item.kind is OutboxKind.RECEIPT or leg is None or message is None:
                changes.append(_event(EventName.RECEIPT_DROPPED, item.message_id, item.leg_id, now, facts))
                continue
            parked = replace(leg, state=LegState.PARKED, version=leg.version + 1)
            changes.append(MoveLeg(parked))
            facts["recipient"] = leg.recipient
            changes.append(_event(EventName.LEG_PARKED, leg.message_id, leg.id, now, facts))
            receipt = leg_receipt_of(message, parked, kind=ReceiptKind.NOT_DELIVERED, now=now, lease_for=lease_for)
            # A leg that was sent again and parked again is told of again.
            receipt = replace(receipt, id=outbox_id_of(f"not-delivered-{parked.version}", leg.id))
            changes.append(PutOutbox(receipt))
            receipts.append(receipt)
        return receipts


def _event(name: EventName, message_id: str, leg_id: str, now: datetime, facts: Mapping[str, str]) -> PutEvent:
    event = Event(name=name.value, at=now, message_id=message_id, leg_id=leg_id, actor=HUB_ACTOR, facts=facts)
    return PutEvent(event)
