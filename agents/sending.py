"""Moves submissions from the spool to the broker, in two lanes.

What fits into a message goes in windows, bounded by number and by bytes. What is larger is uploaded to the hub's blob
door first, a few at a time in tasks of their own, so that a door that hangs holds up nothing but large envelopes. In
each lane urgent ones go first, then the oldest. A submission is marked only when the broker confirmed it: whatever
happens in between is done again, under the same id.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from structlog.typing import FilteringBoundLogger

from agents.errors import LinkUnavailable, SpoolUnavailable, Unavailable
from agents.pacing import LONGEST_WAIT, backoff, news_or, pause
from agents.ports import Blobs, Clock, Link, Outgoing
from agents.spool import Spool
from agents.spool.records import Submission
from agents.trail import Trail
from edxml_schemas.contract import CLAIM_THRESHOLD, Claim, Urgency

WINDOW: Final = 64
"""Submissions on their way to the broker at once; one at a time is ten times slower."""
WINDOW_BYTES: Final = 16 * 2**20
"""Bytes of envelopes in such a window, which are all in memory at once."""
UPLOADS: Final = 2
"""Large envelopes on their way to the blob door at once, each of them in memory; urgent ones may be one more."""
NO_DOOR_WAIT: Final = 300.0
"""Seconds until a large envelope is looked at again by an agent without a blob door; a restart looks at once."""
NO_DOOR: Final = (
    "Văn bản lớn hơn 1 MiB phải gửi qua kho của trục, nhưng agent.toml chưa có blob_url, blob_token; "
    "đề nghị ghi vào và chạy lại agent, văn bản sẽ được gửi tiếp. / "
    "An envelope above 1 MiB goes through the hub's store, but agent.toml has no blob_url and blob_token; "
    "set them and start the agent again, the envelope will then be sent."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a submission was not published. `wait` is in seconds; `link` says that the broker was to blame.

    `lasting` problems do not go away by themselves, so that people are told in the result file.
    """

    problem: str
    wait: float
    link: bool = False
    lasting: bool = False


