"""The hub at a glance, as far as somebody sees."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from router.core.figures import HUB, SPAN_CODES, Measure, day_of, hour_of, minute_of
from router.core.people import Scope
from router.core.registry import Registry
from router.core.summaries import span_of
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
class Flow:
    """`minutes`, `hours` and `days` are without gaps, the latest last; the last minute is not complete."""

    minutes: Sequence[Point]
    hours: Sequence[Point]
    days: Sequence[Point]
    standing: Standing
    refusals: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview(Flow):
    """The flow with the slowest recipients."""

    slowest: Sequence[Slow]


def overview(figures: Figures, registry: Registry, scope: Scope, *, now: datetime) -> Overview:
    """Raises StoreUnavailable."""
    found = flow_of(figures, scope, now=now)
    return overview_of(found, slowest_of(figures, registry, scope, now=now))


def overview_of(found: Flow, slowest: Sequence[Slow]) -> Overview:
    return Overview(
        minutes=found.minutes,
        hours=found.hours,
        days=found.days,
        standing=found.standing,
        refusals=found.refusals,
        slowest=slowest,
    )


def flow_of(figures: Figures, scope: Scope, *, now: datetime, standing: Standing | None = None) -> Flow:
    """`standing` is what stands now, where it is known. Raises StoreUnavailable."""
    organs = scope.organs

    def flow(count: int, step: timedelta, name: Callable[[datetime], str]) -> Sequence[Point]:
        names = [name(now - step * back) for back in reversed(range(count))]
        series = figures.series(names, organs=organs, measures=_FLOW)
        known = {each.period: each for each in points(series)}
        return tuple(known.get(each, Point(period=each, sent=0, received=0, refused=0)) for each in names)

    return Flow(
        minutes=flow(MINUTES, timedelta(minutes=1), minute_of),
        hours=flow(HOURS, timedelta(hours=1), hour_of),
        days=flow(DAYS, timedelta(days=1), day_of),
        standing=standing if standing is not None else figures.standing(organs=organs),
        refusals=_refusals(figures, organs, now=now),
    )


def slowest_of(figures: Figures, registry: Registry, scope: Scope, *, now: datetime) -> Sequence[Slow]:
    """Raises StoreUnavailable."""
    months = months_before(this_month(now), 2)
    family = f"{Measure.SPAN.value}{SPAN_CODES[1]}:"
    found = figures.slowest(months, family=family, organs=scope.organs, fewest=FEWEST, limit=MOST_SLOW)
    late: Counter[str] = Counter()
    for each in figures.sums(months, organs=[organ for organ, _, _ in found], measures=[Measure.LATE.value]):
        late[each.organ] += each.value
    return tuple(_slow(organ, number, count, late[organ], registry) for organ, number, count in found)


def _refusals(figures: Figures, organs: Collection[str] | None, *, now: datetime) -> Sequence[tuple[str, int]]:
    days = [day_of(now - timedelta(days=back)) for back in range(CODE_DAYS)]
    family = Measure.CODE.value
    counted: Counter[str] = Counter()
    for each in figures.sums(days, organs=(HUB,) if organs is None else organs, family=family):
        counted[each.measure.removeprefix(family)] += each.value
    return tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:MOST_CODES])


def _slow(organ: str, number: int, answered: int, late: int, registry: Registry) -> Slow:
    known = registry.organ(organ)
    return Slow(
        organ=organ,
        name=known.name if known is not None else "",
        median=span_of(number),
        answered=answered,
        late=late,
    )
