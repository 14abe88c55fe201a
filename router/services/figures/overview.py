"""The hub at a glance, as far as somebody sees."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from router.core.figures import HUB, SPAN_CODES, Measure, day_of, hour_of, minute_of
from router.core.people import Scope
from router.core.registry import Registry
from router.core.summaries import median_of
from router.ports.figures import Figures, Standing
from router.services.figures.statistics import Point, months_before, points, this_month

MINUTES: Final = 60
HOURS: Final = 24
DAYS: Final = 30
CODE_DAYS: Final = 7
MOST_CODES: Final = 12
MOST_SLOW: Final = 10
FEWEST: Final = 3
"""Answers that an organ must have given before it is called slow."""
_FLOW: Final = (Measure.SENT.value, Measure.RECEIVED.value, Measure.REFUSED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """A recipient with the median of its time to 03 over two months, and what was late of it."""

    organ: str
    name: str
    median: timedelta
    answered: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`minutes`, `hours` and `days` are without gaps, the latest last; the last minute is not complete."""

    minutes: Sequence[Point]
    hours: Sequence[Point]
    days: Sequence[Point]
    standing: Standing
    refusals: Sequence[tuple[str, int]]
    slowest: Sequence[Slow]


def overview(figures: Figures, registry: Registry, scope: Scope, *, now: datetime) -> Overview:
    """Raises StoreUnavailable."""
    organs = scope.organs

    def flow(count: int, step: timedelta, name: Callable[[datetime], str]) -> Sequence[Point]:
        names = [name(now - step * back) for back in reversed(range(count))]
        series = figures.series((names[0], names[-1]), organs=organs, measures=_FLOW)
        known = {each.period: each for each in points(series)}
        return tuple(known.get(each, Point(period=each, sent=0, received=0, refused=0)) for each in names)

    return Overview(
        minutes=flow(MINUTES, timedelta(minutes=1), minute_of),
        hours=flow(HOURS, timedelta(hours=1), hour_of),
        days=flow(DAYS, timedelta(days=1), day_of),
        standing=figures.standing(organs=organs),
        refusals=_refusals(figures, organs, now=now),
        slowest=_slowest(figures, registry, organs, now=now),
    )


def _refusals(figures: Figures, organs: Collection[str] | None, *, now: datetime) -> Sequence[tuple[str, int]]:
    days = [day_of(now - timedelta(days=back)) for back in range(CODE_DAYS)]
    family = Measure.CODE.value
    counted: Counter[str] = Counter()
    for each in figures.sums(days, organs=(HUB,) if organs is None else organs, family=family):
        counted[each.measure.removeprefix(family)] += each.value
    return tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:MOST_CODES])


def _slowest(figures: Figures, registry: Registry, organs: Collection[str] | None, *, now: datetime) -> Sequence[Slow]:
    received = f"{Measure.SPAN.value}{SPAN_CODES[1]}:"
    bins: dict[str, Counter[int]] = {}
    late: Counter[str] = Counter()
    months = months_before(this_month(now), 2)
    for each in figures.sums(months, organs=organs, measures=[Measure.LATE.value], family=received):
        if each.measure.startswith(received):
            bins.setdefault(each.organ, Counter())[int(each.measure.removeprefix(received))] += each.value
        else:
            late[each.organ] += each.value
    found = [_slow(organ, counts, late[organ], registry) for organ, counts in bins.items() if counts.total() >= FEWEST]
    slow = [each for each in found if each is not None]
    return tuple(sorted(slow, key=lambda each: (-each.median, each.organ))[:MOST_SLOW])


def _slow(organ: str, counts: Mapping[int, int], late: int, registry: Registry) -> Slow | None:
    median = median_of(counts)
    known = registry.organ(organ)
    if median is None:
        return None
    name = known.name if known is not None else ""
    return Slow(organ=organ, name=name, median=median, answered=sum(counts.values()), late=late)
