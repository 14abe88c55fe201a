"""What every broker must do, on the in-process one and on a real RabbitMQ alike."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol, cast

import aio_pika
import aiormq
import pytest

from edxml_schemas.contract import (
    CLAIM_THRESHOLD,
    DEAD_QUEUE,
    DELIVER_EXCHANGE,
    DELIVERY_LIMIT,
    QUORUM_ARGUMENTS,
    REPORT_EXCHANGE,
    REPORT_QUEUE,
    SUBMIT_EXCHANGE,
    Header,
    MessageType,
    Urgency,
    deliver_key,
    inbox_queue,
    ingest_queue,
    submit_key,
    unbundled,
)
from router.adapters.amqp import AmqpBroker
from router.adapters.clock import SystemClock
from router.adapters.memory_broker import AccessRefused, MemoryBroker
from router.core.dead import DeadKind
from router.core.ids import leg_id_of
from router.core.records import OutboxItem, OutboxKind
from router.ports import Broker, BrokerUnavailable, DeadDelivery, Delivery, Placement
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import AGENTS
from tests.support.waiting import until

HEALTH, BUILDING, _ = AGENTS
PATIENCE = 20.0  # seconds until a test that waits in vain fails
NOW = datetime(2026, 5, 4, 1, 2, 3, tzinfo=UTC)
BODY = b"<edXML/>"
DIGEST = hashlib.sha256(BODY).hexdigest()
LEG = leg_id_of("m-1", "H90")
GOOD: dict[str, str | int] = {Header.DIGEST.value: DIGEST, Header.SIZE.value: len(BODY)}


class Agents(Protocol):
    """Agents and the dead letters, seen from outside the hub."""

    async def submit(
        self,
        agent: str,
        message_id: str | None,
        *,
        urgency: Urgency = Urgency.NORMAL,
        type: str | None = "edoc",  # noqa: A002  AMQP's name for it
        user_id: str | None = None,
        headers: dict[str, str | int] | None = None,
        body: bytes = BODY,
        routing_key: str | None = None,
    ) -> None: ...

    async def report(self, agent: str, headers: dict[str, str | int]) -> None: ...

    async def read(self, agent: str, *, owner: str) -> "Received": ...

    async def dead(self) -> int: ...

    async def narrow_inbox(self, agent: str, messages: int) -> None:
        """Declare an inbox that takes no more than so many."""
        ...


class Received:
    """One message out of an inbox."""

    def __init__(self, message_id: str | None, kind: str | None, headers: dict[str, object], body: bytes) -> None:
        self.message_id, self.kind, self.headers, self.body = message_id, kind, headers, body


class Refused(Exception):
    """The broker did not let an agent do it."""


class MemoryAgents:
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def submit(
        self,
        agent: str,
        message_id: str | None,
        *,
        urgency: Urgency = Urgency.NORMAL,
        type: str | None = "edoc",  # noqa: A002
        user_id: str | None = None,
        headers: dict[str, str | int] | None = None,
        body: bytes = BODY,
        routing_key: str | None = None,
    ) -> None:
        try:
            await self._broker.submit(
                agent,
                user_id=user_id,
                message_id=message_id,
                type=type,
                urgency=urgency.value,
                headers=GOOD if headers is None else headers,
                body=body,
                routing_key=routing_key,
            )
        except AccessRefused as problem:
            raise Refused from problem

    async def report(self, agent: str, headers: dict[str, str | int]) -> None:
        await self._broker.report(agent, headers=headers)

    async def read(self, agent: str, *, owner: str) -> Received:
        try:
            async with contextlib.aclosing(self._broker.inbox(agent, owner=owner)) as inbox:
                async for each in inbox:
                    await each.ack()
                    return Received(each.message_id, each.type, dict(each.headers), each.body)
        except AccessRefused as problem:
            raise Refused from problem
        raise AssertionError("an inbox does not end")

    async def dead(self) -> int:
        return len(self._broker.buried)

    async def narrow_inbox(self, agent: str, messages: int) -> None:
        await self._broker.ensure_inboxes([agent])
        self._broker.limit_inboxes(agent, messages)


class AmqpAgents:
    def __init__(self, node: PrivateBroker) -> None:
        self._node = node

    async def _publish(self, agent: str, exchange: str, key: str, message: aio_pika.Message) -> None:
        connection = await aio_pika.connect(self._node.agent_url(agent))
        try:
            channel = await connection.channel(on_return_raises=True)
            where = await channel.get_exchange(exchange, ensure=False)
            await where.publish(message, key, mandatory=True, timeout=PATIENCE)
        except (aiormq.ChannelAccessRefused, aiormq.ChannelPreconditionFailed) as problem:
            raise Refused from problem
        finally:
            await connection.close()

    async def submit(
        self,
        agent: str,
        message_id: str | None,
        *,
        urgency: Urgency = Urgency.NORMAL,
        type: str | None = "edoc",  # noqa: A002
        user_id: str | None = None,
        headers: dict[str, str | int] | None = None,
        body: bytes = BODY,
        routing_key: str | None = None,
    ) -> None:
        message = aio_pika.Message(
            body,
            message_id=message_id,
            type=type,
            user_id=user_id,
            headers={**(GOOD if headers is None else headers)},
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        key = submit_key(agent, urgency) if routing_key is None else routing_key
        await self._publish(agent, SUBMIT_EXCHANGE, key, message)

    async def report(self, agent: str, headers: dict[str, str | int]) -> None:
        message = aio_pika.Message(b"", type=MessageType.DELIVERED.value, headers={**headers})
        await self._publish(agent, REPORT_EXCHANGE, agent, message)

    async def read(self, agent: str, *, owner: str) -> Received:
        connection = await aio_pika.connect(self._node.agent_url(agent))
        try:
            channel = await connection.channel()
            queue = await channel.get_queue(inbox_queue(owner, Urgency.NORMAL), ensure=False)
            arrived: asyncio.Future[aio_pika.abc.AbstractIncomingMessage] = asyncio.get_running_loop().create_future()

            async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
                arrived.set_result(message)

            await channel.set_qos(prefetch_count=1)
            await queue.consume(take)
            message = await arrived
            await message.ack()
            return Received(message.message_id, message.type, dict(message.headers), message.body)
        except aiormq.ChannelAccessRefused as problem:
            raise Refused from problem
        finally:
            await connection.close()

    async def dead(self) -> int:
        connection = await aio_pika.connect(self._node.hub_url)
        try:
            channel = await connection.channel()
            queue = await channel.declare_queue(DEAD_QUEUE, passive=True)
            return queue.declaration_result.message_count or 0
        finally:
            await connection.close()

    async def narrow_inbox(self, agent: str, messages: int) -> None:
        connection = await aio_pika.connect(self._node.hub_url)
        try:
            channel = await connection.channel()
            arguments = {**QUORUM_ARGUMENTS, "x-max-length": messages}
            for urgency in Urgency:
                queue = await channel.declare_queue(inbox_queue(agent, urgency), durable=True, arguments=arguments)  # type: ignore[arg-type]  # texts and numbers
                await queue.bind(DELIVER_EXCHANGE, deliver_key(agent, urgency))
        finally:
            await connection.close()


@pytest.fixture(params=["memory", pytest.param("amqp", marks=pytest.mark.rabbitmq)])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Broker, Agents]]:
    """The hub's end and the agents' end of one broker."""
    if request.param == "memory":
        memory = MemoryBroker(clock=SystemClock(), agents=AGENTS)
        yield memory, MemoryAgents(memory)
        await memory.close()
        return
    node: PrivateBroker = request.getfixturevalue("broker")
    amqp = AmqpBroker(node.hub_url, clock=SystemClock())
    yield amqp, AmqpAgents(node)
    await amqp.close()


async def first(broker: Broker, urgency: Urgency = Urgency.NORMAL) -> Delivery:
    """The next submission; the consumer is closed, what it handed out can still be answered."""
    async with asyncio.timeout(PATIENCE):
        async for delivery in broker.submissions(urgency, prefetch=1):
            return delivery
    raise AssertionError("submissions do not end")


async def depth(broker: Broker, queue: str) -> int:
    return {each.queue: each.messages for each in await broker.depths(AGENTS)}[queue]


async def until_depth(broker: Broker, queue: str, wanted: int) -> None:
    """RabbitMQ counts an acknowledgement a moment after it took it."""

    async def reached() -> bool:
        return await depth(broker, queue) == wanted

    await until(reached)


def item(name: str, *, agent: str = HEALTH, claim: bool = False) -> OutboxItem:
    return OutboxItem(
        id=name,
        kind=OutboxKind.DELIVERY,
        type=MessageType.DOCUMENT,
        agent=agent,
        urgency=Urgency.NORMAL,
        message_id="m-1",
        leg_id="leg-1",
        sender="000.00.00.G90",
        recipient="H90",
        digest=DIGEST,
        size=len(BODY),
        claim=claim,
        created_at=NOW,
        leased_until=NOW,
    )


async def test_a_submission_carries_what_the_agent_and_the_broker_said(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, "s-1", urgency=Urgency.URGENT, user_id=HEALTH)
    delivery = await first(broker, Urgency.URGENT)
    said = delivery.submission
    assert (said.submission_id, said.agent, said.user_id) == ("s-1", HEALTH, HEALTH)
    assert (said.type, said.urgency, said.body) == (MessageType.DOCUMENT, Urgency.URGENT, BODY)
    assert (said.digest, said.size, said.redelivered) == (DIGEST, len(BODY), False)
    assert said.received_at.tzinfo is UTC
    await delivery.ack()
    await until_depth(broker, ingest_queue(Urgency.URGENT), 0)


async def test_a_claim_check_has_no_body(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    headers: dict[str, str | int] = {**GOOD, Header.SIZE.value: 5_000_000, Header.CLAIM.value: "1"}
    await agents.submit(HEALTH, "s-1", headers=headers, body=b"")
    said = (await first(broker)).submission
    assert said.body is None
    assert said.size == 5_000_000


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**GOOD, Header.DIGEST.value: "xyz"},
        {**GOOD, Header.SIZE.value: "many"},
        {**GOOD, Header.SIZE.value: -1},
        {**GOOD, Header.CLAIM.value: "1"},
    ],
)
async def test_wrong_transport_headers_arrive_as_a_submission_without_a_digest(
    ends: tuple[Broker, Agents], headers: dict[str, str | int]
) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, "s-1", headers=headers)
    said = (await first(broker)).submission
    assert (said.submission_id, said.agent, said.digest, said.body) == ("s-1", HEALTH, "", BODY)


async def test_bytes_above_the_claim_threshold_are_let_go_and_taken_as_a_claim(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    large = b"x" * (CLAIM_THRESHOLD + 1)
    headers: dict[str, str | int] = {
        Header.DIGEST.value: hashlib.sha256(large).hexdigest(),
        Header.SIZE.value: len(large),
    }
    await agents.submit(HEALTH, "s-1", headers=headers, body=large)
    said = (await first(broker)).submission
    assert (said.body, said.digest, said.size) == (None, headers[Header.DIGEST.value], len(large))


@pytest.mark.parametrize("message_id", ["hai chữ", "x" * 129])
async def test_a_submission_without_a_usable_id_is_named_after_its_bytes(
    ends: tuple[Broker, Agents], message_id: str
) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, message_id)
    said = (await first(broker)).submission
    assert said.digest == ""
    assert said.submission_id == f"unnamed-{DIGEST}"


@pytest.mark.parametrize("kind", [None, "", "receipt", "fax"])
async def test_an_unknown_type_is_a_fault_of_the_headers(ends: tuple[Broker, Agents], kind: str | None) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, "s-1", type=kind)
    assert (await first(broker)).submission.digest == ""


async def test_a_requeued_submission_comes_again_and_says_so(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, "s-1")
    await (await first(broker)).requeue()
    again = await first(broker)
    assert again.submission.submission_id == "s-1"
    assert again.submission.redelivered


async def test_what_crashes_beyond_the_limit_is_a_dead_letter(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, "s-1")
    tried = 0
    async with asyncio.timeout(PATIENCE):
        async for delivery in broker.submissions(Urgency.NORMAL, prefetch=1):
            tried += 1
            await delivery.requeue()
            if tried == DELIVERY_LIMIT + 1:
                break

    async def is_dead() -> bool:
        return await agents.dead() == 1

    await until(is_dead)
    assert tried == DELIVERY_LIMIT + 1
    assert await depth(broker, ingest_queue(Urgency.NORMAL)) == 0


async def test_no_more_than_the_prefetch_is_in_hand(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    for number in range(3):
        await agents.submit(HEALTH, f"s-{number}")
    held: list[Delivery] = []
    two = asyncio.Event()
    three = asyncio.Event()

    async def consume() -> None:
        async for delivery in broker.submissions(Urgency.NORMAL, prefetch=2):
            held.append(delivery)
            if len(held) == 2:
                two.set()
            if len(held) == 3:
                three.set()

    consuming = asyncio.create_task(consume())
    async with asyncio.timeout(PATIENCE):
        await two.wait()
        await depth(broker, ingest_queue(Urgency.NORMAL))  # a round trip: a third one would have come before
        assert not three.is_set()
        await held[0].ack()
        await three.wait()
    consuming.cancel()
    assert [each.submission.submission_id for each in held] == ["s-0", "s-1", "s-2"]


async def test_a_published_item_is_in_the_inbox_with_its_headers(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    assert list(await broker.publish([(item("o-1"), BODY)])) == [Placement.CONFIRMED]
    async with asyncio.timeout(PATIENCE):
        received = await agents.read(HEALTH, owner=HEALTH)
    assert (received.message_id, received.kind, received.body) == ("o-1", "edoc", BODY)
    assert received.headers == {
        "x-edxml-digest": DIGEST,
        "x-edxml-size": len(BODY),
        "x-edxml-message": "m-1",
        "x-edxml-leg": "leg-1",
        "x-edxml-sender": "000.00.00.G90",
        "x-edxml-recipient": "H90",
    }


async def test_a_claimed_item_says_so(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await broker.publish([(item("o-1", claim=True), b"")])
    async with asyncio.timeout(PATIENCE):
        assert (await agents.read(HEALTH, owner=HEALTH)).headers["x-edxml-claim"] == "1"


async def test_what_reaches_no_inbox_is_not_confirmed_and_the_rest_is(ends: tuple[Broker, Agents]) -> None:
    broker, _ = ends
    mixed = [(item("o-1"), BODY), (item("o-2", agent="khong-co"), BODY), (item("o-3", agent=BUILDING), BODY)]
    assert list(await broker.publish(mixed)) == [Placement.CONFIRMED, Placement.NO_INBOX, Placement.CONFIRMED]


async def test_a_new_agent_has_an_inbox_once_it_is_ensured(ends: tuple[Broker, Agents]) -> None:
    broker, _ = ends
    assert list(await broker.publish([(item("o-1", agent="moi-den"), BODY)])) == [Placement.NO_INBOX]
    await broker.ensure_inboxes(["moi-den"])
    await broker.ensure_inboxes(["moi-den"])
    assert list(await broker.publish([(item("o-1", agent="moi-den"), BODY)])) == [Placement.CONFIRMED]


async def test_nothing_to_publish_is_nothing(ends: tuple[Broker, Agents]) -> None:
    assert list(await ends[0].publish([])) == []


async def test_a_report_names_leg_digest_and_the_agent_that_the_broker_knows(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.report(HEALTH, {Header.LEG.value: LEG, Header.DIGEST.value: DIGEST})
    async with asyncio.timeout(PATIENCE):
        async for delivery in broker.reports(prefetch=5):
            report = delivery.report
            await delivery.ack()
            break
    assert report is not None
    assert (report.leg_id, report.agent, report.digest) == (LEG, HEALTH, DIGEST)


@pytest.mark.parametrize(
    "headers",
    [
        {Header.LEG.value: LEG},
        {Header.LEG.value: f"{LEG}\x00", Header.DIGEST.value: DIGEST},
        {Header.LEG.value: "leg-1", Header.DIGEST.value: DIGEST},
        {Header.LEG.value: LEG, Header.DIGEST.value: f"{DIGEST}\n"},
    ],
)
async def test_an_unreadable_report_is_told_as_such(ends: tuple[Broker, Agents], headers: dict[str, str | int]) -> None:
    broker, agents = ends
    await agents.report(HEALTH, headers)
    async with asyncio.timeout(PATIENCE):
        async for delivery in broker.reports(prefetch=5):
            assert delivery.report is None
            await delivery.ack()
            break


async def test_an_agent_cannot_publish_under_another_name(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    with pytest.raises(Refused):
        await agents.submit(HEALTH, "s-1", routing_key=submit_key(BUILDING, Urgency.NORMAL))
    with pytest.raises(Refused):
        await agents.submit(HEALTH, "s-1", user_id=BUILDING)
    assert await depth(broker, ingest_queue(Urgency.NORMAL)) == 0


async def test_an_agent_cannot_read_anothers_inbox(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await broker.publish([(item("o-1"), BODY)])
    with pytest.raises(Refused):
        await agents.read(BUILDING, owner=HEALTH)
    async with asyncio.timeout(PATIENCE):
        assert (await agents.read(HEALTH, owner=HEALTH)).message_id == "o-1"


async def test_closing_gives_unanswered_submissions_back(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, "s-1")
    lost = await first(broker)
    await broker.close()
    with pytest.raises(BrokerUnavailable):
        await lost.ack()
    assert (await first(broker)).submission.redelivered


async def test_answers_given_together_leave_the_unanswered_ones_to_the_next_consumer(
    ends: tuple[Broker, Agents],
) -> None:
    broker, agents = ends
    for number in range(6):
        await agents.submit(HEALTH, f"s-{number}")
    held: list[Delivery] = []
    # The brokers' iterators are generators.
    consumer = cast("AsyncGenerator[Delivery, None]", broker.submissions(Urgency.NORMAL, prefetch=6))
    async with (
        asyncio.timeout(PATIENCE),
        contextlib.aclosing(consumer) as arriving,
    ):
        async for delivery in arriving:
            held.append(delivery)
            if len(held) == 6:
                break
    await broker.ack([each for each in held if each.submission.submission_id not in {"s-2", "s-4"}])
    for each in held:
        if each.submission.submission_id in {"s-2", "s-4"}:
            await each.requeue()
    again = {(await first(broker)).submission.submission_id for _ in range(2)}
    assert again == {"s-2", "s-4"}


async def test_receipts_for_one_agent_travel_together_and_each_is_confirmed(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    receipts = [
        (replace(item(f"r-{n}"), kind=OutboxKind.RECEIPT, type=MessageType.RECEIPT), f"<R{n}/>".encode())
        for n in range(3)
    ]
    assert list(await broker.publish(receipts)) == [Placement.CONFIRMED] * 3
    received = await agents.read(HEALTH, owner=HEALTH)
    assert unbundled(received.body) == (b"<R0/>", b"<R1/>", b"<R2/>")


async def test_an_inbox_that_is_full_says_so_and_the_others_get_theirs(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.narrow_inbox("moi-den", 1)
    tried = 0

    async def full() -> bool:
        nonlocal tried
        tried += 1
        return list(await broker.publish([(item(f"f-{tried}", agent="moi-den"), BODY)])) == [Placement.FULL]

    await until(full)
    mixed = [(item("o-1", agent="moi-den"), BODY), (item("o-2"), BODY)]
    assert list(await broker.publish(mixed)) == [Placement.FULL, Placement.CONFIRMED]


async def crash_on(broker: Broker, urgency: Urgency = Urgency.NORMAL) -> None:
    """Take what comes and give it back until the broker gives it up."""
    tried = 0
    # The brokers' iterators are generators.
    consumer = cast("AsyncGenerator[Delivery, None]", broker.submissions(urgency, prefetch=1))
    async with asyncio.timeout(PATIENCE), contextlib.aclosing(consumer) as arriving:
        async for delivery in arriving:
            await delivery.requeue()
            tried += 1
            if tried > DELIVERY_LIMIT:
                break


async def dead_letter(broker: Broker) -> DeadDelivery:
    consumer = cast("AsyncGenerator[DeadDelivery, None]", broker.dead_letters(prefetch=5))
    async with asyncio.timeout(PATIENCE), contextlib.aclosing(consumer) as arriving:
        async for delivery in arriving:
            return delivery
    raise AssertionError("dead letters do not end")


async def test_a_dead_letter_tells_what_it_was_and_why_it_died(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, "s-1", urgency=Urgency.URGENT, user_id=HEALTH)
    await crash_on(broker, Urgency.URGENT)
    dead = await dead_letter(broker)
    letter = dead.letter
    assert (letter.kind, letter.agent, letter.submission_id) == (DeadKind.SUBMISSION, HEALTH, "s-1")
    assert (letter.queue, letter.reason) == (ingest_queue(Urgency.URGENT), "delivery_limit")
    assert (letter.user_id, letter.type, letter.urgency) == (HEALTH, "edoc", Urgency.URGENT)
    assert (letter.deaths, letter.attempts, letter.died_at.tzinfo) == (1, DELIVERY_LIMIT + 1, UTC)
    assert (letter.digest, letter.size, dead.body) == (DIGEST, len(BODY), BODY)
    assert letter.properties[Header.DIGEST.value] == DIGEST
    assert letter.properties[Header.SIZE.value] == str(len(BODY))


async def test_a_dead_letter_stays_until_it_is_acknowledged(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.submit(HEALTH, "s-1")
    await crash_on(broker)
    first_look = await dead_letter(broker)
    await first_look.requeue()
    again = await dead_letter(broker)
    assert (again.letter.id, again.letter.died_at) == (first_look.letter.id, first_look.letter.died_at)
    await broker.ack([again])
    await until_depth(broker, DEAD_QUEUE, 0)


async def test_a_report_that_nobody_could_record_is_a_dead_letter_about_its_leg(ends: tuple[Broker, Agents]) -> None:
    broker, agents = ends
    await agents.report(HEALTH, {Header.LEG.value: LEG, Header.DIGEST.value: DIGEST})
    tried = 0
    async with asyncio.timeout(PATIENCE):
        async for delivery in broker.reports(prefetch=1):
            await delivery.requeue()
            tried += 1
            if tried > DELIVERY_LIMIT:
                break
    letter = (await dead_letter(broker)).letter
    assert (letter.kind, letter.agent, letter.leg_id) == (DeadKind.REPORT, HEALTH, LEG)
    assert (letter.queue, letter.size) == (REPORT_QUEUE, 0)
