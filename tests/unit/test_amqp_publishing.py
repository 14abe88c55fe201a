"""Lanes of publishing around a channel that says nothing by itself: what is sent, what is remembered, what is given up.

The protocol is tried on a real RabbitMQ (`tests/integration/test_inbox_isolation.py`).
"""

import asyncio
from types import SimpleNamespace
from typing import cast

import aiormq
import pytest

from router.adapters import amqp_publishing
from router.adapters.amqp_publishing import FORGET, UNDER_WAY, Publishing
from router.adapters.amqp_taps import Tap
from router.core.records import OutboxItem
from router.core.silence import Silences
from router.ports import Placement
from tests.support.records import outbox_item
from tests.support.waiting import until


class Wire:
    """Opens channels that only count; a test confirms by hand."""

    def __init__(self) -> None:
        self.taps: list[Tap] = []
        self.queues: list[asyncio.Queue[object]] = []
        self.closings: list[asyncio.Future[None]] = []

    async def connect(self, tap: Tap) -> aiormq.Channel:
        closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue: asyncio.Queue[object] = asyncio.Queue()
        connection = SimpleNamespace(connection_tune=SimpleNamespace(frame_max=131_072))
        number = len(self.taps) + 1
        channel = SimpleNamespace(
            number=number, closing=closing, is_closed=False, write_queue=queue, connection=connection
        )

        async def close(**_: object) -> None:
            channel.is_closed = True

        channel.close = close
        self.taps.append(tap)
        self.queues.append(queue)
        self.closings.append(closing)
        return cast(aiormq.Channel, channel)

    async def wrote(self, times: int = 1) -> None:
        """Until so many calls have written their frames."""

        async def enough() -> bool:
            return sum(each.qsize() for each in self.queues) >= times

        await until(enough)


def items(count: int, *, agent: str = "so-y-te", name: str = "i") -> list[tuple[OutboxItem, bytes]]:
    return [(outbox_item(f"{name}-{number}", agent=agent), b"x") for number in range(count)]


@pytest.fixture
def wire() -> Wire:
    return Wire()


async def test_one_confirm_for_several_settles_them_and_no_later_one(wire: Wire) -> None:
    publishing = Publishing(wire.connect, silences=Silences(), patience=60)
    asked = asyncio.ensure_future(publishing.publish(items(3)))
    await wire.wrote()
    wire.taps[0].confirmed(2, multiple=True, positive=True)
    await asyncio.sleep(0)
    assert not asked.done()
    wire.taps[0].confirmed(3, multiple=False, positive=False)
    assert await asked == [Placement.CONFIRMED, Placement.CONFIRMED, Placement.FULL]


async def test_what_is_returned_has_no_inbox_though_it_is_confirmed(wire: Wire) -> None:
    publishing = Publishing(wire.connect, silences=Silences(), patience=60)
    asked = asyncio.ensure_future(publishing.publish(items(2)))
    await wire.wrote()
    wire.taps[0].returned("o-i-1")
    wire.taps[0].confirmed(2, multiple=True, positive=True)
    assert await asked == [Placement.CONFIRMED, Placement.NO_INBOX]


async def test_a_channel_that_is_lost_ends_the_waiting(wire: Wire) -> None:
    publishing = Publishing(wire.connect, silences=Silences(), patience=60)
    asked = asyncio.ensure_future(publishing.publish(items(2)))
    await wire.wrote()
    wire.taps[0].confirmed(1, multiple=False, positive=True)
    wire.closings[0].set_result(None)
    assert await asked == [Placement.CONFIRMED, Placement.LOST]


async def test_what_was_silent_is_not_sent_twice_and_its_late_confirm_counts(wire: Wire) -> None:
    publishing = Publishing(wire.connect, silences=Silences(), patience=0)
    assert await publishing.publish(items(2)) == [Placement.SILENT] * 2
    assert await publishing.publish(items(3)) == [Placement.SILENT] * 3
    wire.taps[0].confirmed(2, multiple=True, positive=True)
    assert await publishing.publish(items(2)) == [Placement.CONFIRMED] * 2
    assert len(wire.taps) == 1


async def test_what_stays_silent_is_tried_on_a_new_channel_one_message_at_first(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(Publishing, "_now", staticmethod(lambda: now))
    publishing = Publishing(wire.connect, silences=Silences(first=5), patience=0)
    assert await publishing.publish(items(3)) == [Placement.SILENT] * 3
    now += FORGET / 2
    assert await publishing.publish(items(3)) == [Placement.SILENT] * 3
    assert len(wire.taps) == 1
    now += FORGET
    asked = asyncio.ensure_future(publishing.publish(items(3)))
    publishing._patience = 60
    await wire.wrote(2)
    wire.taps[1].confirmed(3, multiple=True, positive=True)
    assert await asked == [Placement.CONFIRMED, Placement.SILENT, Placement.SILENT]


async def test_nobody_else_waits_for_one_whose_channel_is_full_for_longer_than_patience(wire: Wire) -> None:
    publishing = Publishing(wire.connect, silences=Silences(), patience=0)
    await publishing.publish(items(UNDER_WAY))
    publishing._silences.heard("so-y-te")
    asked = asyncio.ensure_future(
        publishing.publish([*items(1, name="more"), *items(1, agent="so-tu-phap", name="other")])
    )
    assert (await asked)[0] is Placement.SILENT
    assert len(wire.taps) == 2


async def test_one_that_waits_for_room_gets_it_when_confirms_come(wire: Wire) -> None:
    publishing = Publishing(wire.connect, silences=Silences(), patience=60)
    first = asyncio.ensure_future(publishing.publish(items(UNDER_WAY)))
    await wire.wrote()
    second = asyncio.ensure_future(publishing.publish(items(2, name="more")))
    await asyncio.sleep(0)
    wire.taps[0].confirmed(UNDER_WAY, multiple=True, positive=True)
    assert set(await first) == {Placement.CONFIRMED}
    await wire.wrote(2)
    wire.taps[0].confirmed(UNDER_WAY + 2, multiple=True, positive=True)
    assert await second == [Placement.CONFIRMED] * 2


async def test_what_is_remembered_of_silent_ones_is_bounded(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amqp_publishing, "REMEMBERED", 5)
    publishing = Publishing(wire.connect, silences=Silences(), patience=0)
    await publishing.publish(items(20))
    assert len(publishing._late) == 5
