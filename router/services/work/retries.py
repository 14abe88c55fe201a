"""Deferred verdicts, taken up in the worker's pauses: a bounded portion at a time, examined outside any transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol, TypeVar

from edxml_schemas.telemetry import NO_SPANS, Spans
from router.core.records import MessageRecord, OutboxItem
from router.core.traces import trace_of
from router.logs import logger
from router.ports import Clock, Store
from router.services.verdicts.ingest import Settled
from router.services.verdicts.upkeep import Retried, Upkeep
from router.services.work.batch import WorkerOptions
from router.services.work.spans import spans_of_verdict

Answer = TypeVar("Answer")

DUE: Final = 200  # records per look


class Patience(Protocol):
    """Runs work in the store's thread until database and disk let it; None when the worker was stopped meanwhile."""

    async def __call__(self, work: Callable[[], Answer], /) -> Answer | None: ...


class Retries:
    """One per worker. `publish` takes what the settled ones owe."""

    def __init__(
        self,
        upkeep: Upkeep,
        *,
        store: Store,
        clock: Clock,
        options: WorkerOptions,
        patiently: Patience,
        publish: Callable[[Sequence[OutboxItem]], Awaitable[None]],
        stopping: asyncio.Event,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._upkeep = upkeep
        self._store = store
        self._clock = clock
        self._options = options
        self._patiently = patiently
        self._publish = publish
        self._stopping = stopping
        self._spans = spans
        self._log = logger("retries")

    async def run(self) -> None:
        """One look: everything that is due, up to `DUE`, in portions of `batch_messages` and `batch_bytes`."""
        due = await self._patiently(self._due)
        for portion in portions(due or (), messages=self._options.batch_messages, size=self._options.batch_bytes):
            if self._stopping.is_set():
                return
            retried = [await self._examine(record) for record in portion]
            await self._settle(retried)

    def _due(self) -> Sequence[MessageRecord]:
        with self._store.begin() as tx:
            return self._upkeep.due(tx, now=self._clock.now(), limit=DUE)

    async def _examine(self, record: MessageRecord) -> Retried:
        try:
            return await asyncio.to_thread(self._upkeep.examine, record, now=self._clock.now())
        except Exception:
            self._log.exception("retry-crashed", trace_id=trace_of(record), message_id=record.id)
            return Retried(record=record, examined=None)

    async def _settle(self, retried: Sequence[Retried]) -> None:
        began = self._clock.now()
        try:
            settled = await self._patiently(lambda: self._transact(retried))
            self._show(settled or (), began=began)
            secret = [each.secret_blob for each in settled or () if each.secret_blob]
            if secret:  # the rules were made stricter since it came
                await self._patiently(lambda: self._upkeep.forget(self._store, secret))
        except Exception:
            messages, traces = [each.record.id for each in retried], [trace_of(each.record) for each in retried]
            self._log.exception("retries-crashed", messages=messages, trace_ids=traces)
            if len(retried) > 1:
                for each in retried:
                    await self._settle([each])
            elif retried[0].examined is not None:
                await self._settle([Retried(record=retried[0].record, examined=None)])  # later, not at once again
            return
        items = [item for each in settled or () for item in each.outbox]
        if items:
            await self._publish(items)

    def _show(self, settled: Sequence[Settled], *, began: datetime) -> None:
        for each in settled if self._spans.on else ():
            at = each.message.received_at
            for span in spans_of_verdict(each, (), received_at=at, began=began, ended=self._clock.now()):
                self._spans.add(span)

    def _transact(self, retried: Sequence[Retried]) -> Sequence[Settled]:
        with self._store.begin() as tx:
            return self._upkeep.settle(tx, retried, now=self._clock.now())


def portions(records: Sequence[MessageRecord], *, messages: int, size: int) -> Iterator[Sequence[MessageRecord]]:
    """In order, each of at most so many records and bytes; a larger one goes alone."""
    portion: list[MessageRecord] = []
    total = 0
    for record in records:
        if portion and (len(portion) == messages or total + record.size > size):
            yield portion
            portion, total = [], 0
        portion.append(record)
        total += record.size
    if portion:
        yield portion
