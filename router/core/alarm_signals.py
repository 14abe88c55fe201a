"""From what was looked at to signals: the rules of the alarms. Pure; time is passed in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from router.core.alarm_rules import AlarmKind
from router.core.alarms import Severity, Signal
from router.core.deadlines import DEADLINE_TEXT, Deadline
from router.core.log_lag import LOG_READER_TEXT, Lag, LogReader

FLASH_PRIORITY: Final = 3
"""From here on (Hỏa tốc) what is overdue is critical."""
UNREACHABLE_JOINED: Final = ", "
VERY: Final = 10
"""So many times over a limit is critical."""
MOST_SUBJECTS: Final = 200
"""Of one kind: more than these at once are no news of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From where on something is wrong. Zero turns a rule off."""

    overdue_legs: int = 1
    backlog_messages: int = 1000
    waiting: timedelta = timedelta(hours=4)
    refusal_percent: float = 20.0
    refusal_least: int = 20
    """Fewer refused documents than these in the window are no signal, whatever their share."""
    certificate_days: tuple[int, ...] = (60, 30, 7)
    """Notice, warning, critical: days before the end."""
    behind: timedelta = timedelta(minutes=5)
    dead_letters: int = 1
    forged_signatures: int = 5
    foreign_speakers: int = 1
    failed_sign_ins: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueSum:
    """Legs with one deadline over. `priority` is the most urgent document's, `since` when the longest is overdue."""

    deadline: Deadline
    legs: int
    priority: int
    since: datetime
    at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Decisions within the window."""

    decided: int
    refused: int
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEnd:
    """`subject` names whose it is: an organ's code, `hub`, or `anchor:<fingerprint>`; `name` is read by people."""

    subject: str
    name: str
    until: datetime


def overdue_signals(sums: Iterable[OverdueSum], limits: Thresholds) -> Sequence[Signal]:
    made = []
    for each in sums:
        if limits.overdue_legs and each.legs >= limits.overdue_legs:
            vi, en = DEADLINE_TEXT[each.deadline]
            many_vi, many_en = ("ít nhất ", "at least ") if each.at_least else ("", "")
            severity = Severity.CRITICAL if each.priority >= FLASH_PRIORITY else Severity.WARNING
            made.append(
                Signal(
                    kind=AlarmKind.OVERDUE,
                    subject=each.deadline.value,
                    severity=severity,
                    vi=f"{vi}: {many_vi}{each.legs} chặng, lâu nhất từ {_moment(each.since)}",
                    en=f"{en}: {many_en}{each.legs} legs, the longest since {_moment(each.since)}",
                )
            )
    return made


def backlog_signals(depths: Mapping[str, int], limits: Thresholds) -> Sequence[Signal]:
    """`depths` are messages in the inboxes by agent."""
    limit = limits.backlog_messages
    wrong = sorted(((depth, agent) for agent, depth in depths.items() if limit and depth >= limit), reverse=True)
    return [
        Signal(
            kind=AlarmKind.BACKLOG,
            subject=agent,
            severity=Severity.CRITICAL if depth >= VERY * limit else Severity.WARNING,
            vi=f"Hộp thư của {agent}: {depth} thông điệp chưa lấy",
            en=f"The inbox of {agent}: {depth} messages not taken",
        )
        for depth, agent in wrong[:MOST_SUBJECTS]
    ]


def waiting_signals(oldest: Mapping[str, datetime], limits: Thresholds, *, now: datetime) -> Sequence[Signal]:
    """`oldest` is since when the longest-waiting leg of each agent waits."""
    limit = limits.waiting
    wrong = sorted((since, agent) for agent, since in oldest.items() if limit and now - since >= limit)
    return [
        Signal(
            kind=AlarmKind.WAITING,
            subject=agent,
            severity=Severity.CRITICAL if now - since >= VERY * limit else Severity.WARNING,
            vi=f"{agent}: văn bản cũ nhất chờ từ {_moment(since)}",
            en=f"{agent}: the oldest document waits since {_moment(since)}",
        )
        for since, agent in wrong[:MOST_SUBJECTS]
    ]


