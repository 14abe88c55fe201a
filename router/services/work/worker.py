"""The loop of one worker: a window of deliveries, one transaction for what is ready, and only then the answers.

    intake ─► examine (CPU) ─► settle (one transaction, the store's own thread) ─► ack ─► publish ─► confirms
                 ▲                        ▲                                                  │            │
                 └── the next batch       └──── dropped from the outbox in a later one ◄─────┼────────────┘
                             ▲                                                               │
                             └───────────────────────────────────────────────────────────────┘

While a batch is published, or its transaction waits for a lock or the disk, the next is examined. Examining and the
transaction's own computing take turns (see `turns.py`): the second core belongs to the second worker process. A batch
is what is there; nobody waits for company.
Lost infrastructure changes nothing: no commit, no ack, and the same batch is tried again. A message on which our code
crashes goes back to the queue alone, and is a dead letter after the broker's delivery limit.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final, TypeVar

from edxml_schemas.telemetry import NO_SPANS, Span, Spans
from router.core.records import OutboxItem
from router.core.traces import trace_before_reading
from router.logs import logger
from router.ports import (
    Broker,
    BrokerUnavailable,
    Clock,
    Delivery,
    PayloadUnavailable,
    ReportDelivery,
    Store,
    StoreConflict,
    StoreUnavailable,
)
from router.services.carriage.attempts import Failed, note_failures
from router.services.traces import known_traces
from router.services.verdicts.ingest import Examined, Kept, Settled
from router.services.work.batch import Batch, Services, WorkerOptions, tell
from router.services.work.burial import Burial
from router.services.work.housekeeping import Housekeeping
from router.services.work.intake import Backoff, Intake, wait_for
from router.services.work.publisher import Publisher
from router.services.work.spans import spans_of_carriage, spans_of_verdict
from router.services.work.turns import Turns

Answer = TypeVar("Answer")

IDLE_FLUSH: Final = 0.02  # seconds that confirms wait for company before they get a transaction of their own
LARGE: Final = 2**19
"""Envelopes of more bytes are examined in a thread: libxml2, hashing and OpenSSL let go of the interpreter there."""
REPORTS_PER_BATCH: Final = 500
CONFIRMS_PER_BATCH: Final = 2000
CONFLICTS: Final = 5  # with other workers, one after the other; more are a mistake of ours
PUBLISHING: Final = 2  # batches whose confirms may be awaited at the same time


class Worker:
    """Runs until `stop` is called; then finishes what it has in hand."""

    def __init__(
        self,
        services: Services,
        *,
        store: Store,
        broker: Broker,
        clock: Clock,
        options: WorkerOptions,
        name: str = "worker",
        spans: Spans = NO_SPANS,
    ) -> None:
        self._services = services
        self._spans = spans
        self._store = store
        self._broker = broker
        self._clock = clock
        self._options = options
        self._log = logger("worker", worker=name)
        self._stopping = asyncio.Event()
        dead = services.dead
        self._intake = Intake(broker, prefetch=options.prefetch, stopping=self._stopping, dead_letters=dead is not None)
        self._publisher = Publisher(
            broker,
            services.relay,
            clock=clock,
            stopping=self._stopping,
            traces=lambda ids: known_traces(store, ids),
        )
        burial = None
        if dead is not None:
            take, patiently = self._intake.take_dead, self._patiently
            burial = Burial(dead, store=store, broker=broker, clock=clock, patiently=patiently, take=take)
        self._housekeeping = Housekeeping(
            services,
            store=store,
            broker=broker,
            clock=clock,
            options=options,
            patiently=self._patiently,
            publish=lambda items: self._start_publishing(items, {}),
            stopping=self._stopping,
            burial=burial,
            spans=spans,
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._confirmed: list[OutboxItem] = []
        self._failed: list[Failed] = []
        self._publishing: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(PUBLISHING)
        self._turns = Turns()
        self._store_works = True

    @property
    def store_works(self) -> bool:
        """Whether the last transaction found its database."""
        return self._store_works

    def stop(self) -> None:
        """Take no more, finish what is here. Safe to call from a signal handler of the loop."""
        self._stopping.set()
        self._intake.changed.set()

    async def run(self) -> None:
        """Until stopped. A bug in the loop itself ends it with that exception; the supervisor starts it anew."""
        self._intake.start()
        self._log.info("worker-started", prefetch=self._options.prefetch)
        upkeep = asyncio.create_task(self._housekeeping.run())
        loop = asyncio.create_task(self._loop())
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({loop, upkeep, stopped}, return_when=asyncio.FIRST_COMPLETED)
            self._stopping.set()
            await self._intake.stop()
            await upkeep
            await loop
            await self._flush()
        finally:
            for task in (upkeep, loop, stopped, *self._publishing):
                task.cancel()
            await asyncio.gather(upkeep, loop, stopped, *self._publishing, return_exceptions=True)
            await self._intake.stop()
            self._thread.shutdown(wait=True)
            self._log.info("worker-stopped")

    # ── The loop ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _loop(self) -> None:
        settling: asyncio.Task[None] | None = None
        most = self._options.batch_messages
        try:
            while await self._something_to_do():
                taken = self._intake.take_submissions(messages=most, size=self._options.batch_bytes)
                began = time.perf_counter()
                examined = await self._examine_all(taken)
                spent = time.perf_counter() - began
                if settling is not None:
                    await settling
                reports = self._intake.take_reports(REPORTS_PER_BATCH)
                batch = Batch(examined, reports, self._take_confirmed(), self._take_failed())
                settling = asyncio.create_task(self._settle(batch, spent)) if batch else None
            if settling is not None:
                await settling
        finally:
            if settling is not None:
                settling.cancel()

    async def _something_to_do(self) -> bool:
        """Waits for work; False when there is none and none will come."""
        while not self._intake.waiting:
            self._intake.changed.clear()
            if self._stopping.is_set():
                return False
            if self._confirmed or self._failed:
                await wait_for(self._intake.changed, IDLE_FLUSH)
                return True
            await self._intake.changed.wait()
        return True

    def _take_confirmed(self) -> list[OutboxItem]:
        taken, self._confirmed = self._confirmed[:CONFIRMS_PER_BATCH], self._confirmed[CONFIRMS_PER_BATCH:]
        return taken

    def _take_failed(self) -> list[Failed]:
        taken, self._failed = self._failed, []
        return taken

    async def _examine_all(self, deliveries: Sequence[Delivery]) -> list[tuple[Delivery, Examined]]:
        examined = []
        for delivery in deliveries:
            result = await self._examine(delivery)
            if result is not None:
                examined.append((delivery, result))
        return examined

    async def _examine(self, delivery: Delivery) -> Examined | None:
        submission = delivery.submission
        try:
            if submission.body is None or len(submission.body) > LARGE:
                return await asyncio.to_thread(self._services.ingest.examine, submission)
            await asyncio.sleep(0)  # between two messages the loop reads the socket and collects confirms
            await self._turns.wait()
            return self._services.ingest.examine(submission)
        except PayloadUnavailable as problem:
            # One blob that cannot be read now must not hold up what came behind it.
            said = {"trace_id": trace_before_reading(submission), "submission": submission.submission_id}
            self._log.warning("payloads-unavailable", **said, reason=str(problem))
            self._intake.put_off(delivery)
        except Exception:
            said = {"trace_id": trace_before_reading(submission), "submission": submission.submission_id}
            self._log.exception("examination-crashed", **said, agent=submission.agent)
            await self._answer([delivery.requeue])
        return None

    # ── One transaction ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _settle(self, batch: Batch, examining: float = 0.0) -> None:
        began, begun_at = time.perf_counter(), self._clock.now()
        try:
            kept = await self._patiently(lambda: self._services.ingest.keep([each for _, each in batch.examined]))
            loop = asyncio.get_running_loop()
            committed = None if kept is None else await self._patiently(lambda: self._transact(batch, kept, loop))
        except Exception:
            if batch.alone:
                await self._give_up(batch)
                return
            self._log.warning("batch-crashed", messages=len(batch.examined), exc_info=True)
            for single in batch.singles():
                await self._settle(single)
            return
        if committed is None:
            return  # stopped while the database was away: nothing was committed, nothing is answered
        settled, items, carried = committed
        spent = time.perf_counter() - began
        self._show(batch, settled, carried, began=begun_at)
        done: list[Delivery | ReportDelivery] = [delivery for delivery, _ in batch.examined]
        done += [each for each in batch.reports if each.report is not None]
        secret = [each.secret_blob for each in settled if each.secret_blob]
        if secret:  # before the answer: who dies here gets it again, and removes it then
            await self._patiently(lambda: self._services.ingest.forget(self._store, secret))
        await self._answer([lambda: self._broker.ack(done)])
        await self._answer([each.requeue for each in batch.reports if each.report is None])
        tell(self._log, batch, settled, publishing=len(items), examining=examining, committing=spent)
        if items:
            bodies = {
                delivery.submission.digest: delivery.submission.body
                for delivery, _ in batch.examined
                if delivery.submission.body
            }
            await self._start_publishing(items, bodies)

    def _transact(
        self, batch: Batch, kept: Kept, loop: asyncio.AbstractEventLoop
    ) -> tuple[Sequence[Settled], list[OutboxItem], Sequence[Span]]:
        now = self._clock.now()
        with self._store.begin() as tx, self._turns.taken(loop):
            examined = [each for _, each in batch.examined]
            settled = self._services.ingest.settle(tx, examined, now=now, kept=kept, legs_too=batch.legs)
            items = [item for each in settled for item in each.outbox]
            if batch.confirmed:
                items += self._services.relay.confirm(tx, batch.confirmed, now=now)
            if batch.failed:
                note_failures(tx, batch.failed, now=now, policy=self._services.ingest.policy.retry)
            reports = [each.report for each in batch.reports if each.report is not None]
            if reports:
                items += self._services.tracking.record(tx, reports, now=now)
            carried = spans_of_carriage(tx, batch.confirmed, reports, now=now) if self._spans.on else ()
        return settled, items, carried

    def _show(self, batch: Batch, settled: Sequence[Settled], carried: Sequence[Span], *, began: datetime) -> None:
        """What was committed, as spans, when somebody listens."""
        if not self._spans.on:
            return
        ended = self._clock.now()
        for (delivery, examined), each in zip(batch.examined, settled, strict=True):
            at, steps = delivery.submission.received_at, examined.passage.stages
            for span in spans_of_verdict(each, steps, received_at=at, began=began, ended=ended):
                self._spans.add(span)
        for span in carried:
            self._spans.add(span)

    async def _patiently(self, work: Callable[[], Answer]) -> Answer | None:
        """In the store's thread, again and again while the database or the disk is away; None when stopped there."""
        backoff = Backoff(self._stopping)
        conflicts = 0
        while True:
            try:
                answer = await asyncio.get_running_loop().run_in_executor(self._thread, work)
            except StoreConflict as problem:
                conflicts += 1
                if conflicts > CONFLICTS:
                    raise
                self._log.info("store-conflict", reason=str(problem))
            except (StoreUnavailable, PayloadUnavailable) as problem:
                self._store_works = False
                self._log.warning("store-unavailable", reason=str(problem))
                if self._stopping.is_set():
                    return None
                await backoff.pause()
            else:
                self._store_works = True
                return answer

    async def _give_up(self, batch: Batch) -> None:
        """One part on which our code crashes: the broker counts its returns, and buries it at the limit."""
        named = [each.submission.submission_id for each, _ in batch.examined]
        traces = [trace_before_reading(each.submission) for each, _ in batch.examined]
        self._log.exception("settlement-crashed", submissions=named, trace_ids=traces, confirms=len(batch.confirmed))
        await self._answer([delivery.requeue for delivery, _ in batch.examined])
        await self._answer([delivery.requeue for delivery in batch.reports])

    async def _answer(self, answers: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """The one place where deliveries are acknowledged or given back."""
        try:
            for answer in answers:
                await answer()
        except BrokerUnavailable as problem:
            self._log.warning("answers-lost", count=len(answers), reason=str(problem))

    # ── Publishing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _start_publishing(self, items: Sequence[OutboxItem], bodies: dict[str, bytes]) -> None:
        await self._slots.acquire()

        async def publish() -> None:
            try:
                published = await self._publisher.publish(items, bodies)
                self._confirmed += published.confirmed  # the list may be another one after the wait
                self._failed += published.failed
            except Exception:
                self._log.exception("publishing-crashed", items=len(items))
            finally:
                self._slots.release()
                self._intake.changed.set()

        task = asyncio.create_task(publish())
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def _flush(self) -> None:
        """The end: all confirms that are still to come, and their transaction."""
        while self._publishing or self._confirmed or self._failed:
            await asyncio.gather(*self._publishing)
            batch = Batch(confirmed=self._take_confirmed(), failed=self._take_failed())
            if batch:
                await self._settle(batch)
