"""What keeps a store from growing slow, from waiting for itself, and from believing a clock that was wrong."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from router.adapters.sql.store import SqlStore
from router.core.records import MessageState, PutLeg, PutMessage, PutOutbox
from router.ports import DeliveredReport, Store
from router.services.carriage.confirming import Confirming
from router.services.carriage.deadlines import Deadlines
from router.services.carriage.tracking import Tracking
from tests.contract.test_store import write
from tests.support.records import MINUTE, NOON, leg, message, outbox_item

ROUNDS = 30
SHARE = 8  # legs in one transaction


def test_repetitions_of_a_document_are_not_read_again_and_again(open_database: Callable[[], Store]) -> None:
    store = open_database()
    same = {"content_digest": "c", "document_id": "d", "sender": "H1", "code": "7/VP"}
    copies = [message(f"copy-{n}", duplicate_of="m-first", **same) for n in range(50)]
    write(store, PutMessage(message("first", **same)), *map(PutMessage, copies))

    with store.begin() as tx:
        assert [each.id for each in tx.messages_with_content(["c"])] == ["m-first"]
        assert [each.id for each in tx.documents(["d"])] == ["m-first"]
        assert [each.id for each in tx.documents_by_code("H1", "7/VP", None)] == ["m-first"]


def test_what_a_wrong_clock_put_off_is_taken_up_when_the_clock_is_right(open_database: Callable[[], Store]) -> None:
    store = open_database()
    year, hour = timedelta(days=365), timedelta(hours=1)
    write(
        store,
        PutOutbox(outbox_item("far", leased_until=NOON + year)),
        PutOutbox(outbox_item("near", leased_until=NOON + hour)),
        PutMessage(message("far", state=MessageState.DEFERRED, retry_at=NOON + year)),
        PutMessage(message("near", state=MessageState.DEFERRED, retry_at=NOON + hour)),
    )

    with store.begin() as tx:
        leased = tx.lease_outbox(now=NOON, lease_for=MINUTE, limit=9, longest=hour)
        assert [each.id for each in leased] == ["o-far"]
        assert [each.id for each in tx.due_deferred(now=NOON, limit=9, longest=hour)] == ["m-far"]


@pytest.mark.postgres
def test_confirms_reports_and_deadlines_of_the_same_legs_never_wait_for_each_other(postgres_hub_url: str) -> None:
    count = 2 * ROUNDS * SHARE
    sent = [message(f"{n:04}") for n in range(count)]
    legs = [leg(each, f"{n:04}", look_at=NOON) for n, each in enumerate(sent)]
    items = [outbox_item(f"{n:04}", leg_id=each.id) for n, each in enumerate(legs)]
    stores = [SqlStore(postgres_hub_url) for _ in range(3)]
    write(stores[0], *map(PutMessage, sent), *map(PutLeg, legs), *map(PutOutbox, items))
    start = threading.Barrier(3)

    def work(half: int) -> None:
        """Confirms of one half, reports of the other; a deadlock would be a StoreConflict."""
        start.wait(timeout=30)
        for first in range(0, ROUNDS * SHARE, SHARE):
            mine, theirs = items[half::2][first : first + SHARE], legs[1 - half :: 2][first : first + SHARE]
            reports = [
                DeliveredReport(leg_id=each.id, agent=each.agent, digest=message(each.id[2:]).digest, at=NOON)
                for each in theirs
            ]
            with stores[half].begin() as tx:
                tx.lock_legs({each.leg_id for each in mine} | {each.id for each in theirs})
                Confirming().confirm(tx, mine, now=NOON)
                Tracking().record(tx, reports, now=NOON)

    def look() -> None:
        start.wait(timeout=30)
        for _ in range(ROUNDS):
            with stores[2].begin() as tx:
                Deadlines(portion=SHARE).run(tx, now=NOON + 20 * MINUTE)

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(work, 0), threads.submit(work, 1), threads.submit(look)]:
            done.result(timeout=60)
    states = {each.state.value for one in sent for each in stores[0].legs_of(one.id)}
    assert states == {"delivered"}
    for store in stores:
        store.close()