class Sender:
    """One per agent. The two lanes are loops to be run once each; they raise Unavailable, and may be run again."""

    def __init__(
        self,
        spool: Spool,
        link: Link,
        blobs: Blobs | None,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        trail: Trail | None = None,
    ) -> None:
        """Without a trail of the agent's, its lines and spans name no agent."""
        self._trail = trail or Trail(log)
        self._spool = spool
        self._link = link
        self._blobs = blobs
        self._clock = clock
        self._log = log
        # One each: a lane that clears the other's event would make it oversleep.
        self._small_news = asyncio.Event()
        self._large_news = asyncio.Event()
        self._in_hand: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There may be something new in the spool."""
        self._small_news.set()
        self._large_news.set()

    async def close(self) -> None:
        """Gives up what is still being uploaded."""
        tasks = tuple(self._in_hand.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send_small(self, stop: asyncio.Event) -> None:
        """The lane of envelopes that travel inside their message."""
        failures = 0
        while not stop.is_set():
            await self._ready()
            self._small_news.clear()
            due = await asyncio.to_thread(self._spool.due, now=self._clock.now(), limit=WINDOW, at_most=CLAIM_THRESHOLD)
            window = _window(due)
            if not window:
                first = await asyncio.to_thread(self._spool.next_due, at_most=CLAIM_THRESHOLD)
                await news_or(self._small_news, stop, self._until(first))
                continue
            outcomes = await asyncio.gather(*map(self._attempt, window))
            await self._settle(window, outcomes)
            # Only a broker that takes nothing makes everybody wait; one bad submission waits alone.
            failures = failures + 1 if all(each is not None and each.link for each in outcomes) else 0
            if failures:
                await pause(stop, backoff(failures))

    async def send_large(self, stop: asyncio.Event) -> None:
        """The lane of envelopes that go through the blob door. At the end it waits for what is on its way."""
        while not stop.is_set():
            await self._ready()
            self._large_news.clear()
            in_hand = tuple(self._in_hand)
            due = await asyncio.to_thread(
                self._spool.due, now=self._clock.now(), limit=1, above=CLAIM_THRESHOLD, without=in_hand
            )
            if due and len(in_hand) < (UPLOADS + 1 if due[0].urgency is Urgency.URGENT else UPLOADS):
                self._begin(due[0], stop)
                continue
            first = None
            if not due:
                first = await asyncio.to_thread(self._spool.next_due, above=CLAIM_THRESHOLD, without=in_hand)
            await news_or(self._large_news, stop, self._until(first))
        if self._in_hand:
            await asyncio.wait(tuple(self._in_hand.values()))

    def _begin(self, each: Submission, stop: asyncio.Event) -> None:
        task = asyncio.create_task(self._upload(each, stop))
        self._in_hand[each.submission_id] = task

        def done(_: asyncio.Task[None]) -> None:
            del self._in_hand[each.submission_id]
            self._large_news.set()

        task.add_done_callback(done)

    async def _upload(self, each: Submission, stop: asyncio.Event) -> None:
        outcome = await self._attempt(each)
        attempts = 0
        while True:
            try:
                await self._settle((each,), (outcome,))
            except SpoolUnavailable as fault:
                self._log.warning("not-marked", **self._named(each), vi=fault.vi, en=fault.en)
                if stop.is_set():
                    return
                await pause(stop, backoff(attempts))
                attempts += 1
            else:
                return

    async def _ready(self) -> None:
        if await self._link.ready():
            await asyncio.to_thread(self._spool.retry_now, now=self._clock.now())

    def _until(self, first: datetime | None) -> float:
        if first is None:
            return LONGEST_WAIT
        return max(0.0, min(LONGEST_WAIT, (first - self._clock.now()).total_seconds()))

    async def _settle(self, tried: Sequence[Submission], outcomes: Sequence[Failure | None]) -> None:
        sent = [each.submission_id for each, failure in zip(tried, outcomes, strict=True) if failure is None]
        if sent:
            await asyncio.to_thread(self._spool.mark_published, sent, now=self._clock.now())
        for each, failure in zip(tried, outcomes, strict=True):
            if failure is not None:
                again = self._clock.now() + timedelta(seconds=failure.wait)
                await asyncio.to_thread(
                    self._spool.mark_failed, each.submission_id, failure.problem, retry_at=again, tell=failure.lasting
                )

    async def _attempt(self, each: Submission) -> Failure | None:
        """Publishes one submission; why not, when it did not work, whatever the reason."""
        claimed = each.size > CLAIM_THRESHOLD
        if claimed and self._blobs is None:
            self._log.error("no-blob-door", **self._named(each), size=each.size)
            return Failure(problem=NO_DOOR, wait=NO_DOOR_WAIT, lasting=True)
        wait = backoff(each.attempts)
        try:
            await self._publish(each)
        except Unavailable as fault:
            self._log.warning("not-published", **self._named(each), vi=fault.vi, en=fault.en)
            return Failure(problem=str(fault), wait=wait, link=isinstance(fault, LinkUnavailable))
        except Exception as error:
            # One submission that cannot be sent must not keep the others from being sent.
            self._log.exception("submission.crashes", **self._named(each))
            name = type(error).__name__
            problem = f"Lỗi bất ngờ khi gửi ({name}), sẽ thử lại. / Unexpected error ({name}), it will be tried again."
            return Failure(problem=problem, wait=wait, lasting=True)
        self._trail.published(each, now=self._clock.now())
        return None

    def _named(self, each: Submission) -> dict[str, str]:
        return {"trace_id": self._trail.trace(each), "submission": each.submission_id}

    async def _publish(self, each: Submission) -> None:
        content = await asyncio.to_thread(self._spool.envelope, each.digest)
        body: bytes | None = content
        if self._blobs is not None and each.size > CLAIM_THRESHOLD:
            await self._blobs.put(Claim(each.digest, each.size), content)
            body = None
        await self._link.publish(
            Outgoing(
                submission_id=each.submission_id,
                type=each.type,
                urgency=each.urgency,
                digest=each.digest,
                size=each.size,
                body=body,
                vouched=each.vouched,
            )
        )


def _window(due: Sequence[Submission]) -> Sequence[Submission]:
    """The first of them, as many as fit into WINDOW_BYTES; always one."""
    total = 0
    for number, each in enumerate(due):
        total += each.size
        if number and total > WINDOW_BYTES:
            return due[:number]
    return due
