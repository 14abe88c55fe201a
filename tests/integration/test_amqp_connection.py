"""The hub's connection to a broker that dies, comes back, loses queues, or does not know us."""

import asyncio

import pytest

from edxml_schemas.contract import Urgency, inbox_queue, ingest_queue
from router.adapters.amqp import AmqpBroker
from router.adapters.clock import SystemClock
from router.ports import BrokerUnavailable, Placement
from tests.support.broker import PrivateBroker, free_port
from tests.support.broker_fixture import AGENTS
from tests.support.records import outbox_item
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
PATIENCE = 30.0  # seconds


async def test_a_refused_password_is_told_without_the_password(broker: PrivateBroker) -> None:
    hub = AmqpBroker(broker.url("hub", "s3cret-guess"), clock=SystemClock())
    with pytest.raises(BrokerUnavailable) as told:
        await hub.ping()
    assert "s3cret-guess" not in str(told.value)
    assert "refused" in str(told.value)


async def test_nobody_listening_is_told_at_once() -> None:
    hub = AmqpBroker(f"amqp://hub:s3cret@127.0.0.1:{free_port()}/", clock=SystemClock())
    with pytest.raises(BrokerUnavailable) as told:
        await hub.ping()
    assert "s3cret" not in str(told.value)


async def test_a_killed_broker_ends_consumers_and_the_same_object_connects_anew(broker: PrivateBroker) -> None:
    hub = AmqpBroker(broker.hub_url, clock=SystemClock())
    await hub.ping()
    consumer = hub.submissions(Urgency.NORMAL, prefetch=10)
    waiting = asyncio.ensure_future(anext(consumer))
    await has_consumers(hub, 1)
    await asyncio.to_thread(broker.kill)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(BrokerUnavailable):
            await waiting
    with pytest.raises(BrokerUnavailable):
        await hub.publish([(outbox_item("1", agent=AGENTS[0]), b"x")])
    await asyncio.to_thread(broker.start)

    async def published() -> bool:
        try:
            return list(await hub.publish([(outbox_item("1", agent=AGENTS[0]), b"x")])) == [Placement.CONFIRMED]
        except BrokerUnavailable:
            return False

    await until(published)
    again = asyncio.ensure_future(anext(hub.submissions(Urgency.NORMAL, prefetch=10)))
    await has_consumers(hub, 1)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)
    assert hub.connected
    await hub.close()


async def test_what_was_confirmed_is_there_after_the_broker_was_killed(broker: PrivateBroker) -> None:
    hub = AmqpBroker(broker.hub_url, clock=SystemClock())
    items = [(outbox_item(str(number), agent=AGENTS[0]), b"x") for number in range(50)]
    assert list(await hub.publish(items)) == [Placement.CONFIRMED] * len(items)
    await asyncio.to_thread(broker.restart, graceful=False)

    async def are_there() -> bool:
        try:
            found = {each.queue: each.messages for each in await hub.depths(AGENTS)}
        except BrokerUnavailable:
            return False
        return found.get(inbox_queue(AGENTS[0], Urgency.NORMAL)) == len(items)

    await until(are_there)
    await hub.close()


async def test_a_consumer_whose_queue_is_deleted_ends_and_the_next_one_finds_it_again(broker: PrivateBroker) -> None:
    hub, other = (AmqpBroker(broker.hub_url, clock=SystemClock()) for _ in range(2))
    waiting = asyncio.ensure_future(anext(hub.submissions(Urgency.NORMAL, prefetch=10)))
    await has_consumers(other, 1)
    connection = await other._connected()
    channel = await connection.channel()
    await channel.queue_delete(ingest_queue(Urgency.NORMAL))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(BrokerUnavailable):
            await waiting
    await hub.close()
    waiting = asyncio.ensure_future(anext(hub.submissions(Urgency.NORMAL, prefetch=10)))
    await has_consumers(other, 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await hub.close()
    await other.close()


async def has_consumers(hub: AmqpBroker, wanted: int) -> None:
    async def there() -> bool:
        depths = {each.queue: each.consumers for each in await hub.depths(())}
        return depths.get(ingest_queue(Urgency.NORMAL)) == wanted

    await until(there)
