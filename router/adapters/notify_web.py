"""Notices by HTTP: webhooks that get JSON with a signature, and chats in the shape of Telegram."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import httpx
import orjson

from router.core.notices import Notice
from router.errors import HubProblem
from router.ports import Clock
from router.ports.alarms import NotTaken

SIGNATURE_HEADER: Final = "X-Truc-Signature"
TIME_HEADER: Final = "X-Truc-Time"
ID_HEADER: Final = "X-Truc-Notice"
CHAT_CHARS: Final = 4000
"""Telegram takes 4096."""
LONGEST_WAIT: Final = 3600


def signature_of(secret: str, *, at: str, body: bytes) -> str:
    """What `X-Truc-Signature` holds: HMAC-SHA256 over time, a dot and the body. Who checks it checks the time, too."""
    return "sha256=" + hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


class WebhookChannel:
    """POST of `{"id", "kind", "title", "text", "created_at", …data}`; any 2xx has taken it."""

    def __init__(self, name: str, url: str, *, secret: Callable[[], str], patience: float, clock: Clock) -> None:
        self._name = name
        self._url = url
        self._secret = secret
        self._patience = patience
        self._clock = clock

    @property
    def name(self) -> str:
        return self._name

    async def send(self, notice: Notice) -> None:
        body = orjson.dumps(
            {
                **notice.data,
                "id": notice.id,
                "kind": notice.kind.value,
                "title": notice.title,
                "text": notice.text,
                "created_at": notice.created_at.isoformat(),
            }
        )
        at = str(int(self._clock.now().timestamp()))
        headers = {"Content-Type": "application/json", TIME_HEADER: at, ID_HEADER: notice.id}
        secret = _told(self._secret)
        if secret:
            headers[SIGNATURE_HEADER] = signature_of(secret, at=at, body=body)
        await _post(self._url, body, headers, patience=self._patience)


class TelegramChannel:
    """`sendMessage` of Telegram's bots, or of whatever speaks like them."""

    def __init__(self, name: str, url: str, *, chat: str, token: Callable[[], str], patience: float) -> None:
        self._name = name
        self._url = url.rstrip("/")
        self._chat = chat
        self._token = token
        self._patience = patience

    @property
    def name(self) -> str:
        return self._name

    async def send(self, notice: Notice) -> None:
        text = f"{notice.title}\n\n{notice.text}"
        shown = text if len(text) <= CHAT_CHARS else f"{text[: CHAT_CHARS - 1]}…"
        # No parse_mode: what stands in a document is never taken for markup.
        body = orjson.dumps({"chat_id": self._chat, "text": shown, "disable_web_page_preview": True})
        url = f"{self._url}/bot{_told(self._token)}/sendMessage"
        await _post(url, body, {"Content-Type": "application/json"}, patience=self._patience)


def _told(secret: Callable[[], str]) -> str:
    try:
        return secret()
    except HubProblem as problem:
        raise NotTaken(str(problem)) from None


async def _post(url: str, body: bytes, headers: dict[str, str], *, patience: float) -> None:
    """Redirects are not followed: who can change an address is the administrator."""
    try:
        async with (
            asyncio.timeout(2 * patience),  # one who drips bytes is not waited for
            httpx.AsyncClient(timeout=patience, follow_redirects=False) as client,
        ):
            answer = await client.post(url, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError) as problem:
        # Its words may hold the address, and that may hold a token.
        raise NotTaken(type(problem).__name__) from None
    if not answer.is_success:
        raise NotTaken(f"HTTP {answer.status_code}", wait=_wait_in(answer))


def _wait_in(answer: httpx.Response) -> timedelta | None:
    """When the other side wants to be asked again: Retry-After in seconds, or Telegram's `retry_after`."""
    given = answer.headers.get("retry-after", "")
    if not given and answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        try:
            given = str(answer.json()["parameters"]["retry_after"])
        except (ValueError, KeyError, TypeError):
            return None
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        return None
    return timedelta(seconds=min(int(given), LONGEST_WAIT))
