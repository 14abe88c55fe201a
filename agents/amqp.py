"""The link over AMQP 0-9-1 (RabbitMQ). An agent declares nothing: what it may not declare, it must not try to.

Publishing and each lane of the inbox have channels of their own, so that a refused publish, which costs its channel,
sends no delivery back.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import AMQPError, DeliveryError
from structlog.typing import FilteringBoundLogger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from agents.errors import LinkUnavailable
from agents.ports import DeliveredNote, InboxDelivery, Outgoing
from agents.wire import incoming_of, report_headers, submission_headers
from edxml_schemas.contract import (
    REPORT_EXCHANGE,
    SUBMIT_EXCHANGE,
    MessageType,
    Urgency,
    inbox_queue,
    report_key,
    submit_key,
)
from edxml_schemas.names import MEDIA_TYPE

CONFIRM_TIMEOUT: Final = 60.0  # seconds until a missing confirm counts as a lost broker
CONNECT_TIMEOUT: Final = 10.0  # seconds

_BROKEN: Final = (
    AMQPError,
    DeliveryError,
    ConnectionError,
    OSError,
    TimeoutError,
    RuntimeError,
    EOFError,
    StopAsyncIteration,
)
"""What aio-pika raises when broker, connection or channel are gone; RuntimeError is its word for a closed channel,
StopAsyncIteration for a connection that ended before its first frame."""


class AmqpLink:
    """Connects when first used and reconnects whenever it must. `user_id` empty: messages do not state one."""

    def __init__(self, url: str, *, agent: str, user_id: str, log: FilteringBoundLogger) -> None:
        self._url = url
        self._agent = agent
        self._user_id = user_id or None
        self._log = log
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._connecting = asyncio.Lock()
        self._opening = asyncio.Lock()

    async def ready(self) -> bool:
        if self._alive():
            return False
        async with self._connecting:
            if self._alive():
                return False
            await self.close()  # what is left of a lost connection
            self._channel = None
            async for attempt in AsyncRetrying(
                wait=wait_exponential_jitter(multiplier=0.2, max=10.0, jitter=0.3),
                retry=retry_if_exception_type(_BROKEN),
                before_sleep=self._tell,
            ):
                with attempt:
                    self._connection = await self._connect()
        self._log.info("connected")
        return True

    async def _connect(self) -> AbstractConnection:
        try:
            return await aio_pika.connect(
                self._url, timeout=CONNECT_TIMEOUT, client_properties={"connection_name": self._agent}
            )
        except _BROKEN:
            # `asyncio.wait_for` of Python 3.11, which the library uses, tells of a failure instead of a cancellation
            # when both come at once; whoever was told to stop would try for ever.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from None
            raise

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._log.warning("broker.away", attempt=state.attempt_number, reason=type(error).__name__)

    def _alive(self) -> bool:
        # `is_closed` only tells of a close of our own; a lost broker clears `connected`.
        return self._connection is not None and self._connection.connected.is_set() and not self._connection.is_closed

    async def publish(self, outgoing: Outgoing) -> None:
        message = aio_pika.Message(
            outgoing.body or b"",
            message_id=outgoing.submission_id,
            type=outgoing.type.value,
            headers={**submission_headers(outgoing)},
            content_type=MEDIA_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            timestamp=datetime.now(UTC),
            user_id=self._user_id,
            app_id=self._agent,
        )
        await self._confirmed(message, SUBMIT_EXCHANGE, submit_key(self._agent, outgoing.urgency))

    async def report(self, note: DeliveredNote) -> None:
        message = aio_pika.Message(
            b"",
            message_id=note.leg_id,
            type=MessageType.DELIVERED.value,
            headers={**report_headers(note)},
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            timestamp=note.at,
            user_id=self._user_id,
            app_id=self._agent,
        )
        await self._confirmed(message, REPORT_EXCHANGE, report_key(self._agent))

    async def _confirmed(self, message: aio_pika.Message, exchange_name: str, key: str) -> None:
        try:
            exchange = await self._exchange(exchange_name)
            # Mandatory, with returns raised: else a message that no queue takes would be confirmed in silence.
            await exchange.publish(message, key, mandatory=True, timeout=CONFIRM_TIMEOUT)
        except _BROKEN as error:
            raise LinkUnavailable(_reason(error)) from error

    async def _exchange(self, name: str) -> AbstractExchange:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._open().channel(publisher_confirms=True, on_return_raises=True)
        return await self._channel.get_exchange(name, ensure=False)

    def _open(self) -> AbstractConnection:
        if self._connection is None or not self._alive():
            raise LinkUnavailable("not connected")
        return self._connection

    async def deliveries(self, *, prefetch: int) -> AsyncGenerator[InboxDelivery, None]:
        """Ends with LinkUnavailable when the connection, or one of the channels, is gone."""
        arrived: asyncio.Queue[InboxDelivery | None] = asyncio.Queue()
        consumed: list[tuple[AbstractQueue, str]] = []
        channels: list[AbstractChannel] = []

        def broken(*_: object) -> None:
            arrived.put_nowait(None)

        try:
            for urgency in Urgency:

                async def arrive(message: AbstractIncomingMessage, urgency: Urgency = urgency) -> None:
                    arrived.put_nowait(_AmqpDelivery(message, urgency))

                channel = await self._open().channel()
                channels.append(channel)
                channel.close_callbacks.add(broken)
                await channel.set_qos(prefetch_count=prefetch)
                queue = await channel.get_queue(inbox_queue(self._agent, urgency), ensure=False)
                consumed.append((queue, await queue.consume(arrive)))
            while (delivery := await arrived.get()) is not None:
                yield delivery
            raise LinkUnavailable("the broker closed the channel")
        except _BROKEN as error:
            raise LinkUnavailable(_reason(error)) from error
        finally:
            await _close_all(consumed, channels)

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*_BROKEN):
                await self._connection.close()


class _AmqpDelivery:
    def __init__(self, message: AbstractIncomingMessage, urgency: Urgency) -> None:
        self._message = message
        self.message = incoming_of(
            message.type, message.headers, message.body, urgency=urgency, redelivered=bool(message.redelivered)
        )

    async def ack(self) -> None:
        try:
            await self._message.ack()
        except _BROKEN as error:
            raise LinkUnavailable(_reason(error)) from error

    async def requeue(self) -> None:
        try:
            await self._message.nack(requeue=True)
        except _BROKEN as error:
            raise LinkUnavailable(_reason(error)) from error


async def _close_all(consumed: list[tuple[AbstractQueue, str]], channels: list[AbstractChannel]) -> None:
    with contextlib.suppress(*_BROKEN):
        for queue, tag in consumed:
            if not queue.channel.is_closed:
                await queue.cancel(tag)
        for channel in channels:
            if not channel.is_closed:
                await channel.close()


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]
