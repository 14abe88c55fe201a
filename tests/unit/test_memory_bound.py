"""What a worker holds in memory is bounded by what is set, not by what agents send."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest

from edxml_schemas.contract import CLAIM_THRESHOLD, Header, Urgency
from edxml_schemas.findings import FindingCode
from router.adapters.clock import SystemClock
from router.adapters.memory_broker import MemoryBroker
from router.core.records import OutboxItem, Submission
from router.ports import Placement
from router.services.work.intake import Intake
from router.services.work.publisher import CHUNK_BYTES, Publisher
from tests.support.hub_desk import Desk
from tests.support.records import outbox_item
from tests.support.waiting import until

AGENT = "so-y-te"
MEGABYTE = 2**20


async def received(*bodies: bytes, claimed: Sequence[int] = ()) -> list[Submission]:
    """What arrives of submissions with these bodies, and of claim checks for so many bytes."""
    broker = MemoryBroker(clock=SystemClock(), agents=[AGENT])
    await publish(broker, *bodies, claimed=claimed)
    found: list[Submission] = []
    async with aclosing(broker.submissions(Urgency.NORMAL, prefetch=10)) as arriving:
        async for delivery in arriving:
            found.append(delivery.submission)
            if len(found) == len(bodies) + len(claimed):
                return found
    raise AssertionError("submissions do not end")


async def publish(broker: MemoryBroker, *bodies: bytes, claimed: Sequence[int] = ()) -> None:
    wanted = [(len(body), body) for body in bodies] + [(size, b"") for size in claimed]
    for number, (size, body) in enumerate(wanted):
        headers: dict[str, str | int] = {
            Header.DIGEST.value: hashlib.sha256(body).hexdigest(),
            Header.SIZE.value: size,
        }
        if not body:
            headers[Header.CLAIM.value] = "1"
        await broker.submit(
            AGENT,
            user_id=AGENT,
            message_id=f"s-{number}",
            type="edoc",
            urgency=Urgency.NORMAL.value,
            headers=headers,
            body=body,
        )


async def test_a_body_above_the_claim_threshold_is_let_go_on_arrival() -> None:
    largest, larger = await received(b"x" * CLAIM_THRESHOLD, b"x" * (CLAIM_THRESHOLD + 1))
    assert largest.body is not None
    assert larger.body is None
    assert larger.size == CLAIM_THRESHOLD + 1


async def test_its_sender_hears_that_the_bytes_were_to_be_uploaded() -> None:
    body = b"x" * (CLAIM_THRESHOLD + 1)
    (arrived,) = await received(body)
    desk = Desk()
    settled = desk.settle(replace(desk.submission(body), body=arrived.body))[0]
    assert FindingCode.TRANSPORT_CLAIM in {each.code for each in settled.message.findings}


async def test_claim_checks_count_with_what_they_stand_for_when_a_batch_is_taken() -> None:
    broker = MemoryBroker(clock=SystemClock(), agents=[AGENT])
    await publish(broker, claimed=[3 * MEGABYTE] * 4)
    intake = Intake(broker, prefetch=10, stopping=asyncio.Event())
    intake.start()

    async def all_there() -> bool:
        return sum(len(lane) for lane in intake._lanes.values()) == 4

    await until(all_there)
    batches = []
    while taken := intake.take_submissions(messages=10, size=7 * MEGABYTE):
        batches.append(len(taken))
    await intake.stop()
    assert batches == [2, 2]


class Counting(MemoryBroker):
    """Keeps how many bytes were published at a time."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock(), agents=["so-xay-dung"])
        self.sizes: list[int] = []

    async def publish(self, items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[Placement]:
        self.sizes.append(sum(len(body) for _, body in items))
        return await super().publish(items)


@pytest.mark.parametrize("claim", [False, True])
async def test_large_deliveries_are_published_some_at_a_time(claim: bool) -> None:
    desk, broker = Desk(), Counting()
    body = b"x" * MEGABYTE
    digest = hashlib.sha256(body).hexdigest()
    later = SystemClock().now() + timedelta(hours=1)
    items = [
        outbox_item(str(n), agent="so-xay-dung", digest=digest, size=len(body), claim=claim, leased_until=later)
        for n in range(40)
    ]
    publisher = Publisher(broker, desk.relay, clock=SystemClock(), stopping=asyncio.Event())
    published = await publisher.publish(items, {digest: body})
    assert [each.id for each in published.confirmed] == [each.id for each in items]
    assert max(broker.sizes) <= CHUNK_BYTES
    assert len(broker.sizes) == (1 if claim else 3)
