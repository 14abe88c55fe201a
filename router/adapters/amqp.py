"""The hub's end of RabbitMQ, on aio-pika.

One plain connection, made when it is first needed. When it is lost, everything that hung on it raises
`BrokerUnavailable`, and the next call connects anew: whoever calls decides how long to wait, so that there is one
policy of waiting and none in hiding. Deliveries of a lost connection are void; the broker hands them out again.

What an agent writes into a message's header cannot end the connection: see `amqp_transport.py`.

The hot path (publish, acknowledge, consume) goes to aiormq under aio-pika: a tenth faster, and the same connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Final

import aio_pika
import aiormq
import aiormq.abc
from aio_pika.abc import AbstractChannel, AbstractConnection
from pamqp.commands import Basic
from yarl import URL

from edxml_schemas.contract import (
    DEAD_QUEUE,
    DELIVER_EXCHANGE,
    REPORT_QUEUE,
    Urgency,
    deliver_key,
    ingest_queue,
)
from router.adapters import topology, wire
from router.adapters.amqp_deliveries import (
    LOST,
    AmqpDelivery,
    AmqpReport,
    AmqpSubmission,
    Window,
    ack_together,
    as_broker_unavailable,
    tag_of,
)
from router.adapters.amqp_transport import GuardedConnection
from router.core.records import OutboxItem
from router.errors import redacted
from router.ports import BrokerUnavailable, Clock, Delivery, QueueDepth, ReportDelivery

CONNECT_TIMEOUT: Final = 10.0  # seconds
CONFIRM_TIMEOUT: Final = 15.0  # seconds; a broker that is silent for longer is as good as gone
HEARTBEAT: Final = 15  # seconds
PERSISTENT: Final = 2


class AmqpBroker:
    """`ports.Broker` on RabbitMQ. `name` is shown in the broker's list of connections."""

    def __init__(self, url: str, *, clock: Clock, name: str = "truc") -> None:
        self._url = url
        self._clock = clock
        self._name = name
        self._connecting = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._publisher: aiormq.Channel | None = None

    @property
    def connected(self) -> bool:
        return _alive(self._connection)

    async def submissions(self, urgency: Urgency, *, prefetch: int) -> AsyncGenerator[AmqpSubmission, None]:
        async with contextlib.aclosing(self._consume(ingest_queue(urgency), prefetch)) as consumer:
            async for message, window in consumer:
                properties = message.header.properties
                submission = wire.submission_of(
                    routing_key=message.routing_key or "",
                    submission_id=properties.message_id,
                    message_type=properties.message_type,
                    user_id=properties.user_id,
                    headers=properties.headers or {},
                    body=message.body,
                    redelivered=bool(message.redelivered),
                    received_at=self._clock.now(),
                )
                if submission is None:
                    await AmqpDelivery(message, window).bury()
                else:
                    yield AmqpSubmission(message, window, submission)

    async def reports(self, *, prefetch: int) -> AsyncGenerator[AmqpReport, None]:
        async with contextlib.aclosing(self._consume(REPORT_QUEUE, prefetch)) as consumer:
            async for message, window in consumer:
                properties = message.header.properties
                report = wire.report_of(
                    routing_key=message.routing_key or "",
                    message_type=properties.message_type,
                    headers=properties.headers or {},
                    at=self._clock.now(),
                )
                yield AmqpReport(message, window, report)

    async def ack(self, deliveries: Sequence[Delivery | ReportDelivery]) -> None:
        await ack_together(deliveries)

    async def publish(self, items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[bool]:
        """Which items are in a queue now. An item whose fate is unknown counts as not; it is published once more.

        Raises BrokerUnavailable when nothing at all was confirmed because the connection was lost.
        """
        if not items:
            return ()
        with as_broker_unavailable():
            async with asyncio.timeout(2 * CONNECT_TIMEOUT):
                channel = await self._publishing()
        parcels = wire.parcels_of(items)
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT):
                outcomes = await asyncio.gather(
                    *(self._publish(channel, parcel) for parcel in parcels), return_exceptions=True
                )
        except TimeoutError:
            await self._drop()
            raise BrokerUnavailable(f"no confirm within {CONFIRM_TIMEOUT:.0f} s") from None
        pairs = zip(parcels, outcomes, strict=True)
        there = {place for parcel, outcome in pairs if outcome is True for place in parcel.places}
        confirmed = [place in there for place in range(len(items))]
        lost = [each for each in outcomes if isinstance(each, BaseException)]
        for surprise in lost:
            if not isinstance(surprise, LOST):
                raise surprise
        if lost and not any(confirmed):
            raise BrokerUnavailable(str(lost[0])) from lost[0]
        return confirmed

    async def ensure_inboxes(self, agents: Iterable[str]) -> None:
        with as_broker_unavailable():
            channel = await (await self._connected()).channel()
            try:
                async with asyncio.timeout(CONFIRM_TIMEOUT):
                    await topology.declare_inboxes(channel, agents)
            finally:
                await _close(channel)

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

    async def _consume(
        self, queue: str, prefetch: int
    ) -> AsyncGenerator[tuple[aiormq.abc.DeliveredMessage, Window], None]:
        arrived: asyncio.Queue[aiormq.abc.DeliveredMessage | None] = asyncio.Queue()

        async def take(message: aiormq.abc.DeliveredMessage) -> None:
            window.opened(tag_of(message))
            arrived.put_nowait(message)

        def end(*_: object) -> None:
            arrived.put_nowait(None)

        with as_broker_unavailable():
            channel = await (await self._connected()).channel(publisher_confirms=False)
            channel.close_callbacks.add(end)
            amqp = await channel.get_underlay_channel()
            window = Window(amqp)
            amqp.on_consumer_cancel_callbacks.add(end)
            await amqp.basic_qos(prefetch_count=prefetch, timeout=CONNECT_TIMEOUT)
            consuming = await amqp.basic_consume(queue, take, timeout=CONNECT_TIMEOUT)
        try:
            while True:
                message = await arrived.get()
                if message is None:
                    raise BrokerUnavailable(f"the consumer of {queue} was ended")
                yield message, window
        finally:
            # The channel stays open: what was handed out is acknowledged on it later. It goes with the connection.
            if consuming.consumer_tag is not None:
                with contextlib.suppress(*LOST):
                    await amqp.basic_cancel(consuming.consumer_tag, timeout=CONNECT_TIMEOUT)
            while not arrived.empty():
                unseen = arrived.get_nowait()
                if unseen is not None and unseen.delivery_tag is not None:
                    with contextlib.suppress(*LOST):
                        await amqp.basic_nack(unseen.delivery_tag, requeue=True, wait=False)

    async def _publish(self, channel: aiormq.Channel, parcel: wire.Parcel) -> bool:
        item = parcel.item
        properties = Basic.Properties(
            content_type="application/xml",
            headers={**wire.headers_of(item)},
            delivery_mode=PERSISTENT,
            message_id=item.id,
            message_type=item.type.value,
        )
        try:
            answer = await channel.basic_publish(
                parcel.body,
                exchange=DELIVER_EXCHANGE,
                routing_key=deliver_key(item.agent, item.urgency),
                properties=properties,
                mandatory=True,
                wait=False,
            )
        except aiormq.DeliveryError:
            return False  # returned (no such inbox) or refused (the inbox is full): it stays in the outbox
        return isinstance(answer, Basic.Ack)

    async def _publishing(self) -> aiormq.Channel:
        connection = await self._connected()
        if self._publisher is None or self._publisher.is_closed:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            amqp = await channel.get_underlay_channel()
            if not isinstance(amqp, aiormq.Channel):
                raise TypeError(f"not a channel of aiormq: {amqp!r}")
            self._publisher = amqp
        return self._publisher

    async def _connected(self) -> AbstractConnection:
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
            self._connection, self._publisher = connection, None
            return connection

    async def _drop(self) -> None:
        connection, self._connection, self._publisher = self._connection, None, None
        if connection is not None:
            await _end(connection)


def _reason(problem: BaseException) -> str:
    if isinstance(problem, aiormq.AuthenticationError | aiormq.exceptions.ProbableAuthenticationError):
        return "user or password refused"
    if isinstance(problem, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT:.0f} s"
    cause = problem.__cause__ if isinstance(problem.__cause__, OSError) else problem
    return (cause.strerror if isinstance(cause, OSError) and cause.strerror else "") or type(problem).__name__


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
    with contextlib.suppress(*LOST):
        await channel.close()
