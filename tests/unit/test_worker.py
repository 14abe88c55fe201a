"""The worker's loop, with real services on the in-process broker and store."""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from edxml_schemas.contract import DELIVERY_LIMIT, Header, Urgency, unbundled
from edxml_schemas.findings import FindingCode
from edxml_schemas.model import Envelope
from edxml_schemas.receipts import Receipt, ReceiptKind, decode_receipt
from router.adapters.memory_broker import MemoryBroker
from router.adapters.memory_payloads import MemoryPayloads
from router.adapters.memory_queues import MemoryMessage
from router.adapters.memory_store import MemoryStore
from router.core.ids import leg_id_of
from router.core.records import LegState, MessageRecord, MessageState, OutboxItem, Submission
from router.core.registry import AgentRecord
from router.ports import DeliveredReport, Placement, StoreConflict, StoreUnavailable, Transaction
from router.services.carriage.relay import Relay
from router.services.carriage.tracking import Tracking
from router.services.verdicts.ingest import NOTHING_KEPT, Examined, Ingest, Kept, Settled
from router.services.verdicts.upkeep import Upkeep
from router.services.work.batch import Services, WorkerOptions
from router.services.work.worker import LARGE, Worker
from tests.support.envelopes import a_document, a_lean_document
from tests.support.hub_desk import AGENTS, H14, H41, NOW, Desk
from tests.support.waiting import until

QUICK = WorkerOptions(upkeep_every=timedelta(milliseconds=20))


class Hands:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        self.time += timedelta(microseconds=1)
        return self.time


class Hub:
    """A desk with a broker beside it."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.clock = Hands()
        self.broker = MemoryBroker(clock=self.clock, agents=set(AGENTS.values()))
        self.ingest: Ingest = self.desk.ingest
        self.tracking: Tracking = self.desk.tracking

    def worker(self, options: WorkerOptions = QUICK) -> Worker:
        services = Services(ingest=self.ingest, relay=self.desk.relay, tracking=self.tracking, upkeep=self.desk.upkeep)
        return Worker(services, store=self.desk.store, broker=self.broker, clock=self.clock, options=options)

    @asynccontextmanager
    async def running(self, options: WorkerOptions = QUICK) -> AsyncIterator[Worker]:
        worker = self.worker(options)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            async with asyncio.timeout(10):
                await task

    async def submit(self, what: Envelope | bytes, *, urgency: Urgency = Urgency.NORMAL, **changes: object) -> str:
        """Publishes as the sender's agent; the submission id."""
        submission = self.desk.submission(what, **changes)  # type: ignore[arg-type]  # the test names the fields
        await self.broker.submit(
            submission.agent,
            user_id=submission.user_id,
            message_id=submission.submission_id,
            type=submission.type.value,
            urgency=urgency.value,
            headers={Header.DIGEST.value: submission.digest, Header.SIZE.value: submission.size},
            body=submission.body or b"",
        )
        return submission.submission_id

    async def claim(self, body: bytes) -> str:
        """Publishes a claim check for bytes that were uploaded; the submission id."""
        submission = self.desk.submission(body)
        await self.broker.submit(
            submission.agent,
            user_id=submission.user_id,
            message_id=submission.submission_id,
            type=submission.type.value,
            urgency=Urgency.NORMAL.value,
            headers={
                Header.DIGEST.value: submission.digest,
                Header.SIZE.value: submission.size,
                Header.CLAIM.value: "1",
            },
            body=b"",
        )
        return submission.submission_id

    def record(self, submission_id: str) -> MessageRecord | None:
        found = [each for each in self.desk.store.find(submission_id) if each.submission_id == submission_id]
        return found[0] if found else None

    async def decided(self, submission_id: str) -> MessageRecord:
        async def known() -> bool:
            return self.record(submission_id) is not None

        await until(known)
        record = self.record(submission_id)
        assert record is not None
        return record

    async def outbox_is_empty(self) -> None:
        async def empty() -> bool:
            return self.desk.store.backlog().outbox == 0

        await until(empty)

    async def next_in(self, agent: str, *, of_type: str, urgency: Urgency = Urgency.NORMAL) -> MemoryMessage:
        """The next message of a type in an inbox; others on the way are acknowledged."""
        async with asyncio.timeout(10), contextlib.aclosing(self.broker.inbox(agent, urgency=urgency.value)) as inbox:
            async for delivery in inbox:
                await delivery.ack()
                if delivery.type == of_type:
                    return delivery.message
        raise AssertionError("an inbox does not end")


