"""Looks at everything that alarms are about, and says what is wrong. What cannot be looked at is left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from router.core.alarm_rules import AlarmKind
from router.core.alarm_signals import (
    CertificateEnd,
    OverdueSum,
    Thresholds,
    backlog_signals,
    behind_signals,
    certificate_signals,
    dead_signals,
    late_since,
    log_signals,
    overdue_signals,
    refusal_signals,
    security_signals,
    trouble_signals,
    waiting_signals,
)
from router.core.alarms import Signal
from router.core.deadlines import Clocks, Deadline
from router.core.log_lag import LogReader
from router.core.records import LegState
from router.core.registry import OrganState, Registry
from router.ports import Store
from router.ports.alarms import AlarmBook, AlarmFacts
from router.services.alarms.feed import counts_in, read_on, verdicts_in, window_of
from router.services.carriage.deadlines import Alarm as LateLeg
from router.services.carriage.deadlines import alarms as late_legs
from router.services.figures.certificates import last_endings
from router.services.log_lag import Lags, no_lags

LEGS_LOOKED_AT: Final = 5000
DEAD_LOOKED_AT: Final = 1000
CERTIFICATES_EVERY: Final = timedelta(hours=1)
FEED_MARK: Final = "alarms.feed"
LOG_MARK: Final = "alarms.log-check"
NOT_TAKEN: Final = frozenset({Deadline.NOT_DELIVERED, Deadline.NOT_ACKNOWLEDGED})
"""Nobody has taken the document yet; all other deadlines are about what became of it."""

OwnCertificates = Callable[[], Sequence[CertificateEnd]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What was found out beside the database. `away` is what cannot be used, by name: why, and since when. `depths`
    are messages in the inboxes by agent, None when nobody could ask the broker."""

    away: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    depths: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What is wrong, and which kinds were looked at."""

    signals: Sequence[Signal]
    kinds: frozenset[AlarmKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRules:
    """What counts as wrong."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    clocks: Clocks = field(default_factory=Clocks)
    window: timedelta = timedelta(hours=1)
    trouble_after: timedelta = timedelta(minutes=1)
    off: frozenset[AlarmKind] = frozenset()


class Looking:
    """One per hub process. Remembers the ends of certificates for an hour."""

    def __init__(
        self,
        store: Store,
        book: AlarmBook,
        facts: AlarmFacts,
        *,
        rules: LookRules,
        own: OwnCertificates,
        lags: Lags = no_lags,
    ) -> None:
        self._store = store
        self._book = book
        self._facts = facts
        self._rules = rules
        self._own = own
        self._lags = lags
        self._late: Mapping[LogReader, datetime] = {}
        self._ends: tuple[datetime, int, Sequence[CertificateEnd]] | None = None

    def look(self, outside: Outside, *, now: datetime) -> Looked:
        """Raises StoreUnavailable."""
        rules = self._rules
        limits = rules.thresholds
        signals = [*self._about_legs(now), *self._about_log(), *self._about_dead()]
        signals += trouble_signals(outside.away, after=rules.trouble_after, now=now)
        signals += certificate_signals(self._certificates(now), limits, now=now)
        signals += self._about_events(now)
        signals += self._about_readers(now)
        kinds = set(AlarmKind)
        if outside.depths is None:
            kinds.discard(AlarmKind.BACKLOG)
        else:
            signals += backlog_signals(outside.depths, limits)
        return Looked(
            signals=tuple(each for each in signals if each.kind not in rules.off),
            kinds=frozenset(kinds),  # what was turned off has no signal any more, and ends
        )

    def _about_legs(self, now: datetime) -> Sequence[Signal]:
        late = late_legs(self._store, self._rules.clocks, now=now, limit=LEGS_LOOKED_AT)
        full = len({each.leg.id for each in late}) >= LEGS_LOOKED_AT
        by_deadline: dict[Deadline, list[LateLeg]] = {}
        oldest: dict[str, datetime] = {}
        for each in late:
            by_deadline.setdefault(each.overdue.deadline, []).append(each)
            if each.leg.agent and each.leg.state in (LegState.QUEUED, LegState.HANDED_OVER):
                since = each.leg.handed_over_at or each.leg.created_at
                oldest[each.leg.agent] = min(since, oldest.get(each.leg.agent, since))
        sums = [
            OverdueSum(
                deadline=deadline,
                legs=len(some),
                priority=max(each.message.priority for each in some),
                since=min(each.overdue.since for each in some),
                at_least=full,
            )
            for deadline, some in by_deadline.items()
        ]
        limits = self._rules.thresholds
        return [*overdue_signals(sums, limits), *waiting_signals(oldest, limits, now=now)]

    def _about_events(self, now: datetime) -> Sequence[Signal]:
        span = self._rules.window
        window = read_on(self._facts, window_of(self._book.mark(FEED_MARK)), now=now, span=span)
        self._book.put_mark(FEED_MARK, window.encoded())
        limits = self._rules.thresholds
        return [
            *refusal_signals(verdicts_in(window, span), limits),
            *security_signals(counts_in(window), limits),
        ]

    def _about_readers(self, now: datetime) -> Sequence[Signal]:
        lags = self._lags(now)
        self._late = late_since(self._late, lags, self._rules.thresholds, now=now)
        return behind_signals(lags, self._late, after=self._rules.trouble_after, now=now)

    def _about_dead(self) -> Sequence[Signal]:
        letters = len(self._store.find_dead(limit=DEAD_LOOKED_AT))
        return dead_signals(letters, self._rules.thresholds, at_least=letters >= DEAD_LOOKED_AT)

    def _about_log(self) -> Sequence[Signal]:
        found = log_mark_of(self._book.mark(LOG_MARK))
        return log_signals(found.faults, found.vi, found.en) if found is not None else ()

    def _certificates(self, now: datetime) -> Sequence[CertificateEnd]:
        registry = self._store.registry()
        known = self._ends
        if known is not None and known[1] == registry.version and timedelta(0) <= now - known[0] < CERTIFICATES_EVERY:
            return known[2]
        ends = (*self._own(), *self._organ_certificates(registry))
        self._ends = (now, registry.version, ends)
        return ends

    def _organ_certificates(self, registry: Registry) -> Sequence[CertificateEnd]:
        """The last end of each organ's: one that ended matters only where nothing followed it, and where the organ may
        still send."""
        last = last_endings((each.organ, each.pem) for each in self._facts.certificates())
        return [
            CertificateEnd(subject=code, name=code, until=until)
            for code, until in last.items()
            if (organ := registry.organs.get(code)) is not None and organ.state is OrganState.ACTIVE
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMark:
    """What the last check of the log came to."""

    at: datetime
    faults: int
    vi: str = ""
    en: str = ""

    def encoded(self) -> str:
        told = {"at": self.at.isoformat(), "faults": self.faults, "vi": self.vi, "en": self.en}
        return orjson.dumps(told).decode()


def log_mark_of(text: str) -> LogMark | None:
    """What `encoded` wrote; None for anything else."""
    try:
        read: Mapping[str, Any] = orjson.loads(text)
        at = datetime.fromisoformat(str(read["at"]))
        return LogMark(at=at, faults=int(read["faults"]), vi=str(read["vi"]), en=str(read["en"]))
    except (ValueError, KeyError, TypeError):
        return None
