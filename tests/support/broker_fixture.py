"""RabbitMQ for tests: one private node per session, emptied before every test that asks for it.

`rabbitmq` is the node; `broker` is the same node with empty queues. Without RabbitMQ on the machine such tests
skip and say so, or fail when CI=true.
"""

import asyncio
import contextlib
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

ANSWER_TIMEOUT: Final = 10.0  # seconds until a queue that does not answer is asked on another connection
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
    """Declare what the contract wants, and purge it; delete the inboxes that a test made itself.

    Purged rather than deleted and declared anew: a quorum queue is durable only seconds after it was declared.
    A node that has just come back may not have given its queues a leader yet, and the broker may not have noticed yet
    that a consumer was killed: what that one held would come back after the purge. Asked again then.
    """

    async def emptied() -> bool:
        try:
            return await _empty(broker)
        except (aiormq.AMQPError, RuntimeError, TimeoutError):
            return False

    await until(emptied)


async def _empty(broker: PrivateBroker) -> bool:
    """Whether nobody consumed any more, so that it is empty for good."""
    connection = await aio_pika.connect(broker.hub_url, timeout=ANSWER_TIMEOUT)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            channel = await connection.channel()
            await topology.declare(channel)
            await topology.declare_inboxes(channel, broker.agents)
            amqp = await channel.get_underlay_channel()
            kept = topology.queues(broker.agents)
            stated = [await amqp.queue_declare(queue, passive=True) for queue in kept]
            for queue in kept:
                await amqp.queue_purge(queue)
            for queue in topology.queues(LEFT_BEHIND):
                if queue not in kept:
                    await amqp.queue_delete(queue)
            return not any(each.consumer_count for each in stated)
    finally:
        with contextlib.suppress(TimeoutError):  # a node that does not answer need not say goodbye
            async with asyncio.timeout(ANSWER_TIMEOUT):
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
        rabbitmq.restart()
    with ThreadPoolExecutor(1) as apart:  # the caller may be inside an event loop of its own
        apart.submit(asyncio.run, empty(rabbitmq)).result()
    return rabbitmq
