"""Counts the log into sums: portion after portion, each written together with how far it has been counted."""

from datetime import datetime, timedelta
from typing import Final

from router.core.figures import hour_of, minute_of, tallied
from router.ports.figures import Figures

PORTION: Final = 2000
"""Events in one transaction."""
SETTLED: Final = timedelta(seconds=60)
"""Younger events are left for later: a transaction that began before may still write one with a lower number."""
KEEP_MINUTES: Final = timedelta(hours=3)
KEEP_HOURS: Final = timedelta(days=9)


class Counting:
    """The chore of the sums, beside the worker: it reads what is settled and writes little.

    Any number may run at once; what one has counted the others leave alone.
    """

    def __init__(self, figures: Figures, *, portion: int = PORTION, settled: timedelta = SETTLED) -> None:
        self._figures = figures
        self._portion = portion
        self._settled = settled

    def run(self, *, now: datetime) -> bool:
        """One portion; whether there may be more at once. Raises StoreUnavailable."""
        mark = self._figures.mark()
        happenings, last = self._figures.happenings(after=mark, until=now - self._settled, limit=self._portion)
        if last == mark:
            return False
        self._figures.add(tallied(happenings), after=mark, upto=last)
        return True

    def catch_up(self, *, now: datetime) -> int:
        """Everything that is settled; how many portions."""
        portions = 0
        while self.run(now=now):
            portions += 1
        return portions

    def tidy(self, *, now: datetime) -> int:
        """Drop sums by the minute and by the hour that nobody looks at any more; how many."""
        return self._figures.prune(hours_before=hour_of(now - KEEP_HOURS), minutes_before=minute_of(now - KEEP_MINUTES))
