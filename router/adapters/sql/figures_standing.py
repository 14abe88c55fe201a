"""What waits at this moment, from tables that are small and from partial indexes: no leg that is done is read."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select, text
from sqlalchemy.sql.elements import ColumnElement

from router.adapters.sql.among import among
from router.adapters.sql.leg_questions import HELD, PARKED, RAISED
from router.adapters.sql.rows import from_time, maybe_from_time
from router.adapters.sql.tables import ATTEMPTS, DEAD_LETTERS, LEGS, MESSAGES, OUTBOX
from router.core.dead import DeadState
from router.core.deadlines import Deadline
from router.core.records import OutboxKind
from router.ports.figures import AgentBacklog, Standing


def standing_of(connection: Connection, *, organs: Collection[str] | None, sqlite: bool) -> Standing:
    """As `ports.Figures.standing` says."""

    def of(*columns: Any) -> ColumnElement[bool] | None:
        return None if organs is None else or_(*(among(each, organs, sqlite=sqlite) for each in columns))

    deliveries = connection.execute(
        _within(
            select(OUTBOX.c.agent, func.count(), func.min(OUTBOX.c.created_at)).where(
                OUTBOX.c.kind == OutboxKind.DELIVERY.value, OUTBOX.c.agent != ""
            ),
            of(OUTBOX.c.recipient, OUTBOX.c.sender),
        ).group_by(OUTBOX.c.agent)
    ).all()
    raised = connection.execute(
        _within(
            select(LEGS.c.raised, LEGS.c.agent, func.count(), func.min(LEGS.c.created_at))
            .join(MESSAGES, MESSAGES.c.id == LEGS.c.message_id)
            .where(text(RAISED)),
            of(LEGS.c.recipient, MESSAGES.c.sender),
        ).group_by(LEGS.c.raised, LEGS.c.agent)
    ).all()
    overdue: dict[str, int] = {}
    backlogs = {agent: AgentBacklog(agent=agent, outbox=n, oldest=from_time(at)) for agent, n, at in deliveries}
    for names, agent, legs_there, since in raised:
        for name in names.split(","):
            overdue[name] = overdue.get(name, 0) + legs_there
        if agent and Deadline.NOT_ACKNOWLEDGED.value in names.split(","):
            backlogs[agent] = _later(backlogs.get(agent, AgentBacklog(agent=agent)), legs_there, from_time(since))

    def count(question: Select[Any]) -> int:
        return int(connection.execute(question).scalar() or 0)

    def legs(condition: str) -> int:
        question = select(func.count()).select_from(LEGS.join(MESSAGES, MESSAGES.c.id == LEGS.c.message_id))
        if organs is None:
            question = select(func.count()).select_from(LEGS)
        return count(_within(question.where(text(condition)), of(LEGS.c.recipient, MESSAGES.c.sender)))

    mine = organs is None
    receipts, first_receipt = connection.execute(
        select(func.count(), func.min(OUTBOX.c.created_at)).where(OUTBOX.c.kind == OutboxKind.RECEIPT.value)
    ).one()
    waiting = [from_time(at) for _, _, at in deliveries]
    if mine and first_receipt is not None:
        waiting.append(from_time(first_receipt))
    deferred = select(func.count()).select_from(MESSAGES).where(text("messages.state = 'deferred'"))
    dead = select(func.count()).select_from(DEAD_LETTERS).where(DEAD_LETTERS.c.state == DeadState.OPEN.value)
    return Standing(
        queued=sum(n for _, n, _ in deliveries),
        held=legs(HELD),
        parked=legs(PARKED),
        receipts=receipts if mine else 0,
        deferred=count(_within(deferred, of(MESSAGES.c.sender))),
        dead=count(dead) if mine else 0,
        attempts=count(select(func.max(ATTEMPTS.c.seq))) if mine else 0,
        oldest=min(waiting, default=None),
        overdue=overdue,
        oldest_overdue=maybe_from_time(min((since for _, _, _, since in raised), default=None)),
        agents=tuple(sorted(backlogs.values(), key=lambda each: (-each.outbox - each.overdue, each.agent))),
    )


def _within(question: Select[Any], condition: ColumnElement[bool] | None) -> Select[Any]:
    return question if condition is None else question.where(condition)


def _later(known: AgentBacklog, count: int, since: datetime) -> AgentBacklog:
    oldest = since if known.oldest is None else min(known.oldest, since)
    return AgentBacklog(agent=known.agent, outbox=known.outbox, overdue=known.overdue + count, oldest=oldest)
