"""The guard on the hub's socket: what passes, what loses its properties, and that nothing else changes."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from router.adapters.amqp_transport import GuardedReader, harmless


def header_frame(**properties: object) -> bytes:
    content = ContentHeader(0, 5, Basic.Properties(**properties))  # type: ignore[arg-type]  # any of them
    return marshal(content, 1)


def body_frame(content: bytes) -> bytes:
    return b"\x03\x00\x01" + len(content).to_bytes(4) + content + b"\xce"


GOOD = header_frame(message_id="s-1", message_type="edoc", timestamp=datetime(2026, 1, 5, tzinfo=UTC))
_PLAIN = header_frame(timestamp=datetime(2026, 1, 5, tzinfo=UTC))
POISON = _PLAIN[:-9] + (2**63 - 1).to_bytes(8) + _PLAIN[-1:]
FRAMES = st.lists(
    st.one_of(st.just(GOOD), st.just(POISON), st.binary(max_size=200).map(body_frame)), min_size=1, max_size=8
)


async def read_all(chunks: list[bytes], sizes: list[int]) -> bytes:
    socket = asyncio.StreamReader()
    for chunk in chunks:
        socket.feed_data(chunk)
    socket.feed_eof()
    reader, read = GuardedReader(socket), b""
    for size in sizes:
        read += await reader.readexactly(size)
    assert reader.at_eof()
    return read


@given(FRAMES, st.data())
def test_frames_come_through_in_any_pieces_and_only_poisoned_headers_change(
    frames: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    asks = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    sizes = [end - start for start, end in zip([0, *asks], [*asks, len(stream)], strict=True)]
    expected = b"".join(each[:7] + harmless(each[7:]) if each == POISON else each for each in frames)
    assert asyncio.run(read_all(chunks, sizes)) == expected


def test_a_header_without_its_properties_can_be_decoded_and_keeps_the_size_of_the_body() -> None:
    left = ContentHeader()
    left.unmarshal(harmless(POISON[7:])[:-1])
    assert (left.body_size, left.properties.timestamp) == (5, None)


def test_a_large_frame_is_handed_on_whole() -> None:
    frame = body_frame(bytes(300_000))
    assert asyncio.run(read_all([frame[:100], frame[100:], GOOD], [7, 300_001, len(GOOD)])) == frame + GOOD


@pytest.mark.parametrize("cut", [1, 6, 7, 20])
def test_the_end_within_a_frame_is_told(cut: int) -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        asyncio.run(read_all([GOOD[:cut]], [len(GOOD)]))


def test_a_broker_of_another_version_is_heard() -> None:
    assert asyncio.run(read_all([b"AMQP\x00\x00\x09\x01"], [1, 7])) == b"AMQP\x00\x00\x09\x01"
