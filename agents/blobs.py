"""Large envelopes over the hub's blob door: `PUT` and `GET {blob_url}/<digest>`, HTTP Basic as the agent."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import httpx

from agents.errors import BlobsUnavailable, UsageFault
from edxml_schemas.contract import Claim
from edxml_schemas.names import MEDIA_TYPE

CHUNK: Final = 256 * 1024  # bytes handed to the socket at once
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)  # seconds, per read or write, not for the whole transfer

_TOLD: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        401: (
            "trục không nhận tên hoặc mã của agent này; kiểm tra name và blob_token trong agent.toml",
            "the hub does not know this agent's name and token; check name and blob_token in agent.toml",
        ),
        403: ("trục không cho phép", "the hub does not allow it"),
        404: (
            "trục không có, hoặc không cho agent này lấy; kiểm tra blob_url",
            "the hub has no such envelope for this agent; check blob_url",
        ),
        413: ("lớn hơn giới hạn của trục", "larger than the hub takes"),
        422: ("nội dung không khớp mã băm khi tới trục", "the bytes that arrived have another digest"),
        503: ("trục tạm thời không phục vụ được", "the hub is temporarily away"),
        507: ("trục tạm hết chỗ chứa", "the hub has no room at present"),
    }
)
"""What an HTTP status of the door means, in Vietnamese and in English."""


class HttpBlobs:
    """One connection pool per agent. The door checks the digest on `put`; `get` checks it here."""

    def __init__(self, url: str, *, agent: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Raises UsageFault for a `url` that is no HTTP address."""
        self._url = url.rstrip("/")
        self._where = _place(self._url)
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(agent, token), timeout=TIMEOUT, transport=transport, trust_env=False
        )

    async def put(self, claim: Claim, content: bytes) -> None:
        headers = {"content-length": str(claim.size), "content-type": MEDIA_TYPE}
        try:
            answer = await self._client.put(self._address(claim), content=_chunks(content), headers=headers)
        except httpx.HTTPError as error:
            raise self._away(error) from error
        if not answer.is_success:
            raise self._refused("PUT", answer.status_code)

    async def get(self, claim: Claim) -> bytes:
        content = bytearray()
        try:
            async with self._client.stream("GET", self._address(claim)) as answer:
                if not answer.is_success:
                    raise self._refused("GET", answer.status_code)
                async for chunk in answer.aiter_bytes(CHUNK):
                    content += chunk
                    if len(content) > claim.size:
                        raise BlobsUnavailable(f"GET {self._where}: > {claim.size} bytes")
        except httpx.HTTPError as error:
            raise self._away(error) from error
        whole = bytes(content)
        if len(whole) != claim.size or await asyncio.to_thread(_digest, whole) != claim.digest:
            raise BlobsUnavailable(
                f"GET {self._where}: SHA-256", vi="không đúng nội dung đã gửi", en="not the bytes that were sent"
            )
        return whole

    async def close(self) -> None:
        await self._client.aclose()

    def _address(self, claim: Claim) -> str:
        return f"{self._url}/{claim.digest}"

    def _refused(self, method: str, status: int) -> BlobsUnavailable:
        vi, en = _TOLD.get(status, ("", ""))
        return BlobsUnavailable(f"{method} {self._where}: HTTP {status}", vi=vi, en=en)

    def _away(self, error: httpx.HTTPError) -> BlobsUnavailable:
        return BlobsUnavailable(f"{self._where}: {type(error).__name__} {error}".strip())


def _place(url: str) -> str:
    """Host and port of an address, for people. Raises UsageFault."""
    reason = "http://, https://"
    try:
        parsed = urlsplit(url)
        if parsed.scheme in {"http", "https"} and parsed.hostname:
            return f"{parsed.hostname}:{parsed.port or parsed.scheme}"
    except ValueError as error:
        reason = str(error)
    raise UsageFault(f"blob_url không phải địa chỉ HTTP: {reason}", f"blob_url is no HTTP address: {reason}")


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(content), CHUNK):
        yield bytes(view[start : start + CHUNK])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
