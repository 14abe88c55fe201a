"""An inbox that is full, missing or silent keeps nobody else waiting."""

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence

import aio_pika
import pytest

from edxml_schemas.contract import (
    DELIVER_EXCHANGE,
    QUORUM_ARGUMENTS,
    SUBMIT_EXCHANGE,
    Header,
    Urgency,
    deliver_key,
    inbox_queue,
    submit_key,
)
from router.adapters.amqp import AmqpBroker
from router.adapters.clock import SystemClock
from router.core.records import OutboxItem
from router.ports import Placement
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import AGENTS, LEFT_BEHIND
from tests.support.records import outbox_item
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
HEALTHY, SILENT, _ = AGENTS
(NARROW,) = LEFT_BEHIND
MANY = 200
FOREVER = 3600.0  # seconds; who waits for a silent inbox does not come back in this test
TEST_PATIENCE = 30.0  # seconds until a test that waits in vain fails


def items(agent: str, name: str, count: int = MANY) -> list[tuple[OutboxItem, bytes]]:
    return [(outbox_item(f"{name}-{number}", agent=agent), b"<edXML/>") for number in range(count)]


async def publish(hub: AmqpBroker, what: Sequence[tuple[OutboxItem, bytes]]) -> list[Placement]:
    async with asyncio.timeout(TEST_PATIENCE):
        return list(await hub.publish(what))


async def depth(hub: AmqpBroker, agent: str) -> int:
    found = {each.queue: each.messages for each in await hub.depths([agent])}
    return found[inbox_queue(agent, Urgency.NORMAL)]


async def test_a_full_and_a_missing_inbox_keep_nobody_waiting(broker: PrivateBroker) -> None:
    connection = await aio_pika.connect(broker.hub_url)
    channel = await connection.channel()
    queue = await channel.declare_queue(
        inbox_queue(NARROW, Urgency.NORMAL),
        durable=True,
        arguments={**QUORUM_ARGUMENTS, "x-max-length": 3},  # type: ignore[dict-item]  # texts and numbers
    )
    await queue.bind(DELIVER_EXCHANGE, deliver_key(NARROW, Urgency.NORMAL))
    hub = AmqpBroker(broker.hub_url, clock=SystemClock(), patience=FOREVER)

    async def is_full() -> bool:
        return Placement.FULL in await publish(hub, items(NARROW, "fill", 10))

    await until(is_full)
    good, full, missing = items(HEALTHY, "good"), items(NARROW, "full"), items("khong-co", "missing", 20)
    mixed = [each for group in zip(full, good, strict=True) for each in group] + missing
    placed = dict(zip([item.id for item, _ in mixed], await publish(hub, mixed), strict=True))
    assert {placed[item.id] for item, _ in good} == {Placement.CONFIRMED}
    assert {placed[item.id] for item, _ in missing} == {Placement.NO_INBOX}
    assert {placed[item.id] for item, _ in full} == {Placement.FULL}
    assert await depth(hub, HEALTHY) == MANY
    await hub.close()
    await connection.close()


async def test_a_silent_inbox_is_waited_for_once_and_nothing_comes_twice(broker: PrivateBroker) -> None:
    stuck = f"'%2F_{inbox_queue(SILENT, Urgency.NORMAL)}'"
    await asyncio.to_thread(broker.evaluate, f"sys:suspend({stuck}).")
    hub = AmqpBroker(broker.hub_url, clock=SystemClock(), patience=1.0)
    try:
        late, good = items(SILENT, "late"), items(HEALTHY, "good")
        placed = await publish(hub, [*late, *good])
        assert placed == [Placement.SILENT] * MANY + [Placement.CONFIRMED] * MANY

        hub._publishing._patience = FOREVER
        more, good = items(SILENT, "more"), items(HEALTHY, "again")
        placed = await publish(hub, [*more, *late, *good])
        assert placed == [Placement.SILENT] * 2 * MANY + [Placement.CONFIRMED] * MANY
        await relays(hub, broker)
    finally:
        await asyncio.to_thread(broker.evaluate, f"sys:resume({stuck}).")

    async def heard() -> bool:
        placed = await publish(hub, late)
        late[:] = [each for each, place in zip(late, placed, strict=True) if place is not Placement.CONFIRMED]
        return not late

    await until(heard)
    assert await publish(hub, more) == [Placement.CONFIRMED] * MANY

    async def each_once() -> bool:
        return await depth(hub, SILENT) == 2 * MANY

    await until(each_once)
    await hub.close()


async def test_a_lost_connection_ends_the_waiting_for_a_silent_inbox(broker: PrivateBroker) -> None:
    stuck = f"'%2F_{inbox_queue(SILENT, Urgency.NORMAL)}'"
    await asyncio.to_thread(broker.evaluate, f"sys:suspend({stuck}).")
    hub = AmqpBroker(broker.hub_url, clock=SystemClock(), patience=FOREVER)
    try:
        waiting = asyncio.ensure_future(hub.publish([*items(SILENT, "lost", 3), *items(HEALTHY, "sent", 3)]))

        async def sent() -> bool:
            return await depth(hub, HEALTHY) == 3

        await until(sent)
        assert not waiting.done()
        cut(hub)
        async with asyncio.timeout(TEST_PATIENCE):
            placed = await waiting
    finally:
        await asyncio.to_thread(broker.evaluate, f"sys:resume({stuck}).")
    assert list(placed) == [Placement.LOST] * 3 + [Placement.CONFIRMED] * 3
    await hub.close()


def cut(hub: AmqpBroker) -> None:
    """The TCP connection is gone without a word."""
    assert hub._connection is not None
    reader = hub._connection._guard.reader
    assert reader is not None
    socket = reader._socket._transport  # type: ignore[attr-defined]  # the stream has it, its type does not say so
    socket.abort()


async def relays(hub: AmqpBroker, broker: PrivateBroker) -> None:
    """What agents submit still arrives on the connection with the silent inbox, and can be acknowledged."""
    connection = await aio_pika.connect(broker.agent_url(HEALTHY))
    channel = await connection.channel()
    exchange = await channel.get_exchange(SUBMIT_EXCHANGE, ensure=False)
    body = b"<edXML/>"
    message = aio_pika.Message(
        body,
        message_id="s-1",
        type="edoc",
        headers={Header.DIGEST.value: hashlib.sha256(body).hexdigest(), Header.SIZE.value: len(body)},
    )
    await exchange.publish(message, submit_key(HEALTHY, Urgency.NORMAL), mandatory=True)
    await connection.close()
    async with (
        asyncio.timeout(TEST_PATIENCE),
        contextlib.aclosing(hub.submissions(Urgency.NORMAL, prefetch=1)) as arriving,
    ):
        async for delivery in arriving:
            assert delivery.submission.submission_id == "s-1"
            await hub.ack([delivery])
            break


async def test_the_channels_of_agents_that_are_not_used_are_closed(
    broker: PrivateBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.adapters.amqp_publishing.IDLE_LANES", 2)
    hub = AmqpBroker(broker.hub_url, clock=SystemClock())
    for turn in range(3):
        for agent in AGENTS:
            assert await publish(hub, items(agent, f"{turn}", 2)) == [Placement.CONFIRMED] * 2
    transport = (await hub._connected()).transport
    assert transport is not None

    async def few() -> bool:
        return len(transport.connection.channels) <= 2

    await until(few)
    assert set(transport.connection.channels) <= {1, 2, 3, 4}
    await hub.close()
