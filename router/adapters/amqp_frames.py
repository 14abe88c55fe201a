"""The frames of what the hub publishes, put together from pieces that stay the same.

pamqp writes the same bytes (a test compares them), field by field through its tables of types, at five times the cost.
What comes once per inbox, the method frame, is left to it.
"""

from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Final

from pamqp.commands import Basic
from pamqp.encode import encode_table_value
from pamqp.frame import marshal

from edxml_schemas.contract import Header, MessageType

PERSISTENT: Final = 2
CONTENT_TYPE: Final = "application/xml"
FRAME: Final = Struct(">BHI")  # type, channel, bytes of what follows
FRAME_END: Final = b"\xce"
FRAME_EXTRA: Final = FRAME.size + len(FRAME_END)
HEADER_FRAME: Final = 2
BODY_FRAME: Final = 3
LONGEST_SHORT: Final = 255  # bytes; the length is one byte

_CONTENT: Final = Struct(">HxxQH")  # class, weight, bytes of the body, which properties follow
_FLAGS: Final = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7 | 1 << 5  # content type, headers, delivery mode, id, type
_LENGTH: Final = Struct(">I")


def publish_frame(channel: int, exchange: str, routing_key: str) -> bytes:
    """The method frame `basic.publish` with mandatory."""
    return marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True), channel)


def content_frames(
    channel: int, *, message_id: str, message_type: str, headers: dict[str, str | int], body: bytes, frame_max: int
) -> Iterator[bytes]:
    """Pieces of the content header and of the body's frames, each of at most `frame_max` bytes; join them.

    Raises ValueError for an id of more than 255 bytes.
    """
    table = b"".join([_entry(name, value) for name, value in headers.items()])
    properties = b"".join(
        (
            _XML,
            _LENGTH.pack(len(table)),
            table,
            _DELIVERY_MODE,
            _short(message_id),
            _TYPES.get(message_type) or _short(message_type),
        )
    )
    yield FRAME.pack(HEADER_FRAME, channel, _CONTENT.size + len(properties))
    yield _CONTENT.pack(Basic.frame_id, len(body), _FLAGS)
    yield properties
    yield FRAME_END
    most = frame_max - FRAME_EXTRA
    if len(body) <= most:
        if body:
            yield FRAME.pack(BODY_FRAME, channel, len(body))
            yield body
            yield FRAME_END
        return
    for start in range(0, len(body), most):
        part = body[start : start + most]
        yield FRAME.pack(BODY_FRAME, channel, len(part))
        yield part
        yield FRAME_END


def _short(text: str) -> bytes:
    """A short string: its length in one byte, then its bytes."""
    raw = text.encode()
    if len(raw) > LONGEST_SHORT:
        raise ValueError(f"more than {LONGEST_SHORT} bytes: {text[:40]}…")
    return len(raw).to_bytes(1) + raw


_TYPES: Final[Mapping[str, bytes]] = {each.value: _short(each.value) for each in MessageType}
_NAMES: Final[Mapping[str, bytes]] = {each.value: _short(each.value) for each in Header}
_XML: Final = _short(CONTENT_TYPE)
_DELIVERY_MODE: Final = bytes([PERSISTENT])


def _entry(name: str, value: str | int) -> bytes:
    key = _NAMES.get(name) or _short(name)
    if isinstance(value, str):
        raw = value.encode()
        return b"".join((key, b"S", _LENGTH.pack(len(raw)), raw))
    return key + encode_table_value(value)