def refusal_signals(verdicts: Verdicts, limits: Thresholds) -> Sequence[Signal]:
    if not limits.refusal_percent or not verdicts.decided or verdicts.refused < max(limits.refusal_least, 1):
        return ()
    percent = 100.0 * verdicts.refused / verdicts.decided
    if percent < limits.refusal_percent:
        return ()
    minutes = int(verdicts.window.total_seconds() // 60)
    share = f"{verdicts.refused}/{verdicts.decided} ({percent:.0f}%)"
    return (
        Signal(
            kind=AlarmKind.REFUSALS,
            subject="hub",
            severity=Severity.WARNING,
            vi=f"Từ chối {share} thông điệp trong {minutes} phút qua",
            en=f"{share} messages were refused in the last {minutes} minutes",
        ),
    )


def certificate_signals(ends: Iterable[CertificateEnd], limits: Thresholds, *, now: datetime) -> Sequence[Signal]:
    steps = sorted(limits.certificate_days, reverse=True)[-len(Severity) :]
    if not steps:
        return ()
    soon = sorted((each.until, each.subject, each.name) for each in ends if each.until <= now + timedelta(steps[0]))
    return [_certificate(subject, name, until, steps, now=now) for until, subject, name in soon[:MOST_SUBJECTS]]


def _certificate(subject: str, name: str, until: datetime, steps: Sequence[int], *, now: datetime) -> Signal:
    day = f"{until + _VIETNAM:%d/%m/%Y}"
    if until <= now:
        severity, vi, en = Severity.CRITICAL, f"đã hết hạn từ {day}", f"has ended on {day}"
    else:
        passed = sum(until <= now + timedelta(each) for each in steps)
        severity = tuple(Severity)[len(Severity) - len(steps) + passed - 1]
        days = (until - now).days
        vi, en = f"còn {days} ngày (đến {day})", f"ends in {days} days ({day})"
    return Signal(
        kind=AlarmKind.CERTIFICATE,
        subject=subject,
        severity=severity,
        vi=f"Chứng thư {name} {vi}",
        en=f"The certificate of {name} {en}",
    )


def own_troubles(problems: Mapping[str, str]) -> Mapping[str, str]:
    """What is wrong, by part, without what only repeats that another part is away: a worker that says no more than
    `broker unreachable` while the broker is away is told by the broker's alarm, and is well when that is over."""
    wrong = {name: reason for name, reason in problems.items() if reason}
    told = {unreachable(name) for name in wrong}
    return {name: reason for name, reason in wrong.items() if not told.issuperset(reason.split(UNREACHABLE_JOINED))}


def unreachable(name: str) -> str:
    """How a part says that it does not reach another one."""
    return f"{name} unreachable"


def trouble_signals(away: Mapping[str, tuple[str, datetime]], *, after: timedelta, now: datetime) -> Sequence[Signal]:
    """`away` is what cannot be used, by name: why, and since when. Short absences are no signal."""
    return [
        Signal(
            kind=AlarmKind.TROUBLE,
            subject=name,
            severity=Severity.CRITICAL,
            vi=f"{name}: không dùng được từ {_moment(since)} ({reason})",
            en=f"{name}: away since {_moment(since)} ({reason})",
        )
        for name, (reason, since) in sorted(away.items())
        if now - since >= after
    ]


def log_signals(faults: int, first_vi: str, first_en: str) -> Sequence[Signal]:
    """What a check of the whole log came to."""
    if not faults:
        return ()
    return (
        Signal(
            kind=AlarmKind.LOG,
            subject="log",
            severity=Severity.CRITICAL,
            vi=f"Kiểm tra nhật ký: {faults} chỗ không khớp; chỗ đầu tiên: {first_vi}",
            en=f"The check of the log: {faults} faults; the first: {first_en}",
        ),
    )


def late_since(
    before: Mapping[LogReader, datetime], lags: Mapping[LogReader, Lag], limits: Thresholds, *, now: datetime
) -> Mapping[LogReader, datetime]:
    """Since when each reader of the log has been too far behind it. `before` is what this said at the last look."""
    late = [reader for reader, lag in lags.items() if limits.behind and lag.age >= limits.behind]
    return {reader: min(before.get(reader, now), now) for reader in late}


def behind_signals(
    lags: Mapping[LogReader, Lag], since: Mapping[LogReader, datetime], *, after: timedelta, now: datetime
) -> Sequence[Signal]:
    """`since` is what `late_since` said. Who catches up soon, as after a start, is no signal."""
    made = []
    for reader, began in since.items():
        if now - began >= after:
            lag, (vi, en) = lags[reader], LOG_READER_TEXT[reader]
            minutes = int(lag.age.total_seconds() // 60)
            made.append(
                Signal(
                    kind=AlarmKind.BEHIND,
                    subject=reader.value,
                    severity=Severity.WARNING,
                    vi=f"{vi} chậm {minutes} phút so với nhật ký ({lag.events} sự kiện)",
                    en=f"{en}: {minutes} minutes behind the log ({lag.events} events)",
                )
            )
    return made


def dead_signals(letters: int, limits: Thresholds, *, at_least: bool = False) -> Sequence[Signal]:
    if not limits.dead_letters or letters < limits.dead_letters:
        return ()
    many_vi, many_en = ("ít nhất ", "at least ") if at_least else ("", "")
    return (
        Signal(
            kind=AlarmKind.DEAD,
            subject="hub",
            severity=Severity.WARNING,
            vi=f"{many_vi}{letters} thông điệp không xử lý được, chờ quản trị",
            en=f"{many_en}{letters} dead letters wait for an administrator",
        ),
    )


@dataclass(frozen=True, slots=True)
class _Burst:
    severity: Severity
    vi: str
    en: str


_BURSTS: Final[Mapping[AlarmKind, _Burst]] = {
    AlarmKind.FORGED: _Burst(Severity.WARNING, "thông điệp có chữ ký sai", "messages with a wrong signature"),
    AlarmKind.FOREIGN: _Burst(Severity.CRITICAL, "lần nói thay kết nối khác", "attempts to speak for another agent"),
    AlarmKind.SIGN_INS: _Burst(Severity.WARNING, "lần đăng nhập bị từ chối", "refused sign-ins"),
}


def security_signals(counts: Mapping[tuple[AlarmKind, str], int], limits: Thresholds) -> Sequence[Signal]:
    """`counts` is how often something happened within the window, by kind and by who did it."""
    limit_of = {
        AlarmKind.FORGED: limits.forged_signatures,
        AlarmKind.FOREIGN: limits.foreign_speakers,
        AlarmKind.SIGN_INS: limits.failed_sign_ins,
    }
    made = []
    for (kind, who), count in sorted(counts.items(), key=lambda item: -item[1])[:MOST_SUBJECTS]:
        limit, row = limit_of[kind], _BURSTS[kind]
        if limit and count >= limit:
            severity = Severity.CRITICAL if count >= VERY * limit else row.severity
            vi, en = f"{who}: {count} {row.vi}", f"{who}: {count} {row.en}"
            made.append(Signal(kind=kind, subject=who, severity=severity, vi=vi, en=en))
    return made


_VIETNAM: Final = timedelta(hours=7)


def _moment(at: datetime) -> str:
    return f"{at + _VIETNAM:%d/%m/%Y %H:%M}"
