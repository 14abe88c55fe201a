"""How far those who read the log as it grows are behind it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from router.core.log_lag import Lag, LogReader
from router.ports import Store

Lags = Callable[[datetime], Mapping[LogReader, Lag]]
"""The lag of each reader at that moment. Raises StoreUnavailable."""


def no_lags(_now: datetime) -> Mapping[LogReader, Lag]:
    """For who asks for none."""
    return {}


def lag_after(seq: int, store: Store, *, newest: int, now: datetime) -> Lag:
    """The lag of who has read up to `seq`, when the log ends with `newest`. One small question."""
    waiting = store.events_after(seq, limit=1)
    if not waiting:
        return Lag()
    oldest = datetime.fromtimestamp(waiting[0].at / 1_000_000, tz=now.tzinfo)
    return Lag(events=max(newest - seq, 1), age=max(now - oldest, timedelta(0)))
