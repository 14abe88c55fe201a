"""How fast a key may call: a bucket of one minute's requests that fills evenly.

A quiet client may spend a whole minute's worth at once; in any t seconds nobody gets more than
`per_minute * (1 + t / 60)` requests. One number per key is kept: when its bucket will be full again.
"""

from threading import Lock
from typing import Final

from agents.gateway.callers import Caller

MINUTE: Final = 60.0  # seconds
SLACK: Final = 1e-6  # seconds; a client that waits as told is let in, whatever floating point makes of it
MOST_KEYS: Final = 10_000
"""Buckets that are kept before full ones, which say nothing, are thrown away."""


class Throttle:
    """Safe to use from several threads. Starts anew with the process."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}
        self._lock = Lock()

    def admit(self, caller: Caller, *, now: float) -> float:
        """0.0: go on; else the seconds after which to try again. `now` is in seconds, of a clock that only goes on."""
        each = MINUTE / caller.per_minute
        with self._lock:
            full_at = min(max(self._full_at.get(caller.key_id, now), now), now + MINUTE)
            wait = full_at + each - now - MINUTE
            if wait > SLACK:
                return wait
            self._full_at[caller.key_id] = full_at + each
            if len(self._full_at) > MOST_KEYS:
                self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        return 0.0
