"""From the outbox to the broker: published together, confirmed together, and what was not confirmed stays promised."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from router.core.records import OutboxItem, OutboxKind
from router.logs import logger
from router.ports import Broker, BrokerUnavailable, Clock, PayloadUnavailable
from router.services.intake import Backoff
from router.services.relay import Relay

CHUNK: Final = 200
"""Items published before their confirms are awaited; bounds memory when a document has thousands of recipients."""
CHUNK_BYTES: Final = 16 * 2**20
"""Most bytes of envelopes among them (one item is always taken)."""

NO_BODIES: Final[Mapping[str, bytes]] = {}


class Publisher:
    """Publishes outbox items that are leased to this worker."""

    def __init__(self, broker: Broker, relay: Relay, *, clock: Clock, stopping: asyncio.Event) -> None:
        self._broker = broker
        self._relay = relay
        self._clock = clock
        self._stopping = stopping
        self._log = logger("publisher")

    async def publish(
        self, items: Sequence[OutboxItem], bodies: Mapping[str, bytes] = NO_BODIES
    ) -> Sequence[OutboxItem]:
        """The items that the broker confirmed. The others stay in the outbox until their lease runs out.

        `bodies` holds envelopes by digest that need not be read again.
        """
        confirmed: list[OutboxItem] = []
        for chunk in _chunks(items):
            confirmed += await self._publish_chunk(chunk, bodies)
        return confirmed

    async def _publish_chunk(self, items: Sequence[OutboxItem], bodies: Mapping[str, bytes]) -> list[OutboxItem]:
        loaded = [(item, body) for item in items if (body := self._body(item, bodies)) is not None]
        backoff = Backoff(self._stopping)
        while loaded:
            try:
                outcome = await self._broker.publish(loaded)
                confirmed = [item for (item, _), there in zip(loaded, outcome, strict=True) if there]
                left = [pair for pair, there in zip(loaded, outcome, strict=True) if not there]
                if left:
                    confirmed += await self._second_try(left)
            except BrokerUnavailable as problem:
                self._log.warning("publish-postponed", items=len(loaded), reason=str(problem))
                if self._stopping.is_set():
                    return []
                await backoff.pause()
                now = self._clock.now()
                loaded = [pair for pair in loaded if pair[0].leased_until > now]
            else:
                return confirmed
        return []

    async def _second_try(self, left: Sequence[tuple[OutboxItem, bytes]]) -> list[OutboxItem]:
        """An agent's first message may come before its inbox does."""
        try:
            await self._broker.ensure_inboxes(sorted({item.agent for item, _ in left}))
            outcome = await self._broker.publish(left)
        except BrokerUnavailable:
            outcome = [False] * len(left)
        for (item, _), there in zip(left, outcome, strict=True):
            if not there:
                self._log.warning("not-in-any-inbox", item=item.id, agent=item.agent, message_id=item.message_id)
        return [item for (item, _), there in zip(left, outcome, strict=True) if there]

    def _body(self, item: OutboxItem, bodies: Mapping[str, bytes]) -> bytes | None:
        if item.kind is OutboxKind.DELIVERY and not item.claim and item.digest in bodies:
            return bodies[item.digest]
        try:
            return self._relay.load(item)
        except PayloadUnavailable as problem:
            self._log.error("payload-unavailable", item=item.id, message_id=item.message_id, reason=str(problem))
            return None


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
