"""Charts as shapes in a box of fixed size, to be drawn as inline SVG by `shell/charts.html`. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 520.0
HEIGHT: Final = 200.0
LEFT: Final = 52.0  # room for the numbers at the axis
BELOW: Final = 30.0  # room for the labels
ABOVE: Final = 10.0
GAP: Final = 0.28  # share of a column that is air
WIDEST: Final = 48.0  # of a column: where there are few, they are no walls
MOST_LABELS: Final = 8
SPARK_WIDTH: Final = 120.0
SPARK_HEIGHT: Final = 32.0
RING_RADIUS: Final = 42.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One segment of a column. `series` is its number, for its colour."""

    x: float
    y: float
    width: float
    height: float
    series: int
    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Label:
    """A text below the axis, or a number beside it."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class GridLine:
    """A line across, and the number that it stands for."""

    y: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    grid: tuple[GridLine, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series as the `points` of a polyline, and the outline of the area beneath it."""

    points: str
    area: str
    series: int
    last: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]
    grid: tuple[GridLine, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A small line without axis. `points` is empty when there is nothing to draw."""

    points: str
    area: str
    width: float = SPARK_WIDTH
    height: float = SPARK_HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A share as an arc: lengths of the dash and of the whole way round."""

    dash: float
    round: float
    radius: float = RING_RADIUS


def bar_chart(labels: Sequence[str], series: Sequence[Sequence[float]]) -> BarChart:
    """Columns, one per label, their series upon each other. Missing and negative values are 0."""
    columns = [[_at(values, place) for values in series] for place in range(len(labels))]
    top = nice_top(max((sum(column) for column in columns), default=0))
    step = (WIDTH - LEFT) / max(len(labels), 1)
    wide = min(step * (1 - GAP), WIDEST)
    bars: list[Bar] = []
    for place, column in enumerate(columns):
        floor = HEIGHT - BELOW
        for number, value in enumerate(column):
            height = _height(value, top)
            if height > 0:
                floor -= height
                x = LEFT + (place + 0.5) * step - wide / 2
                bars.append(Bar(_r(x), _r(floor), _r(wide), _r(height), number, labels[place], value))
    return BarChart(bars=tuple(bars), labels=_labels(labels, step), grid=_grid(top))


def line_chart(labels: Sequence[str], series: Sequence[Sequence[float]]) -> LineChart:
    """Lines over the labels, each from its own zero. Missing and negative values are 0."""
    top = nice_top(max((max(values, default=0) for values in series), default=0))
    step = (WIDTH - LEFT) / max(len(labels), 1)
    lines: list[Line] = []
    for number, values in enumerate(series):
        places = [
            (_r(LEFT + (place + 0.5) * step), _r(HEIGHT - BELOW - _height(_at(values, place), top)))
            for place in range(len(labels))
        ]
        if places:
            lines.append(Line(points=_points(places), area=_area(places), series=number, last=places[-1]))
    return LineChart(lines=tuple(lines), labels=_labels(labels, step), grid=_grid(top))


def spark(values: Sequence[float]) -> Spark:
    """A line through the values, which fills its box."""
    if len(values) < 2:
        return Spark(points="", area="")
    top = max(*values, 1)
    step = SPARK_WIDTH / (len(values) - 1)
    places = [
        (_r(place * step), _r(SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * max(value, 0) / top))
        for place, value in enumerate(values)
    ]
    return Spark(points=_points(places), area=_area(places, floor=SPARK_HEIGHT))


def ring(share: float) -> Ring:
    """A share from 0 to 1."""
    whole = 2 * math.pi * RING_RADIUS
    return Ring(dash=_r(whole * min(max(share, 0.0), 1.0)), round=_r(whole))


def nice_top(most: float) -> float:
    """The next number of people's liking (1, 2, 2.5, 4, 5 or 10 times a power of ten), at least 4."""
    if most <= 4 or not math.isfinite(most):
        return 4.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 2.5, 4, 5, 10) if step * power >= most)


def _grid(top: float) -> tuple[GridLine, ...]:
    floor, room = HEIGHT - BELOW, HEIGHT - BELOW - ABOVE
    return tuple(GridLine(_r(floor - room * part / 4), top * part / 4) for part in range(5))


def _labels(labels: Sequence[str], step: float) -> tuple[Label, ...]:
    """Each, or as many as there is room for."""
    every = math.ceil(len(labels) / MOST_LABELS) or 1
    return tuple(
        Label(_r(LEFT + (place + 0.5) * step), HEIGHT - 8, text)
        for place, text in enumerate(labels)
        if place % every == 0
    )


def _height(value: float, top: float) -> float:
    return (HEIGHT - BELOW - ABOVE) * value / top


def _at(values: Sequence[float], place: int) -> float:
    value = values[place] if place < len(values) else 0
    return max(value, 0) if math.isfinite(value) else 0


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)


def _area(places: Sequence[tuple[float, float]], floor: float = HEIGHT - BELOW) -> str:
    inner = " L".join(f"{x:g} {y:g}" for x, y in places)
    return f"M{places[0][0]:g} {floor:g} L{inner} L{places[-1][0]:g} {floor:g} Z"


def _r(value: float) -> float:
    return round(value, 2)
