"""Whom to leave alone, and for how long: who did not answer is asked again after a pause that grows with every time.

All times are seconds of one clock that does not jump (`time.monotonic`), passed in.
"""

from dataclasses import dataclass, replace
from typing import Final

FIRST_PAUSE: Final = 5.0
GROWTH: Final = 2.0
LONGEST_PAUSE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when somebody is silent, until when it is left alone, and how long that was."""

    since: float
    until: float
    length: float


class Silences:
    """The silent ones by name. Who was never silent costs nothing."""

    def __init__(self, *, first: float = FIRST_PAUSE, growth: float = GROWTH, longest: float = LONGEST_PAUSE) -> None:
        self._first = first
        self._growth = growth
        self._longest = longest
        self._pauses: dict[str, Pause] = {}

    def suspects(self, name: str) -> bool:
        """Whether it was silent and has not been heard since."""
        return name in self._pauses

    def leaves_out(self, name: str, *, now: float) -> bool:
        """Whether its pause is not over."""
        pause = self._pauses.get(name)
        return pause is not None and now < pause.until

    def silent(self, name: str, *, now: float) -> None:
        """It did not answer. Told again within a pause (several were waiting for it), the pause stays as it is."""
        pause = self._pauses.get(name)
        if pause is None:
            self._pauses[name] = Pause(now, now + self._first, self._first)
        elif now >= pause.until:
            length = min(pause.length * self._growth, self._longest)
            self._pauses[name] = replace(pause, until=now + length, length=length)

    def heard(self, name: str) -> None:
        """It answered."""
        self._pauses.pop(name, None)
