"""Statistics of bodies: sums of months, rolled up along the registry's tree."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from router.core.figures import HUB, VIETNAM, Measure, months_between
from router.core.people import Scope
from router.core.registry import Registry
from router.core.summaries import Summary, summed_up
from router.ports.figures import Figures, Sum

LINES: Final = 2000
"""Most lines of one page; the largest are kept."""
HISTORY: Final = 12  # months in the chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One organ with everything below it, or (`own`) the organ at the top by itself. `organs` counts those with
    figures."""

    organ: str
    name: str
    summary: Summary
    organs: int
    own: bool = False
    opens: bool = False
    """Whether there is something below it to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What flowed in one period."""

    period: str
    sent: int
    received: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """`root` is empty for everything. `path` are the organs above it that the asker sees, from the top."""

    first: str
    last: str
    root: str
    name: str
    path: Sequence[tuple[str, str]]
    whole: Summary
    lines: Sequence[Line]
    more: int
    days: Sequence[Point]
    months: Sequence[Point]


def statistics(
    figures: Figures, registry: Registry, scope: Scope, *, root: str, first: str, last: str
) -> Statistics | None:
    """Of an organ's subtree (everything that the asker sees, when empty) from one month to another, both included.

    None when there is no such organ, or the asker does not see it. Raises StoreUnavailable.
    """
    found = registry.organ(root) if root else None
    if root and (found is None or not scope.sees(found.code)):
        return None
    top = found.code if found is not None else HUB
    places = _Places(registry, scope, top)
    everything = not top and scope.everything
    wanted = None if everything else places.codes()
    months = months_between(first, last)
    rows = figures.sums(months, organs=wanted)
    whole_rows: Iterable[Sum] = figures.sums(months, organs=[HUB]) if everything else rows
    lines = _lines(rows, registry, places, top)
    flow = (Measure.SENT.value, Measure.RECEIVED.value, Measure.REFUSED.value)
    history = months_before(last, HISTORY)
    return Statistics(
        first=first,
        last=last,
        root=top,
        name=found.name if found is not None else "",
        path=_path(registry, scope, top),
        whole=summed_up((each.kind, each.measure, each.value) for each in whole_rows),
        lines=lines[:LINES],
        more=max(len(lines) - LINES, 0),
        days=points(figures.series((f"{last}-01", f"{last}-31"), organs=wanted, measures=flow)),
        months=points(figures.series((history[0], history[-1]), organs=wanted, measures=flow)),
    )


def points(series: Iterable[tuple[str, str, str, int]]) -> tuple[Point, ...]:
    """Of documents; statuses are left out."""
    found: dict[str, Counter[str]] = {}
    for period, kind, measure, value in series:
        if kind != "status":
            found.setdefault(period, Counter())[measure] += value
    return tuple(
        Point(
            period=period,
            sent=sums[Measure.SENT.value],
            received=sums[Measure.RECEIVED.value],
            refused=sums[Measure.REFUSED.value],
        )
        for period, sums in sorted(found.items())
    )


def this_month(now: datetime) -> str:
    return f"{now.astimezone(VIETNAM):%Y-%m}"


def months_before(last: str, count: int) -> tuple[str, ...]:
    """So many months up to `last`, which is among them."""
    year, month = divmod(int(last[:4]) * 12 + int(last[5:7]) - 1 - (count - 1), 12)
    return months_between(f"{year:04}-{month + 1:02}", last)


class _Places:
    """Which line below the top an organ belongs to."""

    def __init__(self, registry: Registry, scope: Scope, top: str) -> None:
        self._registry = registry
        self._scope = scope
        self._top = top
        self._known: dict[str, str | None] = {}
        self.parents: set[str] = set()
        for organ in registry.organs.values():
            above = registry.organ(organ.parent) if organ.parent else None
            if above is not None and above.code != organ.code:
                self.parents.add(above.code)

    def of(self, code: str) -> str | None:
        """The code of the line; None for an organ that is not below the top or not seen."""
        if code not in self._known:
            self._known[code] = self._find(code)
        return self._known[code]

    def codes(self) -> list[str]:
        """Every code, present and former, that belongs below the top."""
        present = [code for code in self._registry.organs if self.of(code) is not None]
        return present + [old for old in self._registry.aliases if self.of(old) is not None]

    def _find(self, code: str) -> str | None:
        organ = self._registry.organ(code)
        if organ is None:
            return (code if self._scope.sees(code) else None) if self._top == HUB else None
        if not self._scope.sees(organ.code):
            return None
        line, seen = organ.code, {organ.code}
        while line != self._top:
            parent = self._registry.organs[line].parent
            above = self._registry.organ(parent) if parent else None
            if above is None or above.code in seen or not self._scope.sees(above.code):
                return line if self._top == HUB else None
            if above.code == self._top:
                return line
            line = above.code
            seen.add(line)
        return line


def _lines(rows: Iterable[Sum], registry: Registry, places: _Places, top: str) -> list[Line]:
    sums: dict[str, Counter[tuple[str, str]]] = {}
    organs: dict[str, set[str]] = {}
    for each in rows:
        line = places.of(each.organ)
        if line is not None:
            sums.setdefault(line, Counter())[each.kind, each.measure] += each.value
            organs.setdefault(line, set()).add(each.organ)
    lines = [
        Line(
            organ=code,
            name=organ.name if (organ := registry.organ(code)) is not None else "",
            summary=summed_up((kind, measure, value) for (kind, measure), value in found.items()),
            organs=len(organs[code]),
            own=code == top,
            opens=code != top and code in places.parents,
        )
        for code, found in sums.items()
    ]
    return sorted(lines, key=lambda each: (not each.own, -each.summary.sent - each.summary.received, each.organ))


def _path(registry: Registry, scope: Scope, top: str) -> tuple[tuple[str, str], ...]:
    """From the highest organ that the asker sees down to the one above `top`."""
    found: list[tuple[str, str]] = []
    organ = registry.organ(top) if top else None
    seen = {top}
    while organ is not None and organ.parent:
        organ = registry.organ(organ.parent)
        if organ is None or organ.code in seen or not scope.sees(organ.code):
            break
        seen.add(organ.code)
        found.append((organ.code, organ.name))
    return tuple(reversed(found))
