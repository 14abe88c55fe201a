"""Rates of keys: what a minute holds, how long to wait, and that nobody pays for another."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from agents.gateway.access import Throttle
from agents.gateway.access.throttle import MINUTE, MOST_KEYS
from agents.gateway.callers import Caller, Right

RATES = st.integers(1, 100_000)
STARTS = st.floats(0, 1e9)
STEPS = st.lists(st.one_of(st.just(0.0), st.floats(0, 90)), min_size=1, max_size=60)


def a_caller(key_id: str = "k", per_minute: int = 600) -> Caller:
    return Caller(
        key_id=key_id,
        system_id=key_id,
        organs=frozenset({"000.00.00.H41"}),
        rights=frozenset({Right.READ}),
        per_minute=per_minute,
    )


def test_a_minute_s_worth_may_come_at_once_and_then_one_by_one() -> None:
    throttle, caller = Throttle(), a_caller(per_minute=60)
    assert [throttle.admit(caller, now=0.0) for _ in range(60)] == [0.0] * 60
    assert throttle.admit(caller, now=0.0) == 1.0
    assert throttle.admit(caller, now=0.75) == 0.25
    assert throttle.admit(caller, now=1.0) == 0.0
    assert throttle.admit(caller, now=1.0) == 1.0


def test_a_refused_request_costs_nothing() -> None:
    throttle, caller = Throttle(), a_caller(per_minute=1)
    throttle.admit(caller, now=0.0)
    assert {throttle.admit(caller, now=1.0) for _ in range(100)} == {59.0}


def test_keys_do_not_pay_for_each_other() -> None:
    throttle = Throttle()
    assert throttle.admit(a_caller("a", 1), now=0.0) == 0.0
    assert throttle.admit(a_caller("a", 1), now=0.0) > 0.0
    assert throttle.admit(a_caller("b", 1), now=0.0) == 0.0


@given(per_minute=st.integers(1, 200), start=STARTS, steps=STEPS)
def test_no_stretch_of_time_holds_more_than_its_share(per_minute: int, start: float, steps: list[float]) -> None:
    throttle, caller = Throttle(), a_caller(per_minute=per_minute)
    now, admitted = start, []
    for step in steps:
        now += step
        admitted += [now for _ in range(per_minute // 3 + 1) if not throttle.admit(caller, now=now)]
    for first in range(len(admitted)):
        for last in range(first, len(admitted), 7):
            stretch = admitted[last] - admitted[first]
            assert last - first + 1 <= per_minute * (1 + stretch / MINUTE) + 0.01


@given(per_minute=RATES, start=STARTS, steps=STEPS)
def test_whoever_waits_as_told_is_let_in(per_minute: int, start: float, steps: list[float]) -> None:
    throttle, caller = Throttle(), a_caller(per_minute=per_minute)
    now = start
    for step in steps:
        now += step
        for _ in range(3):
            wait = throttle.admit(caller, now=now)
            assert 0.0 <= wait <= MINUTE / per_minute + 1e-3
            if wait:
                now += wait
                assert throttle.admit(caller, now=now) == 0.0


@given(per_minute=RATES, back=st.floats(0, 1e9))
def test_a_clock_that_goes_back_shuts_nobody_out_for_longer_than_a_minute(per_minute: int, back: float) -> None:
    throttle, caller = Throttle(), a_caller(per_minute=per_minute)
    throttle.admit(caller, now=1e9)
    assert throttle.admit(caller, now=1e9 - back) <= MINUTE / per_minute + 1e-3


def test_what_is_remembered_is_bounded() -> None:
    throttle = Throttle()
    for number in range(3 * MOST_KEYS):
        throttle.admit(a_caller(str(number)), now=float(number))
    assert len(throttle._full_at) <= MOST_KEYS + 1


def test_threads_together_get_no_more_than_one_alone() -> None:
    throttle, caller = Throttle(), a_caller(per_minute=500)
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: throttle.admit(caller, now=5.0), range(2000)))
    assert waits.count(0.0) == 500
