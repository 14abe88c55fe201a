"""Calls webhooks: hints that something is new, signed, at least once, in order, and patiently.

A webhook is a place in the spool that moves on when its receiver has said 2xx. What it did not take is told again,
later and later; nothing is kept besides the place, and a receiver that hangs holds up nobody else.
"""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid5

import httpx
import orjson

from agents.errors import AgentFault, Unavailable
from agents.gateway.access.records import KeyState
from agents.gateway.callers import Caller, Right
from agents.gateway.rest.events import hint_of
from agents.gateway.rest.memory import RestMemory, Webhook
from agents.gateway.rest.secrets import WebhookSecrets
from agents.gateway.rest.targets import Barred, Resolve, Target, resolved, target_of
from agents.gateway.rooms import Gateway
from agents.pacing import pause
from agents.spool.news import News, Place, news_since

REST: Final = 30.0  # seconds until what went wrong on this side is tried again
LOOK: Final = 1.0  # seconds between two looks for something to tell
AT_ONCE: Final = 8  # receivers that are called at the same time
BATCH: Final = 100  # hints in one call
RETRY_AFTER: Final = tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 1800, 3600))
"""After the first failure, the second, and so on; the last one goes on."""
JITTER: Final = 0.2
"""Part of a wait that is left to chance, so that receivers are not all called at once when a network is back."""
GONE: Final = 410
_USER_AGENT: Final = "truc-agent-webhook/1"


