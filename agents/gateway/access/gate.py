"""Who may have a slow hash worked out now: a short queue that no stranger can fill, and whom it has known goes first.

Two hashes at a time, one of an address. Others wait some seconds, a few of an address. Whoever has logged in before
with the same name and password from the same address overtakes the others and, when the queue is full, takes the place
of one of them. What was right before is kept as a keyed digest, in memory.
"""

import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import Final

from agents.gateway.access.errors import LoginsBusy
from agents.gateway.access.secrets import MOST_CHARS

AT_ONCE: Final = 2
WAITING: Final = 8
"""Logins that wait, each in a thread; with those at work, the threads that a flood can hold."""
WAITING_OF_ONE: Final = 4
"""Of one address."""
PATIENCE: Final = 5.0  # seconds; a hash takes some 0.2
MOST_KNOWN: Final = 10_000


@dataclass(slots=True, eq=False)
class _Place:
    """One login in the queue. `peer` is empty for one that has no address, which is bound by the rest alone."""

    peer: str
    known: bool
    lost: bool = False


class Gate:
    """Safe to use from several threads. Starts anew with the process."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        """`patience` is in seconds."""
        self._patience = patience
        self._changed = Condition()
        self._waiting: list[_Place] = []
        self._at_work: Counter[str] = Counter()
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._key = secrets.token_bytes(32)

    @contextmanager
    def entered(self, peer: str = "", *, known: bool = False) -> Iterator[None]:
        """Raises LoginsBusy, at once when the queue is full, else after some seconds."""
        place = _Place(peer, known)
        with self._changed:
            if not self._make_room(place):
                raise LoginsBusy
            self._waiting.append(place)
            try:
                self._changed.wait_for(lambda: place.lost or self._is_next(place), self._patience)
                if place.lost or not self._is_next(place):
                    raise LoginsBusy
                self._at_work[peer] += 1
            finally:
                if not place.lost:
                    self._waiting.remove(place)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._at_work[peer] -= 1
                self._at_work += Counter()  # forgets those at zero
                self._changed.notify_all()

    def remember(self, peer: str, name: str, password: str) -> None:
        """These were right together."""
        with self._changed:
            proof = self._proof(peer, name, password)
            self._known[proof] = None
            self._known.move_to_end(proof)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)

    def knows(self, peer: str, name: str, password: str) -> bool:
        """Whether these were right together before. It opens no door: the password is checked all the same."""
        with self._changed:
            return self._proof(peer, name, password) in self._known

    def _proof(self, peer: str, name: str, password: str) -> bytes:
        text = "\n".join(each[:MOST_CHARS].replace("\n", " ") for each in (peer, name, password))
        return hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256")

    def _make_room(self, place: _Place) -> bool:
        """Whether it may wait; the last comer of those that nobody knows gives way to one that is known."""
        same = [each for each in self._waiting if place.peer and each.peer == place.peer]
        crowd = same if len(same) >= WAITING_OF_ONE else self._waiting if len(self._waiting) >= WAITING else []
        if not crowd:
            return True
        loser = next((each for each in reversed(crowd) if not each.known), None) if place.known else None
        if loser is None:
            return False
        loser.lost = True
        self._waiting.remove(loser)
        self._changed.notify_all()
        return True

    def _is_next(self, place: _Place) -> bool:
        """The first whose address has nothing at work: of those that are known, else of all."""
        if sum(self._at_work.values()) >= AT_ONCE:
            return False
        free = [each for each in self._waiting if not each.peer or not self._at_work[each.peer]]
        return next(iter(sorted(free, key=lambda each: not each.known)), None) is place
