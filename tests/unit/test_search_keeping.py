"""The index is kept beside everything else: it rests, waits for the database, and gives way to another."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from router.adapters.memory_search import MemorySearch
from router.adapters.memory_store import MemoryStore
from router.core.records import PutEvent, PutMessage
from router.ports import StoreUnavailable
from router.services.search import indexing as module
from router.services.search.indexing import Indexing, IndexKeeper, Progress
from tests.support.records import NOON, event, message


class _Noon:
    def now(self) -> datetime:
        return NOON


class _Scripted:
    """An indexing that does what it is told, in turn, and then nothing. Says when it has run for the last time."""

    def __init__(self, *steps: Callable[[], Progress], runs: int, done: Callable[[], object]) -> None:
        self.steps = list(steps)
        self.runs = 0
        self.last = runs
        self.done = done

    def run(self) -> Progress:
        self.runs += 1
        if self.runs == self.last:
            self.done()
        return self.steps.pop(0)() if self.steps else Progress()


def _raises(problem: Exception) -> Callable[[], Progress]:
    def step() -> Progress:
        raise problem

    return step


async def _kept(*steps: Callable[[], Progress], runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a keeper that pauses for next to nothing, until it has run so often."""
    monkeypatch.setattr(module, "PAUSE", 0.001)
    monkeypatch.setattr(module, "OVERTAKEN_PAUSE", 0.001)
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    indexing: Any = _Scripted(*steps, runs=runs, done=lambda: loop.call_soon_threadsafe(stopping.set))
    async with asyncio.timeout(10):
        await IndexKeeper(indexing, stopping).run()


async def test_a_database_that_is_away_and_a_crash_do_not_end_the_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    away, crash = _raises(StoreUnavailable("away")), _raises(ValueError("a bug"))

    await _kept(away, crash, lambda: Progress(more=True), runs=6, monkeypatch=monkeypatch)


async def test_who_was_overtaken_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    await _kept(lambda: Progress(more=True, overtaken=True), runs=3, monkeypatch=monkeypatch)


def test_the_log_is_read_in_portions_until_nothing_is_left() -> None:
    store = MemoryStore()
    index = MemorySearch(store)
    indexing = Indexing(index, store, clock=_Noon(), portion=4)
    with store.begin() as tx:
        for number in range(10):
            tx.apply([PutMessage(message(f"{number}")), PutEvent(event("message.accepted", f"m-{number}"))])
        tx.apply([PutEvent(event("log.sealed", ""))])

    first = indexing.run()
    assert (first.documents, first.more) == (4, True)
    assert indexing.catch_up() == 6
    assert indexing.run() == Progress()
    assert index.mark().seq == 11


def test_a_message_that_is_gone_is_left_out() -> None:
    store = MemoryStore()
    indexing = Indexing(MemorySearch(store), store, clock=_Noon())
    with store.begin() as tx:
        tx.apply([PutEvent(event("submission.id-reused", "m-nobody"))])

    assert indexing.catch_up() == 0