def receipt_of(message: MemoryMessage) -> Receipt:
    (body,) = unbundled(message.body) or ()
    receipt = decode_receipt(body)
    assert isinstance(receipt, Receipt), receipt
    return receipt


@pytest.fixture
def hub() -> Hub:
    return Hub()


async def test_an_accepted_document_reaches_every_recipient_with_the_senders_bytes(hub: Hub) -> None:
    body = hub.desk.signed(a_document())
    async with hub.running():
        submission = await hub.submit(body)
        for agent in ("nghean", "caobang"):
            delivered = await hub.next_in(agent, of_type="edoc")
            assert delivered.body == body
            assert delivered.headers["x-edxml-digest"] == hashlib.sha256(body).hexdigest()
        receipt = receipt_of(await hub.next_in("vpcp", of_type="receipt"))
        assert (receipt.kind, receipt.submission_id) == (ReceiptKind.ACCEPTED, submission)
        await hub.outbox_is_empty()
    record = hub.record(submission)
    assert record is not None
    assert [leg.state for leg in hub.desk.store.legs_of(record.id)] == [LegState.HANDED_OVER] * 2


async def test_a_refused_document_is_answered_and_is_no_dead_letter(hub: Hub) -> None:
    async with hub.running():
        submission = await hub.submit(b"not XML at all")
        receipt = receipt_of(await hub.next_in("vpcp", of_type="receipt"))
        assert (receipt.kind, receipt.submission_id) == (ReceiptKind.REFUSED, submission)
        await hub.outbox_is_empty()
    assert hub.broker.buried == ()


async def test_wrong_transport_headers_are_refused_by_name(hub: Hub) -> None:
    async with hub.running():
        submission = await hub.submit(a_document(), digest="")
        record = await hub.decided(submission)
    assert record.state is MessageState.REFUSED
    assert {each.code for each in record.findings} & {FindingCode.TRANSPORT_HEADERS, FindingCode.TRANSPORT_DIGEST}


async def test_nothing_is_left_in_the_queue_or_the_outbox_after_a_graceful_stop(hub: Hub) -> None:
    async with hub.running(replace(QUICK, batch_messages=3)) as worker:
        submissions = [
            await hub.submit(a_lean_document(document_id=f"000.00.00.G22,2026/09/30,{n}")) for n in range(10)
        ]
        await hub.decided(submissions[0])
        worker.stop()
    assert hub.desk.store.backlog().outbox == 0
    left = {each.queue: each.messages for each in await hub.broker.depths(())}
    decided = sum(hub.record(each) is not None for each in submissions)
    assert decided + left["edxml.ingest.normal"] == 10


async def test_urgent_documents_overtake(hub: Hub) -> None:
    slow = [await hub.submit(b"normal", agent="vpcp", submission_id=f"n-{n}") for n in range(3)]
    fast = await hub.submit(b"urgent", agent="vpcp", submission_id="u-1", urgency=Urgency.URGENT)
    async with hub.running(replace(QUICK, batch_messages=1)):
        records = [await hub.decided(each) for each in (fast, *slow)]
    times = [each.decided_at for each in records]
    assert times[0] <= min(times[2:])  # one normal one may have been in hand already


async def test_a_redelivery_has_no_second_effect(hub: Hub) -> None:
    body = hub.desk.signed(a_document())
    async with hub.running():
        await hub.submit(body, submission_id="s-1", agent="vpcp")
        await hub.next_in("nghean", of_type="edoc")
        await hub.outbox_is_empty()
        await hub.submit(body, submission_id="s-1", agent="vpcp")
        last = await hub.submit(b"something else", agent="vpcp")
        await hub.decided(last)
        await hub.outbox_is_empty()
    assert {each.queue: each.messages for each in await hub.broker.depths(["nghean"])}["edxml.inbox.nghean.normal"] == 0


class Crashing(Ingest):
    """Our own code with a mistake in it: it does not survive certain submissions."""

    def __init__(self, desk: Desk, *, examine: str = "", settle: str = "") -> None:
        super().__init__(desk.payloads, desk.trust, desk.policy)
        self.examine_fails_on = examine
        self.settle_fails_on = settle

    def examine(
        self, submission: Submission, *, at: datetime | None = None, deferred: MessageRecord | None = None
    ) -> Examined:
        if submission.submission_id == self.examine_fails_on:
            raise RuntimeError("a bug")
        return super().examine(submission, at=at, deferred=deferred)

    def settle(
        self,
        tx: Transaction,
        examined: Sequence[Examined],
        *,
        now: datetime,
        kept: Kept = NOTHING_KEPT,
        legs_too: Iterable[str] = (),
    ) -> Sequence[Settled]:
        if any(each.passage.submission.submission_id == self.settle_fails_on for each in examined):
            raise RuntimeError("a bug")
        return super().settle(tx, examined, now=now, kept=kept, legs_too=legs_too)


