"""RabbitMQ for tests: one private node per session, emptied before every test that asks for it.

`rabbitmq` is the node; `broker` is the same node with fresh, empty queues. Without RabbitMQ on the machine such tests
skip and say so, or fail when CI=true.
"""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import aio_pika
import aiormq
import pytest

from router.adapters import topology
from tests.support.broker import SERVER, PrivateBroker, answers, available
from tests.support.waiting import until

AGENTS: Final = ("so-y-te", "so-xay-dung", "so-tu-phap")
"""Agents that the session's node knows. Their inboxes are there in every test."""

LEFT_BEHIND: Final = ("moi-den",)
"""Agents whose inboxes some test declares itself."""


def needs_rabbitmq() -> None:
    """Skips the calling test with the reason, or fails it when CI=true."""
    if available():
        return
    reason = f"no RabbitMQ on this machine: {SERVER} or epmd is missing (apt-get install rabbitmq-server)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


async def empty(broker: PrivateBroker) -> None:
    """Delete every queue of the contract and declare the topology anew.

    A node that has just come back may take connections before its quorum queues have a leader: asked again then.
    """

    async def emptied() -> bool:
        try:
            await _empty(broker)
        except (aiormq.AMQPError, RuntimeError, TimeoutError):
            return False
        return True

    await until(emptied, patience=10)


async def _empty(broker: PrivateBroker) -> None:
    connection = await aio_pika.connect(broker.hub_url)
    try:
        channel = await connection.channel()
        amqp = await channel.get_underlay_channel()
        for queue in topology.queues((*broker.agents, *LEFT_BEHIND)):
            await amqp.queue_delete(queue)
        await topology.declare(channel)
        await topology.declare_inboxes(channel, broker.agents)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[PrivateBroker]:
    """A private node that lives as long as the session."""
    needs_rabbitmq()
    with PrivateBroker(agents=AGENTS) as node:
        yield node


@pytest.fixture
def broker(rabbitmq: PrivateBroker) -> PrivateBroker:
    """The session's node, alive, with empty queues."""
    if not answers(rabbitmq.port):
        rabbitmq.start_afresh()
    with ThreadPoolExecutor(1) as apart:  # the caller may be inside an event loop of its own
        try:
            apart.submit(asyncio.run, empty(rabbitmq)).result()
        except TimeoutError:  # queues that were made anew just before a kill may stay without a leader
            rabbitmq.start_afresh()
            apart.submit(asyncio.run, empty(rabbitmq)).result()
    return rabbitmq
