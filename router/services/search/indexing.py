"""Keeps the index of the search behind the log: portion after portion, outside the way of documents.

Nobody who takes a document in waits for the index, and on SQLite, where one writes at a time, it writes in short
transactions and rests for longer than it works. So it may be some seconds behind, which every answer says.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from edxml_schemas.organs import normalise
from router.core.log_lag import Lag
from router.core.organ_book import OrganBook
from router.core.seals import EventRow
from router.core.search_mark import Mark, gaps_after
from router.core.search_terms import Entry, entry_of, spoken_of
from router.logs import logger
from router.ports import Clock, Store, StoreUnavailable
from router.ports.search import SearchIndex
from router.services.log_lag import lag_after
from router.services.search.books import Books

PORTION: Final = 2000
"""Events that are read at a time."""
READ: Final = 200
"""Messages that are read together."""
PAUSE: Final = 1.0  # seconds between two looks when nothing was left
REST: Final = 4.0  # so many times as long as it worked, it rests while there is more
OVERTAKEN_PAUSE: Final = 5.0  # seconds that one of two gives the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a portion came to. `overtaken`: somebody else keeps the index at the same time, and was faster."""

    documents: int = 0
    more: bool = False
    overtaken: bool = False


class Indexing:
    """Reads the log and writes the index. Stateless beside what both say."""

    def __init__(self, index: SearchIndex, store: Store, *, clock: Clock, portion: int = PORTION) -> None:
        self._index = index
        self._store = store
        self._clock = clock
        self._portion = portion
        self._books = Books(store)

    def run(self) -> Progress:
        """One portion. Raises StoreUnavailable."""
        was, book = self._index.mark(), self._books.now()
        if was.registry < book.version:
            return self._relate(was, book)
        now = self._clock.now()
        rows = self._store.events_after(was.seq, limit=self._portion)
        late = self._late(was)
        mark = replace(
            was,
            seq=rows[-1].seq if rows else was.seq,
            gaps=gaps_after(was, [each.seq for each in rows], [each.seq for each in late], now=now),
        )
        if mark == was:
            return Progress()
        spoken = dict.fromkeys(each.message_id for each in (*late, *rows) if each.message_id)
        entries = self._entries(list(spoken), book)
        if not self._index.put(entries, was=was, mark=mark):
            return Progress(more=True, overtaken=True)
        return Progress(documents=len(entries), more=len(rows) == self._portion)

    def catch_up(self) -> int:
        """Portion after portion until nothing is left; how many documents were looked at."""
        documents, more = 0, True
        while more:
            progress = self.run()
            documents, more = documents + progress.documents, progress.more
        return documents

    def forget(self) -> None:
        """Forget everything: the index is made anew from the log."""
        self._index.clear()

    def _late(self, mark: Mark) -> Sequence[EventRow]:
        """The events that have appeared in gaps."""
        return [
            row
            for gap in mark.gaps
            for row in self._store.events_after(gap.first - 1, limit=gap.last - gap.first + 1)
            if row.seq <= gap.last
        ]

    def _entries(self, message_ids: Sequence[str], book: OrganBook) -> list[Entry]:
        entries: list[Entry] = []
        for start in range(0, len(message_ids), READ):
            facts = self._index.facts(message_ids[start : start + READ])
            entries += (entry_of(facts[each], book) for each in message_ids[start : start + READ] if each in facts)
        return entries

    def _relate(self, was: Mark, book: OrganBook) -> Progress:
        """Give documents what has changed about their organs: names, and who is above them."""
        changed = book.changed_since(was.registry) if was.seq else ()
        terms: Mapping[str, frozenset[str]] = {normalise(code): spoken_of(code, book) for code in changed}
        if not self._index.relate(terms, was=was, mark=replace(was, registry=book.version)):
            return Progress(more=True, overtaken=True)
        return Progress(more=True)


def lag_of(index: SearchIndex, store: Store, *, now: datetime) -> Lag:
    """How far an index is behind. Three small questions."""
    return lag_after(index.mark().seq, store, newest=index.newest_event(), now=now)


class IndexKeeper:
    """Runs the indexing beside everything else until stopped."""

    def __init__(self, indexing: Indexing, stopping: asyncio.Event) -> None:
        self._indexing = indexing
        self._stopping = stopping
        self._log = logger("search")

    async def run(self) -> None:
        while not self._stopping.is_set():
            await self._pause(await self._portion())

    async def _portion(self) -> float:
        """One portion; for how many seconds to rest after it."""
        began = time.perf_counter()
        try:
            progress = await asyncio.to_thread(self._indexing.run)
        except StoreUnavailable as problem:
            self._log.warning("index-waits", reason=str(problem))
            return OVERTAKEN_PAUSE
        except Exception:  # the hub carries documents without its search
            self._log.exception("index-crashed")
            return OVERTAKEN_PAUSE
        if progress.overtaken:
            return OVERTAKEN_PAUSE
        rest = (time.perf_counter() - began) * REST
        return rest if progress.more else max(PAUSE, rest)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
