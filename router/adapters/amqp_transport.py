"""The hub's socket to RabbitMQ, with a guard before the decoder.

pamqp raises on content headers that AMQP allows any agent to write (a timestamp beyond the year 9999, a name that is
no UTF-8, tables within tables within tables), and aiormq then gives up the whole connection, with everybody's
messages on it. Here such a header loses its properties and nothing else before aiormq sees it: the message arrives
without id, type and headers, and is refused or buried alone.

On channels that somebody taps, messages and confirms do not reach aiormq: it would decode each frame in a dozen calls,
and start a task per message. Everything else, and everything on other channels, does.

The guard hangs on one connection by aiormq's own hook (`transport_factory`); other connections of the process stay
as they are.
"""

import asyncio
import time
from typing import Any, Final, cast

import aio_pika
import aiormq
from aiormq.connection import TCPTransportFactory, TLSTransportFactory
from pamqp import constants
from pamqp.frame import frame_parts
from yarl import URL

from router.adapters.amqp_frames import FRAME
from router.adapters.amqp_properties import properties_of
from router.adapters.amqp_taps import Tap, TappedChannel

WINDOW: Final = 2**16  # bytes taken from the socket at once
FIXED_BYTES: Final = 12  # class, weight, and the size of the body: what aiormq needs to go on
NO_PROPERTIES: Final = b"\x00\x00"
HEARTBEAT: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"
QUIET: Final = 3.0
"""Seconds of traffic that aiormq did not see, after which it is told that the broker lives."""


class GuardedConnection(aio_pika.Connection):
    """A plain connection of aio-pika whose frames pass the guard. Give it to `aio_pika.connect`."""

    def __init__(self, url: URL, **options: Any) -> None:
        super().__init__(url, **options)
        self._guard = GuardedTransport()
        self.kwargs["transport_factory"] = self._guard

    def tap(self, channel: int, tap: Tap) -> None:
        """Messages and confirms of this channel go to `tap` until the channel is closed. Tap before consuming."""
        if self._guard.reader is None:
            raise RuntimeError("the connection has not been opened")
        self._guard.reader.tap(channel, tap)


class GuardedTransport(aiormq.TransportFactory):
    """TCP or TLS as the URL says."""

    def __init__(self) -> None:
        self.reader: GuardedReader | None = None

    async def create(self, url: URL, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        plain = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, writer = await plain.create(url, **options)
        self.reader = GuardedReader(reader)
        return cast(asyncio.StreamReader, self.reader), writer  # aiormq calls the two methods below, no other


class GuardedReader:
    """Takes what the socket has, a window at a time, and hands on whole frames that have passed the guard.

    Asking the socket for every piece of every frame costs more than decoding them.
    """

    def __init__(self, socket: asyncio.StreamReader) -> None:
        self._socket = socket
        self._raw = b""  # not yet a whole frame
        self._safe = b""  # whole frames, guarded
        self._given = 0  # of the safe ones
        self._tapped: dict[int, TappedChannel] = {}
        self._handed_on = time.monotonic()

    def tap(self, channel: int, tap: Tap) -> None:
        self._tapped[channel] = TappedChannel(tap)

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
        """The next frame, and all others that are there already, without those that were tapped."""
        while (missing := self._missing()) > 0:
            self._raw += await self._socket.readexactly(missing) if missing > WINDOW else await self._some()
        raw, safe, start = self._raw, [], 0
        if raw.startswith(constants.AMQP):  # a broker that speaks another version names it and hangs up
            self._raw = b""
            return raw
        begun, size_of_all = 0, len(raw)
        while size_of_all - start >= constants.FRAME_HEADER_SIZE:
            kind, channel, size = FRAME.unpack_from(raw, start)
            content = start + constants.FRAME_HEADER_SIZE
            end = content + size + 1
            if end > size_of_all:
                break
            tapped = self._tapped.get(channel)
            if tapped is not None and tapped.takes(kind, raw, content, end - 1):
                if begun < start:
                    safe.append(raw[begun:start])
                begun = end
            elif kind == constants.FRAME_HEADER and properties_of(raw[content : end - 1]) is None:
                safe += [raw[begun:content], harmless(raw[content:end])]
                begun = end
            if tapped is not None and tapped.closed:
                del self._tapped[channel]
            start = end
        self._raw = raw[start:]
        return self._alive(b"".join((*safe, raw[begun:start])))

    def _alive(self, frames: bytes) -> bytes:
        """aiormq takes a connection on which it sees nothing for stuck, and a broker that talks sends no heartbeat."""
        now = time.monotonic()
        if not frames and now - self._handed_on < QUIET:
            return frames
        self._handed_on = now
        return frames or HEARTBEAT

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
