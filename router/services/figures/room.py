"""What the console's pages, the metrics and the commands ask for figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from router.core.people import Scope
from router.core.registry import Registry
from router.ports import Store
from router.ports.figures import Figures
from router.services.figures.certificates import Endings
from router.services.figures.overview import Overview, overview
from router.services.figures.readings import Reading, Readings
from router.services.figures.statistics import Statistics, statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The overview and the state of the hub's parts, as far as somebody sees. `parts` without their problems' words
    unless everything is seen."""

    overview: Overview
    reading: Reading
    parts: Mapping[str, str]
    endings: Endings


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRoom:
    """Figures of one hub. `glance` takes a moment: call it in a thread, with a reading taken in the event loop."""

    figures: Figures
    readings: Readings
    store: Store

    def registry(self) -> Registry:
        return self.store.registry()

    def statistics(self, scope: Scope, *, root: str, first: str, last: str) -> Statistics | None:
        """See `statistics.statistics`."""
        return statistics(self.figures, self.registry(), scope, root=root, first=first, last=last)

    def glance(self, scope: Scope, reading: Reading, *, now: datetime) -> Glance:
        """Raises StoreUnavailable."""
        parts = reading.parts
        if not scope.everything:
            parts = {name: "×" if problem else "" for name, problem in parts.items()}
        return Glance(
            overview=overview(self.figures, self.registry(), scope, now=now),
            reading=reading,
            parts=parts,
            endings=self.readings.endings_of(scope.organs, now=now),
        )
