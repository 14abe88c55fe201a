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
from router.services.figures.places import Drawn, Places, drawn_of, places_of

HISTORY: Final = 12  # months in the chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One organ with everything below it, or (`own`) the organ at the top by itself. `organs` counts those of the
    registry."""

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
    """`root` is empty for everything. `path` are the organs above it that the asker sees, from the top. `at` is when
    it was reckoned."""

    at: datetime

    first: str
    last: str
    root: str
    name: str
    path: Sequence[tuple[str, str]]
    whole: Summary
    lines: Sequence[Line]
    days: Sequence[Point]
    months: Sequence[Point]


def statistics(
    figures: Figures,
    registry: Registry,
    scope: Scope,
    *,
    root: str,
    first: str,
    last: str,
    now: datetime,
    drawn: Drawn | None = None,
) -> Statistics | None:
    """Of an organ's subtree (everything that the asker sees, when empty) from one month to another, both included.
    `drawn` is the registry's tree, where it is at hand.

    None when there is no such organ, or the asker does not see it. Raises StoreUnavailable.
    """
    found = registry.organ(root) if root else None
    if root and (found is None or not scope.sees(found.code)):
        return None
    top = found.code if found is not None else HUB
    places = places_of(drawn or drawn_of(registry), registry, scope, top)
    everything = not top and scope.everything
    wanted = None if everything else list(places.lines)
    months = months_between(first, last)
    rows = figures.gathered(months, places.lines, others=everything)
    # What is counted with the hub alone (a refusal whose sender is not proven) stands in no line.
    whole_rows: Iterable[Sum] = figures.sums(months, organs=[HUB]) if everything else rows
    flow = (Measure.SENT.value, Measure.RECEIVED.value, Measure.REFUSED.value)
    return Statistics(
        at=now,
        first=first,
        last=last,
        root=top,
        name=found.name if found is not None else "",
        path=_path(registry, scope, top),
        whole=summed_up((each.kind, each.measure, each.value) for each in whole_rows),
        lines=_lines(rows, registry, places, top),
        days=points(figures.series([f"{last}-{day:02}" for day in range(1, 32)], organs=wanted, measures=flow)),
        months=points(figures.series(months_before(last, HISTORY), organs=wanted, measures=flow)),
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


def _lines(rows: Iterable[Sum], registry: Registry, places: Places, top: str) -> list[Line]:
    sums: dict[str, list[Sum]] = {}
    for each in rows:
        sums.setdefault(each.organ, []).append(each)
    lines = [
        Line(
            organ=code,
            name=organ.name if (organ := registry.organ(code)) is not None else "",
            summary=summed_up((each.kind, each.measure, each.value) for each in found),
            organs=places.counts.get(code, 1),
            own=code == top,
            opens=code != top and code in places.opens,
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
