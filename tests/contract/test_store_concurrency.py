"""Several workers on one database: what each sees of the others, and what happens when they collide."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from router.core.records import LegState, MoveLeg, PutEvent, PutLeg, PutMessage, PutOutbox
from router.core.registry import OrganRecord
from router.ports import Store, StoreConflict, StoreUnavailable
from tests.contract.test_store import write
from tests.support.records import MINUTE, NOON, event, leg, message, outbox_item

OpenDatabase = Callable[[], Store]


def test_what_one_committed_the_other_reads(open_database: OpenDatabase) -> None:
    one, two = open_database(), open_database()

    write(one, PutMessage(message("1")))

    assert two.message("m-1") == message("1")


def test_what_one_has_not_committed_the_other_does_not_read(open_database: OpenDatabase) -> None:
    one, two = open_database(), open_database()

    with one.begin() as transaction:
        transaction.apply([PutMessage(message("1"))])
        assert two.message("m-1") is None

    assert two.message("m-1") == message("1")


def test_a_change_of_the_registry_reaches_every_worker(open_database: OpenDatabase) -> None:
    one, two = open_database(), open_database()
    one.put_organs([OrganRecord(code="H1", name="Một")])
    assert two.registry().organs["H1"].name == "Một"

    one.put_organs([OrganRecord(code="H1", name="Hai")])

    with two.begin() as transaction:
        assert transaction.registry().organs["H1"].name == "Hai"


def test_of_two_workers_with_the_same_message_one_decides_and_the_other_sees_it(open_database: OpenDatabase) -> None:
    decided: list[str] = []
    start = threading.Barrier(4)

    def settle(name: str) -> None:
        store = open_database()
        start.wait(timeout=30)
        with store.begin() as transaction:
            if "m-1" not in transaction.messages(["m-1"]):
                transaction.apply([PutMessage(message("1", agent=name))])
                decided.append(name)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(settle, "abcd"))

    assert len(decided) == 1
    found = open_database().message("m-1")
    assert found is not None
    assert found.agent == decided[0]


def test_of_two_submissions_of_one_document_the_second_is_seen_as_such(open_database: OpenDatabase) -> None:
    first_ones: list[str] = []
    start = threading.Barrier(4)

    def settle(name: str) -> None:
        store = open_database()
        start.wait(timeout=30)
        with store.begin() as transaction:
            known = transaction.documents(["d-1"])
            transaction.apply([PutMessage(message(name, document_id="d-1", duplicate_of="known" if known else ""))])
            if not known:
                first_ones.append(name)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(settle, "abcd"))

    assert len(first_ones) == 1
    copies = [f"m-{name}" for name in "abcd" if name not in first_ones]
    with open_database().begin() as transaction:
        found = transaction.messages(copies).values()
    assert {each.duplicate_of for each in found} == {"known"}


def test_a_leg_that_one_has_read_waits_for_its_change(open_database: OpenDatabase) -> None:
    sent = message("1")
    write(open_database(), PutMessage(sent), PutLeg(leg(sent, "1")))
    start = threading.Barrier(5)

    def advance(_worker: int) -> None:
        store = open_database()
        start.wait(timeout=30)
        for _ in range(10):
            with store.begin() as transaction:
                was = transaction.legs_by_id(["l-1"])["l-1"]
                moved = replace(was, state=LegState.HANDED_OVER, version=was.version + 1)
                transaction.apply([MoveLeg(moved), PutEvent(event("leg.handed-over", sent.id))])

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(advance, range(5)))

    store = open_database()
    assert store.legs_of(sent.id)[0].version == 50
    assert len(store.events_of(sent.id)) == 50


def test_an_outbox_item_is_leased_to_one_worker_only(open_database: OpenDatabase) -> None:
    write(open_database(), *(PutOutbox(outbox_item(f"{n:03}")) for n in range(200)))
    start = threading.Barrier(4)

    def lease(_worker: int) -> list[str]:
        store = open_database()
        start.wait(timeout=30)
        mine: list[str] = []
        for _ in range(50):
            with store.begin() as transaction:
                got = transaction.lease_outbox(now=NOON, lease_for=MINUTE, limit=7)
            mine += [each.id for each in got]
        return mine

    with ThreadPoolExecutor(4) as threads:
        leased = [item for mine in threads.map(lease, range(4)) for item in mine]

    assert sorted(leased) == [f"o-{n:03}" for n in range(200)]


def test_a_writer_that_lost_a_race_is_told_to_try_again(open_database: OpenDatabase) -> None:
    sent = message("1")
    one, two = open_database(), open_database()
    write(one, PutMessage(sent), PutLeg(leg(sent, "1")))
    read_before = two.legs_of(sent.id)[0]
    write(one, MoveLeg(leg(sent, "1", state=LegState.HANDED_OVER, version=1)))

    with pytest.raises(StoreConflict):
        write(two, MoveLeg(replace(read_before, state=LegState.PARKED, version=1)))


@pytest.mark.postgres
def test_a_deadlock_is_broken_and_said_to_be_worth_another_try(postgres_hub_url: str) -> None:
    from router.adapters.sql.store import SqlStore

    sent = message("1")
    stores = [SqlStore(postgres_hub_url), SqlStore(postgres_hub_url)]
    write(stores[0], PutMessage(sent), *(PutLeg(leg(sent, str(n), ordinal=n, recipient=f"H{n}")) for n in range(2)))
    both_hold_one = threading.Barrier(2)

    def cross(worker: int) -> bool:
        try:
            with stores[worker].begin() as transaction:
                transaction.legs_by_id([f"l-{worker}"])
                both_hold_one.wait(timeout=30)
                transaction.legs_by_id([f"l-{1 - worker}"])
        except StoreConflict:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(cross, range(2))) == [False, True]
    for each in stores:
        each.close()


@pytest.mark.postgres
def test_a_lost_connection_is_an_unavailable_store_and_the_next_transaction_works(postgres_hub_url: str) -> None:
    import psycopg

    from router.adapters.sql.store import SqlStore

    store = SqlStore(postgres_hub_url)
    with pytest.raises(StoreUnavailable), store.begin() as transaction:  # noqa: PT012  the block is the transaction
        transaction.apply([PutMessage(message("1"))])
        with psycopg.connect(postgres_hub_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        transaction.apply([PutMessage(message("2"))])

    write(store, PutMessage(message("3")))
    assert store.message("m-1") is None
    assert store.message("m-3") is not None
    store.close()
