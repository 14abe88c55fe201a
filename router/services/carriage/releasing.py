"""Held legs, looked at again: released when the recipient can take them, moved when another organ receives for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from router.core.events import EventName
from router.core.ids import leg_id_of, outbox_id_of
from router.core.leg_steps import Step, stepped
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.records import (
    Change,
    DelayOutbox,
    DropOutbox,
    Event,
    Leg,
    MessageRecord,
    MoveLeg,
    OutboxItem,
    PutEvent,
    PutOutbox,
)
from router.core.registry import OrganState, Registry
from router.core.routing import Hop, held_look, hop_to, present_code
from router.ports import Transaction
from router.services.carriage.parking import Parking

_HUB = "hub"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at held legs needs to know.

    `hops` is where each leg goes now, by its id; `taken` are pairs of message and organ that have a leg already, and
    grows as legs are moved; `messages` are those whose legs may have to be parked.
    """

    hops: Mapping[str, Hop]
    taken: set[tuple[str, str]]
    messages: Mapping[str, MessageRecord]


class Releasing:
    """Stateless beside its policy."""

    def __init__(self, policy: Policy = DEFAULT_POLICY) -> None:
        self._policy = policy
        self._parking = Parking(policy)

    def look(self, tx: Transaction, legs: Collection[Leg], *, now: datetime) -> Look:
        """Read what these held legs need. Nothing is asked of the store unless one of them has to be forwarded."""
        registry = tx.registry()
        hops = {leg.id: _hop(registry, leg, now=now) for leg in legs}
        elsewhere = [leg for leg in legs if hops[leg.id].organ != leg.recipient]
        if not elsewhere:
            return Look(hops, set(), {})
        named = {
            leg_id_of(leg.message_id, code) for leg in elsewhere for code in _codes_of(registry, hops[leg.id].organ)
        }
        ids = {leg.message_id for leg in elsewhere}
        there = (*tx.legs_by_id(named).values(), *tx.forwarded_legs(ids))
        taken = {(leg.message_id, present_code(registry, leg.recipient)) for leg in there}
        return Look(hops, taken, tx.decided_messages(ids))

    def take(
        self, item: OutboxItem, leg: Leg, look: Look, changes: list[Change], *, now: datetime, lease_for: timedelta
    ) -> Sequence[OutboxItem]:
        """One held item: what is to be published because of it.

        The leg of an organ whose deliveries are forwarded goes to the organ that receives for it. When that one has the
        document already, on a leg of its own, the leg leads nowhere and is parked, so that neither the sender nor an
        administrator misses it. What is dropped and what is put never share an id.
        """
        hop = look.hops[leg.id]
        moved = leg
        if hop.organ != leg.recipient:
            if (leg.message_id, hop.organ) in look.taken:
                message = look.messages.get(leg.message_id)
                return self._parking.park_item(
                    item, leg, message, changes, now=now, lease_for=lease_for, already_at=hop.organ
                )
            look.taken.add((leg.message_id, hop.organ))
            moved = replace(leg, recipient=hop.organ, forwarded_from=leg.forwarded_from or leg.recipient)
            facts = {"recipient": moved.recipient, "forwarded_from": moved.forwarded_from}
            changes.append(_event(EventName.LEG_FORWARDED, leg, facts, now=now))
        if not hop.agent:
            again = held_look(hop, now=now, every=self._policy.held_check)
            if moved is leg:
                changes.append(DelayOutbox(item.id, again))
            else:
                _write_anew(item, moved, changes, name="moved", until=again)
            return ()
        moved = replace(moved, state=stepped(leg.state, Step.RELEASE), agent=hop.agent, look_at=now)
        facts = {"recipient": moved.recipient, "agent": hop.agent}
        changes.append(_event(EventName.LEG_RELEASED, leg, facts, now=now))
        return (_write_anew(item, moved, changes, name="released", until=now + lease_for),)


def _write_anew(item: OutboxItem, leg: Leg, changes: list[Change], *, name: str, until: datetime) -> OutboxItem:
    """The item of a leg that has another recipient or agent now, instead of the one before.

    Looks at a held item are no attempts to publish it: its pauses after failures begin anew.
    """
    anew = replace(
        item,
        id=outbox_id_of(f"{name}-{leg.version}", leg.id),
        agent=leg.agent,
        recipient=leg.recipient,
        forwarded_from=leg.forwarded_from,
        leased_until=until,
        attempts=0,
    )
    changes += [DropOutbox(item.id), PutOutbox(anew), MoveLeg(replace(leg, version=leg.version + 1))]
    return anew


def _hop(registry: Registry, leg: Leg, *, now: datetime) -> Hop:
    """Where a leg goes now; nowhere while its recipient is locked or not in the registry any more."""
    organ = registry.organ(leg.recipient)
    if organ is None or organ.state is not OrganState.ACTIVE:
        return Hop(leg.recipient, "")
    hop = hop_to(registry, organ, now=now)
    # An organ that was given a new code is still the same recipient.
    return hop if hop.forwarded_from else replace(hop, organ=leg.recipient)


def _codes_of(registry: Registry, code: str) -> Sequence[str]:
    organ = registry.organ(code)
    return (code, organ.old_code) if organ is not None and organ.old_code else (code,)


def _event(name: EventName, leg: Leg, facts: Mapping[str, str], *, now: datetime) -> PutEvent:
    return PutEvent(Event(name=name.value, at=now, message_id=leg.message_id, leg_id=leg.id, actor=_HUB, facts=facts))