@pytest.mark.parametrize("where", ["examine", "settle"])
async def test_code_that_crashes_on_a_message_ends_it_as_a_dead_letter_and_spares_the_others(
    hub: Hub, where: str
) -> None:
    hub.ingest = Crashing(hub.desk, **{where: "poison"})
    others = [await hub.submit(b"x" * n, agent="vpcp", submission_id=f"s-{n}") for n in (1, 2)]
    await hub.submit(b"poison", agent="vpcp", submission_id="poison")
    others.append(await hub.submit(b"xxx", agent="vpcp", submission_id="s-3"))
    async with hub.running():
        for each in others:
            await hub.decided(each)

        async def buried() -> bool:
            return bool(hub.broker.buried)

        await until(buried)
    (dead,) = hub.broker.buried
    assert (dead.message_id, dead.deliveries) == ("poison", DELIVERY_LIMIT + 1)
    assert hub.record("poison") is None


class Moody:
    """A store that is away for a while."""

    def __init__(self, hub: Hub, problem: Callable[[], Exception]) -> None:
        self.refusals = 0
        self._begin = hub.desk.store.begin
        self._problem = problem
        self.away = True
        hub.desk.store.begin = self.begin  # type: ignore[method-assign,assignment]  # the store itself stays the real one

    def begin(self) -> AbstractContextManager[Transaction]:
        if self.away:
            self.refusals += 1
            raise self._problem()
        return self._begin()


async def test_while_the_database_is_away_nothing_is_acknowledged_and_then_work_goes_on(hub: Hub) -> None:
    moody = Moody(hub, lambda: StoreUnavailable("away"))
    async with hub.running() as worker:
        submission = await hub.submit(a_document())

        async def refused_twice() -> bool:
            return moody.refusals > 2

        await until(refused_twice)
        assert not worker.store_works
        assert hub.record(submission) is None
        moody.away = False
        record = await hub.decided(submission)
        assert record.state is MessageState.ACCEPTED
        await hub.outbox_is_empty()
    assert hub.broker.buried == ()


async def test_a_stop_while_the_database_is_away_leaves_the_message_with_the_broker(hub: Hub) -> None:
    moody = Moody(hub, lambda: StoreUnavailable("away"))
    async with hub.running():
        await hub.submit(a_document())

        async def refused() -> bool:
            return moody.refusals > 1

        await until(refused)
    await hub.broker.close()
    assert {each.queue: each.messages for each in await hub.broker.depths(())}["edxml.ingest.normal"] == 1


async def test_a_conflict_with_another_worker_is_tried_again(hub: Hub) -> None:
    moody = Moody(hub, lambda: StoreConflict("another was quicker"))
    async with hub.running():
        submission = await hub.submit(a_document())

        async def refused() -> bool:
            return moody.refusals > 0

        await until(refused)
        moody.away = False
        assert (await hub.decided(submission)).state is MessageState.ACCEPTED


async def test_when_the_broker_was_lost_the_outbox_is_published_after_it_came_back(hub: Hub) -> None:
    async with hub.running():
        first = await hub.submit(a_document())
        await hub.decided(first)
        hub.broker.go_down()
        hub.broker.come_back()
        second = await hub.submit(b"after the storm", agent="vpcp")
        await hub.decided(second)
        await hub.next_in("nghean", of_type="edoc")
        await hub.outbox_is_empty()


async def test_what_a_dead_worker_left_is_published_by_another_after_the_lease(hub: Hub) -> None:
    settled = hub.desk.send(a_document())
    assert settled.outbox
    hub.clock.time = NOW + timedelta(minutes=5)
    async with hub.running():
        await hub.next_in("nghean", of_type="edoc")
        await hub.next_in("caobang", of_type="edoc")
        await hub.outbox_is_empty()


async def test_what_another_worker_has_leased_is_left_alone(hub: Hub) -> None:
    settled = hub.desk.send(a_document())
    async with hub.running():
        last = await hub.submit(b"something else", agent="vpcp")
        await hub.decided(last)
        await hub.next_in("vpcp", of_type="receipt")
    assert hub.desk.store.backlog().outbox == len(settled.outbox)


