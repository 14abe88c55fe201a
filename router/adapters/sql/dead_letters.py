"""The table of dead letters: rows and questions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

import orjson
from sqlalchemy import Connection, func, or_, select, text

from edxml_schemas.contract import Urgency
from router.adapters.sql.rows import Row, from_time, maybe_from_time, maybe_to_time, to_time
from router.adapters.sql.statements import chunks
from router.adapters.sql.tables import DEAD_LETTERS
from router.core.dead import DeadKind, DeadLetter, DeadState

SEARCHED: Final = tuple(DEAD_LETTERS.c[name] for name in ("id", "agent", "queue", "reason", "submission_id", "leg_id"))


def by_id(connection: Connection, ids: Sequence[str], *, locks: bool) -> Mapping[str, DeadLetter]:
    question = select(DEAD_LETTERS).order_by(DEAD_LETTERS.c.id)
    if locks:
        question = question.with_for_update()
    found: dict[str, DeadLetter] = {}
    for chunk in chunks(ids):
        for row in connection.execute(question.where(DEAD_LETTERS.c.id.in_(chunk))):
            found[row[0]] = dead_letter_of(tuple(row))
    return found


def due(connection: Connection, *, now: datetime, limit: int, locks: bool) -> Sequence[DeadLetter]:
    question = (
        select(DEAD_LETTERS)
        .where(text("state = 'returning'"), DEAD_LETTERS.c.return_at <= to_time(now))
        .order_by(DEAD_LETTERS.c.return_at, DEAD_LETTERS.c.id)
        .limit(limit)
    )
    if locks:
        question = question.with_for_update(skip_locked=True)
    return tuple(dead_letter_of(tuple(row)) for row in connection.execute(question))


def find(connection: Connection, query: str, *, state: DeadState | None, limit: int) -> Sequence[DeadLetter]:
    question = select(DEAD_LETTERS)
    if state is not None:
        question = question.where(DEAD_LETTERS.c.state == state.value)
    if wanted := query.strip():
        place = func.instr if connection.dialect.name == "sqlite" else func.strpos  # LIKE has letters of its own
        question = question.where(or_(*(place(column, wanted) > 0 for column in SEARCHED)))
    question = question.order_by(DEAD_LETTERS.c.died_at.desc(), DEAD_LETTERS.c.id.desc()).limit(limit)
    return tuple(dead_letter_of(tuple(row)) for row in connection.execute(question))


def dead_letter_row(letter: DeadLetter) -> Row:
    return (
        letter.id,
        letter.kind.value,
        letter.state.value,
        letter.queue,
        letter.reason,
        letter.routing_key,
        letter.agent,
        letter.user_id,
        letter.submission_id,
        letter.leg_id,
        letter.type,
        letter.urgency.value,
        letter.digest,
        letter.size,
        letter.payload,
        orjson.dumps(dict(letter.properties)).decode(),
        letter.attempts,
        letter.deaths,
        to_time(letter.died_at),
        maybe_to_time(letter.return_at),
        maybe_to_time(letter.decided_at),
        letter.decided_by,
        letter.note,
    )


def dead_letter_of(row: Row) -> DeadLetter:
    return DeadLetter(
        id=row[0],
        kind=DeadKind(row[1]),
        state=DeadState(row[2]),
        queue=row[3],
        reason=row[4],
        routing_key=row[5],
        agent=row[6],
        user_id=row[7],
        submission_id=row[8],
        leg_id=row[9],
        type=row[10],
        urgency=Urgency(row[11]),
        digest=row[12],
        size=row[13],
        payload=row[14],
        properties=MappingProxyType(orjson.loads(row[15])),
        attempts=row[16],
        deaths=row[17],
        died_at=from_time(row[18]),
        return_at=maybe_from_time(row[19]),
        decided_at=maybe_from_time(row[20]),
        decided_by=row[21],
        note=row[22],
    )
