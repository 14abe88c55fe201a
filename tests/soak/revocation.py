"""An HTTP server of revocation lists that can hang: it takes the question and never answers."""

import asyncio
import contextlib
from collections.abc import Mapping
from types import TracebackType
from typing import Self


class CrlServer:
    """Serves `lists` by name on a free port of the loopback."""

    def __init__(self, lists: Mapping[str, bytes]) -> None:
        self._lists = lists
        self._server: asyncio.Server | None = None
        self._answering = asyncio.Event()
        self._answering.set()
        self._open: set[asyncio.StreamWriter] = set()
        self.asked = 0
        self.answered = 0

    @property
    def urls(self) -> tuple[str, ...]:
        if self._server is None:
            raise RuntimeError("the server does not run")
        port = self._server.sockets[0].getsockname()[1]
        return tuple(f"http://127.0.0.1:{port}/{name}" for name in self._lists)

    def hang(self) -> None:
        """Every question from now on, and those that are open, wait until `answer`."""
        self._answering.clear()

    def answer(self) -> None:
        self._answering.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.answer()
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                request = await reader.readuntil(b"\r\n\r\n")
                self.asked += 1
                await self._answering.wait()
                name = request.split(b" ", 2)[1].decode("ascii", "replace").strip("/")
                body = self._lists.get(name)
                status = b"200 OK" if body is not None else b"404 Not Found"
                head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body or b""))
                writer.write(head + (body or b""))
                await writer.drain()
                self.answered += 1
        finally:
            self._open.discard(writer)
            writer.close()
