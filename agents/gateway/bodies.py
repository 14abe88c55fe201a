"""Request bodies on their way to disk: memory does not grow with what is sent.

async with receive_body(request.stream(), room=gateway.uploads, limit=…, idle=…) as kept:
    outcome = await asyncio.to_thread(office.submit, caller, kept.path)
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.gateway.uploads import BODY, Share, Uploads

PRIVATE: Final = 0o600
BATCH: Final = 256 * 1024  # bytes gathered in memory before they go to disk


class TooLarge(Exception):
    """A body of more bytes than are allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class TooSlow(Exception):
    """A body that stopped coming."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing came for {seconds:g} seconds")
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A body in a file that is removed by the context manager. `digest` is its SHA-256 in lower-case hexadecimal."""

    path: Path
    size: int
    digest: str


@asynccontextmanager
async def receive_body(
    stream: AsyncIterator[bytes], *, room: Uploads, limit: int, idle: float, without_tail: bytes = b""
) -> AsyncIterator[Kept]:
    """Writes a stream into a file of `room`, which only this user may read.

    `idle` is in seconds. A body that ends in `without_tail` is kept without it, in file, size and digest; the limit
    counts it. Raises TooLarge, TooSlow, NoRoom, and OSError when the disk does not play along. Not synced: what counts
    is durable only in the spool.
    """
    with room.place(BODY) as (path, share):
        file = await asyncio.to_thread(_File, path, share, without_tail)
        try:
            await _write(stream, file, limit=limit, idle=idle)
            yield await asyncio.to_thread(file.kept)
        finally:
            await asyncio.to_thread(file.remove)


class _File:
    """Where a body goes, its last bytes held back as long as they may be the tail. Synchronous."""

    def __init__(self, path: Path, share: Share, tail: bytes) -> None:
        self._path = path
        self._share = share
        self._path.touch(mode=PRIVATE, exist_ok=False)
        self._file = self._path.open("wb")
        self._digest = hashlib.sha256()
        self._size = 0
        self._tail = tail
        self._held = b""

    def add(self, content: bytes) -> None:
        whole = self._held + content
        cut = max(0, len(whole) - len(self._tail))
        self._held = whole[cut:]
        self._keep(whole[:cut])

    def _keep(self, content: bytes) -> None:
        self._share.grow(len(content))
        self._digest.update(content)
        self._file.write(content)
        self._size += len(content)

    def kept(self) -> Kept:
        if self._held != self._tail:
            self._keep(self._held)
        self._file.close()
        return Kept(path=self._path, size=self._size, digest=self._digest.hexdigest())

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
        with suppress(OSError):  # a full disk shows again when what is buffered is flushed
            self._file.close()


async def _write(stream: AsyncIterator[bytes], file: _File, *, limit: int, idle: float) -> None:
    came = 0
    waiting = bytearray()
    chunks = aiter(stream)
    while True:
        try:
            chunk = await asyncio.wait_for(anext(chunks), idle)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise TooSlow(idle) from None
        came += len(chunk)
        if came > limit:
            raise TooLarge(limit)
        waiting += chunk
        if len(waiting) >= BATCH:
            await asyncio.to_thread(file.add, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(file.add, bytes(waiting))
