"""Alarms in this process: the twins of `sql.alarms` and `sql.alarm_facts`, held to the same contract tests."""

import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from router.core.alarms import Alarm
from router.core.histories import History
from router.core.notices import Notice, NoticeState
from router.core.records import MessageRecord, MessageState
from router.core.registry import CertificateRecord
from router.core.seals import EventRow
from router.ports import Store, StoreConflict

EVERYTHING: Final = 2**62


@dataclass(slots=True)
class _Mark:
    holder: str = ""
    held_until: datetime | None = None
    text: str = ""


class MemoryAlarmBook:
    """`ports.alarms.AlarmBook` without anything beneath it. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._alarms: dict[str, Alarm] = {}
        self._notices: dict[str, Notice] = {}
        self._marks: dict[str, _Mark] = {}

    def take_lease(self, name: str, holder: str, *, now: datetime, lease_for: timedelta) -> bool:
        with self._lock:
            mark = self._marks.setdefault(name, _Mark())
            until = mark.held_until
            if mark.holder not in ("", holder) and until is not None and now < until <= now + lease_for:
                return False
            mark.holder, mark.held_until = holder, now + lease_for
            return True

    def give_back(self, name: str, holder: str) -> None:
        with self._lock:
            mark = self._marks.get(name)
            if mark is not None and mark.holder == holder:
                mark.holder, mark.held_until = "", None

    def mark(self, name: str) -> str:
        with self._lock:
            return self._marks.get(name, _Mark()).text

    def put_mark(self, name: str, text: str) -> None:
        with self._lock:
            self._marks.setdefault(name, _Mark()).text = text

    def standing(self) -> Sequence[Alarm]:
        with self._lock:
            found = [each for each in self._alarms.values() if each.ended_at is None]
        return tuple(sorted(found, key=lambda each: (each.kind.value, each.subject)))

    def past(self, *, limit: int = 100) -> Sequence[Alarm]:
        with self._lock:
            found = [(each.ended_at, each) for each in self._alarms.values() if each.ended_at is not None]
        found.sort(key=lambda pair: pair[1].id)
        return tuple(each for _, each in sorted(found, key=lambda pair: pair[0], reverse=True)[:limit])

    def alarm(self, alarm_id: str) -> Alarm | None:
        with self._lock:
            return self._alarms.get(alarm_id)

    def keep(self, alarms: Collection[Alarm], notices: Collection[Notice] = ()) -> None:
        with self._lock:
            before = dict(self._alarms)
            try:
                for alarm in alarms:
                    self._keep(alarm)
            except StoreConflict:
                self._alarms = before
                raise
            self.add_notices(notices)

    def _keep(self, alarm: Alarm) -> None:
        there = self._alarms.get(alarm.id)
        if (there.version if there is not None else 0) != alarm.version:
            raise StoreConflict("somebody else has changed this alarm")
        others = (each for each in self._alarms.values() if each.id != alarm.id and each.ended_at is None)
        if alarm.ended_at is None and any(each.key == alarm.key for each in others):
            raise StoreConflict("another alarm about this stands")
        self._alarms[alarm.id] = replace(alarm, version=alarm.version + 1)

    def add_notices(self, notices: Collection[Notice]) -> int:
        with self._lock:
            new = [each for each in notices if each.id not in self._notices]
            self._notices.update({each.id: each for each in new})
            return len(new)

    def due_notices(self, channel: str, *, now: datetime, lease_for: timedelta, limit: int) -> Sequence[Notice]:
        with self._lock:
            waiting = [each for each in self._notices.values() if each.state is NoticeState.WAITING]
            due = [each for each in waiting if each.channel == channel and each.due_at <= now]
            due = sorted(due, key=lambda each: (each.due_at, each.id))[:limit]
            self._notices.update({each.id: replace(each, due_at=now + lease_for) for each in due})
        return tuple(due)

    def settle(self, notice: Notice) -> None:
        with self._lock:
            there = self._notices.get(notice.id)
            if there is not None:
                self._notices[notice.id] = replace(
                    there,
                    due_at=notice.due_at,
                    attempts=notice.attempts,
                    state=notice.state,
                    problem=notice.problem,
                )

    def notices(self, *, limit: int = 100) -> Sequence[Notice]:
        with self._lock:
            found = sorted(self._notices.values(), key=lambda each: each.id)
        return tuple(sorted(found, key=lambda each: each.created_at, reverse=True)[:limit])

    def tidy(self, *, before: datetime) -> int:
        with self._lock:
            alarms = [each.id for each in self._alarms.values() if each.ended_at is not None and each.ended_at < before]
            settled = (each for each in self._notices.values() if each.state is not NoticeState.WAITING)
            notices = [each.id for each in settled if each.created_at < before]
            for alarm_id in alarms:
                del self._alarms[alarm_id]
            for notice_id in notices:
                del self._notices[notice_id]
            return len(alarms) + len(notices)


class MemoryAlarmFacts:
    """`ports.alarms.AlarmFacts` of any store, by what every store answers. For small ones: it looks at everything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def newest_event(self) -> int:
        return max((each.seq for each in self._events(0, EVERYTHING)), default=0)

    def tally(self, after: int, up_to: int) -> Mapping[str, int]:
        return dict(Counter(each.name for each in self._events(after, up_to)))

    def events_named(self, names: Collection[str], *, after: int, up_to: int, limit: int) -> Sequence[EventRow]:
        return tuple(each for each in self._events(after, up_to) if each.name in names)[:limit]

    def certificates(self) -> Sequence[CertificateRecord]:
        organs = sorted(self._store.registry().certificates)
        found = [each for organ in organs for each in self._store.certificates_of(organ)]
        return tuple(sorted(found, key=lambda each: (each.organ, each.fingerprint)))

    def refused(self, senders: Collection[str], *, since: datetime, limit: int) -> Sequence[MessageRecord]:
        messages = [each.message.value for each in self._histories()]
        found = [
            each
            for each in messages
            if each is not None
            and each.state is MessageState.REFUSED
            and each.sender in senders
            and each.sender
            and each.received_at >= since
        ]
        return tuple(sorted(found, key=lambda each: (each.received_at, each.id), reverse=True)[:limit])

    def _events(self, after: int, up_to: int) -> Sequence[EventRow]:
        return tuple(each for each in self._store.events_after(after, limit=EVERYTHING) if each.seq <= up_to)

    def _histories(self) -> Sequence[History]:
        return self._store.histories(limit=EVERYTHING)
