"""Every store answers alike what waits for somebody's hand."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from edxml_schemas.contract import Urgency
from router.adapters.memory_store import MemoryStore
from router.adapters.memory_work_lists import MemoryWorkQuestions
from router.adapters.sql.store import SqlStore
from router.adapters.sql.work_lists import SqlWorkQuestions
from router.core.dead import DeadKind, DeadState
from router.core.deadlines import Deadline
from router.core.people import EVERYTHING, NOTHING_SEEN, Scope
from router.core.records import LegState, MessageState, PutDead, PutLeg, PutMessage
from router.core.work_lists import LEG_KINDS, Narrow, Place, WorkKind, place_of
from router.ports import Store
from router.ports.work_lists import WorkQuestions
from tests.contract.test_store import write
from tests.support.records import MINUTE, NOON, dead_letter, leg, message

ALL = Narrow(scope=EVERYTHING)
MANY = 100


@pytest.fixture
def questions(store: Store) -> WorkQuestions:
    if isinstance(store, MemoryStore):
        return MemoryWorkQuestions(store)
    assert isinstance(store, SqlStore)
    return SqlWorkQuestions(store.engine)


def seen_by(*organs: str, agents: Sequence[str] = ()) -> Narrow:
    return Narrow(scope=Scope(frozenset(organs)), scope_agents=frozenset(agents))


def legs_in(questions: WorkQuestions, kind: WorkKind, narrow: Narrow = ALL) -> list[str]:
    found = [each.id for _, each in questions.legs(kind, narrow, limit=MANY)]
    assert questions.count(kind, narrow, most=MANY) == len(found)
    return found


def refused_in(questions: WorkQuestions, narrow: Narrow = ALL) -> list[str]:
    found = [each.id for each in questions.refused(narrow, limit=MANY)]
    assert questions.count(WorkKind.REFUSED, narrow, most=MANY) == len(found)
    return found


def letters_in(questions: WorkQuestions, narrow: Narrow = ALL) -> list[str]:
    found = [each.id for each in questions.letters(narrow, limit=MANY)]
    assert questions.count(WorkKind.DEAD, narrow, most=MANY) == len(found)
    return found


def put_one_leg_of_each(store: Store) -> None:
    sent = message("1", sender="A")
    legs: dict[str, dict[str, Any]] = {
        "arrived": {"state": LegState.DELIVERED, "raised": ("not-arrived", "not-received")},
        "received": {"state": LegState.DELIVERED, "raised": ("not-received",)},
        "unfinished": {"state": LegState.DELIVERED, "raised": ("not-finished",)},
        "parked": {"state": LegState.PARKED, "raised": ("not-delivered",)},
        "held": {"state": LegState.HELD},
        "fine": {"state": LegState.DELIVERED},
    }
    rows = [
        leg(sent, name, ordinal=n, recipient=f"R{n}", created_at=NOON + n * MINUTE, **fields)
        for n, (name, fields) in enumerate(legs.items())
    ]
    write(store, PutMessage(sent), *map(PutLeg, rows))


def test_each_list_holds_its_legs_the_oldest_first(store: Store, questions: WorkQuestions) -> None:
    put_one_leg_of_each(store)
    assert legs_in(questions, WorkKind.NOT_TAKEN) == ["l-arrived", "l-received"]
    assert legs_in(questions, WorkKind.OVERDUE) == ["l-arrived", "l-received", "l-unfinished", "l-parked"]
    assert legs_in(questions, WorkKind.PARKED) == ["l-parked"]
    assert legs_in(questions, WorkKind.HELD) == ["l-held"]


def test_a_leg_comes_with_its_message(store: Store, questions: WorkQuestions) -> None:
    put_one_leg_of_each(store)
    [(sent, parked)] = questions.legs(WorkKind.PARKED, ALL, limit=MANY)
    assert sent == store.message("m-1")
    assert (parked,) == tuple(each for each in store.legs_of("m-1") if each.id == "l-parked")


def test_pages_hang_together_also_where_times_are_equal(store: Store, questions: WorkQuestions) -> None:
    sent = message("1")
    names = ["a", "b", "c", "d", "e"]
    legs = [leg(sent, each, ordinal=n, state=LegState.PARKED, recipient=each) for n, each in enumerate(names)]
    write(store, PutMessage(sent), *map(PutLeg, legs))
    found: list[str] = []
    after = None
    while page := questions.legs(WorkKind.PARKED, ALL, after=after, limit=2):
        found += [each.id for _, each in page]
        after = Place(page[-1][1].created_at, page[-1][1].id)
    assert found == [f"l-{each}" for each in names]


def test_who_sees_the_sender_sees_every_leg_and_who_sees_a_recipient_that_one(
    store: Store, questions: WorkQuestions
) -> None:
    sent = message("1", sender="A")
    legs = [
        leg(sent, "b", recipient="B", state=LegState.PARKED),
        leg(sent, "c", ordinal=1, recipient="C", state=LegState.PARKED),
        leg(sent, "d", ordinal=2, recipient="D", forwarded_from="OLD", state=LegState.PARKED),
    ]
    write(store, PutMessage(sent), *map(PutLeg, legs))
    assert legs_in(questions, WorkKind.PARKED, seen_by("A")) == ["l-b", "l-c", "l-d"]
    assert legs_in(questions, WorkKind.PARKED, seen_by("B")) == ["l-b"]
    assert legs_in(questions, WorkKind.PARKED, seen_by("OLD", "x")) == ["l-d"]
    assert legs_in(questions, WorkKind.PARKED, seen_by("elsewhere")) == []
    assert legs_in(questions, WorkKind.PARKED, seen_by("", "elsewhere")) == []


def test_who_sees_nothing_sees_nothing_in_any_list(store: Store, questions: WorkQuestions) -> None:
    put_one_leg_of_each(store)
    write(store, PutMessage(message("2", state=MessageState.REFUSED, sender="")), PutDead(dead_letter("1", agent="")))
    nobody = Narrow(scope=NOTHING_SEEN)
    for kind in LEG_KINDS:
        assert legs_in(questions, kind, nobody) == []
    assert refused_in(questions, nobody) == []
    assert letters_in(questions, nobody) == []
    assert questions.letters_called(["dead-1"], nobody) == ()


def test_what_is_asked_for_stays_within_what_is_seen(store: Store, questions: WorkQuestions) -> None:
    put_one_leg_of_each(store)
    asked = Narrow(scope=Scope(frozenset({"A"})), organs=frozenset({"R3"}))
    assert legs_in(questions, WorkKind.OVERDUE, asked) == ["l-parked"]
    asked = Narrow(scope=Scope(frozenset({"R0"})), organs=frozenset({"R3"}))
    assert legs_in(questions, WorkKind.OVERDUE, asked) == []


def test_lists_are_narrowed_by_urgency_and_time(store: Store, questions: WorkQuestions) -> None:
    calm, pressing = message("1"), message("2", urgency=Urgency.URGENT, received_at=NOON + MINUTE)
    legs = [leg(each, each.id, state=LegState.PARKED) for each in (calm, pressing)]
    write(store, *map(PutMessage, (calm, pressing)), *map(PutLeg, legs))
    assert legs_in(questions, WorkKind.PARKED, Narrow(scope=EVERYTHING, urgency=Urgency.URGENT)) == ["l-m-2"]
    assert legs_in(questions, WorkKind.PARKED, Narrow(scope=EVERYTHING, urgency=Urgency.NORMAL)) == ["l-m-1"]
    assert legs_in(questions, WorkKind.PARKED, Narrow(scope=EVERYTHING, since=NOON + MINUTE)) == ["l-m-2"]


def test_lists_are_narrowed_by_agent_and_by_deadline(store: Store, questions: WorkQuestions) -> None:
    sent, refused = message("1"), message("2", state=MessageState.REFUSED, agent="b")
    legs = [
        leg(sent, "x", recipient="X", agent="a", raised=("not-acknowledged",)),
        leg(sent, "y", recipient="Y", agent="b", raised=("not-delivered", "not-arrived")),
    ]
    write(store, PutMessage(sent), PutMessage(refused), *map(PutLeg, legs))
    of_b, late = Narrow(scope=EVERYTHING, agent="b"), Narrow(scope=EVERYTHING, rule=Deadline.NOT_ACKNOWLEDGED)
    assert legs_in(questions, WorkKind.OVERDUE, of_b) == ["l-y"]
    assert legs_in(questions, WorkKind.OVERDUE, late) == ["l-x"]
    assert [each.id for each in questions.refused(of_b, limit=MANY)] == [refused.id]
    assert questions.refused(Narrow(scope=EVERYTHING, agent="a"), limit=MANY) == ()
    assert questions.count(WorkKind.OVERDUE, late, most=MANY) == 1


def test_refused_submissions_are_of_their_sender_or_of_an_agent_that_is_wholly_theirs(
    store: Store, questions: WorkQuestions
) -> None:
    messages = [
        message("named", state=MessageState.REFUSED, sender="A", received_at=NOON),
        message("unread", state=MessageState.REFUSED, agent="mine", received_at=NOON + MINUTE),
        message("other", state=MessageState.REFUSED, sender="B", received_at=NOON + 2 * MINUTE),
        message("fine", sender="A"),
        message("later", state=MessageState.DEFERRED, sender="A", retry_at=NOON),
    ]
    write(store, *map(PutMessage, messages))
    assert refused_in(questions) == ["m-other", "m-unread", "m-named"]
    assert refused_in(questions, seen_by("A", agents=["mine"])) == ["m-unread", "m-named"]
    assert refused_in(questions, seen_by("A")) == ["m-named"]
    [first] = questions.refused(ALL, limit=1)
    rest = questions.refused(ALL, after=Place(first.received_at, first.id), limit=MANY)
    assert [each.id for each in rest] == ["m-unread", "m-named"]
    later = Narrow(scope=EVERYTHING, since=NOON + MINUTE)
    assert refused_in(questions, later) == ["m-other", "m-unread"]


def test_dead_letters_are_of_an_agent_that_is_wholly_theirs_and_deliveries_of_their_leg(
    store: Store, questions: WorkQuestions
) -> None:
    sent = message("1", sender="A")
    letters = [
        dead_letter("mine", agent="mine", died_at=NOON),
        dead_letter("way", agent="theirs", kind=DeadKind.DELIVERY, leg_id="l-1", died_at=NOON + MINUTE),
        dead_letter("word", agent="theirs", kind=DeadKind.REPORT, leg_id="l-1", died_at=NOON + 2 * MINUTE),
        dead_letter("done", agent="mine", state=DeadState.DISCARDED, died_at=NOON),
    ]
    write(store, PutMessage(sent), PutLeg(leg(sent, "1", recipient="B")), *map(PutDead, letters))
    assert letters_in(questions) == ["dead-word", "dead-way", "dead-mine"]
    assert letters_in(questions, seen_by("A", agents=["mine"])) == ["dead-way", "dead-mine"]
    assert letters_in(questions, seen_by("B")) == ["dead-way"]
    assert letters_in(questions, seen_by("C")) == []
    ids = ["dead-done", "dead-mine", "dead-word", "dead-nothing"]
    called = questions.letters_called(ids, seen_by("A", agents=["mine"]))
    assert [each.id for each in called] == ["dead-done", "dead-mine"]
    [first] = questions.letters(ALL, limit=1)
    rest = questions.letters(ALL, after=Place(first.died_at, first.id), limit=MANY)
    assert [each.id for each in rest] == ["dead-way", "dead-mine"]


def test_nobody_counts_further_than_asked(store: Store, questions: WorkQuestions) -> None:
    sent = message("1")
    legs = [leg(sent, str(n), ordinal=n, recipient=str(n), state=LegState.PARKED) for n in range(5)]
    write(store, PutMessage(sent), *map(PutLeg, legs))
    assert questions.count(WorkKind.PARKED, ALL, most=3) == 3
    assert questions.count(WorkKind.PARKED, ALL, most=9) == 5


def test_a_scope_may_have_very_many_organs(store: Store, questions: WorkQuestions) -> None:
    put_one_leg_of_each(store)
    many = Narrow(scope=Scope(frozenset({f"X{n}" for n in range(50_000)} | {"R3"})))
    assert legs_in(questions, WorkKind.PARKED, many) == ["l-parked"]


def test_a_place_is_read_as_it_was_written() -> None:
    place = Place(NOON + timedelta(microseconds=1), "0b0c-1")
    assert place_of(str(place)) == place
    for broken in ("", "1", "1.", ".a", "-1.a", "1.a b", "9" * 18 + ".a", "99999999999999999.a'--"):
        assert place_of(broken) is None
