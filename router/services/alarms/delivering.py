"""Notices on their way: each channel takes its own, one after the other, and none waits for another channel."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from router.core.notices import Notice, NoticeState, delivered, failed
from router.logs import logger
from router.ports import Clock, StoreUnavailable
from router.ports.alarms import AlarmBook, Channel, NotTaken
from router.services.work.intake import wait_for

PORTION: Final = 10
EVERY: Final = 5.0  # seconds between two looks for what is due
LEASE_FOR: Final = timedelta(minutes=15)
"""Longer than a portion can take: each notice ends within the channel's patience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a portion came to."""

    sent: int
    failed: int


class Delivery:
    """Carries the notices of one channel. Nothing that goes wrong ends it."""

    def __init__(
        self, book: AlarmBook, channel: Channel, *, clock: Clock, give_up_after: timedelta, every: float = EVERY
    ) -> None:
        self._book = book
        self._channel = channel
        self._clock = clock
        self._give_up_after = give_up_after
        self._every = every
        self._log = logger("alarms", channel=channel.name)

    async def run(self, stopping: asyncio.Event) -> None:
        """Until stopped. What is being sent then is finished within the channel's patience."""
        while not stopping.is_set():
            try:
                carried = await self.portion()
            except StoreUnavailable as problem:
                self._log.warning("notices-not-read", reason=str(problem))
                carried = Carried(sent=0, failed=0)
            except Exception:
                self._log.exception("notices-crashed")
                carried = Carried(sent=0, failed=0)
            if carried.sent < PORTION:
                await wait_for(stopping, self._every)

    async def portion(self) -> Carried:
        """What is due now, once each. The first failure leaves the rest for later: the way is probably closed."""
        name, now = self._channel.name, self._clock.now()
        due = await asyncio.to_thread(self._book.due_notices, name, now=now, lease_for=LEASE_FOR, limit=PORTION)
        sent = 0
        for place, notice in enumerate(due):
            after = await self._send(notice)
            await asyncio.to_thread(self._book.settle, after)
            if after.state is not NoticeState.SENT:
                await self._put_off(due[place + 1 :])
                return Carried(sent=sent, failed=1)
            sent += 1
        return Carried(sent=sent, failed=0)

    async def _put_off(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            await asyncio.to_thread(self._book.settle, notice)

    async def _send(self, notice: Notice) -> Notice:
        try:
            await self._channel.send(notice)
        except NotTaken as problem:
            after = failed(
                notice,
                str(problem),
                now=self._clock.now(),
                give_up_after=self._give_up_after,
                wait=problem.wait,
            )
            self._log.warning("notice-not-sent", notice=notice.id, attempts=after.attempts, reason=after.problem)
            return after
        self._log.info("notice-sent", notice=notice.id, kind=notice.kind.value)
        return delivered(notice)
