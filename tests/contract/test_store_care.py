"""What every store must do for those who look after the hub: deadlines, holds, retries, dead letters."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from edxml_schemas.contract import MessageType, Urgency
from router.core.dead import DeadKind, DeadState
from router.core.holds import Hold, HoldKind
from router.core.records import (
    Attempt,
    DelayOutbox,
    DropOutbox,
    HandOver,
    LegState,
    MessageState,
    MoveLeg,
    OutboxKind,
    PutAttempt,
    PutDead,
    PutLeg,
    PutMessage,
    PutOutbox,
)
from router.core.registry import OrganRecord
from router.ports import Promptness, Store
from tests.contract.test_store import write
from tests.support.records import MINUTE, NOON, dead_letter, leg, message, outbox_item

# ── Legs and their deadlines ────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_leg_is_watched_for_comes_back_as_it_went_in(store: Store) -> None:
    sent = message("1", arrived_on=date(2026, 3, 2))
    watched = leg(
        sent,
        "1",
        recall_at=NOON + MINUTE,
        forwarded_from="H30",
        look_at=NOON + 2 * MINUTE,
        raised=("not-arrived", "not-received"),
    )
    write(store, PutMessage(sent), PutLeg(watched))
    assert store.legs_of(sent.id) == (watched,)
    assert store.message(sent.id) == sent

    calm = replace(watched, recall_at=None, look_at=None, raised=(), version=1)
    write(store, MoveLeg(calm))
    assert store.legs_of(sent.id) == (calm,)


def test_legs_are_looked_at_when_their_time_has_come_the_longest_due_first(store: Store) -> None:
    sent = message("1")
    times = {"b": NOON, "a": NOON, "never": None, "later": NOON + timedelta(microseconds=1), "long": NOON - MINUTE}
    legs = [leg(sent, name, ordinal=n, recipient=name, look_at=at) for n, (name, at) in enumerate(times.items())]
    write(store, PutMessage(sent), *map(PutLeg, legs))

    with store.begin() as transaction:
        assert [each.id for each in transaction.due_legs(now=NOON, limit=9)] == ["l-long", "l-a", "l-b"]
        assert [each.id for each in transaction.due_legs(now=NOON, limit=2)] == ["l-long", "l-a"]
        assert transaction.due_legs(now=NOON - 2 * MINUTE, limit=9) == ()


def test_a_leg_that_was_looked_at_is_due_at_its_next_time(store: Store) -> None:
    sent = message("1")
    write(store, PutMessage(sent), PutLeg(leg(sent, "1", look_at=NOON)))

    with store.begin() as transaction:
        (due,) = transaction.due_legs(now=NOON, limit=9)
        transaction.apply([MoveLeg(replace(due, look_at=NOON + MINUTE, raised=("not-arrived",), version=1))])
        assert transaction.due_legs(now=NOON, limit=9) == ()

    with store.begin() as transaction:
        assert [each.raised for each in transaction.due_legs(now=NOON + MINUTE, limit=9)] == [("not-arrived",)]


def test_a_hand_over_leaves_the_clocks_of_a_leg_alone(store: Store) -> None:
    sent = message("1")
    start = leg(sent, "1", look_at=NOON, raised=("not-delivered",), recall_at=NOON, forwarded_from="H9")
    write(store, PutMessage(sent), PutLeg(start), HandOver(start.id, NOON + MINUTE))

    handed = replace(start, state=LegState.HANDED_OVER, handed_over_at=NOON + MINUTE, version=1)
    assert store.legs_of(sent.id) == (handed,)


def test_legs_with_an_alarm_are_shown_with_their_messages_oldest_first(store: Store) -> None:
    old, young = message("old", received_at=NOON - MINUTE), message("young")
    alarmed = [
        leg(young, "b", raised=("not-arrived",)),
        leg(young, "a", ordinal=1, recipient="H1", raised=("not-arrived", "not-finished")),
        leg(old, "c", raised=("not-delivered",)),
    ]
    calm = leg(old, "calm", ordinal=1, recipient="H1")
    write(store, PutMessage(old), PutMessage(young), *map(PutLeg, [*alarmed, calm]))

    assert store.raised_legs() == ((old, alarmed[2]), (young, alarmed[1]), (young, alarmed[0]))
    assert store.raised_legs(limit=1) == ((old, alarmed[2]),)


def test_parked_and_held_legs_are_shown_with_their_messages_oldest_first(store: Store) -> None:
    old, young = message("old", received_at=NOON - MINUTE), message("young")
    legs = {
        name: leg(of, name, ordinal=n, recipient=recipient, state=state)
        for n, (name, of, recipient, state) in enumerate(
            [
                ("parked-young", young, "H1", LegState.PARKED),
                ("parked-old", old, "H2", LegState.PARKED),
                ("held-young", young, "H3", LegState.HELD),
                ("held-old", old, "H3", LegState.HELD),
                ("held-elsewhere", old, "H4", LegState.HELD),
                ("delivered", old, "H5", LegState.DELIVERED),
            ]
        )
    }
    write(store, PutMessage(old), PutMessage(young), *map(PutLeg, legs.values()))

    assert store.parked_legs() == ((old, legs["parked-old"]), (young, legs["parked-young"]))
    assert store.parked_legs(limit=1) == ((old, legs["parked-old"]),)
    assert [each.id for _, each in store.held_legs()] == ["l-held-elsewhere", "l-held-old", "l-held-young"]
    assert store.held_legs("H3") == ((old, legs["held-old"]), (young, legs["held-young"]))
    assert store.held_legs("H5") == ()

    write(store, MoveLeg(replace(legs["held-old"], state=LegState.QUEUED, version=1)))
    assert store.held_legs("H3", limit=9) == ((young, legs["held-young"]),)


def test_the_confirm_of_an_item_that_is_gone_says_so_and_a_parked_leg_stays(store: Store) -> None:
    sent = message("1")
    write(store, PutMessage(sent), PutLeg(leg(sent, "1")), PutOutbox(outbox_item("1", leg_id="l-1")))
    write(store, DropOutbox("o-1"), MoveLeg(leg(sent, "1", state=LegState.PARKED, version=1)))

    with store.begin() as transaction:
        assert transaction.drop_outbox(["o-1"]) == set()

    assert [each.id for _, each in store.parked_legs()] == ["l-1"]


# ── The outbox: held, delayed, left over ────────────────────────────────────────────────────────────────────────────


def _leased(store: Store, *, now: datetime = NOON) -> list[str]:
    with store.begin() as transaction:
        return [each.id for each in transaction.lease_outbox(now=now, lease_for=MINUTE, limit=99)]


def test_what_is_held_for_an_organ_is_hastened_and_nothing_else(store: Store) -> None:
    later = NOON + 10 * MINUTE
    write(
        store,
        PutOutbox(outbox_item("held", agent="", recipient="H1", leased_until=later)),
        PutOutbox(outbox_item("urgent", agent="", recipient="H1", leased_until=later, urgency=Urgency.URGENT)),
        PutOutbox(outbox_item("due", agent="", recipient="H1")),
        PutOutbox(outbox_item("other", agent="", recipient="H2", leased_until=later)),
        PutOutbox(outbox_item("carried", recipient="H1", leased_until=later)),
        PutOutbox(outbox_item("receipt", kind=OutboxKind.RECEIPT, agent="", recipient="H1", leased_until=later)),
    )

    with store.begin() as transaction:
        assert transaction.hasten("H1", now=NOON) == 2
        assert transaction.hasten("H1", now=NOON) == 0

    assert _leased(store) == ["o-urgent", "o-due", "o-held"]


def test_what_a_former_run_had_leased_is_free_at_once_but_for_what_is_held(store: Store) -> None:
    write(
        store,
        PutOutbox(outbox_item("leased", leased_until=NOON + MINUTE)),
        PutOutbox(outbox_item("due")),
        PutOutbox(outbox_item("held", agent="", leased_until=NOON + MINUTE)),
    )

    with store.begin() as transaction:
        assert transaction.free_leases(now=NOON) == 1

    assert _leased(store) == ["o-due", "o-leased"]


def test_a_delayed_item_is_left_alone_until_its_time(store: Store) -> None:
    write(store, PutOutbox(outbox_item("1")), PutOutbox(outbox_item("2")))

    write(store, DelayOutbox("o-1", NOON + MINUTE), DelayOutbox("o-nobody", NOON + MINUTE))

    assert _leased(store) == ["o-2"]
    with store.begin() as transaction:
        (late,) = transaction.lease_outbox(now=NOON + MINUTE, lease_for=MINUTE, limit=1)
    assert (late.id, late.attempts) == ("o-1", 1)


def test_failed_attempts_are_kept_in_the_order_of_writing(store: Store) -> None:
    tried = [
        Attempt(item_id="o-1", message_id="m-1", leg_id="l-1", number=n, at=NOON - n * MINUTE, reason=f"đầy {n}")
        for n in range(1, 8)
    ]
    other = replace(tried[0], message_id="m-2")
    write(store, *map(PutAttempt, tried[:2]), PutAttempt(other))
    write(store, *map(PutAttempt, tried[2:]), DropOutbox("o-1"))

    assert store.attempts_of("m-1") == tuple(tried)
    assert store.attempts_of("m-2") == (other,)
    assert store.attempts_of("m-3") == ()


def test_what_care_has_written_is_taken_back_with_the_transaction(store: Store) -> None:
    kept = dead_letter("kept")
    write(store, PutDead(kept), PutOutbox(outbox_item("1")))
    tried = Attempt(item_id="o-1", message_id="m-1", leg_id="l-1", number=1, at=NOON, reason="full")

    with pytest.raises(ZeroDivisionError), store.begin() as transaction:  # noqa: PT012  the block is the transaction
        transaction.apply(
            [
                PutAttempt(tried),
                DelayOutbox("o-1", NOON + MINUTE),
                PutDead(replace(kept, state=DeadState.DISCARDED)),
                PutDead(dead_letter("new")),
            ]
        )
        transaction.free_leases(now=NOON)
        _ = 1 // 0

    assert store.attempts_of("m-1") == ()
    assert store.find_dead(state=None) == (kept,)
    assert _leased(store) == ["o-1"]


# ── Dead letters ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dead_letter_comes_back_as_it_went_in_and_a_second_death_replaces_it(store: Store) -> None:
    full = dead_letter(
        "1",
        kind=DeadKind.DELIVERY,
        state=DeadState.RETURNING,
        agent="so-y-te",
        user_id="so-y-te",
        submission_id="s-1",
        leg_id="l-1",
        type="document",
        urgency=Urgency.URGENT,
        payload="seg:worker-1-1.seg:0:5",
        properties={"x-death": "delivery_limit", "tiêu đề": "«ố»"},
        attempts=20,
        deaths=2,
        return_at=NOON + MINUTE,
        decided_at=NOON,
        decided_by="admin:ha",
        note="đã sửa",
    )
    bare = dead_letter("2")
    write(store, PutDead(full), PutDead(bare))

    with store.begin() as transaction:
        assert transaction.dead_letters(["dead-1", "dead-2", "dead-3"]) == {"dead-1": full, "dead-2": bare}
        transaction.apply([PutDead(replace(bare, deaths=2, user_id=""))])

    with store.begin() as transaction:
        assert transaction.dead_letters(["dead-2"]) == {"dead-2": replace(bare, deaths=2, user_id="")}


def test_dead_letters_return_when_their_time_has_come_oldest_first(store: Store) -> None:
    returning = {"b": NOON, "a": NOON, "first": NOON - MINUTE, "later": NOON + MINUTE}
    letters = [dead_letter(name, state=DeadState.RETURNING, return_at=at) for name, at in returning.items()]
    done = dead_letter("done", state=DeadState.RETURNED, return_at=NOON)
    write(store, *map(PutDead, [*letters, done, dead_letter("open")]))

    with store.begin() as transaction:
        due = transaction.due_returns(now=NOON, limit=9)
        assert [each.id for each in due] == ["dead-first", "dead-a", "dead-b"]
        assert transaction.due_returns(now=NOON, limit=1) == due[:1]
        transaction.apply([PutDead(replace(each, state=DeadState.RETURNED)) for each in due])
        assert transaction.due_returns(now=NOON, limit=9) == ()


@pytest.mark.parametrize("query", ["dead-1", "-1", "Sở", "truc.in", "limit", "s-%", "l_", "  l_ "])
def test_a_dead_letter_is_found_by_part_of_what_it_is_known_by(store: Store, query: str) -> None:
    known = dead_letter("1", agent="Sở", submission_id="s-%", leg_id="l_x")
    write(store, PutDead(known), PutDead(dead_letter("2", queue="q", reason="expired", submission_id="s-x")))

    assert store.find_dead(query) == (known,)


def test_dead_letters_are_listed_newest_first_by_state(store: Store) -> None:
    letters = {
        name: dead_letter(name, died_at=NOON + n * MINUTE, state=state)
        for n, (name, state) in enumerate(
            [("a", DeadState.OPEN), ("b", DeadState.DISCARDED), ("c", DeadState.OPEN), ("d", DeadState.RETURNED)]
        )
    }
    write(store, *map(PutDead, letters.values()))

    assert store.find_dead() == (letters["c"], letters["a"])
    assert store.find_dead(state=DeadState.DISCARDED) == (letters["b"],)
    assert [each.id for each in store.find_dead(state=None)] == ["dead-d", "dead-c", "dead-b", "dead-a"]
    assert store.find_dead(state=None, limit=1) == (letters["d"],)
    assert store.find_dead("nobody", state=None) == ()


# ── Holds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_is_part_of_the_registry_until_it_is_dropped(store: Store) -> None:
    store.put_organs([OrganRecord(code="H1", name="Một")])
    before = store.registry()
    hold = Hold(organ="H1", kind=HoldKind.HOLD, since=NOON, until=NOON + MINUTE, reason="bảo trì", by="admin:ha")
    forward = Hold(organ="H1", kind=HoldKind.FORWARD, since=NOON, to="H2", by="admin:ha")

    store.put_hold(hold)
    held = store.registry()
    assert held.holds == {"H1": hold}
    assert held.version > before.version
    assert held.organs == before.organs

    store.put_hold(forward)
    with store.begin() as transaction:
        assert transaction.registry().holds == {"H1": forward}

    assert store.drop_hold("H1") is True
    assert store.registry().holds == {}
    assert store.registry().version > held.version
    assert store.drop_hold("H1") is False
    assert before.holds == {}


# ── The rule of the same day ────────────────────────────────────────────────────────────────────────────────────────


def test_promptness_counts_new_documents_that_arrived_on_their_day(store: Store) -> None:
    day = date(2026, 3, 2)
    counted = {
        "same": {"promulgation_date": day, "arrived_on": day},
        "same again": {"promulgation_date": day, "arrived_on": day},
        "a day later": {"promulgation_date": date(2026, 3, 1), "arrived_on": day},
        "without a date": {"arrived_on": day},
    }
    left_out: dict[str, dict[str, Any]] = {
        "refused": {"state": MessageState.REFUSED},
        "a status": {"type": MessageType.STATUS},
        "a change": {"doc_type": 2},
        "a duplicate": {"duplicate_of": "m-same"},
        "too old": {"received_at": datetime(2026, 2, 1, tzinfo=UTC)},
    }
    assert store.promptness(since=NOON) == Promptness()
    write(
        store,
        *(PutMessage(message(name, **fields)) for name, fields in counted.items()),
        *(
            PutMessage(message(name, **{"promulgation_date": day, "arrived_on": day, **fields}))
            for name, fields in left_out.items()
        ),
    )

    assert store.promptness(since=NOON) == Promptness(same_day=2, later=1, unknown=1)
    assert store.promptness(since=NOON + MINUTE) == Promptness()
