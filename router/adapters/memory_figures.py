"""Sums in this process: the in-memory twin of `sql.figures`, held to the same contract tests."""

import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from router.adapters.memory_store import MemoryStore
from router.adapters.memory_tables import Tables
from router.core.dead import DeadState
from router.core.deadlines import Deadline
from router.core.figures import COUNTED_EVENTS, HUB, Cell, Happening, is_first_event, kind_of
from router.core.records import Leg, LegState, MessageState, OutboxKind
from router.core.seals import EventRow
from router.ports.figures import AgentBacklog, Standing, Sum

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MONTH_LENGTH: Final = len("2026-11")
HOUR_LENGTH: Final = len("2026-11-25T08")
MINUTE_LENGTH: Final = len("2026-11-25T08:05")


class MemoryFigures:
    """`ports.Figures` about a `MemoryStore`. Safe for several threads; forgets everything with the process."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._sums: Counter[Cell] = Counter()
        self._mark = 0

    def mark(self) -> int:
        return self._mark

    def happenings(self, *, after: int, until: datetime, limit: int) -> tuple[Sequence[Happening], int]:
        found: list[Happening] = []
        last = after
        for row in self._store.events_after(after, limit=limit):
            if _at(row) > until:
                break
            last = row.seq
            told = self._told(row) if row.name in COUNTED_EVENTS else None
            if told is not None:
                found.append(told)
        return tuple(found), last

    def add(self, sums: Mapping[Cell, int], *, after: int, upto: int) -> bool:
        with self._lock:
            if self._mark != after:
                return False
            self._sums.update(sums)
            self._mark = upto
            return True

    def forget(self) -> None:
        with self._lock:
            self._sums.clear()
            self._mark = 0

    def prune(self, *, hours_before: str, minutes_before: str) -> int:
        bounds = {HOUR_LENGTH: hours_before, MINUTE_LENGTH: minutes_before}
        with self._lock:
            old = [each for each in self._sums if each.period < bounds.get(len(each.period), "")]
            for each in old:
                del self._sums[each]
        return len(old)

    def sums(
        self,
        periods: Collection[str],
        *,
        organs: Collection[str] | None = None,
        measures: Collection[str] = (),
        family: str = "",
    ) -> Sequence[Sum]:
        found: Counter[tuple[str, str, str]] = Counter()
        with self._lock:
            for cell, value in self._sums.items():
                mine = cell.organ != HUB if organs is None else cell.organ in organs
                begins = bool(family) and cell.measure.startswith(family)
                wanted = begins or cell.measure in measures or not (measures or family)
                if cell.period in periods and mine and wanted:
                    found[cell.organ, cell.kind, cell.measure] += value
        return tuple(Sum(*key, value) for key, value in sorted(found.items()))

    def gathered(self, periods: Collection[str], lines: Mapping[str, str], *, others: bool) -> Sequence[Sum]:
        found: Counter[tuple[str, str, str]] = Counter()
        for each in self.sums(periods):
            line = lines.get(each.organ, each.organ if others else None)
            if line is not None:
                found[line, each.kind, each.measure] += each.value
        return tuple(Sum(*key, value) for key, value in sorted(found.items()))

    def slowest(
        self, periods: Collection[str], *, family: str, organs: Collection[str] | None, fewest: int, limit: int
    ) -> Sequence[tuple[str, int, int]]:
        bins: dict[str, Counter[int]] = {}
        for each in self.sums(periods, organs=organs, family=family):
            bins.setdefault(each.organ, Counter())[int(each.measure.removeprefix(family))] += each.value
        found = [
            (organ, next(number for number in sorted(counts) if _upto(counts, number) * 2 >= counts.total()), total)
            for organ, counts in bins.items()
            if (total := counts.total()) >= fewest
        ]
        return tuple(sorted(found, key=lambda each: (-each[1], each[0]))[:limit])

    def series(
        self, periods: Collection[str], *, organs: Collection[str] | None = None, measures: Collection[str]
    ) -> Sequence[tuple[str, str, str, int]]:
        wanted = (HUB,) if organs is None else organs
        found: Counter[tuple[str, str, str]] = Counter()
        with self._lock:
            for cell, value in self._sums.items():
                if cell.period in periods and cell.organ in wanted and cell.measure in measures:
                    found[cell.period, cell.kind, cell.measure] += value
        return tuple((*key, value) for key, value in sorted(found.items()))

    def totals(self) -> Sequence[tuple[str, str, int]]:
        found: Counter[tuple[str, str]] = Counter()
        with self._lock:
            for cell, value in self._sums.items():
                if len(cell.period) == MONTH_LENGTH and cell.organ == HUB:
                    found[cell.kind, cell.measure] += value
        return tuple((*key, value) for key, value in sorted(found.items()))

    def standing(self, *, organs: Collection[str] | None = None) -> Standing:
        with self._store.begin():  # nobody writes meanwhile
            return _standing(self._tables, organs)

    def certificates(self) -> Sequence[tuple[str, str]]:
        with self._store.begin():
            rows = sorted(self._tables.certificates.items())
            return tuple((organ, row.pem) for (organ, _), row in rows)

    @property
    def _tables(self) -> Tables:
        return self._store._tables  # another door to the same rooms

    def _told(self, row: EventRow) -> Happening | None:
        message = self._store.message(row.message_id)
        if message is None:
            return None
        leg = next((each for each in self._store.legs_of(row.message_id) if each.id == row.leg_id), None)
        facts: Mapping[str, str] = orjson.loads(row.facts) if row.facts else {}
        said = self._store.statuses_of([leg.id]) if leg is not None else ()
        first_by = next((each.message_id for each in said if each.code == facts.get("code")), "")
        set_out = leg is not None and leg.created_at == _at(row)
        return Happening(
            seq=row.seq,
            name=row.name,
            at=_at(row),
            facts=facts,
            sender=message.sender,
            kind=kind_of(message.type.value, message.doc_type),
            received_at=message.received_at,
            promulgation_date=message.promulgation_date,
            arrived_on=message.arrived_on,
            due_date=message.due_date,
            recipient=leg.recipient if leg is not None else "",
            first=is_first_event(row.name, facts, set_out=set_out, first_by=first_by),
        )


def _upto(counts: Mapping[int, int], number: int) -> int:
    return sum(count for each, count in counts.items() if each <= number)


def _at(row: EventRow) -> datetime:
    return EPOCH + timedelta(microseconds=row.at)


def _standing(tables: Tables, organs: Collection[str] | None) -> Standing:
    def mine(*concerned: str) -> bool:
        return organs is None or any(each in organs for each in concerned)

    def seen(leg: Leg) -> bool:
        return mine(leg.recipient, tables.messages[leg.message_id].sender)

    items = [
        each
        for each in tables.outbox.values()
        if each.kind is OutboxKind.DELIVERY and each.agent and mine(each.recipient, each.sender)
    ]
    receipts = [each for each in tables.outbox.values() if each.kind is OutboxKind.RECEIPT and organs is None]
    legs = [each for each in tables.legs.values() if seen(each)]
    raised = [each for each in legs if each.raised]
    late = [each for each in raised if each.agent and Deadline.NOT_ACKNOWLEDGED.value in each.raised]
    waiting = [*((each.agent, each.created_at) for each in items), *((each.agent, each.created_at) for each in late)]
    backlogs = [
        AgentBacklog(
            agent=agent,
            outbox=sum(each.agent == agent for each in items),
            overdue=sum(each.agent == agent for each in late),
            oldest=min(at for whose, at in waiting if whose == agent),
        )
        for agent in {agent for agent, _ in waiting}
    ]
    deferred = [each for each in tables.messages.values() if each.state is MessageState.DEFERRED and mine(each.sender)]
    return Standing(
        queued=len(items),
        held=sum(each.state is LegState.HELD for each in legs),
        parked=sum(each.state is LegState.PARKED for each in legs),
        receipts=len(receipts),
        deferred=len(deferred),
        dead=sum(each.state is DeadState.OPEN for each in tables.dead.values()) if organs is None else 0,
        attempts=len(tables.attempts) if organs is None else 0,
        oldest=min((*(each.created_at for each in items), *(each.created_at for each in receipts)), default=None),
        overdue=dict(Counter(name for each in raised for name in each.raised)),
        oldest_overdue=min((each.created_at for each in raised), default=None),
        agents=tuple(sorted(backlogs, key=lambda each: (-each.outbox - each.overdue, each.agent))),
    )