async def test_a_report_moves_its_leg_to_delivered(hub: Hub) -> None:
    async with hub.running():
        submission = await hub.submit(a_document())
        delivered = await hub.next_in("nghean", of_type="edoc")
        headers = {name: delivered.headers[name] for name in (Header.LEG.value, Header.DIGEST.value)}
        await hub.broker.report("nghean", headers=headers)
        record = await hub.decided(submission)

        async def arrived() -> bool:
            return hub.desk.leg(record, H41).state is LegState.DELIVERED

        await until(arrived)
        await hub.outbox_is_empty()
    assert hub.desk.leg(record, H14).state is LegState.HANDED_OVER


async def test_an_unreadable_report_ends_as_a_dead_letter(hub: Hub) -> None:
    async with hub.running():
        await hub.broker.report("nghean", headers={})

        async def buried() -> bool:
            return bool(hub.broker.buried)

        await until(buried)


class CrashingTracking(Tracking):
    """A mistake of ours in the handling of reports."""

    def record(
        self,
        tx: Transaction,  # noqa: ARG002  the signature is the port's
        reports: Sequence[DeliveredReport],  # noqa: ARG002
        *,
        now: datetime,  # noqa: ARG002
    ) -> Sequence[OutboxItem]:
        raise RuntimeError("a bug")


async def test_a_crash_on_a_report_does_not_stop_documents(hub: Hub) -> None:
    hub.tracking = CrashingTracking()
    async with hub.running():
        await hub.broker.report(
            "nghean", headers={Header.LEG.value: leg_id_of("m", H41), Header.DIGEST.value: "0" * 64}
        )
        submission = await hub.submit(a_document())
        assert (await hub.decided(submission)).state is MessageState.ACCEPTED

        async def buried() -> bool:
            return bool(hub.broker.buried)

        await until(buried)
        await hub.outbox_is_empty()


async def test_inboxes_of_new_agents_are_made_without_a_restart(hub: Hub) -> None:
    async with hub.running():
        hub.desk.store.put_agents([AgentRecord(name="moi-den")])

        async def there() -> bool:
            depths = await hub.broker.depths(["moi-den"])
            return "edxml.inbox.moi-den.urgent" in {each.queue for each in depths}

        await until(there)


async def test_two_workers_share_the_work_and_nothing_happens_twice(hub: Hub) -> None:
    async with hub.running(), hub.running():
        submissions = [
            await hub.submit(a_lean_document(document_id=f"000.00.00.G22,2026/09/30,{n}")) for n in range(20)
        ]
        for each in submissions:
            await hub.decided(each)
        await hub.outbox_is_empty()
    receipts: list[Receipt] = []
    while len(receipts) < 2 * len(submissions):
        bundle = unbundled((await hub.next_in("vpcp", of_type="receipt")).body) or ()
        receipts += [each for each in map(decode_receipt, bundle) if isinstance(each, Receipt)]
    for kind in (ReceiptKind.ACCEPTED, ReceiptKind.HANDED_OVER):
        assert sorted(each.submission_id for each in receipts if each.kind is kind) == sorted(submissions)
    inbox = {each.queue: each.messages for each in await hub.broker.depths(["vpcp"])}
    assert inbox["edxml.inbox.vpcp.normal"] == 0


