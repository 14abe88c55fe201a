"""What an administrator arranged for an organ's deliveries: keep them for a while, or send them elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HoldKind(StrEnum):
    HOLD = "hold"  # in maintenance: deliveries wait on the hub
    FORWARD = "forward"  # moved: deliveries go to `to`


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One arrangement per organ (present code). It counts from `since` until `until`, or until it is released."""

    organ: str
    kind: HoldKind
    since: datetime
    until: datetime | None = None
    to: str = ""
    reason: str = ""
    by: str = ""

    def counts(self, now: datetime) -> bool:
        """Whether it is in force at this time."""
        return self.since <= now and (self.until is None or now < self.until)

    def over(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return self.until is not None and self.until <= now
