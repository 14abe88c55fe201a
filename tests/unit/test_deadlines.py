"""Which deadlines have passed, since when, and when to look again."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.statuses import Priority
from router.core.deadlines import (
    DEADLINE_TEXT,
    DEFAULT_CLOCKS,
    ClockRow,
    Clocks,
    Deadline,
    clocks_table,
    end_of_day,
    first_look,
    gives_up_at,
    moved_on,
    next_look,
    overdue,
)
from router.core.lifecycle import ask_or_answer, fold
from router.core.records import Leg, LegState, MessageRecord, MessageState, RecallState, handed_over
from router.settings.deadlines import DeadlineSettings

NOW = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ROW = ClockRow(
    delivered=7 * MINUTE,
    acknowledged=10 * MINUTE,
    arrived=60 * MINUTE,
    received=240 * MINUTE,
    recall_answered=300 * MINUTE,
    deliver_within=900 * MINUTE,
)
CLOCKS = Clocks(normal=ROW)


def a_message(**changes: object) -> MessageRecord:
    message = MessageRecord(
        id="m",
        submission_id="s",
        agent="vpcp",
        type=MessageType.DOCUMENT,
        state=MessageState.ACCEPTED,
        urgency=Urgency.NORMAL,
        digest="0" * 64,
        size=1,
        payload="p",
        received_at=NOW,
        decided_at=NOW,
        sender="A",
    )
    return replace(message, **changes)  # type: ignore[arg-type]  # the test names the fields


def a_leg(**changes: object) -> Leg:
    leg = Leg(
        id="l",
        message_id="m",
        ordinal=0,
        recipient="B",
        agent="b",
        state=LegState.QUEUED,
        urgency=Urgency.NORMAL,
        created_at=NOW,
    )
    return replace(leg, **changes)  # type: ignore[arg-type]  # as above


def names(leg: Leg, message: MessageRecord, after: timedelta) -> list[str]:
    return [each.deadline.value for each in overdue(leg, message, CLOCKS, now=NOW + after)]


QUEUED = a_leg()
IN_INBOX = a_leg(state=LegState.HANDED_OVER, handed_over_at=NOW + MINUTE)
AT_AGENT = replace(IN_INBOX, state=LegState.DELIVERED, delivered_at=NOW + 2 * MINUTE)


@pytest.mark.parametrize(
    ("leg", "deadline", "passes_after"),
    [
        (QUEUED, "not-delivered", 7 * MINUTE),
        (replace(QUEUED, state=LegState.HELD), "not-delivered", 7 * MINUTE),
        (replace(QUEUED, state=LegState.PARKED), "not-delivered", 7 * MINUTE),
        (IN_INBOX, "not-acknowledged", 11 * MINUTE),
        (replace(IN_INBOX, state=LegState.PARKED), "not-acknowledged", 11 * MINUTE),
        (AT_AGENT, "not-arrived", 62 * MINUTE),
        (replace(AT_AGENT, status="01", status_at=NOW + 3 * MINUTE), "not-received", 242 * MINUTE),
    ],
)
def test_a_deadline_passes_at_its_time_and_not_before(leg: Leg, deadline: str, passes_after: timedelta) -> None:
    assert names(leg, a_message(), passes_after - timedelta(microseconds=1)) == []
    (passed,) = overdue(leg, a_message(), CLOCKS, now=NOW + passes_after)
    assert (passed.deadline.value, passed.since) == (deadline, NOW + passes_after)


def test_a_document_is_due_until_the_day_is_over_in_vietnam() -> None:
    message = a_message(due_date=date(2026, 10, 2))
    received = replace(AT_AGENT, status="03", status_at=NOW + 3 * MINUTE)
    over = datetime(2026, 10, 2, 17, 0, tzinfo=UTC)
    assert end_of_day(date(2026, 10, 2)) == over
    assert names(received, message, over - NOW - timedelta(microseconds=1)) == []
    assert names(received, message, over - NOW) == ["not-finished"]


@pytest.mark.parametrize("status", ["02", "06"])
def test_what_was_finished_or_refused_is_never_overdue(status: str) -> None:
    leg = replace(AT_AGENT, status=status, status_at=NOW + 3 * MINUTE)
    message = a_message(due_date=date(2026, 10, 1))
    assert names(leg, message, 1000 * DAY) == []
    assert next_look(leg, message, CLOCKS, now=NOW + HOUR) is None


def test_a_recall_has_to_be_answered_in_its_time_even_when_the_handling_has_ended() -> None:
    asked = replace(AT_AGENT, status="06", status_at=NOW, recall=RecallState.REQUESTED, recall_at=NOW + HOUR)
    assert names(asked, a_message(), 6 * HOUR - timedelta(microseconds=1)) == []
    assert names(asked, a_message(), 6 * HOUR) == ["recall-unanswered"]
    assert next_look(asked, a_message(), CLOCKS, now=NOW + HOUR) == NOW + 6 * HOUR
    for answer in (RecallState.ACCEPTED, RecallState.REFUSED):
        answered = replace(asked, recall=answer)
        assert names(answered, a_message(), 1000 * DAY) == []
        assert next_look(answered, a_message(), CLOCKS, now=NOW + HOUR) is None


def test_a_document_that_was_given_back_is_not_handled_any_more_and_one_that_was_kept_is() -> None:
    asked = replace(AT_AGENT, recall=RecallState.REQUESTED, recall_at=NOW + 3 * MINUTE)
    assert names(replace(asked, recall=RecallState.ACCEPTED), a_message(), DAY) == []
    assert names(replace(asked, recall=RecallState.REFUSED), a_message(), DAY) == ["not-arrived", "not-received"]


def test_the_answer_to_a_revocation_is_all_that_is_owed_to_the_revocation_itself() -> None:
    revocation = a_message(doc_type=1)
    answered = replace(AT_AGENT, recall=RecallState.REFUSED, recall_at=NOW + 3 * MINUTE)
    assert names(AT_AGENT, revocation, DAY) == ["not-arrived", "not-received"]
    assert names(answered, revocation, DAY) == []


def test_a_status_has_only_to_get_there() -> None:
    status = a_message(type=MessageType.STATUS, due_date=date(2026, 10, 1))
    assert names(QUEUED, status, DAY) == ["not-delivered"]
    assert names(IN_INBOX, status, DAY) == ["not-acknowledged"]
    assert names(AT_AGENT, status, 1000 * DAY) == []
    assert next_look(AT_AGENT, status, CLOCKS, now=NOW + HOUR) is None
    assert first_look(status, CLOCKS, now=NOW) == NOW + 7 * MINUTE


def test_a_body_that_speaks_of_a_document_has_it_although_its_agent_never_said_so() -> None:
    spoken = replace(IN_INBOX, status="01", status_at=NOW + 5 * MINUTE)
    assert names(spoken, a_message(), 2 * HOUR) == []
    assert gives_up_at(spoken, a_message(), CLOCKS) is None
    answered = replace(IN_INBOX, recall=RecallState.ACCEPTED, recall_at=NOW + 5 * MINUTE)
    assert names(answered, a_message(), 2 * HOUR) == []


def test_only_what_is_in_an_inbox_without_a_word_is_given_up_from_here() -> None:
    assert gives_up_at(IN_INBOX, a_message(), CLOCKS) == NOW + 901 * MINUTE
    for leg in (QUEUED, AT_AGENT, replace(IN_INBOX, state=LegState.PARKED)):
        assert gives_up_at(leg, a_message(), CLOCKS) is None


def test_the_more_urgent_the_sooner() -> None:
    rows = DEFAULT_CLOCKS.rows
    assert len(rows) == len(Priority)
    for calm, urgent in pairwise(rows):
        assert urgent.acknowledged <= calm.acknowledged
        assert urgent.arrived <= calm.arrived
        assert urgent.received <= calm.received
        assert urgent.recall_answered <= calm.recall_answered
        assert urgent.deliver_within <= calm.deliver_within


@pytest.mark.parametrize("priority", Priority)
def test_each_level_has_its_own_row(priority: Priority) -> None:
    assert DEFAULT_CLOCKS.row_of(a_message(priority=int(priority))) is DEFAULT_CLOCKS.rows[priority]


def test_a_status_about_an_urgent_document_is_urgent_and_an_unknown_level_is_ordinary() -> None:
    about_urgent = a_message(type=MessageType.STATUS, urgency=Urgency.URGENT)
    assert DEFAULT_CLOCKS.row_of(about_urgent) is DEFAULT_CLOCKS.urgent
    assert DEFAULT_CLOCKS.row_of(a_message(priority=9)) is DEFAULT_CLOCKS.normal
    assert DEFAULT_CLOCKS.row_of(a_message(priority=-1)) is DEFAULT_CLOCKS.normal


def test_the_first_look_comes_before_any_clock_can_run_out() -> None:
    assert first_look(a_message(), CLOCKS, now=NOW) == NOW + 7 * MINUTE
    assert first_look(a_message(due_date=date(2026, 12, 1)), CLOCKS, now=NOW) == NOW + 7 * MINUTE
    assert first_look(a_message(due_date=date(2026, 9, 30)), CLOCKS, now=NOW) == datetime(2026, 9, 30, 17, tzinfo=UTC)


def test_the_last_of_all_days_is_a_day_like_any_other() -> None:
    message = a_message(due_date=date.max)
    assert first_look(message, CLOCKS, now=NOW) == NOW + 7 * MINUTE
    received = replace(AT_AGENT, status="03", status_at=NOW)
    assert next_look(received, message, CLOCKS, now=NOW) == end_of_day(date.max)


def test_the_first_of_all_days_is_over() -> None:
    assert names(AT_AGENT, a_message(due_date=date.min), MINUTE) == ["not-finished"]


def test_a_leg_with_an_alarm_that_moves_is_looked_at_at_once() -> None:
    late = replace(IN_INBOX, raised=("not-acknowledged",))
    moved = moved_on(replace(late, state=LegState.DELIVERED, delivered_at=NOW + HOUR), a_message(), CLOCKS, now=NOW)
    assert moved.look_at == NOW


def test_a_leg_that_is_asked_back_remembers_when_and_only_the_first_time() -> None:
    asked = moved_on(ask_or_answer(AT_AGENT, RecallState.REQUESTED), a_message(), CLOCKS, now=NOW + HOUR)
    assert asked.recall_at == NOW + HOUR
    answered = moved_on(ask_or_answer(asked, RecallState.REFUSED), a_message(), CLOCKS, now=NOW + 2 * HOUR)
    assert answered.recall_at == NOW + HOUR


def test_every_deadline_has_words_in_both_languages() -> None:
    assert list(DEADLINE_TEXT) == list(Deadline)
    assert all(vi and en for vi, en in DEADLINE_TEXT.values())


# ── Any history ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Step:
    """Something that happens to a leg, so many minutes after acceptance."""

    minute: int
    what: str  # handed over, reported, a status code, asked, kept, given


STEPS = ("handed over", "reported", "01", "02", "03", "04", "06", "asked", "kept", "given")


def apply_step(leg: Leg, step: Step, message: MessageRecord, *, now: datetime) -> Leg:
    """As the hub does it: the hand-over is blind, everything else goes through `moved_on`."""
    match step.what:
        case "handed over":
            return handed_over(leg, at=now) if leg.state in (LegState.QUEUED, LegState.DELIVERED) else leg
        case "reported":
            if leg.state is LegState.DELIVERED:
                return leg
            moved = replace(leg, state=LegState.DELIVERED, delivered_at=now)
        case "asked":
            moved = ask_or_answer(leg, RecallState.REQUESTED)
        case "kept" | "given":
            if leg.recall is RecallState.NONE:
                return leg
            moved = ask_or_answer(leg, RecallState.REFUSED if step.what == "kept" else RecallState.ACCEPTED)
        case code:
            if (code == "02" and leg.status in ("03", "04", "06")) or (
                code in ("03", "04", "06") and leg.status == "02"
            ):
                return leg
            moved = fold(leg, code, at=now)
    return leg if moved is leg else moved_on(moved, message, CLOCKS, now=now)


@dataclass
class Run:
    """A leg, the chore that looks at it when `look_at` has come, and what it raised and ended."""

    leg: Leg
    message: MessageRecord
    raised: list[tuple[str, datetime]]
    ended: list[tuple[str, datetime]]

    def look(self, now: datetime) -> None:
        standing = {each.deadline.value for each in overdue(self.leg, self.message, CLOCKS, now=now)}
        self.raised += [(each, now) for each in sorted(standing - set(self.leg.raised))]
        self.ended += [(each, now) for each in sorted(set(self.leg.raised) - standing)]
        given_up = gives_up_at(self.leg, self.message, CLOCKS)
        state = LegState.PARKED if given_up is not None and given_up <= now else self.leg.state
        after = replace(self.leg, raised=tuple(sorted(standing)), state=state)
        self.leg = replace(after, look_at=next_look(after, self.message, CLOCKS, now=now))
        assert self.leg.look_at is None or self.leg.look_at > now, "it would be looked at for ever"


def run(steps: list[Step], message: MessageRecord, *, until: int) -> Run:
    """The history in order of time; the chore comes at the very moment at which a look is due."""
    leg = a_leg(look_at=first_look(message, CLOCKS, now=NOW))
    ran = Run(leg, message, [], [])
    for step in (*sorted(steps, key=lambda each: each.minute), Step(until, "")):
        now = NOW + step.minute * MINUTE
        while ran.leg.look_at is not None and max(ran.leg.look_at, NOW) < now:
            ran.look(max(ran.leg.look_at, NOW))
        if step.what:
            ran.leg = apply_step(ran.leg, step, message, now=now)
    while ran.leg.look_at is not None and ran.leg.look_at <= NOW + until * MINUTE:
        ran.look(max(ran.leg.look_at, NOW))
    return ran


def expected(steps: list[Step], message: MessageRecord, *, until: int) -> list[tuple[str, datetime]]:
    """The same without `look_at`: after every step and at every moment at which any clock could run out, evaluate."""
    clocks = (ROW.delivered, ROW.acknowledged, ROW.arrived, ROW.received, ROW.recall_answered, ROW.deliver_within)
    moments = {step.minute * MINUTE for step in steps} | {timedelta(0), until * MINUTE}
    moments |= {start + clock for start in moments for clock in clocks}
    if message.due_date is not None:
        moments.add(max(end_of_day(message.due_date) - NOW, timedelta(0)))
    leg, raised, standing = a_leg(), [], set[str]()
    ordered = sorted(steps, key=lambda each: each.minute)
    for moment in sorted(each for each in moments if each <= until * MINUTE):
        now = NOW + moment
        while ordered and ordered[0].minute * MINUTE <= moment:
            leg = apply_step(leg, ordered.pop(0), message, now=now)
        given_up = gives_up_at(leg, message, CLOCKS)
        if given_up is not None and given_up <= now:
            leg = replace(leg, state=LegState.PARKED)
        present = {each.deadline.value for each in overdue(leg, message, CLOCKS, now=now)}
        raised += [(each, now) for each in sorted(present - standing)]
        standing = present
    return raised


steps_of_a_life = st.lists(st.builds(Step, minute=st.integers(0, 1200), what=st.sampled_from(STEPS)), max_size=8)
messages = st.builds(
    lambda due, doc_type, kind: a_message(due_date=due, doc_type=doc_type, type=kind),
    st.none() | st.dates(date(2026, 9, 30), date(2026, 10, 2)),
    st.sampled_from((0, 0, 1)),
    st.sampled_from((MessageType.DOCUMENT, MessageType.DOCUMENT, MessageType.STATUS)),
)
UNTIL = 4000


@settings(deadline=None, max_examples=300)
@given(steps=steps_of_a_life, message=messages)
def test_every_deadline_that_passes_is_raised_once_at_its_minute_and_none_is_skipped(
    steps: list[Step], message: MessageRecord
) -> None:
    assert sorted(run(steps, message, until=UNTIL).raised) == sorted(expected(steps, message, until=UNTIL))


@settings(deadline=None, max_examples=200)
@given(steps=steps_of_a_life, message=messages)
def test_what_is_raised_stands_until_it_is_done_and_then_ends_once(steps: list[Step], message: MessageRecord) -> None:
    ran = run(steps, message, until=UNTIL)
    left = [name for name, _ in ran.raised]
    for name, _ in ran.ended:
        left.remove(name)
    assert sorted(left) == sorted(ran.leg.raised)
    assert ran.leg.raised == tuple(sorted(names(ran.leg, message, UNTIL * MINUTE)))


@settings(deadline=None, max_examples=200)
@given(
    whats=st.lists(st.sampled_from(("reported", "01", "03", "04", "06")), unique=True, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_words_that_come_together_does_not_matter(whats: list[str], order: random.Random) -> None:
    shuffled = list(whats)
    order.shuffle(shuffled)
    message = a_message(due_date=date(2026, 10, 2))
    one = run([Step(5, each) for each in whats], message, until=UNTIL)
    other = run([Step(5, each) for each in shuffled], message, until=UNTIL)
    assert (one.raised, one.ended, one.leg.raised, one.leg.look_at) == (
        other.raised,
        other.ended,
        other.leg.raised,
        other.leg.look_at,
    )


@settings(deadline=None, max_examples=200)
@given(
    words=st.lists(
        st.tuples(st.integers(1, 1000), st.sampled_from(("reported", "01", "03", "04", "06"))),
        unique_by=(lambda each: each[0], lambda each: each[1]),
        max_size=5,
    ),
    order=st.randoms(use_true_random=False),
)
def test_the_alarms_that_are_left_are_the_same_whatever_came_first(
    words: list[tuple[int, str]], order: random.Random
) -> None:
    whats = [what for _, what in words]
    order.shuffle(whats)
    message = a_message(due_date=date(2026, 10, 2))
    one = run([Step(minute, what) for minute, what in words], message, until=UNTIL)
    other = run([Step(minute, what) for (minute, _), what in zip(words, whats, strict=True)], message, until=UNTIL)
    assert one.leg.raised == other.leg.raised


# ── What the README says ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_readme_has_the_usual_clocks_and_every_deadline_and_setting() -> None:
    readme = (Path(__file__).parents[2] / "router" / "README.md").read_text(encoding="utf-8")
    assert clocks_table() in readme
    for deadline, (vi, en) in DEADLINE_TEXT.items():
        assert f"| `{deadline.value}` | {vi} | {en} |" in readme
    assert [each for each in DeadlineSettings.model_fields if f"`{each}`" not in readme] == []
