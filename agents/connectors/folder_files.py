"""Looking at files that others write, and writing files that others read."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import orjson

from agents.spool_bodies import write_durably

Fingerprint = tuple[tuple[str, int, int], ...]
"""Every file of a drop with its size in bytes and its time of change in nanoseconds."""


def fingerprint_of(drop: Path) -> Fingerprint | None:
    """None when the drop went away while it was looked at."""
    try:
        paths = sorted(drop.rglob("*")) if drop.is_dir() else [drop]
        return tuple((str(path), (seen := path.stat()).st_size, seen.st_mtime_ns) for path in paths)
    except OSError:
        return None


@dataclass(slots=True)
class Settling:
    """Tells whether a drop has come to rest: nothing about it changed for `rest`, as far as was looked."""

    rest: timedelta
    _since: dict[Path, tuple[Fingerprint, float]] = field(default_factory=dict)

    def settled(self, drop: Path, seen: Fingerprint) -> bool:
        known = self._since.get(drop)
        if known is None or known[0] != seen:
            self._since[drop] = (seen, time.monotonic())
            return self.rest <= timedelta(0)
        return time.monotonic() - known[1] >= self.rest.total_seconds()

    def forget(self, drop: Path) -> None:
        self._since.pop(drop, None)

    @property
    def waiting(self) -> bool:
        """Whether some drop has been seen, and neither been taken nor gone away."""
        for drop in [path for path in self._since if not path.exists()]:
            self.forget(drop)
        return bool(self._since)


def write_json(path: Path, content: object) -> None:
    """Whole or not at all, indented, with a line end."""
    write_durably(path, orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
