"""Carries the outbox to the broker: loads what is to be published, notes what was confirmed, takes up leftovers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from edxml_schemas.receipts import RECEIPT_END, RECEIPT_START, Receipt, decode_receipt, encode_receipt
from router.core.events import EventName
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.records import (
    Change,
    DropOutbox,
    Event,
    LegState,
    MoveLeg,
    OutboxItem,
    OutboxKind,
    PutEvent,
    PutOutbox,
)
from router.core.routing import agent_now
from router.pipeline.outbox import once_more, unparked
from router.ports import Payloads, PayloadUnavailable, ReceiptSigner, Transaction
from router.services.carriage.confirming import Confirming
from router.services.carriage.parking import Parking
from router.services.carriage.releasing import Releasing
from router.services.chores import NOTHING_DONE, Done
from router.services.traces import originals_of

HUB_ACTOR = "hub"


class Relay:
    """Stateless beside its policy; the outbox is the only memory."""

    def __init__(
        self, payloads: Payloads, policy: Policy = DEFAULT_POLICY, *, signer: ReceiptSigner | None = None
    ) -> None:
        """Without a signer receipts travel as words alone."""
        self._payloads = payloads
        self._policy = policy
        self._signer = signer
        self._confirming = Confirming(policy)
        self._parking = Parking(policy)
        self._releasing = Releasing(policy)

    def load(self, item: OutboxItem) -> bytes:
        """The bytes to publish, a receipt signed; empty for a claim check. Raises PayloadUnavailable.

        A receipt is signed when it is published, and not in the transaction that wrote its words: nobody waits for it.
        """
        if item.kind is OutboxKind.RECEIPT:
            return item.body if self._signer is None else self._signer.sign(_words(item.body))
        return b"" if item.claim else self._payloads.read(item.payload)

    def confirm(self, tx: Transaction, items: Sequence[OutboxItem], *, now: datetime) -> Sequence[OutboxItem]:
        """See `Confirming.confirm`."""
        return self._confirming.confirm(tx, items, now=now)

    def take_up(self, tx: Transaction, *, now: datetime, lease_for: timedelta, limit: int) -> Done:
        """Outbox items that nobody publishes: their worker died, or the broker did not confirm them. Urgent first.

        Legs whose recipient can take them now are released, those whose recipient moved are forwarded; legs that are
        beyond their time are parked, and the sender is told; what went on its way all the same leaves the outbox.
        """
        leased = tx.lease_outbox(
            now=now, lease_for=lease_for, limit=limit, longest=max(lease_for, self._policy.longest_pause)
        )
        if not leased:
            return NOTHING_DONE
        legs = tx.legs_by_id([each.leg_id for each in leased if each.kind is OutboxKind.DELIVERY])
        waiting = [leg for each in leased if not each.agent and (leg := legs.get(each.leg_id)) is not None]
        held = self._releasing.look(tx, waiting, now=now)
        changes: list[Change] = []
        ready: list[OutboxItem] = []
        late = self._parking.beyond_time(tx, leased, now=now)
        originals = originals_of(tx, (each for each in late.values() if each is not None))
        for item in leased:
            leg = legs.get(item.leg_id) if item.kind is OutboxKind.DELIVERY else None  # a receipt may be about a leg
            if leg is not None and leg.state not in (LegState.QUEUED, LegState.HELD):
                changes.append(DropOutbox(item.id))
            elif item.id in late:
                original = originals.get(item.message_id)
                ready += self._parking.park_item(
                    item, leg, late[item.id], changes, now=now, lease_for=lease_for, original=original
                )
            elif leg is not None and not item.agent:
                ready += self._releasing.take(item, leg, held, changes, now=now, lease_for=lease_for)
            else:
                ready.append(item)
        if changes:
            tx.apply(changes)
        return Done(publish=ready, more=len(leased) == limit)

    def requeue(self, tx: Transaction, leg_ids: Iterable[str], *, now: datetime) -> Sequence[str]:
        """Send parked legs once more, on an administrator's word; the ids of those that were parked.

        They start anew, with a new deadline, and are taken up by the next look.
        """
        legs = [each for each in tx.legs_by_id(leg_ids).values() if each.state is LegState.PARKED]
        messages = tx.decided_messages({each.message_id for each in legs})
        changes: list[Change] = []
        registry = tx.registry()
        for parked in legs:
            leg = replace(parked, agent=agent_now(registry, parked, now=now))
            queued = unparked(leg, version=leg.version + 1, now=now)
            changes.append(MoveLeg(queued))
            changes.append(PutOutbox(once_more(messages[leg.message_id], queued, now=now, leased_until=now)))
            name = EventName.LEG_QUEUED if queued.agent else EventName.LEG_HELD
            changes.append(_event(name, leg.message_id, leg.id, now, {"recipient": leg.recipient, "agent": leg.agent}))
        tx.apply(changes)
        return [each.id for each in legs]


def _words(body: bytes) -> bytes:
    """The words of a receipt as they are signed; written anew when an earlier version of the hub wrote them.

    Raises PayloadUnavailable for what is no receipt, so that it keeps nothing else from being published.
    """
    if body.startswith(RECEIPT_START) and body.endswith(RECEIPT_END):
        return body
    receipt = decode_receipt(body)
    if not isinstance(receipt, Receipt):
        raise PayloadUnavailable("an outbox item holds no receipt")
    return encode_receipt(receipt)


def _event(name: EventName, message_id: str, leg_id: str, now: datetime, facts: Mapping[str, str]) -> PutEvent:
    event = Event(name=name.value, at=now, message_id=message_id, leg_id=leg_id, actor=HUB_ACTOR, facts=facts)
    return PutEvent(event)
