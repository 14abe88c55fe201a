"""What RabbitMQ handed to the hub and waits to be answered."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import aiormq
import aiormq.abc

from router.core.records import Submission
from router.ports import BrokerUnavailable, DeliveredReport

LOST: Final = (aiormq.AMQPError, RuntimeError, OSError, TimeoutError)
"""What a lost connection looks like from below. A closed connection or channel is a plain RuntimeError in aiormq."""


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


class AmqpDelivery:
    """One unacknowledged message."""

    __slots__ = ("tag", "window")

    def __init__(self, message: aiormq.abc.DeliveredMessage, window: Window) -> None:
        self.window = window
        self.tag = tag_of(message)

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

    def __init__(self, message: aiormq.abc.DeliveredMessage, window: Window, submission: Submission) -> None:
        super().__init__(message, window)
        self._submission = submission

    @property
    def submission(self) -> Submission:
        return self._submission


class AmqpReport(AmqpDelivery):
    """`ports.ReportDelivery`."""

    __slots__ = ("_report",)

    def __init__(self, message: aiormq.abc.DeliveredMessage, window: Window, report: DeliveredReport | None) -> None:
        super().__init__(message, window)
        self._report = report

    @property
    def report(self) -> DeliveredReport | None:
        return self._report


async def ack_together(deliveries: Iterable[object]) -> None:
    """Acknowledge deliveries, those of one channel with as few answers as can be."""
    tags: dict[Window, list[int]] = {}
    for each in deliveries:
        if not isinstance(each, AmqpDelivery):
            raise TypeError(f"not a delivery of this broker: {each!r}")
        tags.setdefault(each.window, []).append(each.tag)
    for window, own in tags.items():
        await window.ack(own)


def tag_of(message: aiormq.abc.DeliveredMessage) -> int:
    return message.delivery_tag if message.delivery_tag is not None else 0
