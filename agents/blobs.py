"""Large envelopes over the hub's blob door: `PUT` and `GET {blob_url}/<digest>`, HTTP Basic as the agent."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Final

import httpx

from agents.errors import BlobsUnavailable
from edxml_schemas.contract import Claim
from edxml_schemas.names import MEDIA_TYPE

CHUNK: Final = 256 * 1024  # bytes handed to the socket at once
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)  # seconds, per read or write, not for the whole transfer


class HttpBlobs:
    """One connection pool per agent. The door checks the digest on `put`; `get` checks it here."""

    def __init__(self, url: str, *, agent: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(agent, token), timeout=TIMEOUT, transport=transport, trust_env=False
        )

    async def put(self, claim: Claim, content: bytes) -> None:
        headers = {"content-length": str(claim.size), "content-type": MEDIA_TYPE}
        try:
            answer = await self._client.put(self._address(claim), content=_chunks(content), headers=headers)
        except httpx.HTTPError as error:
            raise BlobsUnavailable(_reason(error)) from error
        if not answer.is_success:
            raise BlobsUnavailable(f"PUT: HTTP {answer.status_code}")

    async def get(self, claim: Claim) -> bytes:
        content = bytearray()
        try:
            async with self._client.stream("GET", self._address(claim)) as answer:
                if not answer.is_success:
                    raise BlobsUnavailable(f"GET: HTTP {answer.status_code}")
                async for chunk in answer.aiter_bytes(CHUNK):
                    content += chunk
                    if len(content) > claim.size:
                        raise BlobsUnavailable(f"GET: more than {claim.size} bytes")
        except httpx.HTTPError as error:
            raise BlobsUnavailable(_reason(error)) from error
        whole = bytes(content)
        if len(whole) != claim.size or await asyncio.to_thread(_digest, whole) != claim.digest:
            raise BlobsUnavailable("GET: digest mismatch")
        return whole

    async def close(self) -> None:
        await self._client.aclose()

    def _address(self, claim: Claim) -> str:
        return f"{self._url}/{claim.digest}"


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(content), CHUNK):
        yield bytes(view[start : start + CHUNK])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
