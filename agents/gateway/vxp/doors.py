"""Who calls, as far as the signature proves it, and request bodies that are small or not wanted."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request

from agents.gateway.access.naming import loggable
from agents.gateway.bodies import TooLarge, TooSlow
from agents.gateway.rooms import Gateway
from agents.gateway.vxp.faults import ErrorCode, Fault, not_believed
from agents.gateway.vxp.signing import NotBelieved, Secrets, SignedCall, believe, headers_of, system_of

SMALL: Final = 64 * 1024
"""Bytes of a JSON body, and of a body that nobody reads."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The key has used up its calls; it may call again after so many seconds."""

    seconds: int

    @property
    def fault(self) -> Fault:
        return Fault(ErrorCode.SYSTEM, f"Hệ thống gọi quá nhanh. Đề nghị chờ {self.seconds} giây rồi gọi lại.")


class Doors:
    """Asks the store of keys, in threads."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._age = gateway.settings.vxp.timestamp_age

    async def enter(self, request: Request) -> SignedCall | Fault | Wait:
        """The call with its signed arguments, or why it is not let in. Raises AccessUnavailable."""
        headers = headers_of(request.scope["headers"])
        system = system_of(headers)
        if isinstance(system, NotBelieved):
            return self._refused(request, system)
        access, now = self._gateway.access, self._gateway.clock.now()
        found = await asyncio.to_thread(access.hmac_secrets, system, now=now)
        known = None if found is None else Secrets(*found)
        call = believe(headers, known, now=now, age=self._age)
        if isinstance(call, NotBelieved):
            return self._refused(request, call, claimed=system)
        await asyncio.to_thread(access.used, call.caller, now=now)
        wait = math.ceil(self._gateway.throttle.admit(call.caller, now=time.monotonic()))
        return Wait(wait) if wait else call

    def _refused(self, request: Request, why: NotBelieved, *, claimed: str = "") -> Fault:
        self._gateway.log.warning(
            "vxp.not-believed",
            path=request.scope["path"],
            claims=loggable(claimed),
            why=why.why.value,
            about=loggable(why.name),
        )
        return not_believed(why, age=self._age)


async def paced(stream: AsyncIterator[bytes], *, idle: float) -> AsyncIterator[bytes]:
    """The stream, as long as it does not fall silent for `idle` seconds. Raises TooSlow."""
    chunks = aiter(stream)
    while True:
        try:
            yield await asyncio.wait_for(anext(chunks), idle)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise TooSlow(idle) from None


class Body:
    """A request's body, read once by whoever wants it; the rest is thrown away before the answer."""

    def __init__(self, request: Request, *, idle: float) -> None:
        """`idle` is how many seconds the client may send nothing."""
        self._stream = request.stream()
        self._idle = idle
        self._begun = False
        self._asks_first = "100-continue" in request.headers.get("expect", "").lower()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._begun = True
        async for chunk in self._stream:
            yield chunk

    async def small(self) -> bytes:
        """All of it, at most `SMALL` bytes. Raises TooLarge, TooSlow and ClientDisconnect."""
        body = bytearray()
        async for chunk in paced(aiter(self), idle=self._idle):
            body += chunk
            if len(body) > SMALL:
                raise TooLarge(SMALL)
        return bytes(body)

    async def drain(self, *, limit: int) -> None:
        """Reads what is left and forgets it: a client that is still sending would see its connection break instead of
        the answer. Ends early after `limit` bytes, and when nothing comes; a client that asked whether it may send, and
        was not told to, sends nothing."""
        if self._asks_first and not self._begun:
            return
        left = limit
        try:
            async for chunk in paced(aiter(self), idle=self._idle):
                left -= len(chunk)
                if left < 0:
                    return
        except (TooLarge, TooSlow, ClientDisconnect):
            return
