"""Moves messages between the spool and the broker: what waits goes out, what comes in is kept, and then acknowledged.

At every point the process may die: what was not marked is done again, under the same ids, and the other side knows
them. Outgoing submissions go urgent first, then oldest first; a submission is only marked when the broker confirmed it.
A delivery is durable first, then acknowledged to the broker, then reported to the hub; the report is repeated until the
broker confirms it.
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
from agents.ports import Blobs, Clock, DeliveredNote, InboxDelivery, Incoming, Link, Outgoing
from agents.spool import Spool
from agents.spool_records import InboxItem, Submission
from edxml_schemas.contract import CLAIM_THRESHOLD, Claim, MessageType

WINDOW: Final = 64
"""Submissions or reports on their way to the broker at once; one at a time is ten times slower."""
POLL: Final = 0.05  # seconds between two looks at the spool's change counter; other processes write, too
FIRST_WAIT: Final = 0.2  # seconds after the first failure
LONGEST_WAIT: Final = 30.0  # seconds between two attempts
PATIENCE: Final = 15 * 60.0  # seconds a delivery is kept in hand; the broker takes it back after 30 minutes
RESEND_LOOKS: Final = 4  # looks for unanswered submissions per `resend_after`
LONGEST_RESEND_LOOK: Final = 30.0  # seconds
GRACE: Final = 5.0  # seconds for what is on its way when the agent is told to stop


def backoff(attempts: int) -> float:
    """Seconds to wait after so many failures."""
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts, 16)))


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
    ) -> None:
        self._spool = spool
        self._link = link
        self._blobs = blobs
        self._intake = intake
        self._clock = clock
        self._resend_after = resend_after
        self._prefetch = prefetch
        self._log = log
        self._outgoing_news = asyncio.Event()
        self._report_news = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then what is on its way gets a few seconds to arrive."""
        loops: tuple[Callable[[asyncio.Event], Coroutine[Any, Any, None]], ...] = (
            self._watch,
            self._send_loop,
            self._report_loop,
            self._receive_loop,
            self._resend_loop,
        )
        tasks = [asyncio.create_task(self._guarded(loop, stop)) for loop in loops]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                await asyncio.wait(tasks[1:3], timeout=GRACE)
        finally:
            for task in (stopped, *tasks):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
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
                await _pause(stop, backoff(attempts))

    async def _watch(self, stop: asyncio.Event) -> None:
        """Wakes the others when anybody, in this process or another, wrote to the spool."""
        seen: int | None = None
        while not stop.is_set():
            now = await asyncio.to_thread(self._spool.changes)
            if now != seen:
                seen = now
                self._outgoing_news.set()
                self._report_news.set()
            await _pause(stop, POLL)

    # ── Out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _send_loop(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            if await self._link.ready():
                await asyncio.to_thread(self._spool.retry_now, now=self._clock.now())
            self._outgoing_news.clear()
            due = await asyncio.to_thread(self._spool.due, now=self._clock.now(), limit=WINDOW)
            if not due:
                await _news(self._outgoing_news, stop, await self._until_next())
                continue
            problems = await asyncio.gather(*map(self._attempt, due))
            sent = [each.submission_id for each, problem in zip(due, problems, strict=True) if problem is None]
            if sent:
                await asyncio.to_thread(self._spool.mark_published, sent, now=self._clock.now())
            for each, problem in zip(due, problems, strict=True):
                if problem is not None:
                    again = self._clock.now() + timedelta(seconds=backoff(each.attempts))
                    await asyncio.to_thread(self._spool.mark_failed, each.submission_id, problem, retry_at=again)
            if sent:
                failures = 0
            else:
                failures += 1
                await _pause(stop, backoff(failures))

    async def _until_next(self) -> float:
        first = await asyncio.to_thread(self._spool.next_due)
        if first is None:
            return LONGEST_WAIT
        return max(0.0, min(LONGEST_WAIT, (first - self._clock.now()).total_seconds()))

    async def _attempt(self, each: Submission) -> str | None:
        """Publishes one submission; the problem when it did not work."""
        try:
            content = await asyncio.to_thread(self._spool.envelope, each.digest)
            claimed = each.size > CLAIM_THRESHOLD and self._blobs is not None
            if claimed and self._blobs is not None:
                await self._blobs.put(Claim(each.digest, each.size), content)
            await self._link.publish(
                Outgoing(
                    submission_id=each.submission_id,
                    type=each.type,
                    urgency=each.urgency,
                    digest=each.digest,
                    size=each.size,
                    body=None if claimed else content,
                )
            )
        except Unavailable as fault:
            self._log.warning("not-published", submission=each.submission_id, vi=fault.vi, en=fault.en)
            return str(fault)
        self._log.info("published", submission=each.submission_id, document=each.document_id, status=each.status_code)
        return None

    async def _resend_loop(self, stop: asyncio.Event) -> None:
        look = min(LONGEST_RESEND_LOOK, self._resend_after.total_seconds() / RESEND_LOOKS)
        while not stop.is_set():
            now = self._clock.now()
            again = await asyncio.to_thread(
                self._spool.resend_unanswered, published_before=now - self._resend_after, now=now
            )
            if again:
                self._log.warning("unanswered", submissions=again)
            await _pause(stop, look)

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
            with contextlib.suppress(LinkUnavailable):
                await delivery.requeue()
        self._report_news.set()

    async def _keep(self, message: Incoming | None, stop: asyncio.Event) -> bool:
        """Whether the message is durable now. Waits in place for lost infrastructure: sending it back again and again
        would make a dead letter of it."""
        if message is None:
            self._log.error("message.strange")
            return False
        patience = asyncio.get_running_loop().time() + PATIENCE
        attempts = 0
        while True:
            try:
                content = await self._content(message)
                if message.type is not MessageType.RECEIPT and _digest(content) != message.digest:
                    self._log.error("digest-mismatch", leg=message.leg_id, stated=message.digest)
                    return False
                await asyncio.to_thread(self._intake.keep, message, content)
            except (SpoolUnavailable, BlobsUnavailable) as fault:
                self._log.warning("not-kept", leg=message.leg_id, vi=fault.vi, en=fault.en)
                if stop.is_set() or asyncio.get_running_loop().time() > patience:
                    return False
            except Unreadable as fault:
                self._log.error("message.unreadable", kind=str(fault))
                return False
            else:
                return True
            await _pause(stop, backoff(attempts))
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
                await _news(self._report_news, stop, LONGEST_WAIT)
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


async def _news(news: asyncio.Event, stop: asyncio.Event, within: float) -> None:
    """Returns at news, at the end, or after `within` seconds."""
    waits = [asyncio.create_task(news.wait()), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
