"""Questions that people ask, outside the hot path: search, trace, backlog, the right to read."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Select, case, func, literal, select, text, union

from router.adapters.sql.rows import (
    Row,
    answer_of,
    attempt_of,
    event_of,
    from_time,
    leg_of,
    message_of,
    status_of,
    to_time,
)
from router.adapters.sql.statements import chunks
from router.adapters.sql.tables import (
    AGENTS,
    ANSWERS,
    ATTEMPTS,
    BLOBS,
    EVENTS,
    LEGS,
    MESSAGES,
    NEW_DOCUMENTS,
    NOT_ACCEPTED,
    OUTBOX,
    STATUSES,
)
from router.core.ids import message_id_of
from router.core.records import Answer, Attempt, Event, Leg, MessageRecord, MessageState, StatusRecord
from router.ports import Backlog, Promptness

LAST_CHARACTER: Final = "\U0010ffff"
"""Text that begins with `x` is at least `x` and below `x` with this behind it."""

NEWEST: Final = (MESSAGES.c.received_at.desc(), MESSAGES.c.id.desc())


def find(connection: Connection, query: str, *, limit: int) -> Sequence[MessageRecord]:
    """Newest first. Each way of asking is one index and gives at most `limit`: an organ's long past is not read."""
    wanted = query.strip()
    if not wanted:
        return ()
    m = MESSAGES.c
    begin = wanted if "/" in wanted else f"{wanted}/"  # a code, or a number alone
    ways = [
        _newest_ids(m.id.in_([wanted, *_submitted(connection, wanted)]), limit=limit),
        _newest_ids(m.submission_id == wanted, text(NOT_ACCEPTED), limit=limit),
        _newest_ids(m.document_id == wanted, text("document_id <> ''"), limit=limit),
        _newest_ids(m.code == wanted, text("code <> ''"), limit=limit),
        _newest_ids(m.code >= begin, m.code < begin + LAST_CHARACTER, text("code <> ''"), limit=limit),
        _newest_ids(m.sender == wanted, text("sender <> ''"), limit=limit),
        _newest_received(wanted, limit=limit),
    ]
    ids = union(*(select(way.subquery().c.id) for way in ways)).subquery()
    question = select(MESSAGES).where(m.id.in_(select(ids.c.id))).order_by(*NEWEST).limit(limit)
    return _messages(connection, question)


def _submitted(connection: Connection, submission_id: str) -> Sequence[str]:
    """Ids of messages with this submission id, whichever agent of the registry sent them."""
    ids = [message_id_of(agent, submission_id) for agent in connection.scalars(select(AGENTS.c.name))]
    there = (connection.scalars(select(MESSAGES.c.id).where(MESSAGES.c.id.in_(chunk))) for chunk in chunks(ids))
    return [each for found in there for each in found]


def _newest_ids(*conditions: object, limit: int) -> Select[tuple[str]]:
    return select(MESSAGES.c.id).where(*conditions).order_by(*NEWEST).limit(limit)  # type: ignore[arg-type]  # clauses


def _newest_received(organ: str, *, limit: int) -> Select[tuple[str]]:
    return (
        select(LEGS.c.message_id.label("id"))
        .where(LEGS.c.recipient == organ)
        .order_by(LEGS.c.created_at.desc(), LEGS.c.id)
        .limit(limit)
    )


def message(connection: Connection, message_id: str) -> MessageRecord | None:
    found = _messages(connection, select(MESSAGES).where(MESSAGES.c.id == message_id))
    return found[0] if found else None


def messages_about(connection: Connection, message_id: str) -> Sequence[MessageRecord]:
    if not message_id:
        return ()
    question = select(MESSAGES).where(MESSAGES.c.about == message_id, text("about <> ''"))
    return _messages(connection, question.order_by(MESSAGES.c.received_at, MESSAGES.c.id))


