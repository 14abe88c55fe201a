"""How far the index has read the log. PostgreSQL may commit a lower number after a higher one: gaps are read again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

PATIENCE: Final = timedelta(minutes=5)
"""A gap that nobody has filled by then was drawn by a transaction that was rolled back."""
WIDEST: Final = 2000
"""Numbers of one gap that are looked at. A wider one is a sequence that was set on, by a restore for example."""
MOST_GAPS: Final = 500


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of events, `first` to `last`, that were not there when a higher one was read."""

    first: int
    last: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where the index stands. `seq` is the highest event read, `registry` the version of the registry known to it.

    `version` grows with every write; who writes says which one it has read, so that of two writers one gives up.
    """

    version: int = 0
    seq: int = 0
    registry: int = 0
    gaps: tuple[Gap, ...] = field(default=())


NOTHING_READ: Final = Mark()


def gaps_after(mark: Mark, seqs: Sequence[int], late: Sequence[int], *, now: datetime) -> tuple[Gap, ...]:
    """The gaps that are left when `seqs` (above the mark, ascending) and `late` (inside its gaps) have been read."""
    found: list[Gap] = []
    there = set(late)
    for gap in mark.gaps:
        if now - gap.since < PATIENCE:
            found += _left(gap, there)
    expected = mark.seq + 1
    for seq in seqs:
        if seq > expected:
            found.append(Gap(max(expected, seq - WIDEST), seq - 1, now))
        expected = seq + 1
    return tuple(found[-MOST_GAPS:])


def _left(gap: Gap, there: set[int]) -> list[Gap]:
    """What is left of a gap."""
    left: list[Gap] = []
    first = gap.first
    for seq in range(gap.first, gap.last + 2):
        if seq > gap.last or seq in there:
            if seq > first:
                left.append(Gap(first, seq - 1, gap.since))
            first = seq + 1
    return left
