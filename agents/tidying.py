"""Clearing the spool of what nobody will ask for again: self-tests of the link, and in a robot agency everything."""

import asyncio
from datetime import timedelta
from typing import Final

from agents.desk import Desk
from agents.errors import Unavailable
from agents.pacing import pause
from agents.spool.selftests import forget

KEEP: Final = timedelta(days=7)
"""How long a self-test, and what a robot has answered, stays in the spool."""
EVERY: Final = 3600.0  # seconds between two rounds


def tidy(desk: Desk) -> int:
    """Clears away what is older than `KEEP`; how many rows. Raises SpoolUnavailable.

    A robot has nobody's letters to keep; everywhere else only self-tests and what was said of them goes.
    """
    cleared = forget(desk.spool, before=desk.clock.now() - KEEP, everything=desk.settings.robot)
    if cleared:
        desk.log.info("spool.tidied", rows=cleared)
    return cleared


async def keep_tidy(desk: Desk, stop: asyncio.Event, *, every: float = EVERY) -> None:
    """A round at once and then every so many seconds, until `stop` is set. Faults of the spool wait for the next."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(tidy, desk)
        except Unavailable as fault:
            desk.log.warning("spool.not-tidied", vi=fault.vi, en=fault.en)
        await pause(stop, every)
