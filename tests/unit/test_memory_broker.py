"""The in-process broker beyond what every broker does: going down, and the agents' side."""

import asyncio
import contextlib

import pytest

from edxml_schemas.contract import Urgency
from router.adapters import wire
from router.adapters.clock import SystemClock
from router.adapters.memory_broker import AccessRefused, MemoryBroker
from router.ports import BrokerUnavailable
from tests.support.records import NOON, outbox_item

PATIENCE = 5.0  # seconds


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(clock=SystemClock(), agents=["so-y-te", "so-xay-dung"])


async def submit(broker: MemoryBroker, name: str = "s-1") -> None:
    await broker.submit("so-y-te", user_id=None, message_id=name, type="edoc", urgency="normal", headers={}, body=b"x")


async def test_when_it_goes_down_consumers_end_and_what_they_held_comes_again(broker: MemoryBroker) -> None:
    await submit(broker)
    consumer = broker.submissions(Urgency.NORMAL, prefetch=5)
    held = await anext(consumer)
    broker.go_down()
    with pytest.raises(BrokerUnavailable):
        await anext(consumer)
    with pytest.raises(BrokerUnavailable):
        await held.ack()
    with pytest.raises(BrokerUnavailable):
        await submit(broker)
    broker.come_back()
    again = await anext(broker.submissions(Urgency.NORMAL, prefetch=5))
    assert again.submission.redelivered


async def test_a_waiting_consumer_ends_when_it_goes_down(broker: MemoryBroker) -> None:
    waiting = asyncio.ensure_future(anext(broker.submissions(Urgency.NORMAL, prefetch=5)))
    await asyncio.sleep(0)
    broker.go_down()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(BrokerUnavailable):
            await waiting


async def test_what_comes_back_keeps_its_place(broker: MemoryBroker) -> None:
    for name in ("s-1", "s-2", "s-3"):
        await submit(broker, name)
    async with contextlib.aclosing(broker.submissions(Urgency.NORMAL, prefetch=2)) as consumer:
        first, second = await anext(consumer), await anext(consumer)
        await second.ack()
        await first.requeue()
        assert (await anext(consumer)).submission.submission_id == "s-1"


async def test_an_answer_is_given_once(broker: MemoryBroker) -> None:
    await submit(broker)
    delivery = await anext(broker.submissions(Urgency.NORMAL, prefetch=5))
    await delivery.ack()
    with pytest.raises(ValueError, match="before"):
        await delivery.requeue()


async def test_an_agent_that_stops_reading_leaves_what_it_did_not_answer(broker: MemoryBroker) -> None:
    await broker.publish([(outbox_item("1"), b"x")])
    async with contextlib.aclosing(broker.inbox("so-xay-dung")) as inbox:
        await anext(inbox)
    async with contextlib.aclosing(broker.inbox("so-xay-dung")) as inbox:
        assert (await anext(inbox)).redelivered


async def test_an_unknown_user_is_refused(broker: MemoryBroker) -> None:
    with pytest.raises(AccessRefused):
        await broker.report("nobody", headers={})
    with pytest.raises(AccessRefused):
        await anext(broker.inbox("nobody"))


@pytest.mark.parametrize("key", ["", "normal", "normal.", "slow.so-y-te", "normal.So-Y-Te", "normal.a.b"])
def test_a_submission_of_nobody_can_be_answered_to_nobody(key: str) -> None:
    found = wire.submission_of(
        routing_key=key,
        submission_id="s-1",
        message_type="edoc",
        user_id=None,
        headers={},
        body=b"x",
        redelivered=False,
        received_at=NOON,
    )
    assert found is None


@pytest.mark.parametrize("submission_id", [None, "", "two words", "x" * 129])
def test_the_same_bytes_without_an_id_are_the_same_submission(submission_id: str | None) -> None:
    first, second = (
        wire.submission_of(
            routing_key="normal.so-y-te",
            submission_id=submission_id,
            message_type="edoc",
            user_id=None,
            headers={},
            body=b"x",
            redelivered=redelivered,
            received_at=NOON,
        )
        for redelivered in (False, True)
    )
    assert first is not None
    assert second is not None
    assert first.submission_id == second.submission_id
    assert first.submission_id.startswith("unnamed-")
    assert first.digest == ""
