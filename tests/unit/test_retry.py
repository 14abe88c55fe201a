"""When a failed publish is tried again, and what stays written of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from router.adapters.memory_store import MemoryStore
from router.core.policy import DEFAULT_POLICY
from router.core.records import DropOutbox, PutMessage, PutOutbox
from router.core.retry import DEFAULT_RETRY, RetryPolicy, after_failure
from router.services.carriage.attempts import note_failures
from router.settings.retry import RetrySettings
from tests.support.records import message, outbox_item

NOW = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
EVEN = RetryPolicy(first=timedelta(seconds=2), factor=3.0, longest=timedelta(seconds=60), jitter=0.0)


def test_pauses_grow_by_the_factor_up_to_the_longest() -> None:
    pauses = [EVEN.pause_after(number, of="x") / timedelta(seconds=1) for number in (0, 1, 2, 3, 4, 5, 10_000)]
    assert pauses == [2, 2, 6, 18, 54, 60, 60]


@given(
    item=st.text(max_size=40),
    failures=st.integers(0, 10**9),
    pauses=st.tuples(st.integers(1, 10**4), st.integers(1, 10**4)),
    factor=st.floats(1, 100),
    jitter=st.floats(0, 0.99),
)
def test_a_pause_is_never_nothing_and_never_longer_than_the_longest(
    item: str, failures: int, pauses: tuple[int, int], factor: float, jitter: float
) -> None:
    first = timedelta(milliseconds=pauses[0])
    policy = RetryPolicy(first=first, factor=factor, longest=first * pauses[1], jitter=jitter)
    pause = policy.pause_after(failures, of=item)
    assert timedelta() < pause <= policy.longest
    assert pause == policy.pause_after(failures, of=item)


def test_what_failed_together_does_not_come_back_together() -> None:
    pauses = {DEFAULT_RETRY.pause_after(3, of=f"item-{number}") for number in range(50)}
    assert len(pauses) > 45
    assert all(timedelta(seconds=6.4) <= each <= timedelta(seconds=8) for each in pauses)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": timedelta()},
        {"first": timedelta(minutes=2), "longest": timedelta(minutes=1)},
        {"factor": 0.5},
        {"jitter": 1.0},
        {"jitter": -0.1},
    ],
)
def test_pauses_that_would_be_none_are_no_policy(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="retry"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # fields by name


def test_the_settings_of_an_operator_become_the_policy() -> None:
    policy = RetrySettings(first_seconds=1, factor=1.5, longest_seconds=30, jitter=0).as_policy()
    assert policy.pause_after(2, of="x") == timedelta(seconds=1.5)
    assert RetrySettings().as_policy() == DEFAULT_RETRY == DEFAULT_POLICY.retry
    with pytest.raises(ValidationError, match="first <= longest"):
        RetrySettings(first_seconds=60, longest_seconds=30)


def test_a_failure_is_a_row_and_puts_the_item_off() -> None:
    item = outbox_item("1")
    attempt, delay = after_failure(item, "inbox-full", now=NOW, policy=EVEN)
    row = attempt.attempt
    assert (row.item_id, row.message_id, row.leg_id) == (item.id, item.message_id, item.leg_id)
    assert (row.number, row.at, row.reason) == (item.attempts + 1, NOW, "inbox-full")
    assert (delay.item_id, delay.until) == (item.id, NOW + timedelta(seconds=2))


def test_a_long_reason_is_cut() -> None:
    attempt, _ = after_failure(outbox_item("1"), "x" * 10_000, now=NOW)
    assert len(attempt.attempt.reason) == 300


def test_an_item_that_failed_is_taken_up_when_its_pause_is_over_and_waits_longer_each_time() -> None:
    store = MemoryStore()
    item = outbox_item("1")
    with store.begin() as tx:
        tx.apply([PutMessage(message("1")), PutOutbox(item)])
    now, waits = item.leased_until, []
    for _ in range(3):
        with store.begin() as tx:
            (leased,) = tx.lease_outbox(now=now, lease_for=timedelta(minutes=1), limit=10)
        with store.begin() as tx:
            note_failures(tx, [(leased, "no-inbox"), (leased, "inbox-full")], now=now, policy=EVEN)
        pause = EVEN.pause_after(leased.attempts + 1, of=item.id)
        with store.begin() as tx:
            early = tx.lease_outbox(
                now=now + pause - timedelta(microseconds=1), lease_for=timedelta(minutes=1), limit=10
            )
        assert early == ()
        waits.append(pause)
        now += pause
    assert waits == sorted(set(waits))
    assert [(each.number, each.reason) for each in store.attempts_of(item.message_id)] == [
        (2, "inbox-full"),
        (3, "inbox-full"),
        (4, "inbox-full"),
    ]


def test_what_was_confirmed_meanwhile_is_not_called_back() -> None:
    store = MemoryStore()
    item = outbox_item("1")
    with store.begin() as tx:
        tx.apply([PutMessage(message("1")), PutOutbox(item)])
        tx.apply([DropOutbox(item.id)])
        note_failures(tx, [(item, "lost")], now=NOW)
    assert store.backlog().outbox == 0
    assert [each.reason for each in store.attempts_of(item.message_id)] == ["lost"]


def test_nothing_failed_writes_nothing() -> None:
    store = MemoryStore()
    with store.begin() as tx:
        note_failures(tx, [], now=NOW)
    assert store.attempts_of("m-1") == ()
