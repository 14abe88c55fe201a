"""The search index in this process: the in-memory twin of the SQL one. Looks at every document for every question."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from router.core.records import Leg
from router.core.search_mark import NOTHING_READ, Mark
from router.core.search_terms import WORDED, Clause, DocumentFacts, Entry, LegFacts, Space
from router.ports import Store
from router.ports.search import Candidate, Direction

EVENTS: Final = 10_000  # per question


@dataclass(slots=True)
class _Kept:
    candidate: Candidate
    fixed: set[str]
    marks: frozenset[str]

    def holds(self, clauses: Iterable[Clause]) -> bool:
        terms = self.fixed | self.marks
        return all(any(part.has(terms) for part in clause) for clause in clauses)


class MemorySearch:
    """`ports.SearchIndex` over a store in memory. Safe for several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._mark = NOTHING_READ
        self._kept: dict[str, _Kept] = {}

    def mark(self) -> Mark:
        with self._lock:
            return self._mark

    def candidates(
        self, clauses: Sequence[Clause], *, start: int | None, direction: Direction, limit: int
    ) -> Sequence[Candidate]:
        older = direction is Direction.OLDER
        with self._lock:
            found = [each.candidate for each in self._kept.values() if each.holds(clauses)]
        if start is not None:
            found = [each for each in found if (each.number < start if older else each.number > start)]
        return sorted(found, key=lambda each: each.number, reverse=older)[:limit]

    def count(self, clauses: Sequence[Clause], *, most: int) -> int:
        with self._lock:
            return min(most, sum(each.holds(clauses) for each in self._kept.values()))

    def facts(self, message_ids: Sequence[str]) -> Mapping[str, DocumentFacts]:
        there = (self._store.message(each) for each in message_ids)
        return {
            message.id: DocumentFacts(message=message, legs=tuple(map(_facts_of, self._store.legs_of(message.id))))
            for message in there
            if message is not None
        }

    def inside(self, part: str, *, limit: int) -> Sequence[str]:
        with self._lock:
            terms = {term for each in self._kept.values() for term in each.fixed if Space(term[0]) in WORDED}
        if any(term[2:].startswith(part) for term in terms):
            return ()
        return tuple(sorted(term for term in terms if part in term[2:]))[:limit]

    def newest_event(self) -> int:
        seq = self.mark().seq
        while rows := self._store.events_after(seq, limit=EVENTS):
            seq = rows[-1].seq
        return seq

    def put(self, entries: Iterable[Entry], *, was: Mark, mark: Mark) -> bool:
        with self._lock:
            if self._mark.version != was.version:
                return False
            for entry in entries:
                kept = self._kept.get(entry.message_id)
                if kept is None and not entry.marks:
                    continue
                if kept is None:
                    candidate = Candidate(len(self._kept), entry.message_id, entry.legs)
                    kept = self._kept[entry.message_id] = _Kept(candidate, set(), frozenset())
                kept.candidate = replace(kept.candidate, legs=entry.legs)
                kept.fixed |= entry.fixed
                kept.marks = entry.marks
            self._mark = replace(mark, version=was.version + 1)
            return True

    def relate(self, terms: Mapping[str, Iterable[str]], *, was: Mark, mark: Mark) -> bool:
        with self._lock:
            if self._mark.version != was.version:
                return False
            for code, further in terms.items():
                spoken = {f"{Space.SENDER.value}:{code}", f"{Space.RECIPIENT.value}:{code}"}
                for kept in self._kept.values():
                    if not spoken.isdisjoint(kept.fixed):
                        kept.fixed.update(further)
            self._mark = replace(mark, version=was.version + 1)
            return True

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._mark = replace(NOTHING_READ, version=self._mark.version + 1)
            self._kept.clear()

    def close(self) -> None:
        """Nothing to let go of."""


def _facts_of(leg: Leg) -> LegFacts:
    return LegFacts(
        recipient=leg.recipient,
        forwarded_from=leg.forwarded_from,
        state=leg.state.value,
        status=leg.status,
        recall=leg.recall.value,
        raised=",".join(leg.raised),
        handed_over_at=leg.handed_over_at,
        delivered_at=leg.delivered_at,
        status_at=leg.status_at,
    )
