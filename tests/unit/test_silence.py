"""Whom the hub leaves alone, and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from router.core.silence import Silences


def test_who_was_never_silent_is_not_left_out() -> None:
    silences = Silences()
    assert not silences.suspects("so-y-te")
    assert not silences.leaves_out("so-y-te", now=0.0)


def test_who_was_silent_is_left_out_for_a_pause_and_others_are_not() -> None:
    silences = Silences(first=5.0)
    silences.silent("so-y-te", now=100.0)
    assert silences.leaves_out("so-y-te", now=104.9)
    assert not silences.leaves_out("so-y-te", now=105.0)
    assert silences.suspects("so-y-te")
    assert not silences.leaves_out("so-tu-phap", now=100.0)


def test_the_pause_grows_with_every_silence_up_to_the_longest() -> None:
    silences, now, pauses = Silences(first=5.0, growth=2.0, longest=30.0), 0.0, []
    for _ in range(6):
        silences.silent("so-y-te", now=now)
        began = now
        while silences.leaves_out("so-y-te", now=now):
            now += 1.0
        pauses.append(now - began)
    assert pauses == [5.0, 10.0, 20.0, 30.0, 30.0, 30.0]


def test_silence_told_twice_within_a_pause_is_one_silence() -> None:
    silences = Silences(first=5.0)
    silences.silent("so-y-te", now=0.0)
    silences.silent("so-y-te", now=4.0)
    assert not silences.leaves_out("so-y-te", now=5.0)


def test_who_is_heard_again_starts_anew() -> None:
    silences = Silences(first=5.0)
    for now in (0.0, 10.0, 30.0):
        silences.silent("so-y-te", now=now)
    silences.heard("so-y-te")
    assert not silences.suspects("so-y-te")
    silences.silent("so-y-te", now=100.0)
    assert not silences.leaves_out("so-y-te", now=105.0)


@given(st.lists(st.floats(0, 1_000), min_size=1, max_size=20).map(sorted))
def test_nobody_is_left_out_for_longer_than_the_longest_pause(times: list[float]) -> None:
    silences = Silences(first=5.0, longest=60.0)
    for now in times:
        silences.silent("so-y-te", now=now)
    assert not silences.leaves_out("so-y-te", now=times[-1] + 60.0)
