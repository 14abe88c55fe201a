"""Rows as they are stored, message by message, for the check of the log."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from sqlalchemy import Column, Connection, Table, func, select

from router.adapters.sql.rows import (
    Row,
    leg_of,
    leg_row,
    message_of,
    message_row,
    status_of,
    status_row,
)
from router.adapters.sql.statements import chunks
from router.adapters.sql.tables import EVENTS, LEGS, MESSAGES, STATUSES
from router.core.histories import History, Stored, Stray
from router.core.seals import EventRow

UNREADABLE: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What turning a row into a record raises when somebody else than the hub wrote it."""

T = TypeVar("T")


def histories(connection: Connection, after: str | None, *, limit: int) -> Sequence[History]:
    """In order of message ids. The caller's transaction sees one state of the database."""
    question = select(MESSAGES).order_by(MESSAGES.c.id).limit(limit)
    if after is not None:
        question = question.where(MESSAGES.c.id > after)
    messages = [tuple(row) for row in connection.execute(question)]
    ids = [row[0] for row in messages]
    legs = _grouped(_rows(connection, LEGS, LEGS.c.message_id, ids, LEGS.c.ordinal), by=1)
    leg_ids = [row[0] for rows in legs.values() for row in rows]
    statuses = _grouped(_rows(connection, STATUSES, STATUSES.c.leg_id, leg_ids, STATUSES.c.seq), by=2)
    events = _grouped(_rows(connection, EVENTS, EVENTS.c.message_id, ids, EVENTS.c.seq), by=3)
    return tuple(
        History(
            message=_stored(row, message_of, message_row, key=row[0]),
            legs=tuple(_stored(leg, leg_of, leg_row, key=leg[0]) for leg in legs.get(row[0], ())),
            statuses=tuple(
                _stored(status, status_of, lambda value: (None, *status_row(value)), key=status[2], ignore=1)
                for leg in legs.get(row[0], ())
                for status in statuses.get(leg[0], ())
            ),
            events=tuple(EventRow(*event) for event in events.get(row[0], ())),
        )
        for row in messages
    )


def strays(connection: Connection, *, limit: int) -> Sequence[Stray]:
    """Events and legs without their message, statuses without their leg or message: one row per missing id."""
    found: list[Stray] = []
    for table, column, there in (
        (EVENTS, EVENTS.c.message_id, MESSAGES),
        (LEGS, LEGS.c.message_id, MESSAGES),
        (STATUSES, STATUSES.c.leg_id, LEGS),
        (STATUSES, STATUSES.c.message_id, MESSAGES),
    ):
        key = next(iter(table.primary_key.columns))
        absent = ~select(there.c.id).where(there.c.id == column).exists()
        question = select(func.min(key), column).where(column != "", absent).group_by(column).limit(limit)
        found += (Stray(table.name, str(row[0]), row[1]) for row in connection.execute(question))
    return tuple(found[:limit])


def _rows(
    connection: Connection, table: Table, column: Column[str], keys: Sequence[str], order: Column[int]
) -> Iterable[Row]:
    for chunk in chunks(keys):
        for row in connection.execute(select(table).where(column.in_(chunk)).order_by(column, order)):
            yield tuple(row)


def _grouped(rows: Iterable[Row], *, by: int) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row)
    return groups


def _stored(row: Row, read: Callable[[Row], T], write: Callable[[T], Row], *, key: str, ignore: int = 0) -> Stored[T]:
    """`ignore` is the number of leading columns that the database gives."""
    try:
        value = read(row)
        return Stored(key, value, exact=write(value)[ignore:] == row[ignore:])
    except UNREADABLE:
        return Stored(key, None, exact=False)
