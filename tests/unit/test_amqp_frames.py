"""What the hub writes to the broker's socket is what pamqp would write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.frame import marshal, unmarshal
from pamqp.header import ContentHeader

from edxml_schemas.contract import Header, MessageType
from router.adapters.amqp_frames import FRAME_EXTRA, content_frames, publish_frame

TEXT = st.text(max_size=60)
NAMES = st.one_of(st.sampled_from([each.value for each in Header]), st.text(min_size=1, max_size=40))
HEADERS = st.dictionaries(NAMES, st.one_of(TEXT, st.integers(-(2**31), 2**62)), max_size=9).map(
    lambda headers: dict(sorted(headers.items()))  # the library sorts them; their order means nothing
)
TYPES = st.sampled_from([each.value for each in MessageType])
FRAME_MAX = 131_072


def written(message_id: str, message_type: str, headers: dict[str, str | int], body: bytes, frame_max: int) -> bytes:
    return b"".join(
        content_frames(
            7, message_id=message_id, message_type=message_type, headers=headers, body=body, frame_max=frame_max
        )
    )


@given(TEXT.filter(bool), TYPES, HEADERS, st.binary(max_size=300))
def test_a_message_is_written_as_the_library_writes_it(
    message_id: str, message_type: str, headers: dict[str, str | int], body: bytes
) -> None:
    properties = Basic.Properties(
        content_type="application/xml",
        headers={**headers},
        delivery_mode=2,
        message_id=message_id,
        message_type=message_type,
    )
    expected = marshal(ContentHeader(0, len(body), properties), 7)
    if body:
        expected += marshal(ContentBody(body), 7)
    assert written(message_id, message_type, headers, body, FRAME_MAX) == expected


@given(st.binary(min_size=1, max_size=200), st.integers(1, 60))
def test_a_large_body_is_cut_into_frames_of_the_agreed_size(body: bytes, most: int) -> None:
    frame_max = most + FRAME_EXTRA
    stream = written("m", "edoc", {}, body, frame_max)
    consumed, _, _ = unmarshal(stream)
    stream, parts = stream[consumed:], []
    while stream:
        consumed, channel, frame = unmarshal(stream)
        assert isinstance(frame, ContentBody)
        assert (channel, consumed <= frame_max) == (7, True)
        parts.append(frame.value)
        stream = stream[consumed:]
    assert b"".join(parts) == body


def test_the_publish_method_asks_for_a_queue() -> None:
    _, channel, frame = unmarshal(publish_frame(7, "edxml.deliver", "so-y-te.normal"))
    assert isinstance(frame, Basic.Publish)
    assert (channel, frame.exchange, frame.routing_key) == (7, "edxml.deliver", "so-y-te.normal")
    assert (frame.mandatory, frame.immediate) == (True, False)


def test_an_id_that_amqp_cannot_carry_is_told() -> None:
    with pytest.raises(ValueError, match="255"):
        written("x" * 256, "edoc", {}, b"", FRAME_MAX)
