"""`ports.audit.Audit` on SQLite or PostgreSQL."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Engine, select, text

from router.adapters.sql.engine import told_as_ports
from router.adapters.sql.rows import event_of, to_time
from router.adapters.sql.tables import BY_PEOPLE, EVENTS
from router.core.audit import Deed, DeedQuestion, actors_of

DEEDS: Final = text(BY_PEOPLE)  # as the partial index has it


class SqlAudit:
    """The log in a database that `migrate.upgrade` has brought up to date."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def deeds(self, question: DeedQuestion, *, before: int | None = None, limit: int) -> Sequence[Deed]:
        asked = select(EVENTS).where(DEEDS).order_by(EVENTS.c.seq.desc()).limit(limit)
        if before is not None:
            asked = asked.where(EVENTS.c.seq < before)
        if question.actor:
            asked = asked.where(EVENTS.c.actor.in_(actors_of(question.actor)))
        if question.subject:
            asked = asked.where(EVENTS.c.name >= f"{question.subject}.", EVENTS.c.name < f"{question.subject}/")
        if question.since is not None:
            asked = asked.where(EVENTS.c.at >= to_time(question.since))
        if question.until is not None:
            asked = asked.where(EVENTS.c.at < to_time(question.until))
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            return tuple(Deed(row[0], event_of(tuple(row))) for row in connection.execute(asked))