def answers_naming(
    connection: Connection, *, document_id: str, code: str, limit: int
) -> Sequence[tuple[MessageRecord, Answer]]:
    # Each name by its own index; the conditions on emptiness are those of the partial indexes.
    named = [
        select(*ANSWERS.c).where(column == name, text(f"{column.name} <> ''")).limit(limit)
        for column, name in ((ANSWERS.c.document_id, document_id), (ANSWERS.c.code, code))
        if name
    ]
    answers = [answer_of(tuple(row)) for each in named for row in connection.execute(each)]
    wanted = {each.message_id for each in answers}
    messages = {each.id: each for each in _messages(connection, select(MESSAGES).where(MESSAGES.c.id.in_(wanted)))}
    found = {(each.message_id, each.place): (messages[each.message_id], each) for each in answers}
    return sorted(found.values(), key=lambda pair: (pair[0].received_at, pair[0].id), reverse=True)[:limit]


def legs_of(connection: Connection, message_id: str) -> Sequence[Leg]:
    rows = connection.execute(select(LEGS).where(LEGS.c.message_id == message_id).order_by(LEGS.c.ordinal))
    return tuple(leg_of(tuple(row)) for row in rows)


def statuses_of(connection: Connection, leg_ids: Iterable[str]) -> Sequence[StatusRecord]:
    rows: list[Row] = []
    for chunk in chunks(sorted(set(leg_ids))):
        rows += (tuple(row) for row in connection.execute(select(STATUSES).where(STATUSES.c.leg_id.in_(chunk))))
    return tuple(status_of(row) for row in sorted(rows, key=lambda row: row[0]))


def events_of(connection: Connection, message_id: str) -> Sequence[Event]:
    rows = connection.execute(select(EVENTS).where(EVENTS.c.message_id == message_id).order_by(EVENTS.c.seq))
    return tuple(event_of(tuple(row)) for row in rows)


def attempts_of(connection: Connection, message_id: str) -> Sequence[Attempt]:
    question = select(ATTEMPTS).where(ATTEMPTS.c.message_id == message_id).order_by(ATTEMPTS.c.seq)
    return tuple(attempt_of(tuple(row)) for row in connection.execute(question))


def promptness(connection: Connection, *, since: datetime) -> Promptness:
    signed, arrived = MESSAGES.c.promulgation_date, MESSAGES.c.arrived_on
    kind = case((signed == "", "unknown"), (arrived == "", "unknown"), (signed == arrived, "same"), else_="later")
    counted = (
        select(kind.label("kind"), func.count())
        .where(text(NEW_DOCUMENTS), MESSAGES.c.received_at >= to_time(since))
        .group_by("kind")
    )
    counts = {row[0]: row[1] for row in connection.execute(counted)}
    return Promptness(same_day=counts.get("same", 0), later=counts.get("later", 0), unknown=counts.get("unknown", 0))


def backlog(connection: Connection) -> Backlog:
    messages = connection.execute(select(MESSAGES.c.state, func.count()).group_by(MESSAGES.c.state))
    legs = connection.execute(select(LEGS.c.state, func.count()).group_by(LEGS.c.state))
    waiting, oldest = connection.execute(select(func.count(), func.min(OUTBOX.c.created_at)).select_from(OUTBOX)).one()
    return Backlog(
        messages={row[0]: row[1] for row in messages},
        legs={row[0]: row[1] for row in legs},
        outbox=waiting,
        oldest_outbox=None if oldest is None else from_time(oldest),
    )


def may_read(connection: Connection, *, agent: str, digest: str) -> bool:
    accepted = select(MESSAGES.c.id, MESSAGES.c.agent).where(
        text(BLOBS), MESSAGES.c.digest == digest, MESSAGES.c.state == MessageState.ACCEPTED.value
    )
    for message_id, sender in connection.execute(accepted).all():
        if sender == agent:
            return True
        carries = select(LEGS.c.id).where(LEGS.c.message_id == message_id, LEGS.c.agent == agent).limit(1)
        if connection.execute(carries).first() is not None:
            return True
    return False


def claimed_blobs(connection: Connection, digests: Iterable[str]) -> Set[str]:
    found: set[str] = set()
    for chunk in chunks(sorted(set(digests))):
        claims = select(MESSAGES.c.digest).where(
            text(BLOBS),
            MESSAGES.c.digest.in_(chunk),
            MESSAGES.c.payload == literal("blob:") + MESSAGES.c.digest,
            MESSAGES.c.state != MessageState.REFUSED.value,
        )
        found.update(connection.scalars(claims))
    return found


def _messages(connection: Connection, question: Select[Row]) -> Sequence[MessageRecord]:
    return tuple(message_of(tuple(row)) for row in connection.execute(question))
