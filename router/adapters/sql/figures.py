"""`ports.Figures` on SQLite or PostgreSQL."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import Connection, Engine, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from router.adapters.sql.among import among
from router.adapters.sql.engine import WRITES, is_sqlite, told_as_ports
from router.adapters.sql.figures_gathering import gathered, slowest_question
from router.adapters.sql.figures_standing import standing_of
from router.adapters.sql.figures_tables import FIGURES, FIGURES_MARK
from router.adapters.sql.rows import Row, from_time, to_time
from router.adapters.sql.tables import CERTIFICATES, EVENTS, LEGS, MESSAGES, STATUSES
from router.core.event_names import EventName
from router.core.figures import COUNTED_EVENTS, HUB, Cell, Happening, is_first_event, kind_of, months_between
from router.ports.figures import Standing, Sum

T = TypeVar("T")

HOUR_LENGTH: Final = len("2026-11-25T08")
MINUTE_LENGTH: Final = len("2026-11-25T08:05")


class SqlFigures:
    """Sums in a database that `migrate.upgrade` has brought up to date. Safe for several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = is_sqlite(engine)

    def mark(self) -> int:
        return self._ask(_mark)

    def happenings(self, *, after: int, until: datetime, limit: int) -> tuple[Sequence[Happening], int]:
        return self._ask(lambda connection: self._happenings(connection, after=after, until=until, limit=limit))

    def add(self, sums: Mapping[Cell, int], *, after: int, upto: int) -> bool:
        mine = (FIGURES_MARK.c.id == 1) & (FIGURES_MARK.c.seq == after)
        with self._writing() as connection:
            if connection.execute(update(FIGURES_MARK).where(mine).values(seq=upto)).rowcount == 0:
                return False
            if sums:
                put = sqlite.insert(FIGURES) if self._sqlite else postgresql.insert(FIGURES)
                added = put.on_conflict_do_update(
                    index_elements=[FIGURES.c.period, FIGURES.c.organ, FIGURES.c.kind, FIGURES.c.measure],
                    set_={"value": FIGURES.c.value + put.excluded.value},
                )
                connection.execute(added, [_values_of(cell, value) for cell, value in sorted(sums.items())])
        return True

    def forget(self) -> None:
        with self._writing() as connection:
            connection.execute(update(FIGURES_MARK).where(FIGURES_MARK.c.id == 1).values(seq=0))
            connection.execute(delete(FIGURES))

    def prune(self, *, hours_before: str, minutes_before: str) -> int:
        length = func.length(FIGURES.c.period)
        old = or_(
            and_(length == HOUR_LENGTH, FIGURES.c.period < hours_before),
            and_(length == MINUTE_LENGTH, FIGURES.c.period < minutes_before),
        )
        with self._writing() as connection:
            return connection.execute(delete(FIGURES).where(old)).rowcount

    def sums(
        self,
        periods: Collection[str],
        *,
        organs: Collection[str] | None = None,
        measures: Collection[str] = (),
        family: str = "",
    ) -> Sequence[Sum]:
        wanted: list[ColumnElement[bool]] = [among(FIGURES.c.period, periods, sqlite=self._sqlite)]
        if organs is None:
            wanted.append(FIGURES.c.organ > HUB)
        else:
            wanted.append(self._of(organs))
        named, begins = FIGURES.c.measure.in_(sorted(measures)), _named(family)
        if measures or family:
            wanted.append(or_(named, begins) if family else named)
        groups = (FIGURES.c.organ, FIGURES.c.kind, FIGURES.c.measure)
        question = select(*groups, func.sum(FIGURES.c.value)).where(*wanted).group_by(*groups).order_by(*groups)
        return self._ask(
            lambda connection: tuple(
                Sum(organ, kind, measure, int(value)) for organ, kind, measure, value in _rows(connection, question)
            )
        )

    def gathered(self, periods: Collection[str], lines: Mapping[str, str], *, others: bool) -> Sequence[Sum]:
        return self._ask(lambda connection: gathered(connection, periods, lines, others=others, sqlite=self._sqlite))

    def slowest(
        self, periods: Collection[str], *, family: str, organs: Collection[str] | None, fewest: int, limit: int
    ) -> Sequence[tuple[str, int, int]]:
        wanted = [among(FIGURES.c.period, periods, sqlite=self._sqlite), _named(family)]
        wanted.append(FIGURES.c.organ > HUB if organs is None else self._of(organs))
        question = slowest_question(wanted, family=family, fewest=fewest, limit=limit)
        return self._ask(
            lambda connection: tuple((row[0], int(row[1]), int(row[2])) for row in _rows(connection, question))
        )

    def series(
        self, periods: Collection[str], *, organs: Collection[str] | None = None, measures: Collection[str]
    ) -> Sequence[tuple[str, str, str, int]]:
        groups = (FIGURES.c.period, FIGURES.c.kind, FIGURES.c.measure)
        question = (
            select(*groups, func.sum(FIGURES.c.value))
            .where(
                among(FIGURES.c.period, periods, sqlite=self._sqlite),
                FIGURES.c.measure.in_(sorted(measures)),
                FIGURES.c.organ == HUB if organs is None else self._of(organs),
            )
            .group_by(*groups)
            .order_by(*groups)
        )
        return self._ask(lambda connection: tuple((*row[:3], int(row[3])) for row in _rows(connection, question)))

    def totals(self) -> Sequence[tuple[str, str, int]]:
        def ask(connection: Connection) -> Sequence[tuple[str, str, int]]:
            # Each by itself: asked for both at once, SQLite reads the whole index.
            ends = (select(each(FIGURES.c.period)).scalar_subquery() for each in (func.min, func.max))
            first, last = connection.execute(select(*ends)).one()
            if first is None:
                return ()
            groups = (FIGURES.c.kind, FIGURES.c.measure)
            months = among(FIGURES.c.period, months_between(first[:7], last[:7]), sqlite=self._sqlite)
            question = select(*groups, func.sum(FIGURES.c.value)).where(months, FIGURES.c.organ == HUB)
            rows = _rows(connection, question.group_by(*groups).order_by(*groups))
            return tuple((kind, measure, int(value)) for kind, measure, value in rows)

        return self._ask(ask)

    def standing(self, *, organs: Collection[str] | None = None) -> Standing:
        return self._ask(lambda connection: standing_of(connection, organs=organs, sqlite=self._sqlite))

    def certificates(self) -> Sequence[tuple[str, str]]:
        question = select(CERTIFICATES.c.organ, CERTIFICATES.c.pem).order_by(CERTIFICATES.c.organ)
        return self._ask(lambda connection: tuple((organ, pem) for organ, pem in _rows(connection, question)))

    # ── Reading the log ─────────────────────────────────────────────────────────────────────────────────────────────

    def _happenings(
        self, connection: Connection, *, after: int, until: datetime, limit: int
    ) -> tuple[Sequence[Happening], int]:
        question = (
            select(
                EVENTS.c.seq,
                EVENTS.c.name,
                EVENTS.c.at,
                EVENTS.c.facts,
                EVENTS.c.leg_id,
                MESSAGES.c.sender,
                MESSAGES.c.type,
                MESSAGES.c.doc_type,
                MESSAGES.c.received_at,
                MESSAGES.c.promulgation_date,
                MESSAGES.c.arrived_on,
                MESSAGES.c.due_date,
                LEGS.c.recipient,
                LEGS.c.created_at,
            )
            .outerjoin(MESSAGES, MESSAGES.c.id == EVENTS.c.message_id)
            .outerjoin(LEGS, LEGS.c.id == EVENTS.c.leg_id)
            .where(EVENTS.c.seq > after)
            .order_by(EVENTS.c.seq)
            .limit(limit)
        )
        read: list[Row] = []
        last = after
        for row in _rows(connection, question):
            if row[2] > to_time(until):
                break
            last = row[0]
            if row[1] in COUNTED_EVENTS and row[5] is not None:
                read.append(row)
        spoken = {row[4] for row in read if row[1] == EventName.LEG_STATUS.value}
        first_by = self._first_statuses(connection, spoken)
        return tuple(_happening(row, first_by) for row in read), last

    def _first_statuses(self, connection: Connection, legs: Iterable[str]) -> Mapping[tuple[str, str], str]:
        """Leg and code → the message that said it first."""
        wanted = among(STATUSES.c.leg_id, legs, sqlite=self._sqlite)
        question = select(STATUSES.c.leg_id, STATUSES.c.code, STATUSES.c.message_id).where(wanted)
        found: dict[tuple[str, str], str] = {}
        for leg_id, code, message_id in _rows(connection, question.order_by(STATUSES.c.seq)):
            found.setdefault((leg_id, code), message_id)
        return found

    def _of(self, organs: Collection[str]) -> ColumnElement[bool]:
        return among(FIGURES.c.organ, organs, sqlite=self._sqlite)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            told_as_ports(),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            if connection.execute(select(FIGURES_MARK.c.id)).first() is None:  # a restored database without its sums
                connection.execute(insert(FIGURES_MARK).values(id=1, seq=0))
            yield connection

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            return question(connection)


