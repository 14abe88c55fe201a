"""What stands between the broker and everybody else: a TCP proxy that cuts, stalls and refuses when it is told to.

One `Gate` for the hub and one for the agents, so that either can lose the broker while the other does not. A gate
leads to one of several nodes, each in its turn.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

CHUNK: Final = 256 * 1024  # bytes read at once
CONNECT_PATIENCE: Final = 2.0  # seconds until the next node is tried


class Gate:
    """Listens on a free port of the loopback. `behind` gives the ports that may answer."""

    def __init__(self, behind: Callable[[], Sequence[int]]) -> None:
        self._behind = behind
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = False
        self._turn = 0

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the gate does not stand")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._admit, "127.0.0.1", 0, limit=CHUNK)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.flow()
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> int:
        """Reset every connection, in the middle of whatever is on its way; how many ends there were."""
        cut = len(self._open)
        for writer in tuple(self._open):
            writer.transport.abort()
        return cut // 2

    def stall(self) -> None:
        """Connections stay and nothing passes, until `flow`."""
        self._flowing.clear()

    def refuse(self) -> None:
        """New connections are ended at once, until `flow`; those that stand are cut."""
        self._refusing = True
        self.cut()

    def flow(self) -> None:
        """As if nothing had been."""
        self._refusing = False
        self._flowing.set()

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = None if self._refusing else await self._reach()
        if far is None:
            writer.transport.abort()
            return
        far_reader, far_writer = far
        pair = {writer, far_writer}
        self._open |= pair
        pumps = (
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        )
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            return  # the rig is over; asyncio would tell of it at length
        finally:
            self._open -= pair
            for each in pair:
                each.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        ports = self._behind()
        self._turn += 1
        for place in range(len(ports)):
            port = ports[(self._turn + place) % len(ports)]
            with contextlib.suppress(OSError):
                async with asyncio.timeout(CONNECT_PATIENCE):
                    return await asyncio.open_connection("127.0.0.1", port, limit=CHUNK)
        return None

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
