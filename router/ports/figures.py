"""The memory of figures: sums that are kept up to date from the log, and what stands at this moment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from router.core.figures import Cell, Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentBacklog:
    """What waits for one agent at the hub. `oldest` is the longest-waiting: in the outbox, or without an
    acknowledgement beyond its deadline."""

    agent: str
    outbox: int = 0
    overdue: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What waits at this moment, in the organs asked for. What belongs to no organ is zero unless all were asked for.

    `overdue` is by deadline, a leg counts once for each of its own; `oldest_overdue` is when the oldest of those legs
    set out. `receipts` are those in the outbox.
    """

    queued: int = 0
    held: int = 0
    parked: int = 0
    receipts: int = 0
    deferred: int = 0
    dead: int = 0
    attempts: int = 0
    oldest: datetime | None = None
    overdue: Mapping[str, int] = field(default_factory=dict)
    oldest_overdue: datetime | None = None
    agents: Sequence[AgentBacklog] = ()


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum, over the periods asked for."""

    organ: str
    kind: str
    measure: str
    value: int


class Figures(Protocol):
    """Sums and what stands. Each call is a transaction of its own. Raises StoreUnavailable."""

    def mark(self) -> int:
        """The last event that is in the sums, 0 for none."""
        ...

    def happenings(self, *, after: int, until: datetime, limit: int) -> tuple[Sequence[Happening], int]:
        """What the next `limit` events of the log tell, in their order, and the last of these events (`after` when
        there is none). Stops before the first event that is later than `until`."""
        ...

    def add(self, sums: Mapping[Cell, int], *, after: int, upto: int) -> bool:
        """Add to the sums and move the mark, both or neither; not when the mark is no longer `after`."""
        ...

    def forget(self) -> None:
        """Drop all sums and put the mark to 0: everything is counted anew."""
        ...

    def prune(self, *, hours_before: str, minutes_before: str) -> int:
        """Drop sums by the hour and by the minute of periods before these; how many."""
        ...

    def sums(
        self,
        periods: Collection[str],
        *,
        organs: Collection[str] | None = None,
        measures: Collection[str] = (),
        family: str = "",
    ) -> Sequence[Sum]:
        """Sums by organ, kind and measure over periods. Of these organs (the hub is ""; None for all but the hub),
        and these measures or those whose name begins with `family` (all of them when neither is given)."""
        ...

    def gathered(self, periods: Collection[str], lines: Mapping[str, str], *, others: bool) -> Sequence[Sum]:
        """Sums of organs by the line that they belong to (organ → line), which stands as the organ. With `others`
        those of organs without a line, too, each by itself; never the hub's own."""
        ...

    def slowest(
        self, periods: Collection[str], *, family: str, organs: Collection[str] | None, fewest: int, limit: int
    ) -> Sequence[tuple[str, int, int]]:
        """(organ, bin of the median, count) of sums whose names are `family` and the number of a bin, over periods: the
        highest medians first, then by organ; of those with `fewest` at least. Organs as in `sums`."""
        ...

    def series(
        self, periods: Collection[str], *, organs: Collection[str] | None = None, measures: Collection[str]
    ) -> Sequence[tuple[str, str, str, int]]:
        """(period, kind, measure, sum) of these periods, in their order by name. Organs as in `sums`, except that None
        stands for the hub's own."""
        ...

    def totals(self) -> Sequence[tuple[str, str, int]]:
        """(kind, measure, sum) of the whole hub over all months."""
        ...

    def standing(self, *, organs: Collection[str] | None = None) -> Standing:
        """None for everything."""
        ...

    def certificates(self) -> Sequence[tuple[str, str]]:
        """(organ, PEM) of all certificates bound to organs."""
        ...
