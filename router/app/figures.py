"""What figures stand on, put together: readings, the door of metrics, and the task that counts the log."""

import asyncio
from typing import Final

from sqlalchemy import Engine

from router.adapters.clock import SystemClock
from router.adapters.metrics import MetricsDoor
from router.adapters.sql.figures import SqlFigures
from router.app.certificates import own_endings
from router.app.parts import private_paths
from router.logs import logger
from router.ports import StoreUnavailable
from router.ports.figures import Figures
from router.services.figures.counting import Counting
from router.services.figures.readings import Depths, Probe, Readings, no_probe
from router.services.log_lag import Lags, no_lags
from router.services.work.intake import wait_for
from router.settings import Settings

COUNT_EVERY: Final = 15.0  # seconds between two looks at the log
TIDY_EVERY: Final = 240  # looks between two prunings


def open_figures(engine: Engine) -> SqlFigures:
    return SqlFigures(engine)


def readings_of(
    settings: Settings,
    figures: Figures,
    *,
    probe: Probe = no_probe,
    depths: Depths | None = None,
    lags: Lags = no_lags,
) -> Readings:
    return Readings(
        figures,
        clock=SystemClock(),
        probe=probe,
        depths=depths,
        own=lambda: own_endings(settings),
        lags=lags,
    )


def metrics_door(settings: Settings, readings: Readings) -> MetricsDoor:
    return MetricsDoor(readings, private_paths(settings), agents=settings.metrics.agents)


async def count_figures(figures: Figures, stopping: asyncio.Event) -> None:
    """Counts the log until `stopping` is set. Any number may run at once."""
    counting, clock, log = Counting(figures), SystemClock(), logger("figures")
    look = 0
    while not stopping.is_set():
        try:
            more = await asyncio.to_thread(counting.run, now=clock.now())
            if look % TIDY_EVERY == 0 and not more:
                await asyncio.to_thread(counting.tidy, now=clock.now())
        except StoreUnavailable as problem:
            log.warning("figures-not-counted", reason=str(problem))
            more = False
        if not more:
            look += 1
            await wait_for(stopping, COUNT_EVERY)
