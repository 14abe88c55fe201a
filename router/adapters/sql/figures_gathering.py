"""Sums of many organs at once: added up under their lines, and the medians of all of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Integer, Select, Text, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement

from router.adapters.sql.among import among
from router.adapters.sql.figures_tables import FIGURES
from router.core.figures import HUB
from router.ports.figures import Sum


def gathered(
    connection: Connection, periods: Collection[str], lines: Mapping[str, str], *, others: bool, sqlite: bool
) -> Sequence[Sum]:
    """As `ports.Figures.gathered` says.

    For everything the database adds up all rows of the periods, with the lines as one parameter. A subtree is found by
    its organs' keys, and added up here: joined with the lines, SQLite would read every row of the periods instead.
    """
    here = among(FIGURES.c.period, periods, sqlite=sqlite)
    rest = (FIGURES.c.kind, FIGURES.c.measure)
    if others:
        places = _lines(lines, sqlite=sqlite)
        line = func.coalesce(places.c.line, FIGURES.c.organ)
        question = (
            select(line, *rest, func.sum(FIGURES.c.value))
            .select_from(FIGURES.outerjoin(places, places.c.organ == FIGURES.c.organ))
            .where(here, FIGURES.c.organ > HUB)
            .group_by(line, *rest)
        )
    else:
        mine = among(FIGURES.c.organ, lines, sqlite=sqlite)
        question = select(FIGURES.c.organ, *rest, FIGURES.c.value).where(here, mine)
    sums: Counter[tuple[str, str, str]] = Counter()
    for organ, kind, measure, value in connection.execute(question):
        sums[organ if others else lines[organ], kind, measure] += int(value)
    return tuple(Sum(*key, value) for key, value in sorted(sums.items()))


def _lines(lines: Mapping[str, str], *, sqlite: bool) -> Any:
    """A table of organ and line."""
    if sqlite:
        told = func.json_each(orjson.dumps(dict(lines)).decode()).table_valued(
            column("key", Text), column("value", Text)
        )
        return select(told.c.key.label("organ"), told.c.value.label("line")).subquery("places")
    organs, targets = (cast(literal(list(each), ARRAY(Text)), ARRAY(Text)) for each in (lines.keys(), lines.values()))
    told = func.unnest(organs, targets).table_valued(column("organ", Text), column("line", Text), name="places")
    return told.render_derived()


def slowest_question(wanted: Collection[ColumnElement[bool]], *, family: str, fewest: int, limit: int) -> Select[Any]:
    """As `ports.Figures.slowest` says: the median is the first bin that half of all stand in or before."""
    number = cast(func.substr(FIGURES.c.measure, len(family) + 1), Integer)
    bins = (
        select(FIGURES.c.organ, number.label("bin"), func.sum(FIGURES.c.value).label("count"))
        .where(*wanted)
        .group_by(FIGURES.c.organ, number)
        .subquery("bins")
    )
    upto = func.sum(bins.c.count).over(partition_by=bins.c.organ, order_by=bins.c.bin)
    total = func.sum(bins.c.count).over(partition_by=bins.c.organ)
    counted = select(bins.c.organ, bins.c.bin, upto.label("upto"), total.label("total")).subquery("counted")
    median = func.min(counted.c.bin)
    return (
        select(counted.c.organ, median, func.max(counted.c.total))
        .where(counted.c.upto * 2 >= counted.c.total, counted.c.total >= fewest)
        .group_by(counted.c.organ)
        .order_by(median.desc(), counted.c.organ)
        .limit(limit)
    )
