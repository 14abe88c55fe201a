"""The time stamp that the VXP client library writes: `21112026T091548+0422`.

The four digits behind the plus are milliseconds, not a zone. The time is the client's local time, which is taken for
Vietnam time. A service object takes it once and signs it into every later call, so it may be days old.
"""

import re
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

VIETNAM: Final = timezone(timedelta(hours=7))
CLOCK_TOLERANCE: Final = timedelta(minutes=15)
"""How far a client's clock may be ahead of this machine's."""

_STAMP: Final = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{4})T([0-9]{2})([0-9]{2})([0-9]{2})\+0([0-9]{3})", re.ASCII)


class StampFault(StrEnum):
    """Why a time stamp does not count."""

    MALFORMED = "malformed"
    OLD = "old"
    AHEAD = "ahead"


def read_stamp(text: str) -> datetime | None:
    """The moment a stamp names, as an aware datetime in Vietnam time; None for what is no stamp."""
    match = _STAMP.fullmatch(text)
    if match is None:
        return None
    day, month, year, hour, minute, second, millisecond = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, millisecond * 1000, tzinfo=VIETNAM)
    except ValueError:
        return None


def write_stamp(moment: datetime) -> str:
    """A moment as the client library writes it, for answers and tests of the same."""
    local = moment.astimezone(VIETNAM)
    return f"{local:%d%m}{local.year:04d}{local:T%H%M%S}+{local.microsecond // 1000:04d}"


def stamp_fault(text: str, *, now: datetime, age: timedelta) -> StampFault | None:
    """What is wrong with a stamp that may be as old as `age`; None when it counts."""
    moment = read_stamp(text)
    if moment is None:
        return StampFault.MALFORMED
    # Differences, not sums: a stamp of the year 1 or 9999 must not overflow.
    if moment - now > CLOCK_TOLERANCE:
        return StampFault.AHEAD
    return StampFault.OLD if now - moment > age else None
