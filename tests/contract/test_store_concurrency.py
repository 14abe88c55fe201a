"""Several workers on one database: what each sees of the others, and what happens when they collide."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from router.adapters.sql.engine import open_engine
from router.adapters.sql.store import SqlStore
from router.core.dead import DeadState
from router.core.records import LegState, MoveLeg, PutDead, PutEvent, PutLeg, PutMessage, PutOutbox
from router.core.registry import OrganRecord
from router.ports import Store, StoreConflict, StoreUnavailable
from tests.contract.conftest import database_url
from tests.contract.test_store import write
from tests.support.records import MINUTE, NOON, dead_letter, event, leg, message, outbox_item, seal

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


def test_a_due_leg_and_a_due_dead_letter_are_given_to_one_at_a_time(open_database: OpenDatabase) -> None:
    sent = message("1")
    legs = [leg(sent, f"{n:03}", ordinal=n, recipient=f"H{n}", look_at=NOON) for n in range(60)]
    letters = [dead_letter(f"{n:03}", state=DeadState.RETURNING, return_at=NOON) for n in range(60)]
    write(open_database(), PutMessage(sent), *map(PutLeg, legs), *map(PutDead, letters))
    start = threading.Barrier(4)

    def take(_worker: int) -> list[str]:
        store = open_database()
        start.wait(timeout=30)
        mine: list[str] = []
        for _ in range(30):
            with store.begin() as transaction:
                due = transaction.due_legs(now=NOON, limit=3)
                transaction.apply([MoveLeg(replace(each, look_at=None, version=1)) for each in due])
                returns = transaction.due_returns(now=NOON, limit=3)
                transaction.apply([PutDead(replace(each, state=DeadState.RETURNED)) for each in returns])
            mine += [*(each.id for each in due), *(each.id for each in returns)]
        return mine

    with ThreadPoolExecutor(4) as threads:
        taken = [each for mine in threads.map(take, range(4)) for each in mine]

    assert sorted(taken) == sorted([*(each.id for each in legs), *(each.id for each in letters)])


@pytest.mark.postgres
def test_what_one_looks_at_the_other_skips(postgres_hub_url: str) -> None:
    one, two = SqlStore(postgres_hub_url), SqlStore(postgres_hub_url)
    sent = message("1")
    write(
        one,
        PutMessage(sent),
        *(PutLeg(leg(sent, name, ordinal=n, recipient=name, look_at=NOON)) for n, name in enumerate("ab")),
        *(PutDead(dead_letter(name, state=DeadState.RETURNING, return_at=NOON)) for name in "ab"),
    )

    with one.begin() as first, two.begin() as second:
        assert [each.id for each in first.due_legs(now=NOON, limit=1)] == ["l-a"]
        assert [each.id for each in second.due_legs(now=NOON, limit=9)] == ["l-b"]
        assert [each.id for each in second.due_returns(now=NOON, limit=1)] == ["dead-a"]
        assert [each.id for each in first.due_returns(now=NOON, limit=9)] == ["dead-b"]
    one.close()
    two.close()


def test_of_two_who_bury_the_same_letter_the_second_sees_the_first(open_database: OpenDatabase) -> None:
    start = threading.Barrier(4)

    def bury(_worker: int) -> None:
        store = open_database()
        start.wait(timeout=30)
        with store.begin() as transaction:
            there = transaction.dead_letters(["dead-1"]).get("dead-1", dead_letter("1", deaths=0))
            transaction.apply([PutDead(replace(there, deaths=there.deaths + 1))])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(bury, range(4)))

    (letter,) = open_database().find_dead()
    assert letter.deaths == 4


def test_every_event_is_sealed_once_whoever_writes_and_whoever_seals(open_database: OpenDatabase) -> None:
    written, sealers = 4 * 25, 3
    start = threading.Barrier(4 + sealers)
    done = threading.Event()

    def write_events(worker: int) -> None:
        store = open_database()
        start.wait(timeout=30)
        for n in range(25):
            write(
                store, *(PutEvent(event(f"e.{n}.{k}", f"m-{worker}")) for k in range(n % 7)), PutEvent(event("e", "m"))
            )

    def seal_events(_worker: int) -> None:
        store = open_database()
        start.wait(timeout=30)
        while True:
            last_look = done.is_set()
            with store.begin() as transaction:
                rows = transaction.events_to_seal(limit=20)
                last = transaction.last_seal()
                if rows:
                    number = 1 if last is None else last.number + 1
                    transaction.put_seal(seal(number, rows[0].seq, rows[-1].seq, count=len(rows)))
            if last_look and not rows:
                return

    with ThreadPoolExecutor(4 + sealers) as threads:
        sealing = [threads.submit(seal_events, n) for n in range(sealers)]
        try:
            list(threads.map(write_events, range(4)))
        finally:
            done.set()  # whatever became of the writers: the sealers wait for this alone
        for each in sealing:
            each.result(timeout=60)

    store = open_database()
    chain = store.seals(limit=1000)
    log = store.events_after(0, limit=10_000)
    assert len(log) >= written
    assert [link.number for link in chain] == list(range(1, len(chain) + 1))
    for link in chain:
        assert link.count == len([row for row in log if link.first_seq <= row.seq <= link.last_seq])
    assert sum(link.count for link in chain) == len(log)


@pytest.mark.postgres
def test_a_sealer_waits_for_the_writer_who_drew_a_lower_number_and_holds_up_nobody(postgres_hub_url: str) -> None:
    slow, quick, sealer = (SqlStore(postgres_hub_url) for _ in range(3))
    with ThreadPoolExecutor(1) as threads, sealer.begin() as sealing:
        with slow.begin() as transaction:
            transaction.apply([PutEvent(event("first", "m-1"))])
            write(quick, PutEvent(event("second", "m-1")))
            asked = threads.submit(sealing.events_to_seal, limit=9)
            _wait_for_a_lock(postgres_hub_url)
            assert not asked.done()

        assert [each.name for each in asked.result(timeout=30)] == ["first", "second"]
        write(quick, PutEvent(event("while sealing", "m-1")))
        assert [each.name for each in sealing.events_to_seal(limit=2)] == ["first", "second"]
    for each in (slow, quick, sealer):
        each.close()


def _wait_for_a_lock(url: str) -> None:
    """Return as soon as somebody waits for the events' table."""
    question = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass"
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = time.monotonic() + 30
        while connection.execute(question).fetchone() != (1,):
            assert time.monotonic() < deadline


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_number_of_an_event_is_never_given_twice(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = database_url(kind, request, tmp_path)
    store = SqlStore(url)
    write(store, *(PutEvent(event(f"e.{n}", "m-1")) for n in range(5)))
    highest = store.events_after(0, limit=9)[-1].seq
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM events"))
    engine.dispose()

    write(store, PutEvent(event("after", "m-1")))

    assert store.event_rows_of("m-1")[0].seq > highest
    store.close()


@pytest.mark.postgres
def test_a_deadlock_is_broken_and_said_to_be_worth_another_try(postgres_hub_url: str) -> None:
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
