"""What waits for somebody's hand: the lists of it, who sees which part, and where a page of one begins."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edxml_schemas.contract import Urgency
from router.core.deadlines import Deadline
from router.core.people import Scope
from router.core.records import LegState
from router.core.state_words import LEG_STATE_TEXT, as_heading


class WorkKind(StrEnum):
    """One list. The values stand in addresses and in `truc work`; the order is theirs."""

    NOT_TAKEN = "not-taken"  # at the recipient's agent, and no 01 or 03 in time
    OVERDUE = "overdue"  # any deadline has passed
    PARKED = "parked"  # not delivered in time
    HELD = "held"  # kept for its recipient
    DEAD = "dead"  # dead letters nobody has decided about
    REFUSED = "refused"  # submissions the hub refused


LEG_KINDS: Final = frozenset({WorkKind.NOT_TAKEN, WorkKind.OVERDUE, WorkKind.PARKED, WorkKind.HELD})
"""Lists of legs; the oldest first. The two others have the newest first."""

TAKING: Final = frozenset({Deadline.NOT_ARRIVED, Deadline.NOT_RECEIVED})
"""What a recipient owes that has a document and has not taken it."""

WORK_TEXT: Final[Mapping[WorkKind, tuple[str, str]]] = MappingProxyType(
    {
        WorkKind.NOT_TAKEN: ("Chưa tiếp nhận", "Not taken"),
        WorkKind.OVERDUE: ("Quá hạn", "Overdue"),
        WorkKind.PARKED: as_heading(LEG_STATE_TEXT[LegState.PARKED]),
        WorkKind.HELD: as_heading(LEG_STATE_TEXT[LegState.HELD]),
        WorkKind.DEAD: ("Không xử lý được", "Dead letters"),
        WorkKind.REFUSED: ("Bị từ chối", "Refused"),
    }
)
"""Vietnamese and English."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_PLACE: Final = re.compile(r"([0-9]{1,17})\.([0-9A-Za-z._:-]{1,100})")


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: the next page begins behind it."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _TICK}.{self.id}"


def place_of(text: str) -> Place | None:
    """The place that `str` wrote; None for anything else."""
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    try:
        return Place(_EPOCH + timedelta(microseconds=int(found.group(1))), found.group(2))
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrow:
    """Which part of a list somebody sees and asks for.

    `scope` is what they see; `scope_agents` are the agents that carry for organs of the scope and for no other, so that
    what such an agent sent and nobody could read is theirs, too. `organs` is what they ask for (None: everything), with
    `agents` in the same sense. Codes are present and former ones. `since` is the earliest time of acceptance or death.
    `agent` is who carries a leg, sent a refused message, or had a dead letter; `rule` a deadline that legs are over.
    """

    scope: Scope
    scope_agents: frozenset[str] = frozenset()
    organs: frozenset[str] | None = None
    agents: frozenset[str] = frozenset()
    urgency: Urgency | None = None
    since: datetime | None = None
    agent: str = ""
    rule: Deadline | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many, counted up to a bound; `more` says that the bound was reached."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.number}+" if self.more else str(self.number)
