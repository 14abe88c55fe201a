"""Who has the interpreter: the store's thread while it computes, the loop otherwise."""

import asyncio
import contextlib
from collections.abc import Iterator


class Turns:
    """Keeps the loop from computing while the store's thread does.

    Two threads that both want the interpreter hand it to and fro at every statement, and are slower than one. A thread
    that waits, for a lock or for the disk, has let go of it, and the loop can go on.
    """

    def __init__(self) -> None:
        self._free = asyncio.Event()
        self._free.set()

    async def wait(self) -> None:
        """Called by the loop before it computes."""
        await self._free.wait()

    @contextlib.contextmanager
    def taken(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Entered by the store's thread around what it computes."""
        self._tell(loop, free=False)
        try:
            yield
        finally:
            self._tell(loop, free=True)

    def _tell(self, loop: asyncio.AbstractEventLoop, *, free: bool) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody computes there
            loop.call_soon_threadsafe(self._free.set if free else self._free.clear)
