"""Questions about what waits for somebody's hand."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from router.core.dead import DeadLetter
from router.core.records import Leg, MessageRecord
from router.core.work_lists import Narrow, Place, WorkKind


class WorkQuestions(Protocol):
    """A leg is seen by who sees its sender, its recipient, or the recipient that the sender named. A refused submission
    is seen by who sees its sender, or all organs of its agent. A dead letter is seen by who sees all organs of its
    agent, and one that was a delivery by who sees its leg. Raises StoreUnavailable."""

    def legs(
        self, kind: WorkKind, narrow: Narrow, *, after: Place | None = None, limit: int
    ) -> Sequence[tuple[MessageRecord, Leg]]:
        """Of a list of legs; the oldest first, by `created_at` and id."""
        ...

    def refused(self, narrow: Narrow, *, after: Place | None = None, limit: int) -> Sequence[MessageRecord]:
        """The newest first, by `received_at` and id."""
        ...

    def letters(self, narrow: Narrow, *, after: Place | None = None, limit: int) -> Sequence[DeadLetter]:
        """Open ones; the newest first, by `died_at` and id."""
        ...

    def letters_called(self, ids: Iterable[str], narrow: Narrow) -> Sequence[DeadLetter]:
        """Of these letters, whatever became of them, those that are seen; by id."""
        ...

    def count(self, kind: WorkKind, narrow: Narrow, *, most: int) -> int:
        """How many are in a list, counted up to `most`."""
        ...
