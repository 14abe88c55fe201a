"""When something that failed is tried again, and what stays written of the failure. Pure."""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from router.core.records import Attempt, DelayOutbox, OutboxItem, PutAttempt

MOST_DOUBLINGS: Final = 64
"""The factor is raised to this power at most; every pause has met `longest` long before."""
REASON_CHARS: Final = 300
_JITTER_STEPS: Final = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The pauses after failures: `first`, then `factor` times as long each time, never more than `longest`.

    `jitter` is the share of a pause (0 to 1) that may be taken off it, so that what failed together does not come back
    together. How much is taken off follows from the item and the number of the attempt: the same question has the same
    answer on every worker.
    """

    first: timedelta = timedelta(seconds=2)
    factor: float = 2.0
    longest: timedelta = timedelta(minutes=5)
    jitter: float = 0.2

    def __post_init__(self) -> None:
        """Raises ValueError for pauses that would not be pauses."""
        if self.first <= timedelta() or self.longest < self.first:
            raise ValueError("retry: 0 < first <= longest")
        if not 1.0 <= self.factor <= 100.0:
            raise ValueError("retry: 1 <= factor <= 100")
        if not 0.0 <= self.jitter < 1.0:
            raise ValueError("retry: 0 <= jitter < 1")

    def pause_after(self, failures: int, *, of: str) -> timedelta:
        """The pause after so many failures (1 is the first) of the item with this id."""
        power = min(max(failures - 1, 0), MOST_DOUBLINGS)
        longest = self.longest / self.first
        pause = self.first * min(self.factor**power, longest)
        return pause * (1.0 - self.jitter * _share(of, failures))


DEFAULT_RETRY: Final = RetryPolicy()


def after_failure(
    item: OutboxItem, reason: str, *, now: datetime, policy: RetryPolicy = DEFAULT_RETRY
) -> tuple[PutAttempt, DelayOutbox]:
    """What is written when a publish failed: that it did, and when the item may be taken up again.

    An item's `attempts` counts how often it was taken up before by `lease_outbox`; the first attempt, by the worker
    that made the item, is not among them.
    """
    number = item.attempts + 1
    attempt = Attempt(
        item_id=item.id,
        message_id=item.message_id,
        leg_id=item.leg_id,
        number=number,
        at=now,
        reason=reason[:REASON_CHARS],
    )
    return PutAttempt(attempt), DelayOutbox(item.id, now + policy.pause_after(number, of=item.id))


def _share(item_id: str, failures: int) -> float:
    """Between 0 and 1, evenly spread over ids and numbers."""
    return zlib.crc32(f"{item_id}/{failures}".encode("utf-8", "backslashreplace")) / _JITTER_STEPS
