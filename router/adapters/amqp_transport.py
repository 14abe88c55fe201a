"""The hub's socket to RabbitMQ, with a guard before the decoder.

pamqp raises on content headers that AMQP allows any agent to write (a timestamp beyond the year 9999, a name that is
no UTF-8, tables within tables within tables), and aiormq then gives up the whole connection, with everybody's
messages on it. Here such a header loses its properties and nothing else before aiormq sees it: the message arrives
without id, type and headers, and is refused or buried alone.

The guard hangs on one connection by aiormq's own hook (`transport_factory`); other connections of the process stay
as they are.
"""

import asyncio
from typing import Any, Final, cast

import aio_pika
import aiormq
from aiormq.connection import TCPTransportFactory, TLSTransportFactory
from pamqp import constants
from pamqp.frame import frame_parts
from pamqp.header import ContentHeader
from yarl import URL

HEADER_BYTES: Final = 16 * 1024
"""Of a content header that is decoded at all. Ours have some hundred; pamqp's cost grows with the square."""

HEADER_LEVELS: Final = 8
"""Of tables and lists within headers; those of a dead letter have two."""

WINDOW: Final = 2**16  # bytes taken from the socket at once
FIXED_BYTES: Final = 12  # class, weight, and the size of the body: what aiormq needs to go on
NO_PROPERTIES: Final = b"\x00\x00"


class GuardedConnection(aio_pika.Connection):
    """A plain connection of aio-pika whose frames pass the guard. Give it to `aio_pika.connect`."""

    def __init__(self, url: URL, **options: Any) -> None:
        super().__init__(url, **options)
        self.kwargs["transport_factory"] = GuardedTransport()


class GuardedTransport(aiormq.TransportFactory):
    """TCP or TLS as the URL says."""

    async def create(self, url: URL, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        plain = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, writer = await plain.create(url, **options)
        return cast(asyncio.StreamReader, GuardedReader(reader)), writer  # aiormq calls the two methods below, no other


class GuardedReader:
    """Takes what the socket has, a window at a time, and hands on whole frames that have passed the guard.

    Asking the socket for every piece of every frame costs more than decoding them.
    """

    def __init__(self, socket: asyncio.StreamReader) -> None:
        self._socket = socket
        self._raw = b""  # not yet a whole frame
        self._safe = b""  # whole frames, guarded
        self._given = 0  # of the safe ones

    def at_eof(self) -> bool:
        return self._given == len(self._safe) and self._socket.at_eof()

    async def readexactly(self, size: int) -> bytes:
        """Raises asyncio.IncompleteReadError at the end of the stream."""
        while len(self._safe) - self._given < size:
            left = self._safe[self._given :]
            self._safe, self._given = left + await self._frames(), 0
        start, self._given = self._given, self._given + size
        return self._safe[start : self._given]

    async def _frames(self) -> bytes:
        """The next frame, and all others that are there already."""
        while (missing := self._missing()) > 0:
            self._raw += await self._socket.readexactly(missing) if missing > WINDOW else await self._some()
        raw, safe, start = self._raw, [], 0
        if raw.startswith(constants.AMQP):  # a broker that speaks another version names it and hangs up
            self._raw = b""
            return raw
        begun = 0
        while len(raw) - start >= constants.FRAME_HEADER_SIZE:
            kind, _, size = frame_parts(raw[start : start + constants.FRAME_HEADER_SIZE])
            content, end = start + constants.FRAME_HEADER_SIZE, start + constants.FRAME_HEADER_SIZE + (size or 0) + 1
            if end > len(raw):
                break
            if kind == constants.FRAME_HEADER and not decodable(raw[content : end - 1]):
                safe += [raw[begun:content], harmless(raw[content:end])]
                begun = end
            start = end
        self._raw = raw[start:]
        return b"".join((*safe, raw[begun:start]))

    def _missing(self) -> int:
        """Bytes until the first frame is whole; of the beginning of a frame nothing is known but that it is short."""
        if len(self._raw) < constants.FRAME_HEADER_SIZE:
            return 1
        if self._raw.startswith(constants.AMQP):
            return 0
        size = frame_parts(self._raw[: constants.FRAME_HEADER_SIZE])[2] or 0
        return constants.FRAME_HEADER_SIZE + size + 1 - len(self._raw)

    async def _some(self) -> bytes:
        some = await self._socket.read(WINDOW)
        if not some:
            raise asyncio.IncompleteReadError(self._raw, None)
        return some


def harmless(header: bytes) -> bytes:
    """A content header (with the frame's last byte) without properties, as long as before."""
    return (header[:FIXED_BYTES] + NO_PROPERTIES).ljust(len(header) - 1, b"\x00") + header[-1:]


def decodable(header: bytes) -> bool:
    """Whether pamqp will decode it, and at what cost."""
    if len(header) > HEADER_BYTES:
        return False
    content = ContentHeader()
    try:
        content.unmarshal(header)
    except Exception:  # ValueError, OverflowError, RecursionError, OSError, …: the fault is the message's
        return False
    return _levels_within(content.properties.headers, HEADER_LEVELS)


def _levels_within(value: object, allowed: int) -> bool:
    """Decoding recurses: what just fits on the stack here need not fit on it where aiormq decodes."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return allowed > 0 and all(_levels_within(each, allowed - 1) for each in inner)
