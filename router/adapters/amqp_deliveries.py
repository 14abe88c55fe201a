"""What RabbitMQ handed to the hub and waits to be answered."""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterable
from typing import Final

import aiormq
import aiormq.abc

from router.adapters.amqp_taps import Arrived
from router.core.dead import DeadLetter
from router.core.records import Submission
from router.ports import BrokerUnavailable, DeliveredReport

LOST: Final = (aiormq.AMQPError, RuntimeError, OSError, TimeoutError, EOFError, StopAsyncIteration)
"""What a lost connection looks like from below. A closed connection or channel is a plain RuntimeError in aiormq, and a
connection that ends before its first frame a StopAsyncIteration."""


class as_broker_unavailable(contextlib.AbstractContextManager[None]):  # noqa: N801  reads like a function where it is used
    """Turns what a lost connection looks like into BrokerUnavailable."""

    def __exit__(self, _kind: object, error: BaseException | None, _at: object) -> None:
        if isinstance(error, LOST):
            raise BrokerUnavailable(str(error) or type(error).__name__) from error


class Window:
    """The unanswered deliveries of one channel, in the order of their tags."""

    def __init__(self, channel: aiormq.abc.AbstractChannel) -> None:
        self.channel = channel
        self._open: OrderedDict[int, None] = OrderedDict()

    def opened(self, tag: int) -> None:
        self._open[tag] = None

    def answered(self, tag: int) -> None:
        self._open.pop(tag, None)

    async def ack(self, tags: Iterable[int]) -> None:
        """One answer for all up to the first gap, and one each for those beyond it: every answer costs the broker."""
        done = set(tags)
        together = 0
        for tag in self._open:
            if tag not in done:
                break
            together = tag
        single = sorted(tag for tag in done if tag > together)
        for tag in done:
            self._open.pop(tag, None)
        with as_broker_unavailable():
            if together:
                await self.channel.basic_ack(together, multiple=True, wait=False)
            for tag in single:
                await self.channel.basic_ack(tag, wait=False)


class Arrivals:
    """What one consumer was handed: `Tap` of its channel, read one by one."""

    def __init__(self, channel: aiormq.abc.AbstractChannel) -> None:
        self.window = Window(channel)
        self._arrived: deque[Arrived] = deque()
        self._changed = asyncio.Event()
        self._ended = False

    def delivered(self, message: Arrived) -> None:
        self.window.opened(message.tag)
        self._arrived.append(message)
        self._changed.set()

    def returned(self, message_id: str) -> None:
        """Nothing is published on a consumer's channel."""

    def confirmed(self, tag: int, *, multiple: bool, positive: bool) -> None:
        """Nothing is published on a consumer's channel."""

    def end(self, *_: object) -> None:
        """The channel was closed, or the broker cancelled the consumer."""
        self._ended = True
        self._changed.set()

    async def messages(self) -> AsyncIterator[Arrived]:
        """Until the consumer is ended. What had arrived by then is void."""
        while not self._ended:
            while self._arrived and not self._ended:
                yield self._arrived.popleft()
            if not self._ended:
                self._changed.clear()
                await self._changed.wait()

    async def give_back(self) -> None:
        """What nobody has read."""
        while self._arrived:
            with contextlib.suppress(*LOST):
                await self.window.channel.basic_nack(self._arrived.popleft().tag, requeue=True, wait=False)


class AmqpDelivery:
    """One unacknowledged message."""

    __slots__ = ("tag", "window")

    def __init__(self, message: Arrived, window: Window) -> None:
        self.window = window
        self.tag = message.tag

    async def ack(self) -> None:
        await self.window.ack((self.tag,))

    async def requeue(self) -> None:
        self.window.answered(self.tag)
        with as_broker_unavailable():
            await self.window.channel.basic_nack(self.tag, requeue=True, wait=False)

    async def bury(self) -> None:
        """To the dead letters at once: nobody can be answered."""
        self.window.answered(self.tag)
        with as_broker_unavailable():
            await self.window.channel.basic_reject(self.tag, requeue=False, wait=False)


class AmqpSubmission(AmqpDelivery):
    """`ports.Delivery`."""

    __slots__ = ("_submission",)

    def __init__(self, message: Arrived, window: Window, submission: Submission) -> None:
        super().__init__(message, window)
        self._submission = submission

    @property
    def submission(self) -> Submission:
        return self._submission


class AmqpReport(AmqpDelivery):
    """`ports.ReportDelivery`."""

    __slots__ = ("_report",)

    def __init__(self, message: Arrived, window: Window, report: DeliveredReport | None) -> None:
        super().__init__(message, window)
        self._report = report

    @property
    def report(self) -> DeliveredReport | None:
        return self._report


class AmqpDead(AmqpDelivery):
    """`ports.DeadDelivery`."""

    __slots__ = ("_body", "_letter")

    def __init__(self, message: Arrived, window: Window, letter: DeadLetter) -> None:
        super().__init__(message, window)
        self._letter = letter
        self._body = message.body

    @property
    def letter(self) -> DeadLetter:
        return self._letter

    @property
    def body(self) -> bytes:
        return self._body


async def ack_together(deliveries: Iterable[object]) -> None:
    """Acknowledge deliveries, those of one channel with as few answers as can be."""
    tags: dict[Window, list[int]] = {}
    for each in deliveries:
        if not isinstance(each, AmqpDelivery):
            raise TypeError(f"not a delivery of this broker: {each!r}")
        tags.setdefault(each.window, []).append(each.tag)
    for window, own in tags.items():
        await window.ack(own)
