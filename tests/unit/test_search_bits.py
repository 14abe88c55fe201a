"""Sets of documents as bytes, and how far the log has been read."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.search_bits import (
    SIZE,
    above,
    as_number,
    below,
    block_of,
    changed,
    joined,
    newest_first,
    oldest_first,
    place_of,
)
from router.core.search_mark import MOST_GAPS, NOTHING_READ, PATIENCE, WIDEST, Gap, Mark, gaps_after
from tests.support.records import NOON

PLACES = st.sets(st.integers(0, SIZE - 1), max_size=700)


@given(first=PLACES, put=PLACES, taken=PLACES)
def test_bytes_hold_exactly_the_places_that_were_put_in_and_not_taken_out(
    first: set[int], put: set[int], taken: set[int]
) -> None:
    kept = changed(changed(None, put=first), put=put, taken=taken)

    expected = (first | put) - taken
    number = as_number(kept) if kept is not None else 0
    assert list(oldest_first(number)) == sorted(expected)
    assert list(newest_first(number)) == sorted(expected, reverse=True)
    assert (kept is None) == (not expected)


@given(first=PLACES, second=PLACES)
def test_joined_sets_hold_both(first: set[int], second: set[int]) -> None:
    kept = joined(changed(None, put=first), sum(1 << each for each in second))

    assert set(oldest_first(as_number(kept) if kept is not None else 0)) == first | second


def test_few_are_short_and_many_are_never_longer_than_a_map() -> None:
    few, many = changed(None, put=[8000]), changed(None, put=range(SIZE))

    assert few is not None
    assert many is not None
    assert len(few) == 3
    assert len(many) == SIZE // 8 + 1
    emptied = changed(many, taken=range(1, SIZE))
    assert emptied is not None
    assert len(emptied) == 2  # a map of one byte


def test_a_document_has_a_block_and_a_place() -> None:
    assert (block_of(SIZE), place_of(SIZE)) == (1, 0)
    assert (block_of(SIZE - 1), place_of(SIZE - 1)) == (0, SIZE - 1)


@pytest.mark.parametrize("place", [0, 1, 4000, SIZE - 1])
def test_below_and_above_part_a_block_around_a_place(place: int) -> None:
    assert below(place) & above(place) == 0
    assert below(place) | above(place) | (1 << place) == (1 << SIZE) - 1


# ── The mark ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_numbers_without_a_gap_leave_none() -> None:
    assert gaps_after(NOTHING_READ, [1, 2, 3], [], now=NOON) == ()
    assert gaps_after(Mark(seq=3), [4], [], now=NOON) == ()


def test_missing_numbers_are_remembered_until_they_appear() -> None:
    gaps = gaps_after(Mark(seq=3), [6, 7, 10], [], now=NOON)
    assert gaps == (Gap(4, 5, NOON), Gap(8, 9, NOON))

    later = NOON + timedelta(seconds=1)
    mark = Mark(seq=10, gaps=gaps)
    assert gaps_after(mark, [11], [5, 8], now=later) == (Gap(4, 4, NOON), Gap(9, 9, NOON))
    assert gaps_after(mark, [], [4, 5, 8, 9], now=later) == ()


def test_a_gap_that_nobody_fills_is_given_up() -> None:
    mark = Mark(seq=9, gaps=(Gap(4, 5, NOON),))

    assert gaps_after(mark, [], [], now=NOON + PATIENCE - timedelta(seconds=1)) == mark.gaps
    assert gaps_after(mark, [], [], now=NOON + PATIENCE) == ()


def test_gaps_are_bounded_in_width_and_number() -> None:
    assert gaps_after(Mark(seq=1), [10**9], [], now=NOON) == (Gap(10**9 - WIDEST, 10**9 - 1, NOON),)
    assert len(gaps_after(Mark(), range(2, 4 * MOST_GAPS, 2), [], now=NOON)) == MOST_GAPS
