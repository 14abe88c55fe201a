"""What every link between agent and broker must do, on the in-process broker and on a real RabbitMQ alike."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from agents.amqp import AmqpLink
from agents.errors import LinkUnavailable
from agents.logs import logger
from agents.memory_link import MemoryLink
from agents.ports import DeliveredNote, InboxDelivery, Link, Outgoing
from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.vouched import Vouched
from router.adapters.amqp import AmqpBroker
from router.adapters.clock import SystemClock
from router.adapters.memory_broker import MemoryBroker
from router.core.records import OutboxItem, OutboxKind
from router.ports import Broker
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import AGENTS

AGENT = AGENTS[0]
NOW = datetime(2026, 5, 4, 1, 2, 3, tzinfo=UTC)
BODY = b"<edXML/>"
DIGEST = hashlib.sha256(BODY).hexdigest()
LEG = "0197a0b4-5c6d-7e8f-9a0b-1c2d3e4f5a6b"
PATIENCE = 20.0  # seconds until a test that waits in vain fails


@dataclass(frozen=True, slots=True)
class Ends:
    hub: Broker
    link: Link


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    if request.param == "memory":
        memory = MemoryBroker(clock=SystemClock(), agents=AGENTS)
        yield Ends(memory, MemoryLink(memory, agent=AGENT, user_id=AGENT))
        return
    node: PrivateBroker = request.getfixturevalue("broker")
    hub = AmqpBroker(node.hub_url, clock=SystemClock())
    link = AmqpLink(node.agent_url(AGENT), agent=AGENT, user_id=AGENT, log=logger(AGENT))
    await link.ready()
    yield Ends(hub, link)
    await link.close()
    await hub.close()


def outgoing(name: str = "s-1", *, body: bytes | None = BODY, urgency: Urgency = Urgency.NORMAL) -> Outgoing:
    return Outgoing(
        submission_id=name, type=MessageType.DOCUMENT, urgency=urgency, digest=DIGEST, size=len(BODY), body=body
    )


def item(name: str = "leg-1", *, claim: bool = False, urgency: Urgency = Urgency.NORMAL) -> tuple[OutboxItem, bytes]:
    made = OutboxItem(
        id=name,
        kind=OutboxKind.DELIVERY,
        type=MessageType.DOCUMENT,
        agent=AGENT,
        urgency=urgency,
        message_id="m-1",
        leg_id=name,
        sender="000.00.00.G22",
        recipient="000.00.00.H41",
        digest=DIGEST,
        size=len(BODY),
        claim=claim,
        created_at=NOW,
        leased_until=NOW,
    )
    return made, b"" if claim else BODY


async def first(link: Link) -> InboxDelivery:
    async with asyncio.timeout(PATIENCE), aclosing(link.deliveries(prefetch=5)) as deliveries:
        async for delivery in deliveries:
            await delivery.ack()
            return delivery
    raise AssertionError("the link ended")


@pytest.mark.parametrize("urgency", list(Urgency))
async def test_a_published_submission_reaches_the_hub_in_its_lane(ends: Ends, urgency: Urgency) -> None:
    await ends.link.publish(outgoing(urgency=urgency))
    async with asyncio.timeout(PATIENCE):
        async for delivery in ends.hub.submissions(urgency, prefetch=1):
            seen = delivery.submission
            await delivery.ack()
            break
    assert (seen.submission_id, seen.agent, seen.user_id, seen.body) == ("s-1", AGENT, AGENT, BODY)
    assert (seen.digest, seen.size, seen.urgency) == (DIGEST, len(BODY), urgency)


async def test_the_hub_hears_for_whom_the_agent_vouches(ends: Ends) -> None:
    note = Vouched(system="vxp.saas.02 «Hà Nội»", digest=DIGEST, size=7, repairs=("leading-bytes", "signature-added"))
    await ends.link.publish(replace(outgoing(), vouched=note))
    await ends.link.publish(outgoing("s-2"))
    seen: list[str] = []
    async with asyncio.timeout(PATIENCE):
        async for delivery in ends.hub.submissions(Urgency.NORMAL, prefetch=2):
            seen.append(delivery.submission.vouched)
            await delivery.ack()
            if len(seen) == 2:
                break
    assert seen == [note.encoded(), ""]


async def test_a_claim_check_carries_digest_and_size_and_no_bytes(ends: Ends) -> None:
    await ends.link.publish(outgoing(body=None))
    async with asyncio.timeout(PATIENCE):
        async for delivery in ends.hub.submissions(Urgency.NORMAL, prefetch=1):
            seen = delivery.submission
            await delivery.ack()
            break
    assert (seen.body, seen.digest, seen.size) == (None, DIGEST, len(BODY))


@pytest.mark.parametrize("urgency", list(Urgency))
async def test_a_delivery_arrives_with_everything_the_hub_said(ends: Ends, urgency: Urgency) -> None:
    await ends.hub.publish([item(urgency=urgency)])
    message = (await first(ends.link)).message
    assert message is not None
    assert (message.leg_id, message.message_id, message.body, message.digest) == ("leg-1", "m-1", BODY, DIGEST)
    assert (message.recipient, message.sender, message.urgency) == ("000.00.00.H41", "000.00.00.G22", urgency)


async def test_a_claimed_delivery_has_no_body(ends: Ends) -> None:
    await ends.hub.publish([item(claim=True)])
    message = (await first(ends.link)).message
    assert message is not None
    assert (message.body, message.size) == (None, len(BODY))


async def test_an_unacknowledged_delivery_comes_again(ends: Ends) -> None:
    await ends.hub.publish([item()])
    async with asyncio.timeout(PATIENCE), aclosing(ends.link.deliveries(prefetch=5)) as deliveries:
        async for delivery in deliveries:
            await delivery.requeue()
            break
    message = (await first(ends.link)).message
    assert message is not None
    assert message.leg_id == "leg-1"


async def test_a_report_reaches_the_hub_under_the_agents_name(ends: Ends) -> None:
    await ends.link.report(DeliveredNote(leg_id=LEG, message_id="m-1", digest=DIGEST, at=NOW))
    async with asyncio.timeout(PATIENCE):
        async for delivery in ends.hub.reports(prefetch=1):
            report = delivery.report
            await delivery.ack()
            break
    assert report is not None
    assert (report.leg_id, report.agent, report.digest) == (LEG, AGENT, DIGEST)


@pytest.mark.rabbitmq
async def test_publishing_as_somebody_else_is_refused_and_the_link_lives_on(broker: PrivateBroker) -> None:
    stranger = AmqpLink(broker.agent_url(AGENT), agent=AGENTS[1], user_id=AGENTS[1], log=logger(AGENT))
    await stranger.ready()
    for _ in range(2):
        with pytest.raises(LinkUnavailable):
            await stranger.publish(outgoing())
    await stranger.close()


@pytest.mark.rabbitmq
async def test_another_agents_inbox_cannot_be_read(broker: PrivateBroker) -> None:
    stranger = AmqpLink(broker.agent_url(AGENT), agent=AGENTS[1], user_id="", log=logger(AGENT))
    await stranger.ready()
    with pytest.raises(LinkUnavailable):
        await first(stranger)
    await stranger.close()
