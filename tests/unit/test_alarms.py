"""Alarms: raised once, told again in time, quieted by people, over when it is over."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from typer.main import get_command

from router.cli import app
from router.core.alarm_rules import ALARM_RULES, AlarmKind, where_of
from router.core.alarm_signals import (
    CertificateEnd,
    OverdueSum,
    Thresholds,
    Verdicts,
    backlog_signals,
    behind_signals,
    certificate_signals,
    dead_signals,
    late_since,
    log_signals,
    overdue_signals,
    own_troubles,
    refusal_signals,
    security_signals,
    trouble_signals,
    waiting_signals,
)
from router.core.alarms import Alarm, AlarmState, Patience, Severity, Signal, Telling, Turn, loud_again, quieted, turns
from router.core.deadlines import Deadline
from router.core.log_lag import Lag, LogReader
from router.core.notices import Notice, NoticeKind, NoticeState, delivered, failed
from tests.support.records import MINUTE, NOON

HOUR = 60 * MINUTE
DAY = 24 * HOUR
PATIENCE = Patience(repeat=6 * HOUR, calm=2 * MINUTE)
ALL = frozenset(AlarmKind)


def signal(subject: str = "so-y-te", severity: Severity = Severity.WARNING, **fields: Any) -> Signal:
    filled: dict[str, Any] = {"kind": AlarmKind.BACKLOG, "subject": subject, "severity": severity}
    return Signal(**{**filled, "vi": "đầy", "en": "full", **fields})


def look(standing: Sequence[Alarm], *signals: Signal, after: timedelta, kinds: frozenset[AlarmKind] = ALL) -> Turn:
    (turn,) = turns(standing, signals, looked_at=kinds, now=NOON + after, patience=PATIENCE)
    return turn


def raised() -> Alarm:
    return look((), signal(), after=timedelta(0)).alarm


def test_a_signal_raises_an_alarm_that_is_told_once() -> None:
    first = look((), signal(), after=timedelta(0))
    assert (first.telling, first.alarm.state, first.alarm.told) == (Telling.RAISED, AlarmState.RAISED, 1)
    second = look([first.alarm], signal(vi="đầy hơn"), after=MINUTE)
    assert (second.telling, second.alarm.vi, second.alarm.seen_at) == (None, "đầy hơn", NOON + MINUTE)
    assert second.alarm.id == first.alarm.id


def test_what_stands_is_told_again_at_most_every_so_often() -> None:
    alarm, told = raised(), []
    for minutes in range(1, 25 * 60, 7):
        turn = look([alarm], signal(), after=minutes * MINUTE)
        alarm = turn.alarm
        told += [minutes] if turn.telling is Telling.STILL else []
    assert len(told) == 4
    assert all(later - earlier >= 360 for earlier, later in zip([0, *told], told, strict=False))


def test_what_gets_worse_is_told_at_once_and_what_gets_better_is_not() -> None:
    worse = look([raised()], signal(severity=Severity.CRITICAL), after=MINUTE)
    assert worse.telling is Telling.WORSE
    better = look([worse.alarm], signal(), after=2 * MINUTE)
    assert (better.telling, better.alarm.severity) == (None, Severity.WARNING)


def test_what_was_not_seen_for_a_while_is_over_and_told_so() -> None:
    flicker = look([raised()], after=MINUTE)
    assert (flicker.telling, flicker.alarm.state) == (None, AlarmState.RAISED)
    over = look([raised()], after=2 * MINUTE)
    assert (over.telling, over.alarm.state, over.alarm.ended_at) == (
        Telling.RECOVERED,
        AlarmState.RECOVERED,
        NOON + 2 * MINUTE,
    )


def test_what_could_not_be_looked_at_is_not_over() -> None:
    turn = look([raised()], after=DAY, kinds=ALL - {AlarmKind.BACKLOG})
    assert (turn.telling, turn.alarm.state) == (None, AlarmState.RAISED)


def test_after_it_was_over_the_next_signal_is_another_alarm() -> None:
    over = look([raised()], after=DAY).alarm
    again = look((), signal(), after=2 * DAY)
    assert (again.telling, again.alarm.id == over.id) == (Telling.RAISED, False)


def test_a_quieted_alarm_is_not_told_until_its_quiet_is_over() -> None:
    quiet = quieted(raised(), until=NOON + 10 * HOUR, by="user:ha", reason="bảo trì")
    for hours in (1, 7, 9):
        assert look([quiet], signal(), after=hours * HOUR).telling is None
    back = look([quiet], signal(), after=10 * HOUR)
    assert (back.telling, back.alarm.state, back.alarm.quiet_reason) == (Telling.STILL, AlarmState.RAISED, "bảo trì")


def test_a_quieted_alarm_that_gets_worse_is_told() -> None:
    quiet = quieted(raised(), until=NOON + 10 * HOUR, by="user:ha", reason="bảo trì")
    worse = look([quiet], signal(severity=Severity.CRITICAL), after=MINUTE)
    assert (worse.telling, worse.alarm.state) == (Telling.WORSE, AlarmState.RAISED)


def test_the_end_of_a_quieted_alarm_is_told_because_its_beginning_was() -> None:
    quiet = quieted(raised(), until=NOON + 10 * HOUR, by="user:ha", reason="bảo trì")
    assert look([quiet], after=HOUR).telling is Telling.RECOVERED


def test_who_ends_the_quiet_is_told_when_it_is_time_again() -> None:
    loud = loud_again(quieted(raised(), until=NOON + DAY, by="user:ha", reason="x"))
    assert look([loud], signal(), after=HOUR).telling is None
    assert look([loud], signal(), after=6 * HOUR).telling is Telling.STILL


def test_of_several_signals_about_one_subject_the_worst_counts() -> None:
    turn = look((), signal(), signal(severity=Severity.CRITICAL, vi="tệ"), signal(), after=MINUTE)
    assert (turn.alarm.severity, turn.alarm.vi) == (Severity.CRITICAL, "tệ")


def test_subjects_do_not_know_of_each_other() -> None:
    made = turns([raised()], [signal("b")], looked_at=ALL, now=NOON + DAY, patience=PATIENCE)
    assert sorted((each.alarm.subject, each.telling) for each in made) == [
        ("b", Telling.RAISED),
        ("so-y-te", Telling.RECOVERED),
    ]


def test_a_clock_that_was_set_back_keeps_nobody_silent() -> None:
    future = replace(raised(), told_at=NOON + 300 * DAY, seen_at=NOON + 300 * DAY)
    assert look([future], signal(), after=MINUTE).telling is Telling.STILL
    assert look([future], after=MINUTE).telling is Telling.RECOVERED


def test_every_kind_has_a_rule_with_words_and_something_to_do() -> None:
    assert list(ALARM_RULES) == list(AlarmKind)
    for rule in ALARM_RULES.values():
        assert all((rule.vi, rule.en, rule.do_vi, rule.do_en))


SUBJECTS = {
    AlarmKind.OVERDUE: ["not-acknowledged"],
    AlarmKind.CERTIFICATE: ["hub", "anchor:ab12", "000.00.00.H41"],
    AlarmKind.BEHIND: [each.value for each in LogReader],
}
EVERYWHERE = [(kind, subject) for kind in AlarmKind for subject in SUBJECTS.get(kind, ["so-y-te"])]


@pytest.mark.parametrize(("kind", "subject"), EVERYWHERE)
def test_every_command_that_an_alarm_names_is_one_that_truc_understands(kind: AlarmKind, subject: str) -> None:
    rule = ALARM_RULES[kind]
    mentioned = re.findall(r"truc ((?:[a-z]+ ?)+)(?=[,)]|$)", f"{rule.do_vi}\n{rule.do_en}", re.MULTILINE)
    for words in (shlex.split(where_of(kind, subject).command)[1:], *(each.split() for each in mentioned)):
        command, rest = get_command(app), words
        while rest and (group := getattr(command, "commands", {})):
            assert rest[0] in group, words
            command, rest = group[rest[0]], rest[1:]
        if rest:
            assert command.make_context("truc", rest)


def test_a_subject_becomes_part_of_a_command_or_an_address_without_being_obeyed() -> None:
    where = where_of(AlarmKind.FORGED, "a b;rm -rf /&rule=x")
    assert shlex.split(where.command) == ["truc", "work", "refused", "--agent", "a b;rm -rf /&rule=x"]
    assert where.path == "/work/refused?agent=a%20b%3Brm%20-rf%20%2F%26rule%3Dx"


# ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────────────────

USUAL = Thresholds()
OFF = Thresholds(
    overdue_legs=0,
    backlog_messages=0,
    waiting=timedelta(0),
    refusal_percent=0,
    certificate_days=(),
    behind=timedelta(0),
    dead_letters=0,
    forged_signatures=0,
    foreign_speakers=0,
    failed_sign_ins=0,
)


@pytest.mark.parametrize(
    ("days", "severity"),
    [
        (61, None),
        (60, Severity.NOTICE),
        (31, Severity.NOTICE),
        (30, Severity.WARNING),
        (8, Severity.WARNING),
        (7, Severity.CRITICAL),
        (0, Severity.CRITICAL),
        (-5, Severity.CRITICAL),
    ],
)
def test_a_certificate_is_told_sixty_thirty_and_seven_days_before_its_end(days: int, severity: Severity | None) -> None:
    ends = [CertificateEnd(subject="H41", name="H41", until=NOON + days * DAY)]
    found = certificate_signals(ends, USUAL, now=NOON)
    assert [each.severity for each in found] == ([severity] if severity else [])


def test_overdue_documents_are_one_signal_per_deadline_and_flash_ones_are_critical() -> None:
    sums = [
        OverdueSum(deadline=Deadline.NOT_DELIVERED, legs=3, priority=0, since=NOON),
        OverdueSum(deadline=Deadline.NOT_ARRIVED, legs=1, priority=3, since=NOON, at_least=True),
    ]
    first, second = overdue_signals(sums, USUAL)
    assert (first.subject, first.severity) == ("not-delivered", Severity.WARNING)
    assert (second.subject, second.severity) == ("not-arrived", Severity.CRITICAL)
    assert "ít nhất 1" in second.vi
    assert "02/03/2026 19:00" in first.vi  # Vietnam time
    assert overdue_signals(sums, replace(USUAL, overdue_legs=2)) == [first]


def test_a_full_inbox_and_an_old_document_are_told_by_agent() -> None:
    full = backlog_signals({"a": 999, "b": 1000, "c": 10_000}, USUAL)
    assert [(each.subject, each.severity) for each in full] == [("c", Severity.CRITICAL), ("b", Severity.WARNING)]
    old = waiting_signals({"a": NOON - 5 * HOUR, "b": NOON - HOUR}, USUAL, now=NOON)
    assert [(each.subject, each.severity) for each in old] == [("a", Severity.WARNING)]


@pytest.mark.parametrize(
    ("decided", "refused", "told"), [(100, 19, 0), (100, 20, 1), (1000, 100, 0), (19, 19, 0), (0, 0, 0)]
)
def test_refusals_are_told_by_their_share_when_there_are_enough(decided: int, refused: int, told: int) -> None:
    assert len(refusal_signals(Verdicts(decided=decided, refused=refused, window=HOUR), USUAL)) == told


def test_a_short_absence_is_no_signal() -> None:
    away = {"broker": ("refused", NOON), "worker-1": ("no sign of life", NOON + 5 * MINUTE)}
    found = trouble_signals(away, after=MINUTE, now=NOON + 5 * MINUTE)
    assert [each.subject for each in found] == ["broker"]


def test_bursts_are_told_by_who_made_them() -> None:
    counts = {
        (AlarmKind.FORGED, "a"): 4,
        (AlarmKind.FORGED, "b"): 5,
        (AlarmKind.FOREIGN, "c"): 1,
        (AlarmKind.SIGN_INS, "10.0.0.1"): 200,
    }
    found = {(each.kind, each.subject): each.severity for each in security_signals(counts, USUAL)}
    assert found == {
        (AlarmKind.FORGED, "b"): Severity.WARNING,
        (AlarmKind.FOREIGN, "c"): Severity.CRITICAL,
        (AlarmKind.SIGN_INS, "10.0.0.1"): Severity.CRITICAL,
    }


def test_what_only_repeats_that_another_part_is_away_is_no_trouble_of_its_own() -> None:
    away = {"broker": "refused", "database": "", "worker-1": "broker unreachable", "worker-2": "no sign of life"}
    assert own_troubles(away) == {"broker": "refused", "worker-2": "no sign of life"}
    assert own_troubles({"broker": "", "worker-1": "broker unreachable"}) == {"worker-1": "broker unreachable"}
    both = {"broker": "refused", "worker-1": "broker unreachable, database unreachable"}
    assert own_troubles(both) == both
    assert own_troubles({**both, "database": "gone"}) == {"broker": "refused", "database": "gone"}


def test_who_stays_behind_the_log_is_told_and_who_catches_up_is_not() -> None:
    far, near = Lag(events=900, age=10 * MINUTE), Lag(events=3, age=4 * MINUTE)
    lags = {LogReader.SEARCH: far, LogReader.FIGURES: near}
    since = late_since({}, lags, USUAL, now=NOON)
    assert since == {LogReader.SEARCH: NOON}
    assert not behind_signals(lags, since, after=MINUTE, now=NOON)
    since = late_since(since, lags, USUAL, now=NOON + MINUTE)
    (found,) = behind_signals(lags, since, after=MINUTE, now=NOON + MINUTE)
    assert (found.subject, found.severity, "10 phút" in found.vi) == ("search", Severity.WARNING, True)
    assert late_since(since, {LogReader.SEARCH: Lag()}, USUAL, now=NOON + 2 * MINUTE) == {}
    assert not late_since({}, lags, OFF, now=NOON)


def test_zero_turns_each_rule_off() -> None:
    assert not overdue_signals([OverdueSum(deadline=Deadline.NOT_ARRIVED, legs=9, priority=4, since=NOON)], OFF)
    assert not backlog_signals({"a": 10**9}, OFF)
    assert not waiting_signals({"a": NOON - 400 * DAY}, OFF, now=NOON)
    assert not refusal_signals(Verdicts(decided=100, refused=100, window=HOUR), OFF)
    assert not certificate_signals([CertificateEnd(subject="a", name="a", until=NOON)], OFF, now=NOON)
    assert not dead_signals(10**6, OFF)
    assert not security_signals({(AlarmKind.FOREIGN, "a"): 10**6}, OFF)


def test_dead_letters_and_a_log_that_does_not_hold_are_told() -> None:
    assert not dead_signals(0, USUAL)
    assert len(dead_signals(1, USUAL)) == 1
    assert not log_signals(0, "", "")
    (found,) = log_signals(2, "events 7: sửa", "events 7: changed")
    assert (found.severity, "events 7" in found.vi) == (Severity.CRITICAL, True)


# ── Notices ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def notice() -> Notice:
    return Notice(id="n", channel="mail", kind=NoticeKind.ALARMS, title="t", text="x", created_at=NOON, due_at=NOON)


def test_a_failed_notice_is_tried_again_with_growing_pauses_until_it_is_no_news() -> None:
    one, now, pauses = notice(), NOON, []
    while one.state is NoticeState.WAITING:
        one = failed(one, "no answer", now=now, give_up_after=DAY)
        pauses.append(one.due_at - now)
        now = one.due_at
    assert one.state is NoticeState.GIVEN_UP
    assert pauses[0] < MINUTE
    assert max(pauses) <= 30 * MINUTE
    assert 40 < one.attempts < 100


def test_a_channel_that_asks_for_time_gets_it() -> None:
    assert failed(notice(), "429", now=NOON, give_up_after=DAY, wait=HOUR).due_at == NOON + HOUR


def test_a_delivered_notice_tells_no_problem() -> None:
    done = delivered(failed(notice(), "no answer", now=NOON, give_up_after=DAY))
    assert (done.state, done.attempts, done.problem) == (NoticeState.SENT, 2, "")
