"""The loop computes when the store's thread does not."""

import asyncio
import threading

import pytest

from router.services.work.turns import Turns


async def test_the_loop_waits_while_a_thread_computes_and_goes_on_after_it() -> None:
    turns, loop = Turns(), asyncio.get_running_loop()
    begun, end = threading.Event(), threading.Event()

    def compute() -> None:
        with turns.taken(loop):
            begun.set()
            end.wait(10)

    work = asyncio.create_task(asyncio.to_thread(compute))
    await asyncio.to_thread(begun.wait, 10)
    await asyncio.sleep(0)
    waiting = asyncio.create_task(turns.wait())
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    end.set()
    await asyncio.wait_for(waiting, 10)
    await work


async def test_a_thread_that_fails_gives_the_interpreter_back() -> None:
    turns, loop = Turns(), asyncio.get_running_loop()

    def compute() -> None:
        with turns.taken(loop):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await asyncio.to_thread(compute)
    await asyncio.wait_for(turns.wait(), 10)
