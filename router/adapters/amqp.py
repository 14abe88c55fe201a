"""The hub's end of RabbitMQ, on aio-pika.

One plain connection, made when it is first needed. When it is lost, everything that hung on it raises
`BrokerUnavailable`, and the next call connects anew: whoever calls decides how long to wait, so that there is one
policy of waiting and none in hiding. Deliveries of a lost connection are void; the broker hands them out again.

What an agent writes into a message's header cannot end the connection: see `amqp_transport.py`.

The hot path goes below aio-pika, on the same connection: messages and confirms are taken at the socket
(`amqp_taps.py`), what is published is written there in one piece per call (`amqp_publishing.py`).
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Final

import aio_pika
import aiormq
import aiormq.abc
from aio_pika.abc import AbstractChannel, AbstractConnection
from yarl import URL

from edxml_schemas.contract import (
    DEAD_QUEUE,
    REPORT_QUEUE,
    Urgency,
    ingest_queue,
)
from router.adapters import topology, wire
from router.adapters.amqp_deliveries import (
    LOST,
    AmqpDead,
    AmqpDelivery,
    AmqpReport,
    AmqpSubmission,
    Arrivals,
    Window,
    ack_together,
    as_broker_unavailable,
)
from router.adapters.amqp_publishing import PATIENCE, Publishing
from router.adapters.amqp_taps import Arrived, Tap
from router.adapters.amqp_transport import GuardedConnection
from router.adapters.dead_wire import letter_of
from router.core.records import OutboxItem
from router.core.silence import Silences
from router.errors import redacted
from router.ports import BrokerUnavailable, Clock, DeadDelivery, Delivery, Placement, QueueDepth, ReportDelivery

CONNECT_TIMEOUT: Final = 10.0  # seconds
AT_ONCE: Final = 32  # inboxes declared together
HEARTBEAT: Final = 15  # seconds


class AmqpBroker:
    """`ports.Broker` on RabbitMQ.

    `name` is shown in the broker's list of connections; `patience` is how many seconds a call waits for the confirms of
    an inbox that does not answer.
    """

    def __init__(self, url: str, *, clock: Clock, name: str = "truc", patience: float = PATIENCE) -> None:
        self._url = url
        self._clock = clock
        self._name = name
        self._connecting = asyncio.Lock()
        self._connection: GuardedConnection | None = None
        self._patience = patience
        self._publishing = self._lanes()

    @property
    def connected(self) -> bool:
        return _alive(self._connection)

    async def submissions(self, urgency: Urgency, *, prefetch: int) -> AsyncGenerator[AmqpSubmission, None]:
        async with contextlib.aclosing(self._consume(ingest_queue(urgency), prefetch)) as consumer:
            async for message, window in consumer:
                properties = message.properties
                submission = wire.submission_of(
                    routing_key=message.routing_key,
                    submission_id=properties.message_id,
                    message_type=properties.message_type,
                    user_id=properties.user_id,
                    headers=properties.headers,
                    body=message.body,
                    redelivered=message.redelivered,
                    received_at=self._clock.now(),
                )
                if submission is None:
                    await AmqpDelivery(message, window).bury()
                else:
                    yield AmqpSubmission(message, window, submission)

    async def reports(self, *, prefetch: int) -> AsyncGenerator[AmqpReport, None]:
        async with contextlib.aclosing(self._consume(REPORT_QUEUE, prefetch)) as consumer:
            async for message, window in consumer:
                report = wire.report_of(
                    routing_key=message.routing_key,
                    message_type=message.properties.message_type,
                    headers=message.properties.headers,
                    at=self._clock.now(),
                )
                yield AmqpReport(message, window, report)

    async def dead_letters(self, *, prefetch: int) -> AsyncGenerator[AmqpDead, None]:
        async with contextlib.aclosing(self._consume(DEAD_QUEUE, prefetch)) as consumer:
            async for message, window in consumer:
                properties = message.properties
                letter = letter_of(
                    routing_key=message.routing_key,
                    message_id=properties.message_id,
                    message_type=properties.message_type,
                    user_id=properties.user_id,
                    headers=properties.headers,
                    body=message.body,
                    now=self._clock.now(),
                )
                yield AmqpDead(message, window, letter)

    async def ack(self, deliveries: Sequence[Delivery | ReportDelivery | DeadDelivery]) -> None:
        await ack_together(deliveries)

    async def publish(self, items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[Placement]:
        """What became of each. An item whose fate is unknown is published once more by whoever asks again.

        Raises BrokerUnavailable when nothing at all was confirmed because the connection was lost.
        """
        if not items:
            return ()
        with as_broker_unavailable():
            async with asyncio.timeout(2 * CONNECT_TIMEOUT):
                await self._connected()
            placed = await self._publishing.publish(items)
        if Placement.CONFIRMED not in placed:
            if Placement.LOST in placed:
                raise BrokerUnavailable("the connection was lost before anything was confirmed")
            if Placement.SILENT in placed:
                await self._be_heard()
        return placed

    async def ensure_inboxes(self, agents: Iterable[str]) -> None:
        """Each on a channel of its own: one that does not answer keeps nobody else from theirs. Raises for the failed
        ones when all others are done."""
        names = tuple(agents)
        failed: list[str] = []
        with as_broker_unavailable():
            connection = await self._connected()
            for start in range(0, len(names), AT_ONCE):
                portion = names[start : start + AT_ONCE]
                outcomes = await asyncio.gather(
                    *(self._ensure(connection, agent) for agent in portion), return_exceptions=True
                )
                for agent, outcome in zip(portion, outcomes, strict=True):
                    if isinstance(outcome, BaseException) and not isinstance(outcome, LOST):
                        raise outcome
                    if outcome is not None:
                        failed.append(f"{agent} ({outcome or type(outcome).__name__})")
        if failed:
            raise BrokerUnavailable(f"no inbox for {', '.join(failed)}")

    async def depths(self, agents: Iterable[str]) -> Sequence[QueueDepth]:
        """Of every queue that is there; one that is missing is left out."""
        found = []
        with as_broker_unavailable():
            connection = await self._connected()
            channel = await connection.channel()
            for name in topology.queues(tuple(agents)):
                try:
                    amqp = await channel.get_underlay_channel()
                    stated = await amqp.queue_declare(name, passive=True, timeout=CONNECT_TIMEOUT)
                except aiormq.ChannelNotFoundEntity:
                    channel = await connection.channel()  # the broker closes a channel that names a missing queue
                    continue
                found.append(QueueDepth(name, stated.message_count or 0, stated.consumer_count or 0))
            await _close(channel)
        return found

    async def ping(self) -> None:
        """Raises BrokerUnavailable unless the broker answers on this connection now."""
        with as_broker_unavailable():
            channel = await (await self._connected()).channel()
            amqp = await channel.get_underlay_channel()
            await amqp.queue_declare(DEAD_QUEUE, passive=True, timeout=CONNECT_TIMEOUT)
            await _close(channel)

    async def close(self) -> None:
        await self._drop()

    # ── Below ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _consume(self, queue: str, prefetch: int) -> AsyncGenerator[tuple[Arrived, Window], None]:
        with as_broker_unavailable():
            connection = await self._connected()
            channel = await connection.channel(publisher_confirms=False)
            amqp = await channel.get_underlay_channel()
            arrivals = Arrivals(amqp)
            channel.close_callbacks.add(arrivals.end)
            amqp.on_consumer_cancel_callbacks.add(arrivals.end)
            connection.tap(channel.number or 0, arrivals)
            await amqp.basic_qos(prefetch_count=prefetch, timeout=CONNECT_TIMEOUT)
            consuming = await amqp.basic_consume(queue, _untapped, timeout=CONNECT_TIMEOUT)
        try:
            async for message in arrivals.messages():
                yield message, arrivals.window
            raise BrokerUnavailable(f"the consumer of {queue} was ended")
        finally:
            # The channel stays open: what was handed out is acknowledged on it later. It goes with the connection.
            if consuming.consumer_tag is not None:
                with contextlib.suppress(*LOST):
                    await amqp.basic_cancel(consuming.consumer_tag, timeout=CONNECT_TIMEOUT)
            await arrivals.give_back()

    def _lanes(self) -> Publishing:
        """Of one connection: who was silent on the last may only have been unreachable."""
        return Publishing(self._lane, silences=Silences(), patience=self._patience)

    async def _ensure(self, connection: GuardedConnection, agent: str) -> None:
        channel = await connection.channel()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await topology.declare_inboxes(channel, (agent,))
        finally:
            await _close(channel)

    async def _lane(self, tap: Tap) -> aiormq.Channel:
        """A channel with confirms, under the lowest free number: aiormq's own choice grows beyond what is allowed."""
        connection = await self._connected()
        if connection.transport is None:
            raise BrokerUnavailable("the connection was lost")
        amqp = connection.transport.connection
        number = next(each for each in itertools.count(1) if each not in amqp.channels)
        channel = await amqp.channel(channel_number=number, publisher_confirms=True, timeout=CONNECT_TIMEOUT)
        if not isinstance(channel, aiormq.Channel):
            raise TypeError(f"not a channel of aiormq: {channel!r}")
        connection.tap(number, tap)
        return channel

    async def _be_heard(self) -> None:
        """Nobody confirmed anything: the connection is dropped unless the broker itself still answers on it."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                channel = await (await self._connected()).channel()
                await _close(channel)
        except LOST:
            await self._drop()
            raise BrokerUnavailable(f"no answer within {CONNECT_TIMEOUT:.0f} s") from None

    async def _connected(self) -> GuardedConnection:
        async with self._connecting:
            if self._connection is not None and _alive(self._connection):
                return self._connection
            await self._drop()
            url = URL(self._url)
            if "heartbeat" not in url.query:
                url = url.update_query(heartbeat=str(HEARTBEAT))
            try:
                connection = await aio_pika.connect(
                    url,
                    timeout=CONNECT_TIMEOUT,
                    client_properties={"connection_name": self._name},
                    connection_class=GuardedConnection,
                )
            except LOST as problem:
                # Not the library's own words: they may hold the URL with its password.
                raise BrokerUnavailable(f"{redacted(self._url)}: {_reason(problem)}") from None
            try:
                # A node that has just come back takes connections before its queues have a leader, and is silent then.
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    channel = await connection.channel()
                    await topology.declare(channel)
                    await _close(channel)
            except BaseException:
                await _end(connection)
                raise
            self._connection = connection
            self._publishing = self._lanes()
            return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await _end(connection)


def _reason(problem: BaseException) -> str:
    if isinstance(problem, aiormq.AuthenticationError | aiormq.exceptions.ProbableAuthenticationError):
        return "user or password refused"
    if isinstance(problem, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT:.0f} s"
    cause = problem.__cause__ if isinstance(problem.__cause__, OSError) else problem
    return (cause.strerror if isinstance(cause, OSError) and cause.strerror else "") or type(problem).__name__


async def _untapped(message: aiormq.abc.DeliveredMessage) -> None:
    """aiormq wants a consumer of its own; on a tapped channel it has nothing to do."""
    raise RuntimeError(f"a message passed the tap: {message.delivery_tag}")


def _alive(connection: AbstractConnection | None) -> bool:
    """Whether a connection can be used. aio-pika's own `is_closed` stays false when the broker died without a word."""
    if connection is None or connection.is_closed or connection.transport is None:
        return False
    return not connection.transport.connection.is_closed


async def _end(connection: AbstractConnection) -> None:
    with contextlib.suppress(*LOST):
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await connection.close()


async def _close(channel: AbstractChannel) -> None:
    """A channel that waits for a queue that does not answer does not answer either."""
    with contextlib.suppress(*LOST):
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await channel.close()
