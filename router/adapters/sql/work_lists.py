"""`ports.WorkQuestions` on SQLite or PostgreSQL."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Select, and_, func, literal, or_, select, text, tuple_
from sqlalchemy.sql.elements import ColumnElement

from router.adapters.sql.among import among
from router.adapters.sql.dead_letters import dead_letter_of
from router.adapters.sql.engine import is_sqlite, told_as_ports
from router.adapters.sql.leg_questions import HELD, LEG_WIDTH, PARKED, RAISED
from router.adapters.sql.rows import leg_of, message_of, to_time
from router.adapters.sql.tables import DEAD_LETTERS, LEGS, MESSAGES
from router.core.dead import DeadKind, DeadLetter, DeadState
from router.core.records import Leg, MessageRecord
from router.core.work_lists import TAKING, Narrow, Place, WorkKind

T = TypeVar("T")
Condition = ColumnElement[bool]

# Conditions in `text` repeat those of partial indexes: as bound values the databases would not recognise them.
_TAKING: Final = " OR ".join(f"legs.raised LIKE '%{each.value}%'" for each in sorted(TAKING))
LEG_CONDITIONS: Final[Mapping[WorkKind, str]] = MappingProxyType(
    {
        WorkKind.NOT_TAKEN: f"{RAISED} AND ({_TAKING})",
        WorkKind.OVERDUE: RAISED,
        WorkKind.PARKED: PARKED,
        WorkKind.HELD: HELD,
    }
)
REFUSED: Final = "messages.state = 'refused'"


class SqlWorkQuestions:
    """Questions to a database that `migrate.upgrade` has brought up to date. Safe for several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = is_sqlite(engine)

    def legs(
        self, kind: WorkKind, narrow: Narrow, *, after: Place | None = None, limit: int
    ) -> Sequence[tuple[MessageRecord, Leg]]:
        question = self._legs(kind, narrow)
        if after is not None:
            question = question.where(tuple_(LEGS.c.created_at, LEGS.c.id) > _bound(after))
        rows = self._rows(question.order_by(LEGS.c.created_at, LEGS.c.id).limit(limit))
        return tuple((message_of(row[LEG_WIDTH:]), leg_of(row[:LEG_WIDTH])) for row in rows)

    def refused(self, narrow: Narrow, *, after: Place | None = None, limit: int) -> Sequence[MessageRecord]:
        question = self._refused(narrow)
        if after is not None:
            question = question.where(tuple_(MESSAGES.c.received_at, MESSAGES.c.id) < _bound(after))
        newest = (MESSAGES.c.received_at.desc(), MESSAGES.c.id.desc())
        return tuple(message_of(row) for row in self._rows(question.order_by(*newest).limit(limit)))

    def letters(self, narrow: Narrow, *, after: Place | None = None, limit: int) -> Sequence[DeadLetter]:
        question = self._letters(narrow)
        if after is not None:
            question = question.where(tuple_(DEAD_LETTERS.c.died_at, DEAD_LETTERS.c.id) < _bound(after))
        newest = (DEAD_LETTERS.c.died_at.desc(), DEAD_LETTERS.c.id.desc())
        return tuple(dead_letter_of(row) for row in self._rows(question.order_by(*newest).limit(limit)))

    def letters_called(self, ids: Iterable[str], narrow: Narrow) -> Sequence[DeadLetter]:
        called = among(DEAD_LETTERS.c.id, ids, sqlite=self._sqlite)
        question = select(DEAD_LETTERS).where(called, *self._about_letters(narrow)).order_by(DEAD_LETTERS.c.id)
        return tuple(dead_letter_of(row) for row in self._rows(question))

    def count(self, kind: WorkKind, narrow: Narrow, *, most: int) -> int:
        if kind is WorkKind.DEAD:
            question = self._letters(narrow)
        elif kind is WorkKind.REFUSED:
            question = self._refused(narrow)
        else:
            question = self._legs(kind, narrow)
        found = question.with_only_columns(literal(1).label("one"), maintain_column_froms=True).limit(most).subquery()
        return int(self._rows(select(func.count()).select_from(found))[0][0])

    # ── Conditions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _legs(self, kind: WorkKind, narrow: Narrow) -> Select[Any]:
        question = select(LEGS, MESSAGES).join(MESSAGES, MESSAGES.c.id == LEGS.c.message_id)
        question = question.where(text(LEG_CONDITIONS[kind]), *self._about_legs(narrow))
        if narrow.urgency is not None:
            question = question.where(LEGS.c.urgency == narrow.urgency.value)
        if narrow.since is not None:
            question = question.where(LEGS.c.created_at >= to_time(narrow.since))
        if narrow.agent:
            question = question.where(LEGS.c.agent == narrow.agent)
        if narrow.rule is not None:
            question = question.where(LEGS.c.raised.contains(narrow.rule.value, autoescape=True))
        return question

    def _refused(self, narrow: Narrow) -> Select[Any]:
        question = select(MESSAGES).where(text(REFUSED))
        for organs, agents in _asked(narrow):
            theirs = or_(self._among(MESSAGES.c.sender, organs), self._among(MESSAGES.c.agent, agents))
            question = question.where(theirs)
        if narrow.urgency is not None:
            question = question.where(MESSAGES.c.urgency == narrow.urgency.value)
        if narrow.since is not None:
            question = question.where(MESSAGES.c.received_at >= to_time(narrow.since))
        if narrow.agent:
            question = question.where(MESSAGES.c.agent == narrow.agent)
        return question

    def _letters(self, narrow: Narrow) -> Select[Any]:
        question = select(DEAD_LETTERS).where(DEAD_LETTERS.c.state == DeadState.OPEN.value)
        question = question.where(*self._about_letters(narrow))
        if narrow.urgency is not None:
            question = question.where(DEAD_LETTERS.c.urgency == narrow.urgency.value)
        if narrow.since is not None:
            question = question.where(DEAD_LETTERS.c.died_at >= to_time(narrow.since))
        if narrow.agent:
            question = question.where(DEAD_LETTERS.c.agent == narrow.agent)
        return question

    def _about_legs(self, narrow: Narrow) -> list[Condition]:
        return [self._of_leg(organs) for organs, _ in _asked(narrow)]

    def _about_letters(self, narrow: Narrow) -> list[Condition]:
        d = DEAD_LETTERS.c
        conditions: list[Condition] = []
        for organs, agents in _asked(narrow):
            leg = (
                select(LEGS.c.id)
                .join(MESSAGES, MESSAGES.c.id == LEGS.c.message_id)
                .where(LEGS.c.id == d.leg_id, self._of_leg(organs))
                .correlate(DEAD_LETTERS)
            )
            delivery = and_(d.kind == DeadKind.DELIVERY.value, leg.exists())
            conditions.append(or_(self._among(d.agent, agents), delivery))
        return conditions

    def _of_leg(self, organs: frozenset[str]) -> Condition:
        columns = (LEGS.c.recipient, LEGS.c.forwarded_from, MESSAGES.c.sender)
        return or_(*(self._among(each, organs) for each in columns))

    def _among(self, column: ColumnElement[str], values: frozenset[str]) -> Condition:
        return among(column, values - {""}, sqlite=self._sqlite)

    def _rows(self, question: Select[Any]) -> list[tuple[Any, ...]]:
        def asked(connection: Connection) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in connection.execute(question)]

        return self._ask(asked)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            return question(connection)


def _asked(narrow: Narrow) -> Sequence[tuple[frozenset[str], frozenset[str]]]:
    """What somebody sees and what they ask for, each as organs and agents; nothing for everything."""
    pairs = ((narrow.scope.organs, narrow.scope_agents), (narrow.organs, narrow.agents))
    return [(organs, agents) for organs, agents in pairs if organs is not None]


def _bound(place: Place) -> Any:
    return tuple_(literal(to_time(place.at)), literal(place.id))
