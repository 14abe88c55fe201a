"""Waiting in the agent's loops: for news, for a while, and longer after every failure. All durations are seconds."""

import asyncio
import contextlib
from typing import Final

FIRST_WAIT: Final = 0.2  # after the first failure
LONGEST_WAIT: Final = 30.0  # between two attempts


def backoff(attempts: int) -> float:
    """How long to wait after so many failures."""
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts, 16)))


async def news_or(news: asyncio.Event, stop: asyncio.Event, within: float) -> None:
    """Returns at news, at the end, or after `within`."""
    waits = [asyncio.create_task(news.wait()), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Returns after so long, or at the end."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
