"""Who has an event stream open, so that no key has too many."""

from collections import Counter


class Listeners:
    """Counts streams by key, within one event loop."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def enter(self, key_id: str) -> bool:
        """False when the key has its number of streams already; else `leave` must follow."""
        if self._open[key_id] >= self._most:
            return False
        self._open[key_id] += 1
        return True

    def leave(self, key_id: str) -> None:
        self._open[key_id] -= 1
        if not self._open[key_id]:
            del self._open[key_id]
