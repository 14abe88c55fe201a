"""Keeps the directory like the hub's registry, and carries applications there. Runs beside the gateway's requests.

While the hub is away the last copy goes on serving, and questions are asked again after longer and longer pauses.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from structlog.typing import FilteringBoundLogger

from agents.errors import Unavailable
from agents.gateway.directory.directory import Directory
from agents.gateway.directory.errors import ListBroken
from agents.gateway.directory.hub import HubOrgans, HubRefusal, hub_address
from agents.gateway.directory.records import Progress, Switched
from agents.pacing import pause
from agents.ports import Clock

if TYPE_CHECKING:
    from agents.agent import Connector
    from agents.gateway.rooms import Gateway

PART: Final = "directory.part"  # the list while it arrives, beside the directory
LOOK: Final = 2.0  # seconds between two looks for applications that wait
FIRST_PAUSE: Final = 5.0  # seconds after the first failure
SPREAD: Final = 0.2  # share by which every pause differs, so that agents do not come all at once
FIRST_SPREAD: Final = 30.0  # seconds over which agents spread that were started at the same time
AT_ONCE: Final = 100  # applications told in one go


def connectors(gateway: "Gateway") -> "Sequence[Connector]":
    """The loop beside the requests; none when the settings do not say where the hub is. Raises UsageFault."""
    settings = gateway.desk.settings
    address = hub_address(settings.blob_url, gateway.settings.directory.hub_url)
    if not address:
        gateway.log.warning(
            "directory.no-hub",
            vi="Chưa đặt blob_url hoặc hub_url: danh bạ cơ quan không được đồng bộ với trục.",
            en="Neither blob_url nor hub_url is set: the directory of organs is not synchronised with the hub.",
        )
        return ()
    hub = HubOrgans(address, agent=settings.name, token=settings.blob_token.get_secret_value())
    interval = gateway.settings.directory.interval
    return (DirectorySync(gateway.directory, hub, interval=interval, clock=gateway.clock, log=gateway.log),)


class DirectorySync:
    """One per agent."""

    def __init__(
        self,
        directory: Directory,
        hub: HubOrgans,
        *,
        interval: timedelta,
        clock: Clock,
        log: FilteringBoundLogger,
        chance: random.Random | None = None,
        look: float = LOOK,
    ) -> None:
        self._directory = directory
        self._hub = hub
        self._interval = interval.total_seconds()
        self._clock = clock
        self._log = log
        self._chance = chance or random.Random()  # noqa: S311  spreads agents over time, keeps no secret
        self._look = look

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set."""
        loop = asyncio.get_running_loop()
        list_due = loop.time() + await self._first_pause()
        wishes_due = 0.0
        list_failures = wish_failures = 0
        try:
            while not stop.is_set():
                if loop.time() >= list_due:
                    list_failures = 0 if await self._tried_list() else list_failures + 1
                    list_due = loop.time() + self.pause_after(list_failures)
                if loop.time() >= wishes_due:
                    wish_failures = 0 if await self._tried_wishes() else wish_failures + 1
                    wishes_due = loop.time() + (self.pause_after(wish_failures) if wish_failures else 0.0)
                await pause(stop, self._look)
        finally:
            await self._hub.close()

    def pause_after(self, failures: int) -> float:
        """Seconds until the next question: the interval, or less after few failures in a row; never the same."""
        wanted = self._interval
        if failures:
            wanted = min(self._interval, FIRST_PAUSE * 2 ** min(failures - 1, 20))
        return wanted * self._chance.uniform(1 - SPREAD, 1 + SPREAD)

    async def synchronise(self) -> Switched | None:
        """Asks the hub once; None when its list is the one that is here. Raises Unavailable."""
        version, digest = await asyncio.to_thread(self._directory.copied)
        since = version or None
        path = self._directory.folder / PART
        try:
            if not await self._hub.fetch(path, since=since, digest=digest):
                await asyncio.to_thread(self._directory.confirm, now=self._clock.now())
                return None
            try:
                return await asyncio.to_thread(self._directory.switch, path, now=self._clock.now())
            except ListBroken:
                if since is None:
                    raise
            # The differences do not lead to the hub's list: it was restored, perhaps. Then all of it.
            await self._hub.fetch(path, since=None, digest="")
            return await asyncio.to_thread(self._directory.switch, path, now=self._clock.now())
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def tell_wishes(self) -> int:
        """Carries applications that wait here to the hub; how many. Raises Unavailable."""
        waiting = await asyncio.to_thread(self._directory.applications, Progress.WAITING, limit=AT_ONCE)
        for each in waiting:
            said = await self._hub.apply(each)
            now = self._clock.now()
            if isinstance(said, HubRefusal):
                await asyncio.to_thread(self._directory.note_refusal, each.reference, said.reason, now=now)
                self._log.warning("application.refused", kind=each.kind.value, code=each.code, reason=said.reason)
            else:
                await asyncio.to_thread(self._directory.note_answer, said, asked=each.reference, now=now)
                self._log.info("application.told", kind=each.kind.value, code=each.code, state=said.state.value)
        return len(waiting)

    async def hear_answers(self) -> int:
        """Asks what became of applications that the hub has; how many were decided. Raises Unavailable."""
        if not await asyncio.to_thread(self._directory.applications, Progress.OPEN, limit=1):
            return 0
        now, news = self._clock.now(), 0
        for answer in await self._hub.answers():
            news += await asyncio.to_thread(self._directory.note_answer, answer, asked=answer.reference, now=now)
        return news

    async def _first_pause(self) -> float:
        try:
            there = (await asyncio.to_thread(self._directory.state)).synchronised_at is not None
        except Unavailable:
            there = False
        return self._chance.uniform(0, min(FIRST_SPREAD, self._interval)) if there else 0.0

    async def _tried_list(self) -> bool:
        try:
            switched = await self.synchronise()
            await self.hear_answers()
        except Unavailable as fault:
            self._log.warning("directory.waiting", vi=fault.vi, en=fault.en)
            return False
        except Exception:  # the requests beside this loop go on with the copy that is here
            self._log.exception("directory.crashes")
            return False
        if switched is not None:
            self._log.info("directory.synchronised", put=switched.put, removed=switched.removed)
        return True

    async def _tried_wishes(self) -> bool:
        try:
            await self.tell_wishes()
        except Unavailable as fault:
            self._log.warning("application.waiting", vi=fault.vi, en=fault.en)
            return False
        except Exception:  # as above
            self._log.exception("application.crashes")
            return False
        return True
