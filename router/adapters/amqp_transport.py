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
    """Takes whole frames from the socket and hands their bytes on, in whatever pieces they are asked for."""

    def __init__(self, socket: asyncio.StreamReader) -> None:
        self._socket = socket
        self._frame = b""
        self._given = 0

    def at_eof(self) -> bool:
        return self._given == len(self._frame) and self._socket.at_eof()

    async def readexactly(self, size: int) -> bytes:
        """Raises asyncio.IncompleteReadError at the end of the stream."""
        while len(self._frame) - self._given < size:
            self._frame = self._frame[self._given :] + await self._next_frame()
            self._given = 0
        start, self._given = self._given, self._given + size
        return self._frame[start : self._given]

    async def _next_frame(self) -> bytes:
        head = await self._socket.readexactly(constants.FRAME_HEADER_SIZE)
        if head.startswith(constants.AMQP):
            return head  # a broker that speaks another version names it and hangs up
        kind, _, size = frame_parts(head)
        body = await self._socket.readexactly((size or 0) + 1)
        return head + (harmless(body) if kind == constants.FRAME_HEADER else body)


def harmless(header: bytes) -> bytes:
    """A content header (with the frame's last byte) as it is, or without properties when they cannot be decoded."""
    if decodable(header[:-1]):
        return header
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
