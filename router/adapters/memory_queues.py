"""Queues in one process that behave like RabbitMQ's quorum queues: window, requeue, delivery limit, dead letters."""

import asyncio
import bisect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from edxml_schemas.contract import DELIVERY_LIMIT
from router.ports import BrokerUnavailable, Clock

Headers = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMessage:
    """A message in a queue, with what AMQP would carry beside the body."""

    routing_key: str
    message_id: str | None
    type: str | None
    user_id: str | None
    headers: Headers
    body: bytes = field(repr=False)
    deliveries: int = 0
    death: "Death | None" = None


@dataclass(frozen=True, slots=True)
class Death:
    """Where, why and when a message died, in the broker's words."""

    queue: str
    reason: str
    at: datetime
    count: int = 1


class MemoryQueue:
    """One queue. What is unacknowledged comes back, in its old place, when its consumer goes away."""

    def __init__(self, name: str, *, dead: "MemoryQueue | None", clock: Clock) -> None:
        self.name = name
        self.listeners: set[Window] = set()
        self.limit: int | None = None
        self._dead = dead
        self._clock = clock
        self._waiting: list[tuple[int, MemoryMessage]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def messages(self) -> tuple[MemoryMessage, ...]:
        """What waits, first to come first."""
        return tuple(message for _, message in self._waiting)

    @property
    def full(self) -> bool:
        return self.limit is not None and len(self) >= self.limit

    def put(self, message: MemoryMessage) -> None:
        self._waiting.append((next(self._numbers), message))
        self._call()

    def put_back(self, number: int, message: MemoryMessage) -> None:
        """After a delivery that was not acknowledged; beyond the delivery limit it is a dead letter."""
        tried = replace(message, deliveries=message.deliveries + 1)
        if self._dead is not None and tried.deliveries > DELIVERY_LIMIT:
            self._die(tried, "delivery_limit")
            return
        bisect.insort(self._waiting, (number, tried), key=lambda entry: entry[0])
        self._call()

    def bury(self, message: MemoryMessage) -> None:
        self._die(message, "rejected")

    def _die(self, message: MemoryMessage, reason: str) -> None:
        if self._dead is not None:
            count = message.death.count + 1 if message.death is not None else 1
            self._dead.put(replace(message, death=Death(self.name, reason, self._clock.now(), count)))

    def take(self) -> tuple[int, MemoryMessage]:
        return self._waiting.pop(0)

    def _call(self) -> None:
        for window in self.listeners:
            window.signal.set()


class MemoryDelivery:
    """One message in a consumer's hands. A second answer is a programming error, as on AMQP."""

    def __init__(self, queue: MemoryQueue, number: int, message: MemoryMessage, window: "Window") -> None:
        self._queue = queue
        self._number = number
        self._window = window
        self.message = message
        window.held[number] = self

    @property
    def headers(self) -> Headers:
        return self.message.headers

    @property
    def type(self) -> str | None:
        return self.message.type

    @property
    def body(self) -> bytes:
        return self.message.body

    @property
    def message_id(self) -> str | None:
        return self.message.message_id

    @property
    def redelivered(self) -> bool:
        return self.message.deliveries > 0

    async def ack(self) -> None:
        self._settle()

    async def requeue(self) -> None:
        self._settle()
        self.give_back()

    async def bury(self) -> None:
        self._settle()
        self._queue.bury(self.message)

    def give_back(self) -> None:
        """Without an answer: the consumer is gone."""
        self._queue.put_back(self._number, self.message)

    def _settle(self) -> None:
        if self._window.lost:
            raise BrokerUnavailable("the delivery's connection is gone")
        if self._window.held.pop(self._number, None) is None:
            raise ValueError("this delivery was answered before")
        self._window.signal.set()


class Window:
    """What one consumer holds unanswered, at most `prefetch`. `signal` is set whenever it may be worth a look."""

    def __init__(self, prefetch: int) -> None:
        self.prefetch = prefetch
        self.held: dict[int, MemoryDelivery] = {}
        self.signal = asyncio.Event()
        self.lost = False

    def lose(self) -> None:
        """The connection is gone: everything unanswered goes back."""
        self.lost = True
        unanswered = [self.held[number] for number in sorted(self.held)]
        self.held.clear()
        for delivery in unanswered:
            delivery.give_back()
        self.signal.set()
