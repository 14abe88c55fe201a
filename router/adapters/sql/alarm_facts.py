"""What alarms are judged from, asked of SQLite or PostgreSQL."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Select, func, select, text

from router.adapters.sql.engine import told_as_ports
from router.adapters.sql.rows import message_of, to_time
from router.adapters.sql.tables import CERTIFICATES, EVENTS, MESSAGES
from router.core.records import MessageRecord, MessageState
from router.core.registry import CertificateRecord
from router.core.seals import EventRow

T = TypeVar("T")

SENDERS_ASKED: Final = 500
"""Organs in one question."""


class SqlAlarmFacts:
    """`ports.alarms.AlarmFacts`. Safe for several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest_event(self) -> int:
        return self._ask(lambda connection: connection.scalar(select(func.max(EVENTS.c.seq)))) or 0

    def tally(self, after: int, up_to: int) -> Mapping[str, int]:
        between = (EVENTS.c.seq > after, EVENTS.c.seq <= up_to)
        question = select(EVENTS.c.name, func.count()).where(*between).group_by(EVENTS.c.name)
        return self._ask(lambda connection: {row[0]: row[1] for row in connection.execute(question)})

    def events_named(self, names: Collection[str], *, after: int, up_to: int, limit: int) -> Sequence[EventRow]:
        between = (EVENTS.c.seq > after, EVENTS.c.seq <= up_to, EVENTS.c.name.in_(sorted(names)))
        question = select(EVENTS).where(*between).order_by(EVENTS.c.seq).limit(limit)
        return self._ask(lambda connection: tuple(EventRow(*row) for row in connection.execute(question)))

    def certificates(self) -> Sequence[CertificateRecord]:
        columns = (CERTIFICATES.c.organ, CERTIFICATES.c.fingerprint, CERTIFICATES.c.subject, CERTIFICATES.c.pem)
        question = select(*columns).order_by(CERTIFICATES.c.organ, CERTIFICATES.c.fingerprint)
        rows = self._ask(lambda connection: connection.execute(question).all())
        return tuple(CertificateRecord(organ=row[0], fingerprint=row[1], subject=row[2], pem=row[3]) for row in rows)

    def refused(self, senders: Collection[str], *, since: datetime, limit: int) -> Sequence[MessageRecord]:
        found: list[MessageRecord] = []
        wanted = sorted(senders)
        for start in range(0, len(wanted), SENDERS_ASKED):
            some = wanted[start : start + SENDERS_ASKED]
            question = select(MESSAGES).where(
                text("sender <> ''"),  # as the partial index has it
                MESSAGES.c.sender.in_(some),
                MESSAGES.c.received_at >= to_time(since),
                MESSAGES.c.state == MessageState.REFUSED.value,
            )
            ordered = question.order_by(MESSAGES.c.received_at.desc(), MESSAGES.c.id).limit(limit)
            found += self._messages(ordered)
        return tuple(sorted(found, key=lambda each: (each.received_at, each.id), reverse=True)[:limit])

    def _messages(self, question: Select[Any]) -> Sequence[MessageRecord]:
        return self._ask(lambda connection: [message_of(tuple(row)) for row in connection.execute(question)])

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            return question(connection)
