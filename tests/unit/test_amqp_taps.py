"""Messages and confirms of tapped channels, taken from the frames; everything else is left to the library."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from router.adapters import amqp_transport
from router.adapters.amqp_taps import Arrived
from router.adapters.amqp_transport import HEARTBEAT, GuardedReader

TAPPED, OTHER = 1, 2


class Notes:
    """A tap that notes what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def delivered(self, message: Arrived) -> None:
        properties = message.properties
        self.told.append((message.tag, message.redelivered, message.routing_key, properties.message_id, message.body))

    def returned(self, message_id: str) -> None:
        self.told.append(("returned", message_id))

    def confirmed(self, tag: int, *, multiple: bool, positive: bool) -> None:
        self.told.append((tag, multiple, positive))


def message(channel: int, tag: int, body: bytes, *, size: int = 1000) -> list[bytes]:
    """The frames of a delivery."""
    deliver = Basic.Deliver(
        consumer_tag="ctag1.x",
        delivery_tag=tag,
        redelivered=tag % 2 == 0,
        exchange="edxml.submit",
        routing_key="normal.a",
    )
    header = ContentHeader(0, len(body), Basic.Properties(message_id=f"m-{tag}", headers={"x": "y"}))
    bodies = [ContentBody(body[start : start + size]) for start in range(0, len(body), size)]
    return [marshal(deliver, channel), marshal(header, channel), *(marshal(each, channel) for each in bodies)]


def returned(channel: int, message_id: str) -> list[bytes]:
    back = Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="edxml.deliver", routing_key="a.normal")
    header = ContentHeader(0, 1, Basic.Properties(message_id=message_id))
    return [marshal(each, channel) for each in (back, header, ContentBody(b"x"))]


async def read(stream: bytes, cuts: list[int], wanted: int, tap: Notes) -> bytes:
    """What is handed on of a stream that comes in pieces."""
    socket = asyncio.StreamReader()
    reader = GuardedReader(socket)
    reader.tap(TAPPED, tap)
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        socket.feed_data(stream[start:end])
    socket.feed_eof()
    return await reader.readexactly(wanted)


END = marshal(Basic.QosOk(), OTHER)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.integers(1, 50), st.data())
def test_messages_come_through_in_any_pieces_and_leave_nothing_for_the_library(
    bodies: list[bytes], size: int, data: st.DataObject
) -> None:
    frames = [each for tag, body in enumerate(bodies) for each in message(TAPPED, tag, body, size=size)]
    stream = b"".join(frames) + END
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    notes = Notes()
    assert asyncio.run(read(stream, cuts, len(END), notes)) == END
    assert notes.told == [(tag, tag % 2 == 0, "normal.a", f"m-{tag}", body) for tag, body in enumerate(bodies)]


def test_other_channels_in_between_are_the_librarys() -> None:
    first, second, third = message(TAPPED, 1, b"one")
    others = message(OTHER, 7, b"other")
    stream = first + others[0] + second + others[1] + others[2] + third
    notes = Notes()
    assert asyncio.run(read(stream, [], len(b"".join(others)), notes)) == b"".join(others)
    assert notes.told == [(1, False, "normal.a", "m-1", b"one")]


def test_confirms_and_returns_come_in_their_order() -> None:
    frames = [
        marshal(Basic.Ack(delivery_tag=3, multiple=True), TAPPED),
        *returned(TAPPED, "m-4"),
        marshal(Basic.Ack(delivery_tag=4, multiple=False), TAPPED),
        marshal(Basic.Nack(delivery_tag=5, multiple=False, requeue=True), TAPPED),
    ]
    notes = Notes()
    assert asyncio.run(read(b"".join(frames) + END, [], len(END), notes)) == END
    assert notes.told == [(3, True, True), ("returned", "m-4"), (4, False, True), (5, False, False)]


def test_what_the_library_asked_on_a_tapped_channel_is_answered_to_the_library() -> None:
    frames = [
        marshal(each, TAPPED)
        for each in (Basic.ConsumeOk(consumer_tag="c"), Basic.Cancel(consumer_tag="c"), Channel.OpenOk())
    ]
    notes = Notes()
    stream = b"".join(frames)
    assert asyncio.run(read(stream, [], len(stream), notes)) == stream
    assert notes.told == []


def test_a_closed_channel_is_tapped_no_more() -> None:
    close = marshal(Channel.CloseOk(), TAPPED)
    after = b"".join(message(TAPPED, 9, b"later"))
    notes = Notes()
    assert asyncio.run(read(close + after, [], len(close + after), notes)) == close + after
    assert notes.told == []


def test_an_undecodable_header_costs_its_message_the_properties_and_nothing_else() -> None:
    deliver, header, body = message(TAPPED, 1, b"one")
    header = header[:7] + header[7:].replace(b"m-1", b"\xff\xfe\xfd")
    notes = Notes()
    assert asyncio.run(read(deliver + header + body + END, [], len(END), notes)) == END
    assert notes.told == [(1, False, "normal.a", None, b"one")]


def test_a_connection_that_only_brings_messages_is_alive_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amqp_transport, "QUIET", 0.0)
    notes = Notes()
    stream = b"".join(message(TAPPED, 1, b"one"))
    assert asyncio.run(read(stream, [], len(HEARTBEAT), notes)) == HEARTBEAT
    assert len(notes.told) == 1
