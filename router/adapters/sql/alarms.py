"""`ports.alarms` on SQLite or PostgreSQL."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import Connection, Engine, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from router.adapters.sql.alarm_tables import ALARM_MARKS, ALARMS, NOTICES
from router.adapters.sql.engine import WRITES, is_sqlite, told_as_ports
from router.adapters.sql.rows import Row, from_time, maybe_from_time, maybe_to_time, to_time
from router.core.alarm_rules import AlarmKind
from router.core.alarms import Alarm, AlarmState, Severity
from router.core.notices import Notice, NoticeKind, NoticeState
from router.ports import StoreConflict

T = TypeVar("T")

# Conditions in `text` repeat those of partial indexes: as bound values the databases would not recognise them.
STANDS: Final = "alarms.ended_at IS NULL"
WAITS: Final = "notices.state = 'waiting'"


class SqlAlarmBook:
    """`ports.alarms.AlarmBook` in a database that `migrate.upgrade` has brought up to date. Safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._locks = not is_sqlite(engine)

    # ── Leases and marks ────────────────────────────────────────────────────────────────────────────────────────────

    def take_lease(self, name: str, holder: str, *, now: datetime, lease_for: timedelta) -> bool:
        mine = ALARM_MARKS.c.name == name
        with self._writing() as connection:
            self._make_mark(connection, name)
            question = select(ALARM_MARKS.c.holder, ALARM_MARKS.c.held_until).where(mine).with_for_update()
            who, until = connection.execute(question).one()
            held = who not in ("", holder) and to_time(now) < until <= to_time(now + lease_for)
            if not held:
                kept = {"holder": holder, "held_until": to_time(now + lease_for)}
                connection.execute(update(ALARM_MARKS).where(mine).values(kept))
        return not held

    def give_back(self, name: str, holder: str) -> None:
        mine = (ALARM_MARKS.c.name == name) & (ALARM_MARKS.c.holder == holder)
        with self._writing() as connection:
            connection.execute(update(ALARM_MARKS).where(mine).values(holder="", held_until=0))

    def mark(self, name: str) -> str:
        question = select(ALARM_MARKS.c.text).where(ALARM_MARKS.c.name == name)
        return self._ask(lambda connection: connection.scalar(question)) or ""

    def put_mark(self, name: str, text: str) -> None:
        with self._writing() as connection:
            self._make_mark(connection, name)
            connection.execute(update(ALARM_MARKS).where(ALARM_MARKS.c.name == name).values(text=text))

    def _make_mark(self, connection: Connection, name: str) -> None:
        put = self._insert(ALARM_MARKS).values(name=name, holder="", held_until=0, text="")
        connection.execute(put.on_conflict_do_nothing())

    # ── Alarms ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def standing(self) -> Sequence[Alarm]:
        question = select(ALARMS).where(text(STANDS)).order_by(ALARMS.c.kind, ALARMS.c.subject)
        return self._ask(lambda connection: tuple(_alarm_of(tuple(row)) for row in connection.execute(question)))

    def past(self, *, limit: int = 100) -> Sequence[Alarm]:
        ended = select(ALARMS).where(ALARMS.c.ended_at.is_not(None))
        question = ended.order_by(ALARMS.c.ended_at.desc(), ALARMS.c.id).limit(limit)
        return self._ask(lambda connection: tuple(_alarm_of(tuple(row)) for row in connection.execute(question)))

    def alarm(self, alarm_id: str) -> Alarm | None:
        question = select(ALARMS).where(ALARMS.c.id == alarm_id)
        found = self._ask(lambda connection: connection.execute(question).first())
        return None if found is None else _alarm_of(tuple(found))

    def keep(self, alarms: Collection[Alarm], notices: Collection[Notice] = ()) -> None:
        with self._writing() as connection:
            for alarm in sorted(alarms, key=lambda each: each.id):
                self._keep(connection, alarm)
            self._add(connection, notices)

    @staticmethod
    def _keep(connection: Connection, alarm: Alarm) -> None:
        if alarm.version == 0:
            connection.execute(insert(ALARMS).values({**_alarm_values(alarm), "version": 1}))
            return
        there = (ALARMS.c.id == alarm.id) & (ALARMS.c.version == alarm.version)
        values = {**_alarm_values(alarm), "version": alarm.version + 1}
        if not connection.execute(update(ALARMS).where(there).values(values)).rowcount:
            raise StoreConflict("somebody else has changed this alarm")

    # ── Notices ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def add_notices(self, notices: Collection[Notice]) -> int:
        with self._writing() as connection:
            return self._add(connection, notices)

    def _add(self, connection: Connection, notices: Collection[Notice]) -> int:
        put = self._insert(NOTICES).on_conflict_do_nothing().returning(NOTICES.c.id)
        return sum(connection.execute(put.values(_notice_values(each))).first() is not None for each in notices)

    def due_notices(self, channel: str, *, now: datetime, lease_for: timedelta, limit: int) -> Sequence[Notice]:
        due = select(NOTICES).where(text(WAITS), NOTICES.c.channel == channel, NOTICES.c.due_at <= to_time(now))
        due = due.order_by(NOTICES.c.due_at, NOTICES.c.id).limit(limit)
        if self._locks:
            due = due.with_for_update(skip_locked=True)
        with self._writing() as connection:
            found = [_notice_of(tuple(row)) for row in connection.execute(due)]
            if found:
                those = NOTICES.c.id.in_([each.id for each in found])
                connection.execute(update(NOTICES).where(those).values(due_at=to_time(now + lease_for)))
        return tuple(found)

    def settle(self, notice: Notice) -> None:
        values = {
            "due_at": to_time(notice.due_at),
            "attempts": notice.attempts,
            "state": notice.state.value,
            "problem": notice.problem,
        }
        with self._writing() as connection:
            connection.execute(update(NOTICES).where(NOTICES.c.id == notice.id).values(values))

    def notices(self, *, limit: int = 100) -> Sequence[Notice]:
        question = select(NOTICES).order_by(NOTICES.c.created_at.desc(), NOTICES.c.id).limit(limit)
        return self._ask(lambda connection: tuple(_notice_of(tuple(row)) for row in connection.execute(question)))

    def tidy(self, *, before: datetime) -> int:
        settled = (NOTICES.c.created_at < to_time(before)) & (NOTICES.c.state != NoticeState.WAITING.value)
        with self._writing() as connection:
            alarms = connection.execute(delete(ALARMS).where(ALARMS.c.ended_at < to_time(before))).rowcount
            return alarms + connection.execute(delete(NOTICES).where(settled)).rowcount

    # ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _insert(self, table: Any) -> Any:
        return postgresql.insert(table) if self._locks else sqlite.insert(table)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            told_as_ports(),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            return question(connection)


