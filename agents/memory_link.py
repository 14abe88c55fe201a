"""The link to a broker inside this process: for one machine without RabbitMQ, and for tests. Nothing outlives it.

It knows the broker by its shape alone, so that agents and hub stay strangers.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, Protocol

from agents.errors import LinkUnavailable
from agents.ports import DeliveredNote, InboxDelivery, Outgoing
from agents.wire import incoming_of, report_headers, submission_headers
from edxml_schemas.contract import Urgency

AWAY_FOR: Final = 0.05  # seconds between two looks whether the broker is back


class BrokerMessage(Protocol):
    """What a delivery of the broker carries: AMQP's properties by their names."""

    @property
    def type(self) -> str | None: ...

    @property
    def headers(self) -> Mapping[str, object]: ...

    @property
    def body(self) -> bytes: ...


class BrokerDelivery(Protocol):
    @property
    def message(self) -> BrokerMessage: ...

    async def ack(self) -> None: ...

    async def requeue(self) -> None: ...


class AgentBroker(Protocol):
    """The agents' side of a broker in this process. Any exception means that the broker is away."""

    async def submit(
        self,
        agent: str,
        *,
        user_id: str | None,
        message_id: str | None,
        type: str | None,  # noqa: A002  AMQP's name for it
        urgency: str,
        headers: Mapping[str, str | int],
        body: bytes,
    ) -> None: ...

    async def report(
        self, agent: str, *, user_id: str | None, message_id: str | None, headers: Mapping[str, str | int]
    ) -> None: ...

    def inbox(self, agent: str, *, urgency: str, prefetch: int) -> AsyncGenerator[Any, None]:
        """Yields BrokerDelivery."""
        ...

    async def ping(self) -> None: ...


class MemoryLink:
    """One per agent."""

    def __init__(self, broker: AgentBroker, *, agent: str, user_id: str) -> None:
        self._broker = broker
        self._agent = agent
        self._user_id = user_id or None

    async def ready(self) -> bool:
        waited = False
        while True:
            try:
                await self._broker.ping()
            except Exception:
                waited = True
                await asyncio.sleep(AWAY_FOR)
            else:
                return waited

    async def publish(self, outgoing: Outgoing) -> None:
        with _away():
            await self._broker.submit(
                self._agent,
                user_id=self._user_id,
                message_id=outgoing.submission_id,
                type=outgoing.type.value,
                urgency=outgoing.urgency.value,
                headers=submission_headers(outgoing),
                body=outgoing.body or b"",
            )

    async def report(self, note: DeliveredNote) -> None:
        with _away():
            await self._broker.report(
                self._agent, user_id=self._user_id, message_id=note.leg_id, headers=report_headers(note)
            )

    async def deliveries(self, *, prefetch: int) -> AsyncGenerator[InboxDelivery, None]:
        arrived: asyncio.Queue[InboxDelivery | None] = asyncio.Queue()

        async def read(urgency: Urgency) -> None:
            try:
                async with contextlib.aclosing(
                    self._broker.inbox(self._agent, urgency=urgency.value, prefetch=prefetch)
                ) as inbox:
                    async for delivery in inbox:
                        arrived.put_nowait(_MemoryDelivery(delivery, urgency))
            finally:
                arrived.put_nowait(None)

        readers = [asyncio.create_task(read(urgency)) for urgency in Urgency]
        try:
            while (delivery := await arrived.get()) is not None:
                yield delivery
            raise LinkUnavailable("the broker ended the consumer")
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def close(self) -> None:
        """The broker belongs to the process."""


class _MemoryDelivery:
    def __init__(self, delivery: BrokerDelivery, urgency: Urgency) -> None:
        self._delivery = delivery
        message = delivery.message
        self.message = incoming_of(message.type, message.headers, message.body, urgency=urgency)

    async def ack(self) -> None:
        with _away():
            await self._delivery.ack()

    async def requeue(self) -> None:
        with _away():
            await self._delivery.requeue()


@contextlib.contextmanager
def _away() -> Any:
    try:
        yield
    except Exception as error:
        raise LinkUnavailable(f"{type(error).__name__}: {error}"[:300]) from error