def _named(family: str) -> ColumnElement[bool]:
    """Measures whose name begins so."""
    return and_(FIGURES.c.measure >= family, FIGURES.c.measure < family + "\U0010ffff")


def _mark(connection: Connection) -> int:
    found = connection.execute(select(FIGURES_MARK.c.seq).where(FIGURES_MARK.c.id == 1)).scalar()
    return 0 if found is None else int(found)


def _rows(connection: Connection, question: Select[Any]) -> Iterator[Row]:
    for row in connection.execute(question):
        yield tuple(row)


def _happening(row: Row, first_by: Mapping[tuple[str, str], str]) -> Happening:
    facts: Mapping[str, str] = orjson.loads(row[3]) if row[3] else {}
    name, at, leg_id = row[1], row[2], row[4]
    return Happening(
        seq=row[0],
        name=name,
        at=from_time(at),
        facts=facts,
        sender=row[5],
        kind=kind_of(row[6], row[7]),
        received_at=from_time(row[8]),
        promulgation_date=_day(row[9]),
        arrived_on=_day(row[10]),
        due_date=_day(row[11]),
        recipient=row[12] or "",
        first=is_first_event(
            name, facts, set_out=row[13] == at, first_by=first_by.get((leg_id, facts.get("code", "")), "")
        ),
    )


def _values_of(cell: Cell, value: int) -> dict[str, Any]:
    return {
        "period": cell.period,
        "organ": cell.organ,
        "kind": cell.kind,
        "measure": cell.measure,
        "value": value,
    }


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
