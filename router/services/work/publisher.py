"""From the outbox to the broker: published together, confirmed together, and what was not confirmed stays promised."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from router.core.records import OutboxItem, OutboxKind
from router.logs import logger
from router.ports import Broker, BrokerUnavailable, Clock, PayloadUnavailable, Placement
from router.services.carriage.relay import Relay
from router.services.work.intake import Backoff

CHUNK: Final = 200
"""Items published before their confirms are awaited; bounds memory when a document has thousands of recipients."""
CHUNK_BYTES: Final = 16 * 2**20
"""Most bytes of envelopes among them (one item is always taken)."""

NO_PAYLOAD: Final = "payload-unavailable"
"""The reason of an item whose bytes cannot be read now."""

Loaded = tuple[OutboxItem, bytes]

NO_BODIES: Final[Mapping[str, bytes]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of items: confirmed by the broker, or failed with the reason. A postponed one is in neither."""

    confirmed: Sequence[OutboxItem] = ()
    failed: Sequence[tuple[OutboxItem, str]] = ()


class Publisher:
    """Publishes outbox items that are leased to this worker."""

    def __init__(
        self,
        broker: Broker,
        relay: Relay,
        *,
        clock: Clock,
        stopping: asyncio.Event,
        traces: Callable[[Sequence[str]], Mapping[str, str]] = lambda _: {},
    ) -> None:
        """`traces` are the trace ids of messages by their ids, for the log; it may wait for the store."""
        self._traces = traces
        self._broker = broker
        self._relay = relay
        self._clock = clock
        self._stopping = stopping
        self._log = logger("publisher")

    async def publish(self, items: Sequence[OutboxItem], bodies: Mapping[str, bytes] = NO_BODIES) -> Published:
        """What was not confirmed stays in the outbox until its lease runs out.

        `bodies` holds envelopes by digest that need not be read again.
        """
        done = [await self._publish_chunk(chunk, bodies) for chunk in _chunks(items)]
        if len(done) == 1:
            return done[0]
        return Published(
            confirmed=[item for each in done for item in each.confirmed],
            failed=[pair for each in done for pair in each.failed],
        )

    async def _publish_chunk(self, items: Sequence[OutboxItem], bodies: Mapping[str, bytes]) -> Published:
        loaded, unread = self._load(items, bodies)
        if unread:
            await self._tell_unread(unread)
        failed = [(item, NO_PAYLOAD) for item, _ in unread]
        backoff = Backoff(self._stopping)
        while loaded:
            try:
                placed = await self._broker.publish(loaded)
            except BrokerUnavailable as problem:
                self._log.warning("publish-postponed", items=len(loaded), reason=str(problem))
                if self._stopping.is_set():
                    break
                await backoff.pause()
                now = self._clock.now()
                loaded = [pair for pair in loaded if pair[0].leased_until > now]
            else:
                return await self._sorted(loaded, placed, failed)
        return Published(failed=failed)

    async def _sorted(
        self, loaded: Sequence[Loaded], placed: Sequence[Placement], failed: list[tuple[OutboxItem, str]]
    ) -> Published:
        confirmed = [item for (item, _), each in zip(loaded, placed, strict=True) if each is Placement.CONFIRMED]
        if len(confirmed) < len(loaded):
            answers = list(zip(loaded, placed, strict=True))
            homeless = [pair for pair, each in answers if each is Placement.NO_INBOX]
            if homeless:
                answers = [answer for answer in answers if answer[1] is not Placement.NO_INBOX]
                again = list(zip(homeless, await self._second_try(homeless), strict=True))
                confirmed += [pair[0] for pair, each in again if each is Placement.CONFIRMED]
                answers += again
            failed = failed + [(pair[0], each.value) for pair, each in answers if each is not Placement.CONFIRMED]
            self._tell(failed)
        return Published(confirmed=confirmed, failed=failed)

    async def _second_try(self, left: Sequence[Loaded]) -> Sequence[Placement]:
        """An agent's first message may come before its inbox does."""
        try:
            await self._broker.ensure_inboxes(sorted({item.agent for item, _ in left}))
            return await self._broker.publish(left)
        except BrokerUnavailable:
            return [Placement.LOST] * len(left)

    def _tell(self, failed: Sequence[tuple[OutboxItem, str]]) -> None:
        """One line per agent and reason: a full inbox fails by the hundred."""
        for (agent, reason), count in Counter((item.agent, reason) for item, reason in failed).items():
            self._log.warning("not-in-the-inbox", agent=agent, reason=reason, items=count)

    def _load(
        self, items: Sequence[OutboxItem], bodies: Mapping[str, bytes]
    ) -> tuple[list[Loaded], list[tuple[OutboxItem, Exception]]]:
        loaded: list[Loaded] = []
        unread: list[tuple[OutboxItem, Exception]] = []
        for item in items:
            try:
                loaded.append((item, self._body(item, bodies)))
            except Exception as problem:
                unread.append((item, problem))
        return loaded, unread

    def _body(self, item: OutboxItem, bodies: Mapping[str, bytes]) -> bytes:
        if item.kind is OutboxKind.DELIVERY and not item.claim and item.digest in bodies:
            return bodies[item.digest]
        return self._relay.load(item)

    async def _tell_unread(self, unread: Sequence[tuple[OutboxItem, Exception]]) -> None:
        traces = await asyncio.to_thread(self._traces, [item.message_id for item, _ in unread])
        for item, problem in unread:
            trace = traces.get(item.message_id, "")
            log = self._log.bind(trace_id=trace, item=item.id, message_id=item.message_id)
            if isinstance(problem, PayloadUnavailable):
                log.error("payload-unavailable", reason=str(problem))
            else:
                log.error("loading-crashed", exc_info=problem)


def _chunks(items: Sequence[OutboxItem]) -> Iterator[list[OutboxItem]]:
    """In the same order. A claim check has no bytes."""
    chunk: list[OutboxItem] = []
    size = 0
    for item in items:
        size += 0 if item.claim else item.size
        if chunk and (len(chunk) == CHUNK or size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0 if item.claim else item.size
        chunk.append(item)
    if chunk:
        yield chunk
