"""What every store must do for the log: events as they are stored, and the seals over them."""

import orjson
import pytest

from router.core.records import PutEvent
from router.core.seals import EventRow
from router.ports import Store, StoreConflict
from tests.contract.test_store import write
from tests.support.records import MINUTE, NOON, event, seal

NOON_MICROSECONDS = 1772452800123456


def _unsealed(store: Store, limit: int = 99) -> list[int]:
    with store.begin() as transaction:
        return [each.seq for each in transaction.events_to_seal(limit=limit)]


def _seal(store: Store, number: int, limit: int) -> None:
    with store.begin() as transaction:
        rows = transaction.events_to_seal(limit=limit)
        transaction.put_seal(seal(number, rows[0].seq, rows[-1].seq))


def test_an_event_is_shown_exactly_as_it_is_stored(store: Store) -> None:
    facts = {"lý do": "«không»", "b": "2", "a": "1"}
    write(
        store,
        PutEvent(event("leg.delivered", "m-1", leg_id="l-1", actor="so-y-te", facts=facts)),
        PutEvent(event("leg.queued", "m-1", at=NOON + MINUTE)),
    )

    first, second = store.event_rows_of("m-1")

    assert first == EventRow(
        first.seq, "leg.delivered", NOON_MICROSECONDS, "m-1", "l-1", "so-y-te", orjson.dumps(facts).decode()
    )
    assert second == EventRow(second.seq, "leg.queued", NOON_MICROSECONDS + 60_000_000, "m-1", "", "", "")
    assert first.seq < second.seq
    with store.begin() as transaction:
        assert transaction.events_to_seal(limit=9) == (first, second)


def test_events_are_read_on_from_any_place(store: Store) -> None:
    write(store, *(PutEvent(event(f"e.{n}", f"m-{n % 2}")) for n in range(10)))
    everything = store.events_after(0, limit=99)

    assert [each.name for each in everything] == [f"e.{n}" for n in range(10)]
    assert store.events_after(everything[3].seq, limit=2) == everything[4:6]
    assert store.events_after(everything[-1].seq, limit=9) == ()
    assert store.event_rows_of("m-1") == everything[1::2]
    assert store.event_rows_of("m-9") == ()


def test_seals_follow_each_other_over_the_log(store: Store) -> None:
    assert _unsealed(store) == []
    with store.begin() as transaction:
        assert transaction.last_seal() is None
    write(store, *(PutEvent(event(f"e.{n}", "m-1")) for n in range(5)))
    seqs = [each.seq for each in store.events_after(0, limit=99)]

    assert _unsealed(store) == seqs
    assert _unsealed(store, limit=2) == seqs[:2]
    _seal(store, 1, limit=2)
    assert _unsealed(store) == seqs[2:]
    _seal(store, 2, limit=9)
    assert _unsealed(store) == []
    write(store, PutEvent(event("e.5", "m-1")))

    with store.begin() as transaction:
        assert transaction.last_seal() == seal(2, seqs[2], seqs[4])
        assert [each.name for each in transaction.events_to_seal(limit=9)] == ["e.5"]


def test_a_seal_comes_back_as_it_went_in(store: Store) -> None:
    full = seal(7, 3, 9, count=5, timestamp=b"\x30\x00token")
    with store.begin() as transaction:
        transaction.put_seal(full)

    assert store.seals() == (full,)


def test_a_number_is_sealed_once(store: Store) -> None:
    with store.begin() as transaction:
        transaction.put_seal(seal(1, 1, 5))

    with pytest.raises(StoreConflict), store.begin() as transaction:
        transaction.put_seal(seal(1, 1, 6))

    assert store.seals() == (seal(1, 1, 5),)


def test_seals_are_read_on_and_found_by_what_they_cover(store: Store) -> None:
    chain = [seal(1, 1, 4), seal(2, 7, 7), seal(3, 8, 20)]
    with store.begin() as transaction:
        for each in chain:
            transaction.put_seal(each)

    assert store.seals() == tuple(chain)
    assert store.seals(after=1, limit=1) == (chain[1],)
    assert store.seals(after=3) == ()
    assert store.seals_of([4, 2, 9, 9, 21]) == (chain[0], chain[2])
    assert store.seals_of([5, 7]) == (chain[1],)
    assert store.seals_of([]) == ()
    assert store.seals_of([5, 99]) == ()


def test_a_seal_that_was_rolled_back_leaves_its_events_open(store: Store) -> None:
    write(store, PutEvent(event("e", "m-1")))

    with pytest.raises(ZeroDivisionError), store.begin() as transaction:  # noqa: PT012  the block is the transaction
        (row,) = transaction.events_to_seal(limit=9)
        transaction.put_seal(seal(1, row.seq, row.seq))
        _ = 1 // 0

    assert store.seals() == ()
    assert len(_unsealed(store)) == 1
