"""The rows of the in-memory store, and the few things that are asked of a row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from router.core.applications import Application
from router.core.dead import DeadLetter
from router.core.histories import History, Stored
from router.core.holds import Hold
from router.core.records import Answer, Attempt, Event, Leg, MessageRecord, OutboxItem, StatusRecord
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord
from router.core.seals import EventRow, Seal


@dataclass(slots=True)
class Tables:
    """Rows by key. `log` are the same events as `events`, in the form in which they are sealed."""

    messages: dict[str, MessageRecord] = field(default_factory=dict)
    legs: dict[str, Leg] = field(default_factory=dict)
    legs_of: dict[str, dict[str, None]] = field(default_factory=dict)
    statuses: dict[tuple[str, str], StatusRecord] = field(default_factory=dict)
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    log: list[EventRow] = field(default_factory=list)
    seals: dict[int, Seal] = field(default_factory=dict)
    outbox: dict[str, OutboxItem] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    dead: dict[str, DeadLetter] = field(default_factory=dict)
    organs: dict[str, OrganRecord] = field(default_factory=dict)
    agents: dict[str, AgentRecord] = field(default_factory=dict)
    certificates: dict[tuple[str, str], CertificateRecord] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)

    def legs_with_messages(self, wanted: Callable[[Leg], bool], *, limit: int) -> tuple[tuple[MessageRecord, Leg], ...]:
        """The oldest first."""
        found = sorted((leg for leg in self.legs.values() if wanted(leg)), key=lambda leg: (leg.created_at, leg.id))
        return tuple((self.messages[leg.message_id], leg) for leg in found[:limit])

    def histories(self, after: str | None) -> Iterator[History]:
        """Of messages above `after`, in order of their ids."""
        for message_id in sorted(each for each in self.messages if after is None or each > after):
            legs = sorted(
                (self.legs[each] for each in self.legs_of.get(message_id, ())), key=lambda leg: (leg.ordinal, leg.id)
            )
            said = [each for leg in legs for each in self.statuses.values() if each.leg_id == leg.id]
            yield History(
                message=Stored(message_id, self.messages[message_id], exact=True),
                legs=tuple(Stored(leg.id, leg, exact=True) for leg in legs),
                statuses=tuple(Stored(each.leg_id, each, exact=True) for each in said),
                events=tuple(each for each in self.log if each.message_id == message_id),
            )

    def last_seal(self) -> Seal | None:
        return self.seals[max(self.seals)] if self.seals else None


def by_age(message: MessageRecord) -> tuple[datetime, str]:
    return message.received_at, message.id
