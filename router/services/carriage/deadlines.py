"""Raises the alarms: what should have been done by now, and what has been done after all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from router.core.deadlines import Clocks, Deadline, Overdue, gives_up_at, next_look, overdue
from router.core.events import EventName
from router.core.leg_steps import Step, stepped
from router.core.policy import DEFAULT_POLICY, Policy
from router.core.records import Change, Event, Leg, MessageRecord, MoveLeg, OutboxItem, PutEvent
from router.ports import Store, Transaction
from router.services.carriage.parking import Parking
from router.services.chores import NOTHING_DONE, Done
from router.services.traces import originals_of

PORTION: Final = 500
"""Legs in one transaction."""
MOST_RAISED: Final = 100_000
"""More legs with an alarm than this are not looked through for those of one organ or kind."""
_HUB: Final = "hub"


class Deadlines:
    """The chore that looks at legs whose `look_at` has come. Stateless beside its policy.

    A leg is looked at when a deadline of its could have passed, and not in between: most are done in time, and the
    report or status that says so moves the look on in the same write.
    """

    name = "deadlines"

    def __init__(self, policy: Policy = DEFAULT_POLICY, *, portion: int = PORTION) -> None:
        self._policy = policy
        self._portion = portion
        self._parking = Parking(policy)

    def run(self, tx: Transaction, *, now: datetime) -> Done:
        """A portion of due legs: alarms raised and ended, and legs that nobody acknowledged in their time parked.

        To be published are the receipts that tell the senders of what was parked.
        """
        legs = tx.due_legs(now=now, limit=self._portion)
        if not legs:
            return NOTHING_DONE
        messages = tx.decided_messages({each.message_id for each in legs})
        changes: list[Change] = []
        receipts: list[OutboxItem] = []
        originals = originals_of(tx, messages.values())
        for leg in legs:
            receipts += self._look_at(leg, messages[leg.message_id], originals, changes, now=now)
        tx.apply(changes)
        return Done(publish=tuple(receipts), more=len(legs) == self._portion)

    def _look_at(
        self,
        leg: Leg,
        message: MessageRecord,
        originals: Mapping[str, MessageRecord],
        changes: list[Change],
        *,
        now: datetime,
    ) -> Sequence[OutboxItem]:
        clocks = self._policy.clocks
        standing = overdue(leg, message, clocks, now=now)
        raised = tuple(each.deadline.value for each in standing)
        gives_up = gives_up_at(leg, message, clocks)
        parks = gives_up is not None and gives_up <= now
        state = stepped(leg.state, Step.PARK) if parks else leg.state
        after = replace(leg, state=state, raised=raised, version=leg.version + 1)
        after = replace(after, look_at=next_look(after, message, clocks, now=now))
        changes.append(MoveLeg(after))
        changes.extend(_told(leg, standing, now=now))
        if not parks:
            return ()
        lease_for = self._policy.lease_for
        original = originals.get(message.id)
        return self._parking.tell(after, message, changes, attempts=1, now=now, lease_for=lease_for, original=original)


def _told(leg: Leg, standing: Sequence[Overdue], *, now: datetime) -> Iterator[PutEvent]:
    """One event for each alarm that is new, and one for each that has ended."""
    for each in standing:
        if each.deadline.value not in leg.raised:
            facts = {"deadline": each.deadline.value, "since": each.since.isoformat()}
            yield _event(EventName.LEG_OVERDUE, leg, facts, now)
    still = {each.deadline.value for each in standing}
    for name in leg.raised:
        if name not in still:
            yield _event(EventName.LEG_IN_TIME, leg, {"deadline": name}, now)


def _event(name: EventName, leg: Leg, facts: dict[str, str], now: datetime) -> PutEvent:
    facts = {"recipient": leg.recipient, **facts}
    return PutEvent(Event(name=name.value, at=now, message_id=leg.message_id, leg_id=leg.id, actor=_HUB, facts=facts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One deadline of one leg that has passed and stands."""

    message: MessageRecord
    leg: Leg
    overdue: Overdue


def alarms(
    store: Store, clocks: Clocks, *, now: datetime, organ: str = "", kind: Deadline | None = None, limit: int = 1000
) -> Sequence[Alarm]:
    """The alarms that stand at this moment, worst first: the most urgent document, then the longest overdue.

    `organ` is the recipient or the sender. At most `limit` legs are looked at, the oldest; when only some are wanted,
    up to `MOST_RAISED`, so that those of one organ never hide behind those of another. An alarm that was raised and
    whose cause has gone since is left out.
    """
    looked_at = max(limit, MOST_RAISED) if organ or kind is not None else limit
    found = [
        Alarm(message=message, leg=leg, overdue=each)
        for message, leg in store.raised_legs(limit=looked_at)
        if not organ or organ in (leg.recipient, leg.forwarded_from, message.sender)
        for each in overdue(leg, message, clocks, now=now)
        if kind is None or each.deadline is kind
    ]
    return sorted(found, key=lambda each: (-each.message.priority, each.overdue.since, each.leg.id))


def overdue_legs(store: Store, clocks: Clocks, *, now: datetime, limit: int = 1000) -> int:
    """How many legs have an alarm now, counted up to `limit`."""
    return len({each.leg.id for each in alarms(store, clocks, now=now, limit=limit)})
