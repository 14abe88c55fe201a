"""What the broker itself keeps an agent from, whatever its software tries."""

from collections.abc import AsyncIterator

import aio_pika
import aiormq
import pytest
from aio_pika.abc import AbstractChannel

from edxml_schemas.contract import (
    DEAD_QUEUE,
    DELIVER_EXCHANGE,
    REPORT_EXCHANGE,
    REPORT_QUEUE,
    SUBMIT_EXCHANGE,
    Urgency,
    deliver_key,
    inbox_queue,
    ingest_queue,
    submit_key,
)
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import AGENTS

pytestmark = pytest.mark.rabbitmq
OWN, OTHER, _ = AGENTS
REFUSED = aiormq.ChannelAccessRefused


@pytest.fixture
async def channel(broker: PrivateBroker) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(broker.agent_url(OWN))
    yield await connection.channel(on_return_raises=True)
    await connection.close()


async def publish(channel: AbstractChannel, exchange: str, key: str, *, user_id: str | None = None) -> None:
    where = await channel.get_exchange(exchange, ensure=False)
    await where.publish(aio_pika.Message(b"x", user_id=user_id), key, mandatory=True, timeout=20)


@pytest.mark.parametrize("urgency", Urgency)
async def test_an_agent_publishes_under_its_own_name(channel: AbstractChannel, urgency: Urgency) -> None:
    await publish(channel, SUBMIT_EXCHANGE, submit_key(OWN, urgency), user_id=OWN)
    await publish(channel, REPORT_EXCHANGE, OWN)


@pytest.mark.parametrize(
    ("exchange", "key"),
    [
        (SUBMIT_EXCHANGE, submit_key(OTHER, Urgency.NORMAL)),
        (SUBMIT_EXCHANGE, f"normal.{OWN}.more"),
        (SUBMIT_EXCHANGE, OWN),
        (REPORT_EXCHANGE, OTHER),
        (DELIVER_EXCHANGE, deliver_key(OTHER, Urgency.NORMAL)),
        (DELIVER_EXCHANGE, deliver_key(OWN, Urgency.NORMAL)),
        ("", inbox_queue(OTHER, Urgency.NORMAL)),
        ("edxml.dead", ""),
    ],
)
async def test_an_agent_publishes_nowhere_else(channel: AbstractChannel, exchange: str, key: str) -> None:
    with pytest.raises(REFUSED):
        await publish(channel, exchange, key)


async def test_a_borrowed_user_id_is_refused(channel: AbstractChannel) -> None:
    with pytest.raises(aiormq.ChannelPreconditionFailed):
        await publish(channel, SUBMIT_EXCHANGE, submit_key(OWN, Urgency.NORMAL), user_id=OTHER)


@pytest.mark.parametrize(
    "queue",
    [inbox_queue(OTHER, Urgency.NORMAL), ingest_queue(Urgency.NORMAL), REPORT_QUEUE, DEAD_QUEUE],
)
async def test_an_agent_reads_its_own_inboxes_only(channel: AbstractChannel, queue: str) -> None:
    amqp = await channel.get_underlay_channel()
    with pytest.raises(REFUSED):
        await amqp.basic_get(queue)


@pytest.mark.parametrize("urgency", Urgency)
async def test_an_agent_reads_both_of_its_inboxes(channel: AbstractChannel, urgency: Urgency) -> None:
    amqp = await channel.get_underlay_channel()
    assert not (await amqp.basic_get(inbox_queue(OWN, urgency))).body


async def test_an_agent_declares_no_queue(channel: AbstractChannel) -> None:
    amqp = await channel.get_underlay_channel()
    with pytest.raises(REFUSED):
        await amqp.queue_declare("edxml.inbox.mine", durable=True)


async def test_an_agent_deletes_not_even_its_own_inbox(channel: AbstractChannel) -> None:
    amqp = await channel.get_underlay_channel()
    with pytest.raises(REFUSED):
        await amqp.queue_delete(inbox_queue(OWN, Urgency.NORMAL))


async def test_an_agent_cannot_listen_in_on_what_others_submit(channel: AbstractChannel) -> None:
    amqp = await channel.get_underlay_channel()
    with pytest.raises(REFUSED):
        await amqp.queue_bind(inbox_queue(OWN, Urgency.NORMAL), SUBMIT_EXCHANGE, "#")


async def test_a_wrong_password_opens_nothing(broker: PrivateBroker) -> None:
    with pytest.raises(aiormq.AMQPConnectionError):
        await aio_pika.connect(broker.url(OWN, "guessed"))
