"""Finds documents: asks the index for what may be meant, and checks each against the records as they are now.

A page costs what it shows. The index may find too much (it knows neither who sees what, nor which leg a status is on),
so a search goes on until the page is full, or until it has looked at `LOOKED_AT` documents: then the page says where
it stopped, and the next one goes on from there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edxml_schemas.contract import MessageType
from router.core.log_lag import Lag
from router.core.organ_book import OrganBook
from router.core.people import Scope
from router.core.records import MessageRecord, MessageState
from router.core.search import Wanted, answers, sight, wanted_by
from router.core.search_question import Question, Reading
from router.core.search_terms import Clause, LegFacts, sees_all
from router.ports import Clock, Store
from router.ports.search import Candidate, Direction, SearchIndex
from router.services.search.books import Books
from router.services.search.indexing import lag_of

PAGE: Final = 25
MOST_ON_A_PAGE: Final = 200
LOOKED_AT: Final = 500
LEGS_READ: Final = 10_000
"""Legs that are read together, at least one document's."""
COUNTED: Final = 1000
COUNTED_ONE_BY_ONE: Final = 100
"""So far a count goes when the index alone cannot tell."""
INSIDE: Final = 300
"""Words with a part inside of them that are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document that answers, with the legs that the asker sees. `number` is its place, by which pages are turned.

    It is None for a document that the index does not know yet.
    """

    number: int | None
    message: MessageRecord
    legs: Sequence[LegFacts]
    all_legs: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; `more`: at least so many."""

    number: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One page, the newest first.

    `older` and `newer` are where the pages beside it begin, None at the ends. `broken_off`: the page is not full
    because there was too much to look at; `older` (or `newer`) goes on.
    """

    found: tuple[Found, ...]
    older: int | None
    newer: int | None
    broken_off: bool
    count: Count
    lag: Lag
    readings: tuple[tuple[str, Reading], ...]
    too_many: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: how far they see, and the root from which that follows (empty for everything)."""

    scope: Scope
    root: str = ""


class Search:
    """Safe for several threads."""

    def __init__(self, index: SearchIndex, store: Store, *, clock: Clock) -> None:
        self._index = index
        self._store = store
        self._clock = clock
        self._books = Books(store)

    def find(
        self,
        question: Question,
        asker: Asker,
        *,
        start: int | None = None,
        direction: Direction = Direction.OLDER,
        limit: int = PAGE,
    ) -> Answer:
        """A page of answers from `start` on (exclusively), without one from the newest on. Raises StoreUnavailable."""
        book = self._books.now()
        wanted = wanted_by(question, book, inside=lambda part: self._index.inside(part, limit=INSIDE))
        limit = max(1, min(limit, MOST_ON_A_PAGE))
        looking = _Looking(self._index, wanted, asker, book)
        hits, last = looking.page(start, direction, limit + 1)
        further = len(hits) > limit
        hits = hits[:limit]
        if further:
            last = hits[-1].number
        if not hits and start is None:
            hits = self._named(question, asker, book)
        if direction is Direction.NEWER and last is None:  # the newest page, which is to be full
            return self.find(question, asker, limit=limit)
        older, newer = _ends(hits, start, last, direction)
        return Answer(
            found=tuple(hits if direction is Direction.OLDER else reversed(hits)),
            older=older,
            newer=newer,
            broken_off=last is not None and not further,
            count=self._count(looking, hits, asker),
            lag=lag_of(self._index, self._store, now=self._clock.now()),
            readings=wanted.readings,
            too_many=wanted.too_many,
        )

    def book(self) -> OrganBook:
        """The present registry, as answers are told with it."""
        return self._books.now()

    def lag(self) -> Lag:
        """How far the index is behind."""
        return lag_of(self._index, self._store, now=self._clock.now())

    def _named(self, question: Question, asker: Asker, book: OrganBook) -> list[Found]:
        """Documents that are called so, by ids that only the store knows, and before the index has learnt of them."""
        text = question.text.strip()
        if not text or question != Question(text=question.text) or len(text.split()) > 1:
            return []
        found = [each for each in self._store.find(text, limit=PAGE) if text in _names_of(each)]
        facts = self._index.facts(list(dict.fromkeys(map(_meant_by, found))))
        seen = ((facts[each].message, answers(facts[each], NOTHING_WANTED, asker.scope, book)) for each in facts)
        return [
            Found(number=None, message=message, legs=legs, all_legs=sees_all(message, asker.scope))
            for message, legs in seen
            if legs is not None
        ]

    def _count(self, looking: "_Looking", hits: Sequence[Found], asker: Asker) -> Count:
        if hits and hits[0].number is None:
            return Count(len(hits), more=False)
        if looking.wanted.told_by_index(asker.scope):
            number = self._index.count(looking.clauses, most=COUNTED)
            return Count(number, more=number >= COUNTED)
        counted, last = looking.page(None, Direction.OLDER, COUNTED_ONE_BY_ONE)
        return Count(len(counted), more=last is not None or len(counted) >= COUNTED_ONE_BY_ONE)


NOTHING_WANTED: Final = Wanted(whole=(), of_a_leg=())


class _Looking:
    """One question, put to the index as often as it takes."""

    def __init__(self, index: SearchIndex, wanted: Wanted, asker: Asker, book: OrganBook) -> None:
        self.wanted = wanted
        self.clauses: tuple[Clause, ...] = (*sight(asker.scope, asker.root, book), *wanted.clauses)
        self._index = index
        self._scope = asker.scope
        self._book = book

    def page(self, start: int | None, direction: Direction, limit: int) -> tuple[list[Found], int | None]:
        """The next answers, nearest first, and the document looked at last when it was broken off, else None."""
        found: list[Found] = []
        looked_at = 0
        while len(found) < limit:
            if looked_at >= LOOKED_AT:
                return found, start
            asked = max(limit - len(found), min(looked_at, LOOKED_AT - looked_at))
            candidates = self._index.candidates(self.clauses, start=start, direction=direction, limit=asked)
            for portion in _portions(candidates):
                found += self._checked(portion)
                start = portion[-1].number
                if len(found) >= limit:
                    return found[:limit], None
            looked_at += len(candidates)
            if len(candidates) < asked:
                return found, None
        return found, None

    def _checked(self, candidates: Sequence[Candidate]) -> Iterator[Found]:
        facts = self._index.facts([each.message_id for each in candidates])
        for candidate in candidates:
            known = facts.get(candidate.message_id)
            legs = answers(known, self.wanted, self._scope, self._book) if known is not None else None
            if known is not None and legs is not None:
                yield Found(
                    number=candidate.number,
                    message=known.message,
                    legs=legs,
                    all_legs=sees_all(known.message, self._scope),
                )


def _portions(candidates: Sequence[Candidate]) -> Iterator[Sequence[Candidate]]:
    """Candidates whose legs are read together."""
    portion: list[Candidate] = []
    legs = 0
    for each in candidates:
        if portion and legs + each.legs > LEGS_READ:
            yield portion
            portion, legs = [], 0
        portion.append(each)
        legs += each.legs
    if portion:
        yield portion


def _names_of(message: MessageRecord) -> tuple[str, ...]:
    """What a message is called, beside whom it speaks of, which not everybody may know."""
    number = message.code.partition("/")[0]
    return message.id, message.submission_id, message.document_id, message.code, number


def _meant_by(message: MessageRecord) -> str:
    """The document that is meant by who names a repetition of it, or an accepted status about it."""
    if message.duplicate_of:
        return message.duplicate_of
    said = message.type is MessageType.STATUS and message.state is MessageState.ACCEPTED
    return message.about if said and message.about else message.id


def _ends(
    hits: Sequence[Found], start: int | None, last: int | None, direction: Direction
) -> tuple[int | None, int | None]:
    """Where the pages beside a page begin: the older and the newer one. `last` is not None when there is more."""
    back = None
    if start is not None:
        back = hits[0].number if hits else start
    return (last, back) if direction is Direction.OLDER else (back, last)
