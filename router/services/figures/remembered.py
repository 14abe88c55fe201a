"""Answers that are kept for a while: what is costly to reckon is given out again, with the moment it was reckoned."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from router.ports import StoreUnavailable

Value = TypeVar("Value")
Spawn = Callable[[Callable[[], None]], None]
MOST: Final = 64
THREAD: Final = "figures"


def in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True, name=THREAD).start()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """For how long: one that is younger than `fresh` is given out as it is; an older one, too, while it is reckoned
    anew; beyond `longest` the asker waits."""

    fresh: timedelta
    longest: timedelta


class Remembered(Generic[Value]):
    """Values by key, each with its age. Safe for several threads.

    Nobody reckons the same twice at once. What failed is not remembered.
    """

    def __init__(self, kept: Kept, *, spawn: Spawn = in_a_thread, most: int = MOST) -> None:
        self._kept = kept
        self._spawn = spawn
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[datetime, Value]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Value], *, now: datetime) -> tuple[datetime, Value]:
        """When it was reckoned, and the value. Raises what `make` raises, unless there is an older value."""
        known = self._found(key)
        if known is not None and timedelta(0) <= now - known[0] < self._kept.fresh:
            return known
        making = self._turn(key)
        if known is not None and timedelta(0) <= now - known[0] < self._kept.longest:
            if making.acquire(blocking=False):
                self._spawn(lambda: self._anew(key, make, making, now=now))
            return known
        with making:
            again = self._found(key)
            if again is not None and again is not known:
                return again  # somebody else was faster
            return self._keep(key, make(), now=now)

    def _anew(self, key: Hashable, make: Callable[[], Value], making: threading.Lock, *, now: datetime) -> None:
        try:
            self._keep(key, make(), now=now)
        except StoreUnavailable:
            pass  # who asks when it has grown too old is told
        finally:
            making.release()

    def _found(self, key: Hashable) -> tuple[datetime, Value] | None:
        with self._lock:
            return self._known.get(key)

    def _turn(self, key: Hashable) -> threading.Lock:
        with self._lock:
            return self._making.setdefault(key, threading.Lock())

    def _keep(self, key: Hashable, value: Value, *, now: datetime) -> tuple[datetime, Value]:
        with self._lock:
            self._known[key] = (now, value)
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                gone, _ = self._known.popitem(last=False)
                self._making.pop(gone, None)
            return self._known[key]
