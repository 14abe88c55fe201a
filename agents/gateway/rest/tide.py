"""Wakes those who wait for news of the spool, whoever wrote them, in this process or another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from agents.errors import SpoolUnavailable

INTERVAL: Final = 0.5  # seconds between two looks


class Tide:
    """One look at the spool for all who wait, and none while nobody does."""

    def __init__(self, changes: Callable[[], int], *, interval: float = INTERVAL) -> None:
        """`changes` gives a number that differs after somebody wrote (`Spool.changes`)."""
        self._changes = changes
        self._interval = interval
        self._turn = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._waiting = 0

    def turn(self) -> asyncio.Event:
        """Set once something is written after this call. Ask for it before you look, so that nothing falls between."""
        return self._turn

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """While inside, turns come."""
        self._waiting += 1
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._watcher.cancel()
                self._watcher = None

    def wake(self) -> None:
        """Ends the present turn."""
        ended, self._turn = self._turn, asyncio.Event()
        ended.set()

    async def _watch(self) -> None:
        seen = -1
        while True:
            with suppress(SpoolUnavailable):  # whoever looks next says so
                now = await asyncio.to_thread(self._changes)
                if now != seen:
                    seen = now
                    self.wake()
            await asyncio.sleep(self._interval)