def _alarm_values(alarm: Alarm) -> Mapping[str, Any]:
    return {
        "id": alarm.id,
        "kind": alarm.kind.value,
        "subject": alarm.subject,
        "severity": alarm.severity.value,
        "state": alarm.state.value,
        "vi": alarm.vi,
        "en": alarm.en,
        "raised_at": to_time(alarm.raised_at),
        "seen_at": to_time(alarm.seen_at),
        "told_at": maybe_to_time(alarm.told_at),
        "told": alarm.told,
        "ended_at": maybe_to_time(alarm.ended_at),
        "quiet_until": maybe_to_time(alarm.quiet_until),
        "quiet_by": alarm.quiet_by,
        "quiet_reason": alarm.quiet_reason,
        "quiet_severity": alarm.quiet_severity.value,
    }


def _alarm_of(row: Row) -> Alarm:
    return Alarm(
        id=row[0],
        kind=AlarmKind(row[1]),
        subject=row[2],
        severity=Severity(row[3]),
        state=AlarmState(row[4]),
        vi=row[5],
        en=row[6],
        raised_at=from_time(row[7]),
        seen_at=from_time(row[8]),
        told_at=maybe_from_time(row[9]),
        told=row[10],
        ended_at=maybe_from_time(row[11]),
        quiet_until=maybe_from_time(row[12]),
        quiet_by=row[13],
        quiet_reason=row[14],
        quiet_severity=Severity(row[15]),
        version=row[16],
    )


def _notice_values(notice: Notice) -> Mapping[str, Any]:
    return {
        "id": notice.id,
        "channel": notice.channel,
        "kind": notice.kind.value,
        "title": notice.title,
        "text": notice.text,
        "data": orjson.dumps(dict(notice.data)).decode(),
        "to": orjson.dumps(notice.to).decode(),
        "created_at": to_time(notice.created_at),
        "due_at": to_time(notice.due_at),
        "attempts": notice.attempts,
        "state": notice.state.value,
        "problem": notice.problem,
    }


def _notice_of(row: Row) -> Notice:
    return Notice(
        id=row[0],
        channel=row[1],
        kind=NoticeKind(row[2]),
        title=row[3],
        text=row[4],
        data=orjson.loads(row[5]),
        to=tuple(orjson.loads(row[6])),
        created_at=from_time(row[7]),
        due_at=from_time(row[8]),
        attempts=row[9],
        state=NoticeState(row[10]),
        problem=row[11],
    )
