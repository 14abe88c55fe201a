"""Checks the whole log from time to time, slowly: between two portions it sleeps, so that documents go first."""

import time
from collections.abc import Callable, Sequence, Set
from datetime import timedelta
from typing import Final

from router.core.histories import History, Stray
from router.core.seals import EventRow, Seal
from router.ports import Clock, Store
from router.ports.alarms import AlarmBook
from router.services.alarms.looking import LOG_MARK, LogMark, log_mark_of
from router.services.proof.log_check import LogReader, check_log

LEASE: Final = "alarms.log-check"
LEASE_FOR: Final = timedelta(minutes=10)
"""Renewed between two portions."""


class Interrupted(Exception):
    """The hub ends, or another process has taken the check over. What was checked is checked again later."""


class Paced:
    """A store's log in portions, with sleep between them. `pause` is told how long the last portion took."""

    def __init__(self, store: LogReader, pause: Callable[[float], None]) -> None:
        self._store = store
        self._pause = pause
        self._since = time.perf_counter()

    def seals(self, *, after: int = 0, limit: int = 1000) -> Sequence[Seal]:
        self._rest()
        return self._store.seals(after=after, limit=limit)

    def events_after(self, seq: int, *, limit: int) -> Sequence[EventRow]:
        self._rest()
        return self._store.events_after(seq, limit=limit)

    def histories(self, after: str | None = None, *, limit: int) -> Sequence[History]:
        self._rest()
        return self._store.histories(after, limit=limit)

    def strays(self, *, limit: int = 100) -> Sequence[Stray]:
        self._rest()
        return self._store.strays(limit=limit)

    def _rest(self) -> None:
        self._pause(time.perf_counter() - self._since)
        self._since = time.perf_counter()


class LogWatch:
    """One per hub process; the lease lets one of them check. `sleep` returns whether the hub ends meanwhile."""

    def __init__(
        self,
        store: Store,
        book: AlarmBook,
        *,
        clock: Clock,
        holder: str,
        every: timedelta,
        share: float,
        accepted: Callable[[], Set[str]],
        sleep: Callable[[float], bool],
    ) -> None:
        self._store = store
        self._book = book
        self._clock = clock
        self._holder = holder
        self._every = every
        self._share = share
        self._accepted = accepted
        self._sleep = sleep

    def run(self) -> LogMark | None:
        """Check when it is time; what it came to, None when it was not time or another process checks.

        Raises StoreUnavailable, and HubProblem when the hub's own certificate cannot be read.
        """
        now = self._clock.now()
        last = log_mark_of(self._book.mark(LOG_MARK))
        if last is not None and timedelta(0) <= now - last.at < self._every:
            return None
        if not self._book.take_lease(LEASE, self._holder, now=now, lease_for=LEASE_FOR):
            return None
        try:
            report = check_log(Paced(self._store, self._pause), accepted=self._accepted())
        except Interrupted:
            return None
        finally:
            self._book.give_back(LEASE, self._holder)
        first = report.faults[0] if report.faults else None
        where = f"{first.table} {first.key}: " if first is not None else ""
        mark = LogMark(
            at=self._clock.now(),
            faults=len(report.faults),
            vi=f"{where}{first.vi}" if first is not None else "",
            en=f"{where}{first.en}" if first is not None else "",
        )
        self._book.put_mark(LOG_MARK, mark.encoded())
        return mark

    def _pause(self, spent: float) -> None:
        if self._sleep(spent * (1.0 - self._share) / self._share):
            raise Interrupted
        if not self._book.take_lease(LEASE, self._holder, now=self._clock.now(), lease_for=LEASE_FOR):
            raise Interrupted
