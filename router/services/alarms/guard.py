"""The tasks of a hub process that look after alarms. Nothing that fails in one of them ends it or another one."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from router.core.alarm_signals import own_troubles
from router.core.alarms import Telling, Turn
from router.errors import HubProblem
from router.logs import logger
from router.ports import BrokerUnavailable, Clock, StoreUnavailable
from router.services.alarms.delivering import Delivery
from router.services.alarms.direct import DATABASE, Direct
from router.services.alarms.log_watch import LogWatch
from router.services.alarms.looking import Outside
from router.services.alarms.security import SecurityFeed
from router.services.alarms.watch import Watch
from router.services.work.intake import wait_for

DEPTHS_LOOKS: Final = 4
"""Depths are asked for at every fourth look: each inbox is one question to the broker."""
SIDE_LOOKS: Final = 2
"""After so many looks it is seen whether a digest or a check of the log is due."""
TIDY_EVERY: Final = timedelta(hours=6)
LOOK_PATIENCE: Final = 60.0  # seconds for a look, after which the database counts as away
SECURITY_EVERY: Final = 5.0  # seconds

Probe = Callable[[], Awaitable[Mapping[str, str]]]
"""What is wrong with each part of the hub, by its name; nothing when it works."""
InboxDepths = Callable[[], Awaitable[Mapping[str, int]]]
"""Messages in the inboxes by agent. Raises BrokerUnavailable, StoreUnavailable."""
SendDigests = Callable[[datetime], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardParts:
    """What the tasks work with. What is None is turned off."""

    watch: Watch
    direct: Direct
    deliveries: Sequence[Delivery] = ()
    digests: SendDigests | None = None
    log_watch: LogWatch | None = None
    security: SecurityFeed | None = None
    stop_log_watch: threading.Event = field(default_factory=threading.Event)


class Guard:
    """One per hub process."""

    def __init__(
        self, parts: GuardParts, *, probe: Probe, depths: InboxDepths, clock: Clock, every: timedelta, keep: timedelta
    ) -> None:
        self._parts = parts
        self._probe = probe
        self._depths = depths
        self._clock = clock
        self._every = every
        self._keep = keep
        self._away: dict[str, tuple[str, datetime]] = {}
        self._known_depths: tuple[datetime, Mapping[str, int]] | None = None
        self._tidied: datetime | None = None
        self._pending: asyncio.Future[Sequence[Turn] | None] | None = None
        self._log = logger("alarms")

    async def run(self, stopping: asyncio.Event) -> None:
        """Until stopped."""
        parts = self._parts
        loops = [self._repeat(stopping, self._every.total_seconds(), self.look)]
        loops += [each.run(stopping) for each in parts.deliveries]
        if parts.digests is not None or parts.log_watch is not None:
            aside = SIDE_LOOKS * self._every.total_seconds()
            loops.append(self._repeat(stopping, aside, self._digests))
            loops.append(self._repeat(stopping, aside, self._check_log))
        if parts.security is not None:
            loops.append(self._repeat(stopping, SECURITY_EVERY, self._security))
        tasks = [asyncio.create_task(each) for each in loops]
        try:
            await stopping.wait()
            parts.stop_log_watch.set()
            await asyncio.gather(*tasks)
            await asyncio.to_thread(parts.watch.give_back)
        except StoreUnavailable:
            pass  # the lease ends by itself
        finally:
            parts.stop_log_watch.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, stopping: asyncio.Event, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while not stopping.is_set():
            try:
                await work()
            except (StoreUnavailable, HubProblem) as problem:
                self._log.warning("alarms-put-off", reason=str(problem))
            except Exception:
                self._log.exception("alarms-crashed")
            await wait_for(stopping, seconds)

    # ── Looks ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def look(self) -> None:
        """One look at everything. While the database is away, that is what people are told, directly."""
        problems = await self._probe()
        now = self._clock.now()
        self._note_away(problems, now=now)
        if problems.get(DATABASE):
            await self._parts.direct.away(problems[DATABASE], now=now)
            return
        try:
            outside = Outside(away=self._away, depths=await self._depths_now(problems, now=now))
            told = await self._looked(outside, now=now)
        except StoreUnavailable as problem:
            await self._parts.direct.away(str(problem), now=now)
            return
        over = await self._parts.direct.back(now=now)
        if over is not None:
            await asyncio.to_thread(self._parts.watch.tell_afterwards, over, now=now)
        for turn in told or ():
            alarm = turn.alarm
            log = self._log.info if turn.telling is Telling.RECOVERED else self._log.warning
            log("alarm", alarm=alarm.id, kind=alarm.kind.value, subject=alarm.subject, telling=turn.telling)
        if told is not None and (self._tidied is None or now - self._tidied >= TIDY_EVERY):
            self._tidied = now
            await asyncio.to_thread(self._parts.watch.tidy, before=now - self._keep)

    async def _looked(self, outside: Outside, *, now: datetime) -> Sequence[Turn] | None:
        """A look that hangs is waited for again at the next one, not begun twice. Raises StoreUnavailable."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(asyncio.to_thread(self._parts.watch.look, outside, now=now))
        done, _ = await asyncio.wait({self._pending}, timeout=LOOK_PATIENCE)
        if not done:
            raise StoreUnavailable("no answer")
        ended, self._pending = self._pending, None
        return ended.result()

    def _note_away(self, problems: Mapping[str, str], *, now: datetime) -> None:
        """Since when each part is away. The database has its own way of being told."""
        wrong = {name: reason for name, reason in own_troubles(problems).items() if name != DATABASE}
        self._away = {name: (reason, self._away.get(name, ("", now))[1]) for name, reason in wrong.items()}

    async def _depths_now(self, problems: Mapping[str, str], *, now: datetime) -> Mapping[str, int] | None:
        known = self._known_depths
        if known is not None and timedelta(0) <= now - known[0] < DEPTHS_LOOKS * self._every:
            return known[1]
        if problems.get("broker"):
            return None
        try:
            depths = await self._depths()
        except BrokerUnavailable as problem:
            self._log.info("depths-unknown", reason=str(problem))
            return None
        self._known_depths = (now, depths)
        return depths

    # ── Beside them ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _digests(self) -> None:
        if self._parts.digests is not None:
            sent = await asyncio.to_thread(self._parts.digests, self._clock.now())
            if sent:
                self._log.info("digests", count=sent)

    async def _check_log(self) -> None:
        if self._parts.log_watch is not None:
            mark = await asyncio.to_thread(self._parts.log_watch.run)
            if mark is not None:
                self._log.info("log-checked", faults=mark.faults)

    async def _security(self) -> None:
        if self._parts.security is not None:
            try:
                await asyncio.to_thread(self._parts.security.run)
            except OSError as problem:
                self._log.warning("syslog-away", reason=type(problem).__name__)