class Post(Protocol):
    """One call. Returns the HTTP status. Whatever it raises, the receiver did not take it."""

    async def __call__(self, target: Target, body: bytes, headers: dict[str, str]) -> int: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver said 2xx."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Why it did not."""

    problem: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The receiver is gone for good (410), or its key is."""


def retry_after(attempts: int, *, chance: float) -> timedelta:
    """How long to wait after so many failures in a row; `chance` is from 0 to 1."""
    wait = RETRY_AFTER[min(max(attempts, 1), len(RETRY_AFTER)) - 1]
    return wait * (1 + JITTER * (2 * chance - 1))


class WebhookCaller:
    """Implements `agents.agent.Connector`."""

    def __init__(
        self,
        gateway: Gateway,
        memory: RestMemory,
        secrets: WebhookSecrets,
        *,
        post: Post | None = None,
        resolve: Resolve = resolved,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`trust` says which servers are who they say they are; the machine's own authorities without it."""
        self._gateway = gateway
        self._memory = memory
        self._secrets = secrets
        self._post = post
        self._resolve = resolve
        self._trust = trust
        self._seen: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then the memory is closed. Raises nothing: hints must not end what moves the letters."""
        with contextlib.closing(self._memory):
            while not stop.is_set():
                try:
                    await self._run(stop)
                except Exception as error:
                    self._gateway.log.error("webhooks.failed", error=_kind_of(error))  # noqa: TRY400  no words in the log
                    await pause(stop, REST)

    async def _run(self, stop: asyncio.Event) -> None:
        # The transport alone: a client would read redirects, and carry one receiver's cookies to the next.
        async with httpx.AsyncHTTPTransport(
            verify=self._trust or ssl.create_default_context(),
            trust_env=False,  # a proxy would call whom it likes
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0),
        ) as transport:
            post = self._post or _Poster(transport, self._gateway.settings.rest.webhook_timeout.total_seconds())
            busy: dict[str, asyncio.Task[None]] = {}
            async with asyncio.TaskGroup() as tasks:
                while not stop.is_set():
                    for each, changes in await self._due():
                        if each.webhook_id not in busy and len(busy) < AT_ONCE:
                            self._seen[each.webhook_id] = changes
                            busy[each.webhook_id] = tasks.create_task(self.call(each, post))
                    await pause(stop, LOOK)
                    busy = {name: task for name, task in busy.items() if not task.done()}
                for task in busy.values():
                    task.cancel()

    async def _due(self) -> Sequence[tuple[Webhook, int]]:
        """Webhooks for which there may be something to tell, and the spool's number of changes."""
        try:
            changes = await asyncio.to_thread(self._gateway.desk.spool.changes)
            due = await asyncio.to_thread(self._memory.due, now=self._gateway.clock.now())
        except Unavailable as error:
            self._gateway.log.warning("webhooks.waiting", en=error.en)
            return ()
        known = {each.webhook_id for each in due}
        self._seen = {name: at for name, at in self._seen.items() if name in known}
        return [(each, changes) for each in due if each.attempts or self._seen.get(each.webhook_id) != changes]

    async def call(self, webhook: Webhook, post: Post) -> None:
        """Tells a receiver everything that is new, until it has heard it all or does not take it.

        What nobody expected is a failed try, too: the webhook waits, and the others do not.
        """
        try:
            try:
                await self._tell_all(webhook, post)
            except AgentFault:
                raise
            except Exception as error:  # its words may be somebody's: the kind is enough
                await self._failed(webhook, type(error).__name__, attempts=webhook.attempts + 1)
        except AgentFault as error:
            # The disk, or the key that seals the secrets: not the receiver's fault.
            self._gateway.log.warning("webhook.waiting", webhook=webhook.webhook_id, vi=error.vi, en=error.en)
            await asyncio.sleep(REST)
            self._seen.pop(webhook.webhook_id, None)

    async def _tell_all(self, webhook: Webhook, post: Post) -> None:
        place, told = webhook.place, 0
        while True:
            caller = await asyncio.to_thread(self._caller, webhook)
            if caller is None:
                await self._end(webhook, "key")
                return
            spool = self._gateway.desk.spool
            news, reached = await asyncio.to_thread(news_since, spool, place, organs=caller.organs, limit=BATCH)
            wanted = [each for each in news if each.kind in webhook.kinds]
            outcome = await self._tell(webhook, wanted, place, post) if wanted else Taken()
            if isinstance(outcome, Ended):
                await self._end(webhook, "410")
                return
            if isinstance(outcome, NotTaken):
                await self._failed(webhook, outcome.problem, attempts=webhook.attempts + 1 if not told else 1)
                return
            told += len(wanted)
            if reached != place or webhook.attempts:
                now = self._gateway.clock.now() if wanted else None
                await asyncio.to_thread(self._memory.told, webhook.webhook_id, reached, now=now)
            place = reached
            if len(news) < BATCH:
                return

    async def _tell(self, webhook: Webhook, news: Sequence[News], place: Place, post: Post) -> Taken | NotTaken | Ended:
        target = await target_of(webhook.url, trusted=self._gateway.settings.rest.webhook_hosts, resolve=self._resolve)
        if isinstance(target, Barred):
            return NotTaken(f"{target.vi} / {target.en}")
        message_id = f"msg_{uuid5(UUID(webhook.webhook_id), f'{place}:{news[-1].place}').hex}"
        now = self._gateway.clock.now()
        body = body_of(webhook.webhook_id, news, now=now)
        headers = {
            "Host": target.authority,
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._secrets.sign(
                webhook.secret, message_id=message_id, timestamp=int(now.timestamp()), body=body
            ),
        }
        try:
            status = await post(target, body, headers)
        except Exception as error:  # whatever a receiver makes of its answer, it did not take the hints
            return NotTaken(type(error).__name__)
        if status == GONE:
            return Ended()
        return Taken() if 200 <= status < 300 else NotTaken(f"HTTP {status}")

    def _caller(self, webhook: Webhook) -> Caller | None:
        """The key as it is now; None when it is no more, or may not look."""
        now = self._gateway.clock.now()
        for each in tuple(self._gateway.access.keys()):
            if each.key_id == webhook.key_id and each.state(now) is KeyState.ACTIVE:
                caller = Caller(
                    key_id=each.key_id,
                    system_id=each.system_id,
                    organs=each.organs,
                    rights=each.rights,
                    per_minute=each.per_minute,
                )
                return caller if caller.may(Right.READ) else None
        return None

    async def _end(self, webhook: Webhook, why: str) -> None:
        await asyncio.to_thread(self._memory.remove_webhook, webhook.key_id, webhook.webhook_id)
        self._gateway.log.info("webhook.ended", webhook=webhook.webhook_id, key=webhook.key_id, why=why)

    async def _failed(self, webhook: Webhook, problem: str, *, attempts: int) -> None:
        wait = retry_after(attempts, chance=random.random())  # noqa: S311  spreads calls, keeps no secret
        retry_at = self._gateway.clock.now() + wait
        await asyncio.to_thread(self._memory.failed, webhook.webhook_id, problem, retry_at=retry_at)
        self._gateway.log.warning(
            "webhook.not-taken",
            webhook=webhook.webhook_id,
            key=webhook.key_id,
            attempts=attempts,
            problem=problem,
            again_in=round(wait.total_seconds()),
        )


def body_of(webhook_id: str, news: Sequence[News], *, now: datetime) -> bytes:
    """What a receiver gets: hints alone."""
    return orjson.dumps(
        {"webhook_id": webhook_id, "sent_at": now.isoformat(), "events": [hint_of(each) for each in news]}
    )


def _kind_of(error: Exception) -> str:
    """The types of an error, and of those that a group holds."""
    held = [type(each).__name__ for each in error.exceptions] if isinstance(error, ExceptionGroup) else []
    return ", ".join([type(error).__name__, *held])


class _Poster:
    """Calls the address that was looked at, under the host's name, and reads nothing of the answer but its status."""

    def __init__(self, transport: httpx.AsyncBaseTransport, seconds: float) -> None:
        self._transport = transport
        self._seconds = seconds

    async def __call__(self, target: Target, body: bytes, headers: dict[str, str]) -> int:
        extensions = {"sni_hostname": target.host, "timeout": httpx.Timeout(self._seconds).as_dict()}
        request = httpx.Request("POST", target.url, content=body, headers=headers, extensions=extensions)
        async with asyncio.timeout(self._seconds):  # of the whole call: httpx counts from piece to piece
            answer = await self._transport.handle_async_request(request)
            try:
                return answer.status_code
            finally:
                await answer.aclose()
