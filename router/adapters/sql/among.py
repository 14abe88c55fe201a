"""Whether a column is among many values: one parameter, however many there are."""

from collections.abc import Iterable

import orjson
from sqlalchemy import Text, any_, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement

Column = ColumnElement[str]


def among(given: Column, values: Iterable[str], *, sqlite: bool) -> ColumnElement[bool]:
    """True where the column is one of the values. SQLite reads a list from JSON; both look it up in a table of their
    own, so that a hundred thousand codes are no more than one parameter."""
    wanted = sorted(set(values))
    if sqlite:
        listed = func.json_each(orjson.dumps(wanted).decode()).table_valued(column("value", Text))
        return given.in_(select(listed.c.value))
    return given == any_(cast(literal(wanted, ARRAY(Text)), ARRAY(Text)))
