"""What comes from the broker, in the order in which it is to be handled: urgent before normal, reports beside them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final, TypeVar, cast

from edxml_schemas.contract import Urgency
from router.logs import logger
from router.ports import Broker, BrokerUnavailable, DeadDelivery, Delivery, ReportDelivery

Item = TypeVar("Item")

DEAD_PREFETCH: Final = 4
"""Dead letters in hand: rare, in no hurry, and as large as the broker allows."""
MORE_DEAD: Final = 0.2  # seconds to wait for the next one
FIRST_PAUSE: Final = 0.2  # seconds before the second try
LONGEST_PAUSE: Final = 5.0  # seconds


class Backoff:
    """Pauses that double, ended early by the stop signal."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._pause = FIRST_PAUSE

    def reset(self) -> None:
        self._pause = FIRST_PAUSE

    async def pause(self) -> None:
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        await wait_for(self._stopping, pause)


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came within this time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


class Intake:
    """Lanes of submissions, reports and dead letters, filled by consumers that come back after the broker was lost.

    What is here is in no other worker's hands; `prefetch` of the consumers bounds it. When a consumer ends because the
    connection is gone, what it brought is void (the broker hands it out again) and is forgotten here.
    """

    def __init__(self, broker: Broker, *, prefetch: int, stopping: asyncio.Event, dead_letters: bool = False) -> None:
        """With `dead_letters`, the dead-letter queue is consumed, too."""
        self._broker = broker
        self._with_dead = dead_letters
        self._prefetch = prefetch
        self._stopping = stopping
        self._lanes: dict[Urgency, deque[Delivery]] = {urgency: deque() for urgency in (Urgency.URGENT, Urgency.NORMAL)}
        self._reports: deque[ReportDelivery] = deque()
        self._dead: deque[DeadDelivery] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._dead_changed = asyncio.Event()
        self.changed = asyncio.Event()

    def start(self) -> None:
        """Begin to consume."""
        for urgency, lane in self._lanes.items():
            self._tasks.append(asyncio.create_task(self._fill(lane, self._opener(urgency), urgency.value)))
        self._tasks.append(
            asyncio.create_task(
                self._fill(self._reports, lambda: self._broker.reports(prefetch=self._prefetch * 2), "reports")
            )
        )

        if self._with_dead:
            dead = self._fill(
                self._dead, lambda: self._broker.dead_letters(prefetch=DEAD_PREFETCH), "dead", self._dead_changed
            )
            self._tasks.append(asyncio.create_task(dead))

    async def stop(self) -> None:
        """Consume no more. What was handed out stays, to be finished."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self.changed.set()

    @property
    def waiting(self) -> bool:
        return bool(self._reports) or any(self._lanes.values())

    @property
    def submissions_waiting(self) -> bool:
        return any(self._lanes.values())

    def take_submissions(self, *, messages: int, size: int) -> list[Delivery]:
        """What is there now, urgent first, up to so many messages and bytes; one is always taken.

        A claim check counts as what it stands for: its bytes are in memory from its examination to its commit.
        """
        taken: list[Delivery] = []
        total = 0
        for lane in self._lanes.values():
            while lane and len(taken) < messages:
                submission = lane[0].submission
                total += submission.size if submission.body is None else len(submission.body)
                if taken and total > size:
                    return taken
                taken.append(lane.popleft())
        return taken

    def put_off(self, delivery: Delivery) -> None:
        """Comes again after a while, behind what is there then. It stays in this worker's hands."""
        asyncio.get_running_loop().call_later(LONGEST_PAUSE, self._again, delivery)

    def _again(self, delivery: Delivery) -> None:
        self._lanes[delivery.submission.urgency].append(delivery)
        self.changed.set()

    def take_reports(self, limit: int) -> list[ReportDelivery]:
        return [self._reports.popleft() for _ in range(min(limit, len(self._reports)))]

    async def take_dead(self) -> list[DeadDelivery]:
        """What is there, or comes within a moment."""
        if not self._dead and self._with_dead:
            self._dead_changed.clear()
            await wait_for(self._dead_changed, MORE_DEAD)
        taken = list(self._dead)
        self._dead.clear()
        return taken

    def _opener(self, urgency: Urgency) -> Callable[[], AsyncIterator[Delivery]]:
        return lambda: self._broker.submissions(urgency, prefetch=self._prefetch)

    async def _fill(
        self,
        lane: deque[Item],
        consume: Callable[[], AsyncIterator[Item]],
        name: str,
        changed: asyncio.Event | None = None,
    ) -> None:
        changed = changed or self.changed
        backoff = Backoff(self._stopping)
        log = logger("intake", lane=name)
        while not self._stopping.is_set():
            try:
                # The brokers' iterators are generators; closing one at once is what ends its consumer.
                async with aclosing(cast("AsyncGenerator[Item, None]", consume())) as arriving:
                    async for delivery in arriving:
                        backoff.reset()
                        lane.append(delivery)
                        changed.set()
            except BrokerUnavailable as problem:
                lane.clear()
                log.warning("broker-lost", reason=str(problem))
                await backoff.pause()
            except Exception:
                # A lane that ended in silence would leave a worker that lives and takes nothing.
                lane.clear()
                log.exception("intake-crashed")
                await backoff.pause()
