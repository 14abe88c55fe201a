"""Answers that may be long: written piece by piece into a file without a name, and sent from it.

The file stands between the spool and the client: what goes wrong with the spool is told in a whole answer, never in
the middle of one, and a client that reads slowly holds a file open, not memory.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Final

import pybase64
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CHUNK: Final = 192 * 1024
"""Bytes that are encoded, or sent, at a time; a multiple of three."""
IN_MEMORY: Final = 2**20  # bytes of an answer above which it goes to disk

Pieces = Iterator[bytes]


def plain_pieces(content: bytes) -> Pieces:
    """Bytes as they are."""
    for start in range(0, len(content), CHUNK):
        yield bytes(memoryview(content)[start : start + CHUNK])


def base64_pieces(content: bytes) -> Pieces:
    """Bytes as base64, without line breaks."""
    for start in range(0, len(content), CHUNK):
        yield pybase64.b64encode(memoryview(content)[start : start + CHUNK])


async def long_answer(pieces: Pieces, *, folder: Path, idle: float, media_type: str) -> Response:
    """Takes all pieces, in a thread, and answers with them. `folder` is on the disk that may hold letters.

    `idle` is how many seconds the client may leave the answer unread. Raises what making the pieces raises.
    """
    file, size = await asyncio.to_thread(_written, pieces, folder)
    return _FiledAnswer(file, size=size, idle=idle, media_type=media_type)


def _written(pieces: Pieces, folder: Path) -> tuple[IO[bytes], int]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Without a name from the start: nothing is left behind, not even by a crash.
    file = SpooledTemporaryFile(IN_MEMORY, dir=str(folder))  # noqa: SIM115  closed by the answer
    try:
        size = sum(file.write(piece) for piece in pieces)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file, size


class _FiledAnswer(Response):
    """Sends a file and closes it, whether or not the client stays."""

    def __init__(self, file: IO[bytes], *, size: int, idle: float, media_type: str) -> None:
        super().__init__(None, 200, {"content-length": str(size)}, media_type)
        self._file = file
        self._idle = idle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            more = True
            while more:
                piece = await asyncio.to_thread(self._file.read, CHUNK)
                more = bool(piece)
                async with asyncio.timeout(self._idle):
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
        finally:
            self._file.close()
