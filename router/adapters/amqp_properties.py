"""What a content header says of its message: the four properties that the hub reads.

pamqp decodes every header, or the header cannot be decoded. One of the plain shape that agents' libraries write (texts
and whole numbers, nothing nested, exactly as long as it says) is read here at a fraction of the cost; a test compares
the two.
"""

from collections.abc import Mapping
from struct import Struct, error
from typing import Any, Final, NamedTuple

from pamqp.header import ContentHeader

HEADER_BYTES: Final = 16 * 1024
"""Of a content header that is decoded at all. Ours have some hundred; pamqp's cost grows with the square."""
HEADER_LEVELS: Final = 8
"""Of tables and lists within headers; those of a dead letter have two."""

FLAGS_AT: Final = 12  # after class, weight, and the size of the body
_FLAGS: Final = Struct(">H")
_LENGTH: Final = Struct(">I")
_TEXT: Final = ord("S")
_NUMBERS: Final[Mapping[int, Struct]] = {
    ord(kind): Struct(f">{size}") for kind, size in zip("bBsuIil", "bBhHiIq", strict=True)
}
_TEXTS_BEFORE: Final = (0x8000, 0x4000)  # content type and encoding
_HEADERS: Final = 0x2000
_OCTETS: Final = (0x1000, 0x0800)  # delivery mode, priority
_TEXTS_AFTER: Final = (0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010, 0x0008)  # … id, type, user, application
_MESSAGE_ID: Final = 0x0080
_TYPE: Final = 0x0020
_USER: Final = 0x0010
_PLAIN: Final = sum((*_TEXTS_BEFORE, _HEADERS, *_OCTETS, *_TEXTS_AFTER))
"""All but the time stamp, the cluster, and what AMQP does not know."""


class Properties(NamedTuple):
    """Absent texts are None, absent headers an empty table."""

    message_id: str | None = None
    message_type: str | None = None
    user_id: str | None = None
    headers: Mapping[str, Any] = {}


NO_PROPERTIES: Final = Properties()


def properties_of(header: bytes) -> Properties | None:
    """The properties in a content header; None when pamqp cannot decode it, or only at a cost."""
    if len(header) > HEADER_BYTES:
        return None
    try:
        plain = _plain(header)
    except (IndexError, UnicodeDecodeError, error):
        plain = None
    return plain or _decoded(header)


def _plain(header: bytes) -> Properties | None:
    """None for every other shape. Raises IndexError, UnicodeDecodeError or struct.error for one that is cut."""
    flags = _FLAGS.unpack_from(header, FLAGS_AT)[0]
    if flags & ~_PLAIN:
        return None
    at = FLAGS_AT + _FLAGS.size
    headers: dict[str, str | int] = {}
    texts: dict[int, str] = {}
    for flag in _TEXTS_BEFORE:
        if flags & flag:
            at, texts[flag] = _short(header, at)
    if flags & _HEADERS:
        at = _table(header, at, headers)
        if not at:
            return None
    for flag in _OCTETS:
        at += 1 if flags & flag else 0
    for flag in _TEXTS_AFTER:
        if flags & flag:
            at, texts[flag] = _short(header, at)
    if at != len(header):
        return None
    return Properties(texts.get(_MESSAGE_ID), texts.get(_TYPE), texts.get(_USER), headers)


def _short(header: bytes, at: int) -> tuple[int, str]:
    end = at + 1 + header[at]
    return end, header[at + 1 : end].decode()


def _table(header: bytes, at: int, found: dict[str, str | int]) -> int:
    """Fills in the entries; where the table ends, 0 when it holds anything but texts and numbers."""
    table_end = at + _LENGTH.size + _LENGTH.unpack_from(header, at)[0]
    at += _LENGTH.size
    while at < table_end:
        at, key = _short(header, at)
        kind = header[at]
        if kind == _TEXT:
            start = at + 1 + _LENGTH.size
            at = start + _LENGTH.unpack_from(header, at + 1)[0]
            found[key] = header[start:at].decode()
        else:
            number = _NUMBERS.get(kind)
            if number is None:
                return 0
            found[key] = number.unpack_from(header, at + 1)[0]
            at += 1 + number.size
    return at if at == table_end else 0


def _decoded(header: bytes) -> Properties | None:
    content = ContentHeader()
    try:
        content.unmarshal(header)
    except Exception:  # ValueError, OverflowError, RecursionError, OSError, …: the fault is the message's
        return None
    said = content.properties
    if not _levels_within(said.headers, HEADER_LEVELS):
        return None
    return Properties(said.message_id, said.message_type, said.user_id, said.headers or {})


def _levels_within(value: object, allowed: int) -> bool:
    """Decoding recurses: what just fits on the stack here need not fit on it where it is decoded once more."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return allowed > 0 and all(_levels_within(each, allowed - 1) for each in inner)
