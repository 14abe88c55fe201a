"""Waiting for something in another process, whose only way of saying so is to be asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

PATIENCE: Final = 30.0  # seconds until a test that waits in vain fails
PAUSE: Final = 0.01  # seconds between two questions


async def until(holds: Callable[[], Awaitable[bool]], *, patience: float = PATIENCE) -> None:
    """Ask until it holds. Raises TimeoutError."""
    async with asyncio.timeout(patience):
        while not await holds():  # noqa: ASYNC110  there is no event to wait for in another process
            await asyncio.sleep(PAUSE)
