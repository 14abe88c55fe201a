"""What the console's pages, the metrics and the commands ask for figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from router.core.figures import HUB
from router.core.people import Scope
from router.core.registry import Registry
from router.ports import Store
from router.ports.figures import Figures
from router.services.figures.certificates import Endings
from router.services.figures.overview import Flow, Overview, Slow, flow_of, overview_of, slowest_of
from router.services.figures.places import Tree
from router.services.figures.readings import Reading, Readings
from router.services.figures.remembered import Kept, Remembered, Spawn, in_a_thread
from router.services.figures.statistics import Statistics, statistics

FLOW_KEPT: Final = Kept(fresh=timedelta(seconds=5), longest=timedelta(minutes=1))
STATISTICS_KEPT: Final = Kept(fresh=timedelta(minutes=5), longest=timedelta(minutes=30))
SLOWEST_KEPT: Final = Kept(fresh=timedelta(minutes=10), longest=timedelta(hours=6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The overview and the state of the hub's parts, as far as somebody sees. `parts` without their problems' words
    unless everything is seen. `at` is when the flow was reckoned, `slowest_at` the slowest recipients."""

    at: datetime
    slowest_at: datetime
    overview: Overview
    reading: Reading
    parts: Mapping[str, str]
    endings: Endings


class FigureRoom:
    """Figures of one hub. `glance` takes a moment: call it in a thread, with a reading taken in the event loop.

    What takes the sums of a hundred thousand organs is kept for a while and given out with the moment at which it was
    reckoned; what was kept is found by exactly the organs that somebody sees, so that nobody gets another's.
    """

    def __init__(self, *, figures: Figures, readings: Readings, store: Store, spawn: Spawn = in_a_thread) -> None:
        self.figures = figures
        self.readings = readings
        self.store = store
        self._tree = Tree()
        self._statistics: Remembered[Statistics | None] = Remembered(STATISTICS_KEPT, spawn=spawn)
        self._flows: Remembered[Flow] = Remembered(FLOW_KEPT, spawn=spawn)
        self._slowest: Remembered[Sequence[Slow]] = Remembered(SLOWEST_KEPT, spawn=spawn)

    def registry(self) -> Registry:
        return self.store.registry()

    def statistics(self, scope: Scope, *, root: str, first: str, last: str, now: datetime) -> Statistics | None:
        """See `statistics.statistics`; at most a few minutes old."""

        def made() -> Statistics | None:
            registry = self.registry()
            drawn = self._tree.of(registry)
            return statistics(self.figures, registry, scope, root=root, first=first, last=last, now=now, drawn=drawn)

        registry = self.registry()
        found = registry.organ(root) if root else None
        if root and (found is None or not scope.sees(found.code)):
            return None
        top = found.code if found is not None else HUB
        return self._statistics.get((scope.organs, top, first, last), made, now=now)[1]

    def glance(self, scope: Scope, reading: Reading, *, now: datetime) -> Glance:
        """Raises StoreUnavailable."""
        parts = reading.parts
        standing = reading.standing if scope.everything else None
        if not scope.everything:
            parts = {name: "×" if problem else "" for name, problem in parts.items()}

        def slowest() -> Sequence[Slow]:
            return slowest_of(self.figures, self.registry(), scope, now=now)

        at, flow = self._flows.get(
            scope.organs, lambda: flow_of(self.figures, scope, now=now, standing=standing), now=now
        )
        slow_at, slow = self._slowest.get(scope.organs, slowest, now=now)
        return Glance(
            at=at,
            slowest_at=slow_at,
            overview=overview_of(flow, slow),
            reading=reading,
            parts=parts,
            endings=self.readings.endings_of(scope.organs, now=now),
        )
