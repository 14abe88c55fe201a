"""One look at the hub: what stands, what flowed, what works. For metrics, the overview and the terminal."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from edxml_schemas.contract import Urgency, ingest_queue
from router.core.log_lag import Lag, LogReader
from router.ports import BrokerUnavailable, Clock, QueueDepth, StoreUnavailable
from router.ports.figures import Figures, Standing
from router.services.figures.certificates import Endings, endings, last_endings
from router.services.log_lag import Lags, no_lags

FRESH: Final = timedelta(seconds=5)
"""So old may a reading be that is given out once more: many askers cost no more than one."""
CERTIFICATES_FRESH: Final = timedelta(minutes=10)
PATIENCE: Final = 5.0  # seconds for the broker to say how long its queues are

WORKER: Final = "worker-"
"""How the parts that are workers begin."""

Probe = Callable[[], Awaitable[Mapping[str, str]]]
"""What must be there, by name (broker, database, worker-1 …): what is wrong with it, or nothing."""
Depths = Callable[[], Awaitable[Sequence[QueueDepth]]]
Own = Callable[[], Sequence[tuple[str, datetime]]]
"""When the hub's own certificates and those it trusts end, by kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`standing` is None when the database is away, `depths` when the broker is, or was not asked. `lags` are of those
    readers of the log that were asked about."""

    at: datetime
    parts: Mapping[str, str]
    standing: Standing | None
    totals: Sequence[tuple[str, str, int]]
    depths: Sequence[QueueDepth] | None
    endings: Endings
    lags: Mapping[LogReader, Lag] = field(default_factory=dict)

    @property
    def workers(self) -> int | None:
        """Who takes submissions from the broker, as the broker counts them; None when it does not say."""
        if self.depths is None:
            return None
        return {each.queue: each.consumers for each in self.depths}.get(ingest_queue(Urgency.NORMAL), 0)

    @property
    def sees_processes(self) -> bool:
        """Whether each worker is among the parts: so it is where they run."""
        return any(name.startswith(WORKER) for name in self.parts)


async def no_probe() -> Mapping[str, str]:
    """For who runs beside the hub, and sees none of its processes."""
    return {}


def no_certificates() -> Sequence[tuple[str, datetime]]:
    return ()


class Readings:
    """Takes readings, at most one every few seconds. To be used in one event loop."""

    def __init__(
        self,
        figures: Figures,
        *,
        clock: Clock,
        probe: Probe = no_probe,
        depths: Depths | None = None,
        own: Own = no_certificates,
        lags: Lags = no_lags,
        fresh: timedelta = FRESH,
    ) -> None:
        self.figures = figures
        self._clock = clock
        self._probe = probe
        self._depths = depths
        self._own = own
        self._lags = lags
        self._fresh = fresh
        self._lock = asyncio.Lock()
        self._last: Reading | None = None
        self._organs: tuple[datetime, Mapping[str, datetime]] | None = None

    async def read(self) -> Reading:
        """Raises nothing: what is away is told in the reading."""
        async with self._lock:
            now = self._clock.now()
            if self._last is None or not timedelta(0) <= now - self._last.at < self._fresh:
                self._last = await self._read(now)
            return self._last

    def endings_of(self, organs: Collection[str] | None, *, now: datetime) -> Endings:
        """Of these organs (None for all) and the hub, as of the last reading."""
        known = self._organs[1] if self._organs is not None else {}
        mine = {organ: end for organ, end in known.items() if organs is None or organ in organs}
        return endings(self._own(), mine, now=now)

    async def _read(self, now: datetime) -> Reading:
        parts, depths, stored = await asyncio.gather(
            self._probe(), self._asked_depths(), asyncio.to_thread(self._stored, now)
        )
        standing, totals, lags, ends = stored
        parts = dict(parts)
        if standing is None and not parts.get("database"):
            parts["database"] = "no answer"
        return Reading(at=now, parts=parts, standing=standing, totals=totals, depths=depths, endings=ends, lags=lags)

    async def _asked_depths(self) -> Sequence[QueueDepth] | None:
        if self._depths is None:
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._depths()
        except (BrokerUnavailable, TimeoutError):
            return None

    def _stored(
        self, now: datetime
    ) -> tuple[Standing | None, Sequence[tuple[str, str, int]], Mapping[LogReader, Lag], Endings]:
        try:
            standing, totals, lags = self.figures.standing(), self.figures.totals(), self._lags(now)
            if self._organs is None or not timedelta(0) <= now - self._organs[0] < CERTIFICATES_FRESH:
                self._organs = (now, last_endings(self.figures.certificates()))
        except StoreUnavailable:
            return None, (), {}, endings(self._own(), {}, now=now)
        return standing, totals, lags, endings(self._own(), self._organs[1], now=now)
