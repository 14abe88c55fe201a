"""Alarms: what they can be about, and how one is raised, quieted and ended. Pure; time is passed in.

    nothing ──signal──► raised ──quiet──► quieted
                          ▲ │               │ │
                          │ └──no signal──► recovered
                          └── quiet is over, or it is worse than when it was quieted

A *signal* says that something is wrong now. An *alarm* is what is remembered of signals about one subject: there is at
most one that stands. Whoever is told of it is told once, again when it gets worse or has stood for long, and when it is
over.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from router.core.alarm_rules import AlarmKind


class Severity(StrEnum):
    """How bad it is. Later members are worse."""

    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS: Final[Mapping[Severity, int]] = MappingProxyType({each: rank for rank, each in enumerate(Severity)})

SEVERITY_TEXT: Final[Mapping[Severity, tuple[str, str]]] = MappingProxyType(
    {
        Severity.NOTICE: ("Lưu ý", "notice"),
        Severity.WARNING: ("Cảnh báo", "warning"),
        Severity.CRITICAL: ("Nghiêm trọng", "critical"),
    }
)


class AlarmState(StrEnum):
    RAISED = "raised"  # stands, and is told
    QUIETED = "quieted"  # stands, and is not told for a while
    RECOVERED = "recovered"  # is over

    @property
    def stands(self) -> bool:
        return self is not AlarmState.RECOVERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something is wrong now. `subject` says with what: an agent, an organ, a part of the hub."""

    kind: AlarmKind
    subject: str
    severity: Severity
    vi: str
    en: str

    @property
    def key(self) -> tuple[AlarmKind, str]:
        return self.kind, self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What is remembered of signals about one subject. `vi` and `en` are the words of the last one.

    `seen_at` is when it was last seen, `told_at` when people were last told (None: not yet), `told` how often.
    `quiet_severity` is how bad it was when somebody quieted it. `version` counts the changes.
    """

    id: str
    kind: AlarmKind
    subject: str
    severity: Severity
    state: AlarmState
    vi: str
    en: str
    raised_at: datetime
    seen_at: datetime
    told_at: datetime | None = None
    told: int = 0
    ended_at: datetime | None = None
    quiet_until: datetime | None = None
    quiet_by: str = ""
    quiet_reason: str = ""
    quiet_severity: Severity = Severity.NOTICE
    version: int = 0

    @property
    def key(self) -> tuple[AlarmKind, str]:
        return self.kind, self.subject


class Telling(StrEnum):
    """Why people are told of an alarm."""

    RAISED = "raised"
    WORSE = "worse"
    STILL = "still"
    RECOVERED = "recovered"


TELLING_TEXT: Final[Mapping[Telling, tuple[str, str]]] = MappingProxyType(
    {
        Telling.RAISED: ("Mới", "new"),
        Telling.WORSE: ("Nặng hơn", "worse"),
        Telling.STILL: ("Vẫn còn", "still"),
        Telling.RECOVERED: ("Đã hết", "over"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An alarm as it is after a look, and why people are told; None when they are not."""

    alarm: Alarm
    telling: Telling | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often people are told of what stands, and how long something must be away to be over."""

    repeat: timedelta = timedelta(hours=6)
    calm: timedelta = timedelta(minutes=2)


def alarm_id_of(kind: AlarmKind, subject: str, raised_at: datetime) -> str:
    """Short enough to be typed; the same for whoever raises it."""
    words = f"{kind.value}\n{subject}\n{raised_at.isoformat()}"
    return hashlib.sha256(words.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def turns(
    standing: Iterable[Alarm],
    signals: Sequence[Signal],
    *,
    looked_at: Set[AlarmKind],
    now: datetime,
    patience: Patience,
) -> Sequence[Turn]:
    """What a look came to: every standing alarm and every signal, each once.

    `looked_at` are the kinds that could be judged: what could not be looked at does not end. Of several signals about
    one subject the worst counts.
    """
    there = {each.key: each for each in standing}
    wrong: dict[tuple[AlarmKind, str], Signal] = {}
    for signal in signals:
        known = wrong.get(signal.key)
        if known is None or signal.severity.rank > known.severity.rank:
            wrong[signal.key] = signal
    made = [_seen(there.get(key), signal, now=now, patience=patience) for key, signal in wrong.items()]
    made += [
        _unseen(alarm, looked_at=alarm.kind in looked_at, now=now, patience=patience)
        for key, alarm in there.items()
        if key not in wrong
    ]
    return made


def _seen(alarm: Alarm | None, signal: Signal, *, now: datetime, patience: Patience) -> Turn:
    if alarm is None:
        new = Alarm(
            id=alarm_id_of(signal.kind, signal.subject, now),
            kind=signal.kind,
            subject=signal.subject,
            severity=signal.severity,
            state=AlarmState.RAISED,
            vi=signal.vi,
            en=signal.en,
            raised_at=now,
            seen_at=now,
        )
        return _told(new, Telling.RAISED, now=now)
    worse = signal.severity.rank > alarm.severity.rank
    now_is = replace(alarm, severity=signal.severity, vi=signal.vi, en=signal.en, seen_at=now)
    now_is = _loud(now_is, now=now)
    if now_is.state is AlarmState.QUIETED:
        return Turn(alarm=now_is, telling=None)
    if worse:
        return _told(now_is, Telling.WORSE, now=now)
    return _again(now_is, now=now, patience=patience)


def _unseen(alarm: Alarm, *, looked_at: bool, now: datetime, patience: Patience) -> Turn:
    gone = looked_at and not timedelta(0) <= now - alarm.seen_at < patience.calm
    if gone:
        over = replace(alarm, state=AlarmState.RECOVERED, ended_at=now)
        return _told(over, Telling.RECOVERED, now=now) if alarm.told else Turn(alarm=over, telling=None)
    return Turn(alarm=_loud(alarm, now=now), telling=None)


def _loud(alarm: Alarm, *, now: datetime) -> Alarm:
    """The alarm after its quiet, when that is over: by time, or because it became worse."""
    if alarm.state is not AlarmState.QUIETED:
        return alarm
    late = alarm.quiet_until is not None and alarm.quiet_until <= now
    worse = alarm.severity.rank > alarm.quiet_severity.rank
    return replace(alarm, state=AlarmState.RAISED, told_at=None) if late or worse else alarm


def _again(alarm: Alarm, *, now: datetime, patience: Patience) -> Turn:
    # A telling in the future was written by a clock that was wrong.
    lately = alarm.told_at is not None and timedelta(0) <= now - alarm.told_at < patience.repeat
    return Turn(alarm=alarm, telling=None) if lately else _told(alarm, Telling.STILL, now=now)


def _told(alarm: Alarm, telling: Telling, *, now: datetime) -> Turn:
    return Turn(alarm=replace(alarm, told_at=now, told=alarm.told + 1), telling=telling)


def quieted(alarm: Alarm, *, until: datetime, by: str, reason: str) -> Alarm:
    """A standing alarm of which people are told no more until then, unless it gets worse or is over."""
    return replace(
        alarm,
        state=AlarmState.QUIETED,
        quiet_until=until,
        quiet_by=by,
        quiet_reason=reason,
        quiet_severity=alarm.severity,
    )


def loud_again(alarm: Alarm) -> Alarm:
    """A quieted alarm of which people are told again."""
    return replace(alarm, state=AlarmState.RAISED, quiet_until=None)
