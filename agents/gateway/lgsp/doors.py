"""Who calls: the token of the installation, and the pair of the system that speaks for organs.

The token says that the installation has logged in; the pair decides for whom a call speaks, whoever logged in.
"""

import asyncio
import math
import time
from typing import Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from agents.gateway.access.naming import loggable
from agents.gateway.access.records import Login
from agents.gateway.bodies import TooSlow
from agents.gateway.callers import Caller
from agents.gateway.lgsp.answers import Number, Operation, not_now, refused, unauthorised
from agents.gateway.lgsp.refusals import RETRY_AFTER
from agents.gateway.rooms import Gateway

TOKEN_CHARS: Final = 512
"""No credential is longer; longer ones are not even looked up."""
JSON_BYTES: Final = 64 * 1024

LOG_IN: Final = (
    "Chưa đăng nhập. Đề nghị gọi POST /v1/auth/login rồi gửi tiêu đề Authorization: Bearer <token> cho mọi lời gọi."
)
LOG_IN_AGAIN: Final = (
    "Token không đúng hoặc đã hết hạn (30 phút). Đề nghị đăng nhập lại (POST /v1/auth/login) rồi gọi lại."
)
BAD_PAIR: Final = (
    "Sai SystemId hoặc SecretKey. Đề nghị kiểm tra cặp X-SystemId, X-SecretKey của đơn vị; nếu khóa đã bị thu hồi "
    "hoặc đã đổi, đề nghị người quản trị tác nhân cấp lại (truc-agent keys)."
)
TOO_FAST: Final = "Hệ thống gọi quá nhanh. Đề nghị chờ {seconds} giây rồi gọi lại."
NO_JSON: Final = "Nội dung gửi lên không phải một đối tượng JSON. Đề nghị kiểm tra chương trình gửi (UTF-8)."
JSON_TOO_LARGE: Final = "JSON gửi lên quá lớn (quá {limit} byte). Đề nghị chỉ gửi các trường của lời gọi này."
JSON_TOO_SLOW: Final = "Nội dung gửi lên bị ngừng giữa chừng. Đề nghị gửi lại."


class Doors:
    """Asks the store of keys, in threads."""

    def __init__(self, gateway: Gateway) -> None:
        self._access = gateway.access
        self._clock = gateway.clock
        self._throttle = gateway.throttle
        self._log = gateway.log

    async def installation(self, request: Request, operation: Operation) -> Login | Response:
        """Who logged in, or the answer that says why nobody did. Raises AccessUnavailable."""
        login = await self._logged_in(request, operation)
        return login if isinstance(login, Response) else self._paced(login.caller, operation) or login

    async def system(self, request: Request, operation: Operation) -> Caller | Response:
        """Who speaks for organs, or the answer that says why nobody does. Raises AccessUnavailable.

        A call counts against the pace of its pair, not of the login, which many organs share; a wrong pair has none.
        """
        login = await self._logged_in(request, operation)
        if isinstance(login, Response):
            return login
        system_id, secret = _single(request, "x-systemid"), _single(request, "x-secretkey")
        now = self._clock.now()
        caller = await asyncio.to_thread(self._access.by_system, system_id, secret, now=now) if secret else None
        if caller is None:
            self._log.warning("pair.refused", login=login.caller.key_id, system=loggable(system_id))
            return self._paced(login.caller, operation) or refused(operation, BAD_PAIR, number=Number.BAD_PAIR)
        return self._paced(caller, operation) or caller

    async def _logged_in(self, request: Request, operation: Operation) -> Login | Response:
        token = _bearer(request)
        if not token:
            return unauthorised(operation, LOG_IN)
        login = await asyncio.to_thread(self._access.session, token, now=self._clock.now())
        return unauthorised(operation, LOG_IN_AGAIN) if login is None else login

    def _paced(self, caller: Caller, operation: Operation) -> Response | None:
        """Told with 503 rather than 429: of the two, only 5xx is known to such clients as "try again"."""
        wait = math.ceil(self._throttle.admit(caller, now=time.monotonic()))
        return not_now(operation, TOO_FAST.format(seconds=wait), retry_after=wait) if wait else None


def _bearer(request: Request) -> str:
    scheme, _, token = _single(request, "authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _single(request: Request, name: str) -> str:
    """The one value of a header; empty when there is none, or two that differ, or one that no credential is like."""
    values = {each.strip() for each in request.headers.getlist(name)}
    value = values.pop() if len(values) == 1 else ""
    return value if value.isascii() and value.isprintable() and len(value) <= TOKEN_CHARS else ""


async def small_json(request: Request, operation: Operation) -> dict[str, object] | Response:
    """The JSON object in a request, or the answer that says what is wrong with it."""
    body = bytearray()
    came = 0
    try:
        async for chunk in request.stream():
            came += len(chunk)
            if came <= JSON_BYTES:  # the rest is read all the same, for a client that reads no answer before
                body += chunk
        value = orjson.loads(bytes(body)) if came <= JSON_BYTES else None
    except (TooSlow, ClientDisconnect):
        return not_now(operation, JSON_TOO_SLOW, retry_after=RETRY_AFTER)
    except orjson.JSONDecodeError:
        value = None
    if came > JSON_BYTES:
        return refused(operation, JSON_TOO_LARGE.format(limit=JSON_BYTES), number=Number.BAD_FILE)
    return value if isinstance(value, dict) else refused(operation, NO_JSON, number=Number.BAD_FILE)
