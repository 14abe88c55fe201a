"""The index that searches ask. It may be behind, and what it finds may be too much: `core.search.answers` decides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from router.core.search_mark import Mark
from router.core.search_terms import Clause, DocumentFacts, Entry


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that the index found. `number` is its place among all, which grows; `legs` is how many it has."""

    number: int
    message_id: str
    legs: int


class Direction(StrEnum):
    """Which way from a document the next ones are looked for."""

    OLDER = "older"
    NEWER = "newer"


class SearchIndex(Protocol):
    """Documents by their terms. Each call is a transaction of its own. Raises StoreUnavailable."""

    def mark(self) -> Mark:
        """How far the log has been read."""
        ...

    def candidates(
        self, clauses: Sequence[Clause], *, start: int | None, direction: Direction, limit: int
    ) -> Sequence[Candidate]:
        """Documents in which all clauses hold, the next ones from `start` on (exclusively), nearest first.

        Without a start from the newest, or the oldest. There are no further ones when there are fewer than `limit`.
        """
        ...

    def count(self, clauses: Sequence[Clause], *, most: int) -> int:
        """How many documents there are in which all clauses hold, counted up to `most`."""
        ...

    def facts(self, message_ids: Sequence[str]) -> Mapping[str, DocumentFacts]:
        """The messages and their legs as they are now, by message id."""
        ...

    def inside(self, part: str, *, limit: int) -> Sequence[str]:
        """Terms of `WORDED` spaces that hold a part inside, when none of them begins with it; at most `limit`."""
        ...

    def newest_event(self) -> int:
        """The number of the newest event of the log; 0 for none."""
        ...

    def put(self, entries: Iterable[Entry], *, was: Mark, mark: Mark) -> bool:
        """Take in documents and move the mark. Whether that was done: not when somebody has written since `was`.

        A document that is known gets the new terms in addition to the fixed ones it has, and in place of its marks.
        The version of the mark is the index's own to give, whatever `mark` says.
        """
        ...

    def relate(self, terms: Mapping[str, Iterable[str]], *, was: Mark, mark: Mark) -> bool:
        """Give every document that has the sender or recipient (key) these further terms, and move the mark, as `put`
        does."""
        ...

    def clear(self) -> None:
        """Forget everything: the index is made anew from the log."""
        ...

    def close(self) -> None: ...
