"""Legs that need somebody: those whose deadline is due, those with an alarm, the parked and the held."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, text

from router.adapters.sql.rows import leg_of, message_of, to_time
from router.adapters.sql.tables import LEGS, MESSAGES
from router.core.records import Leg, MessageRecord

# Conditions in `text` repeat those of partial indexes: as bound values the databases would not recognise them.
RAISED: Final = "legs.raised <> ''"
PARKED: Final = "legs.state = 'parked'"
HELD: Final = "legs.state = 'held'"

LEG_WIDTH: Final = len(LEGS.c)


def due(connection: Connection, *, now: datetime, limit: int, locks: bool) -> Sequence[Leg]:
    question = (
        select(LEGS)
        .where(text("look_at IS NOT NULL"), LEGS.c.look_at <= to_time(now))
        .order_by(LEGS.c.look_at, LEGS.c.id)
        .limit(limit)
    )
    if locks:
        question = question.with_for_update(skip_locked=True)
    return tuple(leg_of(tuple(row)) for row in connection.execute(question))


def with_messages(
    connection: Connection, condition: str, *, limit: int, recipient: str = ""
) -> Sequence[tuple[MessageRecord, Leg]]:
    """Legs under one of the conditions above, the oldest first, with their messages."""
    question = select(LEGS, MESSAGES).join(MESSAGES, MESSAGES.c.id == LEGS.c.message_id).where(text(condition))
    if recipient:
        question = question.where(LEGS.c.recipient == recipient)
    rows = connection.execute(question.order_by(LEGS.c.created_at, LEGS.c.id).limit(limit))
    return tuple((message_of(tuple(row[LEG_WIDTH:])), leg_of(tuple(row[:LEG_WIDTH]))) for row in rows)