class Waiting(MemoryPayloads):
    """Payloads that tell whether they were read inside a transaction, which is whether their thread had one open."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self._here = threading.local()
        self.read_inside: list[bool] = []
        begin = store.begin

        @contextlib.contextmanager
        def watched() -> Iterator[Transaction]:
            with begin() as tx:
                self._here.inside = True
                try:
                    yield tx
                finally:
                    self._here.inside = False

        store.begin = watched  # type: ignore[method-assign,assignment]  # as in Moody

    def read(self, reference: str) -> bytes:
        self.read_inside.append(getattr(self._here, "inside", False))
        return super().read(reference)


async def test_deferred_verdicts_are_examined_outside_the_transaction_and_settled_in_bounded_portions(hub: Hub) -> None:
    desk = hub.desk
    payloads = Waiting(desk.store)
    hub.ingest = desk.ingest = Ingest(payloads, desk.trust, desk.policy)
    desk.upkeep = Upkeep(desk.ingest, payloads)
    desk.relay = Relay(payloads, desk.policy)
    desk.trust.now_trusted = desk.material(())
    waiting = [desk.send(a_lean_document(document_id=f"000.00.00.G22,2026/09/30,{n}")).message for n in range(5)]
    assert {each.state for each in waiting} == {MessageState.DEFERRED}
    desk.trust.now_trusted = desk.material(desk.pki.crls())
    hub.clock.time = NOW + timedelta(minutes=5)
    portion = waiting[0].size * 2 + 10
    settled: list[int] = []

    class Counting(Ingest):
        def settle(
            self,
            tx: Transaction,
            examined: Sequence[Examined],
            *,
            now: datetime,
            kept: Kept = NOTHING_KEPT,
            legs_too: Iterable[str] = (),
        ) -> Sequence[Settled]:
            settled.append(len(examined))
            return super().settle(tx, examined, now=now, kept=kept, legs_too=legs_too)

    desk.upkeep = Upkeep(Counting(payloads, desk.trust, desk.policy), payloads)
    async with hub.running(replace(QUICK, batch_bytes=portion)):

        async def all_accepted() -> bool:
            return desk.store.backlog().messages == {MessageState.ACCEPTED.value: len(waiting)}

        await until(all_accepted)
        await hub.outbox_is_empty()
    assert max(settled) == 2
    assert sum(settled) == len(waiting)
    assert payloads.read_inside
    assert not any(payloads.read_inside)


async def test_a_deferred_verdict_on_which_our_code_crashes_spares_the_others(hub: Hub) -> None:
    desk = hub.desk
    desk.trust.now_trusted = desk.material(())
    bad, good = (desk.send(a_lean_document(document_id=f"000.00.00.G22,2026/09/30,{n}")).message for n in range(2))
    desk.trust.now_trusted = desk.material(desk.pki.crls())
    desk.upkeep = Upkeep(Crashing(desk, settle=bad.submission_id), desk.payloads)
    hub.clock.time = NOW + timedelta(minutes=5)
    async with hub.running():

        async def settled() -> bool:
            after, other = desk.store.message(bad.id), desk.store.message(good.id)
            return bool(after and other and after.attempts > 1 and other.state is MessageState.ACCEPTED)

        await until(settled)
    after = desk.store.message(bad.id)
    assert after is not None
    assert after.state is MessageState.DEFERRED


async def test_large_bytes_are_examined_in_a_thread_whatever_their_size_header_says(hub: Hub) -> None:
    threads: dict[str, bool] = {}
    loop_thread = threading.get_ident()

    class Watched(Ingest):
        def examine(
            self, submission: Submission, *, at: datetime | None = None, deferred: MessageRecord | None = None
        ) -> Examined:
            threads[submission.submission_id] = threading.get_ident() == loop_thread
            return super().examine(submission, at=at, deferred=deferred)

    hub.ingest = Watched(hub.desk.payloads, hub.desk.trust, hub.desk.policy)
    async with hub.running():
        large = await hub.submit(b"x" * (LARGE + 1), agent="vpcp", size=1)
        small = await hub.submit(b"x", agent="vpcp", size=LARGE + 1)
        await hub.decided(large)
        await hub.decided(small)
    assert threads == {large: False, small: True}


async def test_a_claim_check_counts_as_the_bytes_it_stands_for(hub: Hub) -> None:
    bodies = [hub.desk.signed(a_lean_document(document_id=f"000.00.00.G22,2026/09/30,{n}")) for n in range(4)]
    for body in bodies:
        hub.desk.payloads.put_blob([body], digest=hashlib.sha256(body).hexdigest(), limit=len(body))
    portions: list[int] = []

    class Watched(Ingest):
        def settle(
            self,
            tx: Transaction,
            examined: Sequence[Examined],
            *,
            now: datetime,
            kept: Kept = NOTHING_KEPT,
            legs_too: Iterable[str] = (),
        ) -> Sequence[Settled]:
            portions.append(len(examined))
            return super().settle(tx, examined, now=now, kept=kept, legs_too=legs_too)

    hub.ingest = Watched(hub.desk.payloads, hub.desk.trust, hub.desk.policy)
    submissions = [await hub.claim(body) for body in bodies]
    async with hub.running(replace(QUICK, batch_bytes=2 * len(bodies[0]) + 10)):
        for each in submissions:
            assert (await hub.decided(each)).state is MessageState.ACCEPTED
        await hub.outbox_is_empty()
    assert max(portions) <= 2


async def test_confirms_that_overlap_are_all_written_down(hub: Hub) -> None:
    publish, second_is_done = hub.broker.publish, asyncio.Event()
    calls = 0

    async def first_waits_for_second(items: Sequence[tuple[OutboxItem, bytes]]) -> Sequence[Placement]:
        nonlocal calls
        calls += 1
        mine = calls
        if mine == 1:
            await second_is_done.wait()
        outcome = await publish(items)
        if mine == 2:
            second_is_done.set()
        return outcome

    hub.broker.publish = first_waits_for_second  # type: ignore[method-assign]  # the order in which confirms come
    async with hub.running():
        for number in range(2):
            sent = await hub.submit(a_lean_document(document_id=f"000.00.00.G22,2026/09/30,{number}"))
            await hub.decided(sent)
        await hub.outbox_is_empty()
