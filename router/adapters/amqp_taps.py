"""Messages and confirms of one channel, taken from the socket's frames.

Only four methods are known here: deliver and return with their content, ack and nack of what was published. All other
frames are aiormq's. A content header that cannot be decoded is taken for one without properties.
"""

from struct import Struct
from typing import Final, NamedTuple, Protocol

from pamqp import constants

from router.adapters.amqp_properties import NO_PROPERTIES, Properties, properties_of

_METHOD: Final = Struct(">HH")  # class and method
_CONFIRM: Final = Struct(">QB")  # tag, and bits of which the first says "all up to this"
_BODY_SIZE: Final = Struct(">Q")
_BODY_SIZE_AT: Final = 4
_CHANNEL_CLASS: Final = 20
_CLOSING: Final = frozenset({(_CHANNEL_CLASS, 40), (_CHANNEL_CLASS, 41)})  # close, close-ok
_DELIVER: Final = (60, 60)
_RETURN: Final = (60, 50)
_ACK: Final = (60, 80)
_NACK: Final = (60, 120)


class Arrived(NamedTuple):
    """A message as the broker handed it to a consumer."""

    tag: int
    redelivered: bool
    routing_key: str
    properties: Properties
    body: bytes


class Tap(Protocol):
    """Where a channel's messages and confirms go. Called while the socket is read: takes note, raises nothing."""

    def delivered(self, message: Arrived) -> None: ...

    def returned(self, message_id: str) -> None:
        """No queue took what was published under this id; its confirm follows."""
        ...

    def confirmed(self, tag: int, *, multiple: bool, positive: bool) -> None: ...


class TappedChannel:
    """Puts the frames of one channel together. `closed` when the channel's end was seen."""

    __slots__ = ("_header", "_method", "_missing", "_parts", "_tap", "closed")

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._method: tuple[tuple[int, int], bytes] | None = None
        self._header: Properties | None = None
        self._parts: list[bytes] = []
        self._missing = 0
        self.closed = False

    def takes(self, kind: int, raw: bytes, start: int, end: int) -> bool:
        """Whether the frame with this content was for us; then it has been taken."""
        if kind == constants.FRAME_METHOD:
            return self._take_method(raw, start, end)
        if self._method is None:
            return False
        if kind == constants.FRAME_HEADER:
            self._header = properties_of(raw[start:end]) or NO_PROPERTIES
            self._missing = _BODY_SIZE.unpack_from(raw, start + _BODY_SIZE_AT)[0]
        elif kind == constants.FRAME_BODY:
            self._parts.append(raw[start:end])
            self._missing -= end - start
        else:
            return False
        if self._header is not None and self._missing <= 0:
            self._finish(self._method, self._header)
        return True

    def _take_method(self, raw: bytes, start: int, end: int) -> bool:
        method = _METHOD.unpack_from(raw, start)
        start += _METHOD.size
        if method in {_DELIVER, _RETURN}:
            self._method = (method, raw[start:end])
        elif method in {_ACK, _NACK}:
            tag, bits = _CONFIRM.unpack_from(raw, start)
            self._tap.confirmed(tag, multiple=bool(bits & 1), positive=method == _ACK)
        else:
            self.closed = method in _CLOSING
            return False
        return True

    def _finish(self, method: tuple[tuple[int, int], bytes], header: Properties) -> None:
        name, arguments = method
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._method, self._header, self._parts = None, None, []
        if name == _RETURN:
            self._tap.returned(header.message_id or "")
        else:
            self._tap.delivered(_arrived(arguments, header, body))


def _arrived(arguments: bytes, properties: Properties, body: bytes) -> Arrived:
    """Of deliver's arguments: consumer tag, delivery tag, whether it comes again, exchange, routing key."""
    start = 1 + arguments[0]
    tag, bits = _CONFIRM.unpack_from(arguments, start)
    start += _CONFIRM.size
    start += 1 + arguments[start]
    routing_key = arguments[start + 1 : start + 1 + arguments[start]].decode("utf-8", "replace")
    return Arrived(tag, bool(bits & 1), routing_key, properties, body)
