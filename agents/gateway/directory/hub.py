"""The hub's organ door, as seen from here: the list of organs, and applications. HTTP Basic as the agent."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import httpx
import orjson

from agents.errors import UsageFault
from agents.gateway.directory.errors import HubListUnavailable
from agents.gateway.directory.records import Application
from edxml_schemas.organ_list import (
    APPLICATIONS_PATH,
    LINE_BYTES,
    LIST_TYPE,
    ORGANS_PATH,
    Wish,
    WishAnswer,
    read_answer,
)

BLOBS_PATH: Final = "/-/blobs"
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)  # seconds, per read or write
LONGEST: Final = 15 * 60.0  # seconds for a whole list
LIST_BYTES: Final = 512 * 2**20
"""More is no list of organs."""
ANSWER_BYTES: Final = 4 * 2**20
WRITE_BYTES: Final = 2**20  # gathered before a thread writes them
OWNER_ONLY: Final = 0o600
TEXT_CHARS: Final = 500

_TOLD: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        401: (
            "trục không nhận tên hoặc mã của agent này; kiểm tra name và blob_token trong agent.toml",
            "the hub does not know this agent's name and token; check name and blob_token in agent.toml",
        ),
        404: (
            "trục không có cửa danh bạ; kiểm tra blob_url, hoặc hub_url của [gateway.directory]",
            "the hub has no organ door there; check blob_url, or hub_url of [gateway.directory]",
        ),
        429: ("trục đề nghị thử lại sau", "the hub asks to come again later"),
        503: ("trục tạm thời không phục vụ được", "the hub is temporarily away"),
    }
)
"""What an HTTP status of the door means, in Vietnamese and in English."""
_FINAL: Final = frozenset({404, 413, 422})
"""Statuses after which an application is not sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRefusal:
    """The hub does not take an application; asking again makes no difference."""

    reason: str


def hub_address(blob_url: str, hub_url: str) -> str:
    """The hub's address without a path of its own: what is set, or what the blob door's tells. Empty: it tells none.

    Raises UsageFault for what is no HTTP address.
    """
    told = blob_url.rstrip("/")
    address = hub_url.rstrip("/") or (told.removesuffix(BLOBS_PATH) if told.endswith(BLOBS_PATH) else "")
    if not address:
        return ""
    try:
        parsed = urlsplit(address)
        good = parsed.scheme in {"http", "https"} and bool(parsed.hostname)
    except ValueError:
        good = False
    if not good:
        raise UsageFault("hub_url không phải địa chỉ HTTP", "hub_url is no HTTP address")
    return address


class HubOrgans:
    """One connection pool per agent."""

    def __init__(
        self, address: str, *, agent: str, token: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`address` as `hub_address` gives it."""
        self._address = address
        self._where = urlsplit(address).netloc.rpartition("@")[2]
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(agent, token), timeout=TIMEOUT, transport=transport, trust_env=False
        )

    async def fetch(self, into: Path, *, since: int | None, digest: str) -> bool:
        """Writes the hub's list, or what changed `since` a version, to a file. False: it is the list of that digest.

        Raises HubListUnavailable.
        """
        headers = {"accept": LIST_TYPE}
        if digest:
            headers["if-none-match"] = f'W/"{digest}"'
        parameters = {} if since is None else {"since": str(since)}
        try:
            async with (
                asyncio.timeout(LONGEST),
                self._client.stream("GET", self._address + ORGANS_PATH, params=parameters, headers=headers) as answer,
            ):
                if answer.status_code == httpx.codes.NOT_MODIFIED:
                    return False
                if answer.status_code != httpx.codes.OK:
                    raise self._refused("GET", answer.status_code)
                await self._write(answer, into)
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._away(error) from error
        except OSError as error:
            raise HubListUnavailable(
                str(error.strerror or error), vi="không ghi được tệp", en="the file cannot be written"
            ) from error
        return True

    async def apply(self, application: Application) -> WishAnswer | HubRefusal:
        """Tells the hub of an application; any number of times. Raises HubListUnavailable."""
        wish = Wish(
            reference=application.reference,
            kind=application.kind,
            code=application.code,
            name=application.name,
            parent=application.parent,
            email=application.email,
            phone=application.phone,
            address=application.address,
        )
        status, body = await self._ask("POST", content=orjson.dumps(wish), limit=LINE_BYTES)
        try:
            if status in (httpx.codes.OK, httpx.codes.CREATED):
                return read_answer(orjson.loads(body))
            if status in _FINAL:
                told = orjson.loads(body)
                return HubRefusal(reason=f"{told['vi']} / {told['en']}"[:TEXT_CHARS])
        except (ValueError, KeyError, TypeError):  # a proxy's page, not the hub's word
            raise self._refused("POST", status) from None
        raise self._refused("POST", status)

    async def answers(self) -> Sequence[WishAnswer]:
        """What the hub says of this agent's applications. Raises HubListUnavailable."""
        status, body = await self._ask("GET", limit=ANSWER_BYTES)
        if status != httpx.codes.OK:
            raise self._refused("GET", status)
        try:
            told = orjson.loads(body)
            return tuple(map(read_answer, told if isinstance(told, list) else ()))
        except ValueError:
            raise self._refused("GET", status) from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, *, limit: int, content: bytes | None = None) -> tuple[int, bytes]:
        headers = {} if content is None else {"content-type": "application/json"}
        gathered = bytearray()
        try:
            async with (
                asyncio.timeout(LONGEST),
                self._client.stream(
                    method, self._address + APPLICATIONS_PATH, content=content, headers=headers
                ) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    gathered += chunk
                    if len(gathered) > limit:
                        raise HubListUnavailable(f"{method} {self._where}: > {limit} bytes")
                return answer.status_code, bytes(gathered)
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._away(error) from error

    async def _write(self, answer: httpx.Response, into: Path) -> None:
        with await asyncio.to_thread(_opened, into) as file:
            gathered, size = bytearray(), 0
            async for chunk in answer.aiter_bytes():
                gathered += chunk
                size += len(chunk)
                if size > LIST_BYTES:
                    raise HubListUnavailable(f"GET {self._where}: > {LIST_BYTES} bytes")
                if len(gathered) >= WRITE_BYTES:
                    await asyncio.to_thread(file.write, bytes(gathered))
                    gathered.clear()
            await asyncio.to_thread(file.write, bytes(gathered))

    def _refused(self, method: str, status: int) -> HubListUnavailable:
        vi, en = _TOLD.get(status, ("", ""))
        return HubListUnavailable(f"{method} {self._where}: HTTP {status}", vi=vi, en=en)

    def _away(self, error: Exception) -> HubListUnavailable:
        return HubListUnavailable(f"{self._where}: {type(error).__name__} {error}".strip())


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb")
