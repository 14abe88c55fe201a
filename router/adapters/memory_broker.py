"""A broker inside one process: the same queues, rights, limits and dead letters as on RabbitMQ; nothing outlives it.

It ships as product: for the demonstration on a machine without RabbitMQ, and for tests of systems that embed hub and
agents. The hub's side is `ports.Broker`; the agents' side is `submit`, `inbox` and `report`, and knows only texts,
numbers and bytes, so that an agent needs nothing from here but these methods.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Final

from edxml_schemas.contract import (
    DEAD_QUEUE,
    REPORT_QUEUE,
    MessageType,
    Urgency,
    deliver_key,
    inbox_queue,
    ingest_queue,
    report_key,
    submit_key,
)
from router.adapters import wire
from router.adapters.dead_wire import DEATHS, letter_of
from router.adapters.memory_queues import Headers, MemoryDelivery, MemoryMessage, MemoryQueue, Window
from router.core.dead import DeadLetter
from router.core.records import OutboxItem, Submission
from router.ports import (
    BrokerUnavailable,
    Clock,
    DeadDelivery,
    DeliveredReport,
    Delivery,
    Placement,
    QueueDepth,
    ReportDelivery,
)


class AccessRefused(Exception):
    """An agent reached for what is not its own; RabbitMQ answers such with 403 ACCESS_REFUSED."""


class MemorySubmission(MemoryDelivery):
    """`ports.Delivery`."""

    def __init__(self, queue: MemoryQueue, number: int, message: MemoryMessage, window: Window, at: Submission) -> None:
        super().__init__(queue, number, message, window)
        self.submission: Final = at


class MemoryReport(MemoryDelivery):
    """`ports.ReportDelivery`."""

    def __init__(
        self, queue: MemoryQueue, number: int, message: MemoryMessage, window: Window, report: DeliveredReport | None
    ) -> None:
        super().__init__(queue, number, message, window)
        self.report: Final = report


class MemoryDead(MemoryDelivery):
    """`ports.DeadDelivery`."""

    def __init__(
        self, queue: MemoryQueue, number: int, message: MemoryMessage, window: Window, letter: DeadLetter
    ) -> None:
        super().__init__(queue, number, message, window)
        self.letter: Final = letter


class MemoryBroker:
    """`ports.Broker`, and the agents' side beside it. One event loop, no threads."""

    def __init__(self, *, clock: Clock, agents: Iterable[str] = ()) -> None:
        self._clock = clock
        self._dead = MemoryQueue(DEAD_QUEUE, dead=None, clock=clock)
        names = (REPORT_QUEUE, *(ingest_queue(urgency) for urgency in Urgency))
        self._queues = {DEAD_QUEUE: self._dead, **{name: self._queue(name) for name in names}}
        self._agents = set(agents)
        self._windows: set[Window] = set()
        self._down = False
        self._silent: set[str] = set()
        for agent in self._agents:
            self._declare_inboxes(agent)

    # ── The hub's side ──────────────────────────────────────────────────────────────────────────────────────────────

    async def submissions(self, urgency: Urgency, *, prefetch: int) -> AsyncGenerator[MemorySubmission, None]:
        async with aclosing(self._consume(ingest_queue(urgency), prefetch)) as consumer:
            async for queue, number, message, window in consumer:
                submission = wire.submission_of(
                    routing_key=message.routing_key,
                    submission_id=message.message_id,
                    message_type=message.type,
                    user_id=message.user_id,
                    headers=message.headers,
                    body=message.body,
                    redelivered=message.deliveries > 0,
                    received_at=self._clock.now(),
                )
                if submission is None:
                    queue.bury(message)
                else:
                    yield MemorySubmission(queue, number, message, window, submission)

    async def reports(self, *, prefetch: int) -> AsyncGenerator[MemoryReport, None]:
        async with aclosing(self._consume(REPORT_QUEUE, prefetch)) as consumer:
            async for queue, number, message, window in consumer:
                report = wire.report_of(
                    routing_key=message.routing_key,
                    message_type=message.type,
                    headers=message.headers,
                    at=self._clock.now(),
                )
                yield MemoryReport(queue, number, message, window, report)

    async def dead_letters(self, *, prefetch: int) -> AsyncGenerator[MemoryDead, None]:
        async with aclosing(self._consume(DEAD_QUEUE, prefetch)) as consumer:
            async for queue, number, message, window in consumer:
                letter = letter_of(
                    routing_key=message.routing_key,
                    message_id=message.message_id,
                    message_type=message.type,
                    user_id=message.user_id,
                    headers={**message.headers, DEATHS: _deaths(message)},
                    body=message.body,
                    now=self._clock.now(),
                )
                yield MemoryDead(queue, number, message, window, letter)

    async def ack(self, deliveries: Sequence[Delivery | ReportDelivery | DeadDelivery]) -> None:
        for each in deliveries:
            await each.ack()

    async def publish(self, items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[Placement]:
        self._be_up()
        placed = [Placement.NO_INBOX] * len(items)
        for parcel in wire.parcels_of(items):
            place = self._put(parcel)
            for each in parcel.places:
                placed[each] = place
        return placed

    def _put(self, parcel: wire.Parcel) -> Placement:
        item = parcel.item
        queue = self._queues.get(inbox_queue(item.agent, item.urgency))
        if queue is None:
            return Placement.NO_INBOX
        if item.agent in self._silent:
            return Placement.SILENT
        if queue.full:
            return Placement.FULL
        queue.put(
            MemoryMessage(
                routing_key=deliver_key(item.agent, item.urgency),
                message_id=item.id,
                type=item.type.value,
                user_id=None,
                headers=wire.headers_of(item),
                body=parcel.body,
            )
        )
        return Placement.CONFIRMED

    async def ensure_inboxes(self, agents: Iterable[str]) -> None:
        self._be_up()
        for agent in agents:
            self._declare_inboxes(agent)

    async def depths(self, agents: Iterable[str]) -> Sequence[QueueDepth]:
        self._be_up()
        own = {inbox_queue(agent, urgency) for agent in agents for urgency in Urgency}
        shared = {DEAD_QUEUE, REPORT_QUEUE, *(ingest_queue(urgency) for urgency in Urgency)}
        return [
            QueueDepth(each.name, len(each), len(each.listeners))
            for each in self._queues.values()
            if each.name in own | shared
        ]

    async def ping(self) -> None:
        self._be_up()

    async def close(self) -> None:
        self._lose_all()

    # ── The agents' side ────────────────────────────────────────────────────────────────────────────────────────────

    async def submit(
        self,
        agent: str,
        *,
        user_id: str | None,
        message_id: str | None,
        type: str | None,  # noqa: A002  AMQP's name for it
        urgency: str,
        headers: Headers,
        body: bytes,
        routing_key: str | None = None,
    ) -> None:
        """As the broker user `agent`. Confirmed on return. `routing_key` is for trying what must be refused."""
        self._be_agent(agent, user_id)
        key = submit_key(agent, Urgency(urgency)) if routing_key is None else routing_key
        if key not in {submit_key(agent, each) for each in Urgency}:
            raise AccessRefused(f"{agent} may not publish under {key}")
        message = MemoryMessage(
            routing_key=key, message_id=message_id, type=type, user_id=user_id, headers=dict(headers), body=body
        )
        self._queues[ingest_queue(Urgency(urgency))].put(message)

    async def report(
        self,
        agent: str,
        *,
        user_id: str | None = None,
        message_id: str | None = None,
        headers: Headers,
        routing_key: str | None = None,
    ) -> None:
        """Say that a leg is durable at the agent: headers name leg and digest. Confirmed on return."""
        self._be_agent(agent, user_id)
        key = report_key(agent) if routing_key is None else routing_key
        if key != report_key(agent):
            raise AccessRefused(f"{agent} may not report as {key}")
        self._queues[REPORT_QUEUE].put(
            MemoryMessage(
                routing_key=key,
                message_id=message_id,
                type=MessageType.DELIVERED.value,
                user_id=user_id,
                headers=dict(headers),
                body=b"",
            )
        )

    async def inbox(
        self, agent: str, *, urgency: str = Urgency.NORMAL.value, prefetch: int = 50, owner: str | None = None
    ) -> AsyncGenerator[MemoryDelivery, None]:
        """Deliveries of one inbox, with `ack` and `requeue`. `owner` is for trying what must be refused."""
        self._be_agent(agent, None)
        if owner not in {None, agent}:
            raise AccessRefused(f"{agent} may not read the inbox of {owner}")
        window: Window | None = None
        try:
            async with aclosing(self._consume(inbox_queue(agent, Urgency(urgency)), prefetch)) as consumer:
                async for queue, number, message, window in consumer:
                    yield MemoryDelivery(queue, number, message, window)
        finally:
            if window is not None:
                window.lose()  # an agent that stops reading leaves what it did not answer

    # ── Below ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def buried(self) -> tuple[MemoryMessage, ...]:
        """What waits in the dead-letter queue."""
        return self._dead.messages

    def limit_inboxes(self, agent: str, messages: int | None) -> None:
        """An agent's inboxes take no more than so many messages each."""
        for urgency in Urgency:
            self._queues[inbox_queue(agent, urgency)].limit = messages

    def fall_silent(self, agent: str) -> None:
        """As an inbox without a leader: what is published to it is not confirmed, until `speak`."""
        self._silent.add(agent)

    def speak(self, agent: str) -> None:
        self._silent.discard(agent)

    def go_down(self) -> None:
        """As a lost connection: consumers end, what they held goes back, every call raises until `come_back`."""
        self._down = True
        self._lose_all()

    def come_back(self) -> None:
        self._down = False

    async def _consume(
        self, name: str, prefetch: int
    ) -> AsyncGenerator[tuple[MemoryQueue, int, MemoryMessage, Window], None]:
        self._be_up()
        queue = self._queues.get(name)
        if queue is None:
            raise BrokerUnavailable(f"there is no queue {name}")
        window = Window(prefetch)
        self._windows.add(window)
        queue.listeners.add(window)
        try:
            while not window.lost:
                if len(queue) and len(window.held) < prefetch:
                    yield queue, *queue.take(), window
                else:
                    window.signal.clear()
                    await window.signal.wait()
            raise BrokerUnavailable(f"the consumer of {name} was ended")
        finally:
            queue.listeners.discard(window)

    def _lose_all(self) -> None:
        for window in self._windows:
            window.lose()
        self._windows.clear()

    def _declare_inboxes(self, agent: str) -> None:
        self._agents.add(agent)
        for urgency in Urgency:
            name = inbox_queue(agent, urgency)
            self._queues.setdefault(name, self._queue(name))

    def _queue(self, name: str) -> MemoryQueue:
        return MemoryQueue(name, dead=self._dead, clock=self._clock)

    def _be_up(self) -> None:
        if self._down:
            raise BrokerUnavailable("the broker is down")

    def _be_agent(self, agent: str, user_id: str | None) -> None:
        self._be_up()
        if agent not in self._agents:
            raise AccessRefused(f"there is no user {agent}")
        if user_id not in {None, agent}:
            raise AccessRefused(f"user_id {user_id} is not {agent}")


def _deaths(message: MemoryMessage) -> list[dict[str, object]]:
    """The header `x-death` as RabbitMQ writes it."""
    death = message.death
    if death is None:
        return []
    return [
        {"queue": death.queue, "reason": death.reason, "count": death.count, "time": death.at.replace(microsecond=0)}
    ]
