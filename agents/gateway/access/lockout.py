"""When somebody who gets passwords wrong is kept out, and for how long: decided here, without effects."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

ATTEMPTS: Final = 5
LOCKED_FOR: Final = timedelta(minutes=5)
FORGOTTEN_AFTER: Final = timedelta(minutes=15)
MOST_REMEMBERED: Final = 10_000
"""Names and addresses with failures that are remembered. To push one out, a guesser must fail so many other logins,
each of which costs a slow hash: that is slower than waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Wrong passwords in a row, for one user name from one address."""

    in_a_row: int
    last_at: datetime
    locked_until: datetime | None = None

    def locked(self, now: datetime) -> bool:
        """A clock that was set back locks nobody out for longer."""
        return self.locked_until is not None and self.locked_until - LOCKED_FOR <= now < self.locked_until


def after_failure(known: Failures | None, now: datetime) -> Failures:
    """What is remembered after one more. Attempts while locked out change nothing, so that the lock ends."""
    if known is not None and known.locked(now):
        return known
    recent = known is not None and known.locked_until is None and now - known.last_at < FORGOTTEN_AFTER
    count = (known.in_a_row if known is not None and recent else 0) + 1
    return Failures(in_a_row=count, last_at=now, locked_until=now + LOCKED_FOR if count >= ATTEMPTS else None)
