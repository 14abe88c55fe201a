"""Moves messages between the spool and the broker: what waits goes out, what comes in is kept, and then acknowledged.

At every point the process may die: what was not marked is done again, under the same ids, and the other side knows
them. How submissions go out stands in `sending`. A delivery is durable first, then acknowledged to the broker, then
reported to the hub; the report is repeated until the broker confirms it.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from agents.errors import BlobsUnavailable, LinkUnavailable, SpoolUnavailable, Unavailable
from agents.intake import Intake, Unreadable
from agents.pacing import LONGEST_WAIT, backoff, news_or, pause
from agents.ports import Blobs, Clock, DeliveredNote, InboxDelivery, Incoming, Link
from agents.sending import Sender
from agents.spool import Spool
from agents.spool.records import InboxItem
from agents.trail import Trail, trace_before_opening
from edxml_schemas.contract import Claim, MessageType, Urgency

WINDOW: Final = 64
"""Reports on their way to the broker at once; one at a time is ten times slower."""
DOWNLOADS: Final = 2
"""Large envelopes on their way from the blob door at once, in each lane; every one of them is in memory."""
POLL: Final = 0.05  # seconds between two looks at the spool's change counter; other processes write, too
PATIENCE: Final = 15 * 60.0  # seconds a delivery is kept in hand; the broker takes it back after 30 minutes
CRASH_PAUSE: Final = 2.0  # seconds until a message on which our code crashed goes back to the broker
RESEND_LOOKS: Final = 4  # looks for unanswered submissions per `resend_after`
LONGEST_RESEND_LOOK: Final = 30.0  # seconds
GRACE: Final = 5.0  # seconds for what is on its way when the agent is told to stop


class Pump:
    """One per agent; `run` it once."""

    def __init__(
        self,
        spool: Spool,
        link: Link,
        blobs: Blobs | None,
        *,
        intake: Intake,
        clock: Clock,
        resend_after: timedelta,
        prefetch: int,
        log: FilteringBoundLogger,
        trail: Trail | None = None,
    ) -> None:
        self._spool = spool
        self._link = link
        self._blobs = blobs
        self._intake = intake
        self._clock = clock
        self._resend_after = resend_after
        self._prefetch = prefetch
        self._log = log
        self._sender = Sender(spool, link, blobs, clock=clock, log=log, trail=trail)
        self._downloads = {urgency: asyncio.Semaphore(DOWNLOADS) for urgency in Urgency}
        self._report_news = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then what is on its way gets a few seconds to arrive."""
        loops: tuple[Callable[[asyncio.Event], Coroutine[Any, Any, None]], ...] = (
            self._watch,
            self._sender.send_small,
            self._sender.send_large,
            self._report_loop,
            self._receive_loop,
            self._resend_loop,
        )
        tasks = [asyncio.create_task(self._guarded(loop, stop)) for loop in loops]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                await asyncio.wait(tasks[1:4], timeout=GRACE)
        finally:
            for task in (stopped, *tasks):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self._sender.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _guarded(self, loop: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
        """A loop again and again: lost infrastructure never ends it."""
        attempts = 0
        clock = asyncio.get_running_loop()
        while not stop.is_set():
            begun = clock.time()
            try:
                await loop(stop)
            except Unavailable as fault:
                self._log.warning("waiting", vi=fault.vi, en=fault.en)
                attempts = 0 if clock.time() - begun > LONGEST_WAIT else attempts + 1
                await pause(stop, backoff(attempts))

    async def _watch(self, stop: asyncio.Event) -> None:
        """Wakes the others when anybody, in this process or another, wrote to the spool."""
        seen: int | None = None
        while not stop.is_set():
            now = await asyncio.to_thread(self._spool.changes)
            if now != seen:
                seen = now
                self._sender.wake()
                self._report_news.set()
            await pause(stop, POLL)

    async def _resend_loop(self, stop: asyncio.Event) -> None:
        look = min(LONGEST_RESEND_LOOK, self._resend_after.total_seconds() / RESEND_LOOKS)
        while not stop.is_set():
            now = self._clock.now()
            again = await asyncio.to_thread(
                self._spool.resend_unanswered, published_before=now - self._resend_after, now=now
            )
            if again:
                self._log.warning("unanswered", submissions=again)
            await pause(stop, look)

    # ── In ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _receive_loop(self, stop: asyncio.Event) -> None:
        await asyncio.to_thread(self._intake.send_late_arrivals)
        in_hand: set[asyncio.Task[None]] = set()
        await self._link.ready()
        try:
            async with contextlib.aclosing(self._link.deliveries(prefetch=self._prefetch)) as deliveries:
                async for delivery in deliveries:
                    task = asyncio.create_task(self._handle(delivery, stop))
                    in_hand.add(task)
                    task.add_done_callback(in_hand.discard)
        finally:
            for task in tuple(in_hand):
                task.cancel()
            await asyncio.gather(*in_hand, return_exceptions=True)

    async def _handle(self, delivery: InboxDelivery, stop: asyncio.Event) -> None:
        try:
            if await self._keep(delivery.message, stop):
                await delivery.ack()
            else:
                await delivery.requeue()
        except LinkUnavailable as fault:
            # The broker hands it out again; the spool knows it.
            self._log.warning("not-acknowledged", vi=fault.vi, en=fault.en)
        except Exception:
            self._log.exception("message.crashes")
            # The broker hands it out again at once, and gives up after some times: what ails us may pass meanwhile.
            await pause(stop, CRASH_PAUSE)
            with contextlib.suppress(LinkUnavailable):
                await delivery.requeue()
        self._report_news.set()

    async def _keep(self, message: Incoming | None, stop: asyncio.Event) -> bool:
        """Whether the message is durable now. Waits in place for lost infrastructure: sending it back again and again
        would make a dead letter of it."""
        if message is None:
            self._log.error("message.strange")
            return False
        named = {"trace_id": trace_before_opening(message), "leg": message.leg_id}
        patience = asyncio.get_running_loop().time() + PATIENCE
        attempts = 0
        while True:
            try:
                async with contextlib.nullcontext() if message.body is not None else self._downloads[message.urgency]:
                    content = await self._content(message)
                    if message.type is not MessageType.RECEIPT and _digest(content) != message.digest:
                        self._log.error("digest-mismatch", **named, stated=message.digest)
                        return False
                    await asyncio.to_thread(self._intake.keep, message, content)
            except (SpoolUnavailable, BlobsUnavailable) as fault:
                self._log.warning("not-kept", **named, vi=fault.vi, en=fault.en)
                if stop.is_set() or asyncio.get_running_loop().time() > patience:
                    return False
            except Unreadable as fault:
                self._log.error("message.unreadable", **named, kind=str(fault))
                return False
            else:
                return True
            await pause(stop, backoff(attempts))
            attempts += 1

    async def _content(self, message: Incoming) -> bytes:
        if message.body is not None:
            return message.body
        if self._blobs is None:
            raise BlobsUnavailable("blob_url")
        return await self._blobs.get(Claim(message.digest, message.size))

    async def _report_loop(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._report_news.clear()
            items = await asyncio.to_thread(self._spool.unreported, limit=WINDOW)
            if not items:
                await news_or(self._report_news, stop, LONGEST_WAIT)
                continue
            await self._link.ready()
            done = await asyncio.gather(*map(self._report, items), return_exceptions=True)
            good = [item.leg_id for item, result in zip(items, done, strict=True) if result is None]
            await asyncio.to_thread(self._spool.mark_reported, good, now=self._clock.now())
            for result in done:
                if isinstance(result, BaseException):
                    raise result

    async def _report(self, item: InboxItem) -> None:
        await self._link.report(
            DeliveredNote(leg_id=item.leg_id, message_id=item.message_id, digest=item.digest, at=self._clock.now())
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
