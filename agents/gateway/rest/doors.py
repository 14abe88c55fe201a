"""Every operation's door: who is it, how fast, may the body come in; and whatever goes wrong becomes a problem."""

import asyncio
import math
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message

from agents.errors import AgentFault, Unavailable
from agents.gateway.bodies import TooLarge, TooSlow
from agents.gateway.callers import Caller
from agents.gateway.proxies import client_certificate
from agents.gateway.rest.problems import Problem, ProblemCode, invalid, problem_response
from agents.gateway.rest.room import RestRoom
from agents.gateway.rest.wording import faults_of

JSON_BYTES: Final = 2**20
"""Longest body of an operation that takes a small JSON object."""
RETRY_LATER: Final = 5  # seconds, when infrastructure is away
KEY_CHARS: Final = 200
_JSON: Final = "application/json"
_OWN_SITES: Final = frozenset({"none", "same-origin"})
"""What a browser says of itself (Sec-Fetch-Site) when its user asks, or a page of this very server."""


class Door(APIRoute):
    """A route that lets nobody in unseen. A body is read only when the caller is known and may go on."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_json = self.body_field is not None

        async def enter(request: Request) -> Response:
            room: RestRoom = request.app.state.room
            incident = f"urn:uuid:{uuid4()}"
            try:
                request.state.caller = await admitted(request, room)
                if takes_json:
                    request = await _with_json(request)
                return private(await handle(request))
            except Exception as error:  # the last door: everything becomes an answer
                return private(problem_response(_problem_of(error, room, incident=incident), instance=incident))

        return enter


def private(answer: Response) -> Response:
    """Nobody on the way keeps it, or takes it for something else."""
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    return answer


async def admitted(request: Request, room: RestRoom) -> Caller:
    """The caller, who has not called too often. Raises Problem."""
    caller = await recognised(request, room)
    if caller is None:
        raise Problem(ProblemCode.UNAUTHENTICATED, headers={"WWW-Authenticate": 'Bearer realm="truc-agent"'})
    wait = room.gateway.throttle.admit(caller, now=time.monotonic())
    if wait > 0:
        raise Problem(ProblemCode.RATE, headers={"Retry-After": str(math.ceil(wait))})
    return caller


async def recognised(request: Request, room: RestRoom) -> Caller | None:
    """Who shows a good key or certificate. A key that is shown and bad is not saved by a good certificate."""
    token = token_of(request)
    now = room.gateway.clock.now()
    if token is not None:
        return await asyncio.to_thread(room.gateway.access.by_token, token, now=now) if token else None
    fingerprint = client_certificate(request)
    if not fingerprint or _sent_by_a_page(request):
        return None  # a browser shows its certificate to whatever page asks
    return await asyncio.to_thread(room.gateway.access.by_certificate, fingerprint, now=now)


def _sent_by_a_page(request: Request) -> bool:
    """Whether a browser sends it because a page of somebody else says so: pages need no Origin for a GET."""
    sites = {each.strip().lower() for each in request.headers.getlist("sec-fetch-site")}
    return "origin" in request.headers or not sites <= _OWN_SITES


def token_of(request: Request) -> str | None:
    """The key a request shows; empty when it shows one that cannot be, None when it shows none."""
    shown = [*request.headers.getlist("x-api-key")]
    for value in request.headers.getlist("authorization"):
        scheme, _, rest = value.strip().partition(" ")
        shown.append(rest.strip() if scheme.lower() == "bearer" else "")
    if not shown:
        return None
    return shown[0] if len(set(shown)) == 1 and len(shown[0]) <= KEY_CHARS else ""


async def _with_json(request: Request) -> Request:
    """The request with its small body in hand. Raises Problem."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > JSON_BYTES:
            raise Problem(ProblemCode.TOO_LARGE)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != _JSON:
        raise Problem(ProblemCode.MEDIA_TYPE, headers={"Accept": _JSON})
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return {"type": "http.disconnect"}
        told = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return Request(request.scope, receive)


def _problem_of(error: Exception, room: RestRoom, *, incident: str) -> Problem:
    log = room.gateway.log
    expected = _expected(error)
    if expected is not None:
        return expected
    if isinstance(error, Unavailable):
        log.warning("rest.unavailable", incident=incident, vi=error.vi, en=error.en)
        return Problem(ProblemCode.UNAVAILABLE, headers={"Retry-After": str(RETRY_LATER)})
    if isinstance(error, AgentFault):
        log.error("rest.fault", incident=incident, vi=error.vi, en=error.en)
        return Problem(ProblemCode.INTERNAL)
    # Words of unknown errors may be words of letters: the log gets the kind and the place.
    trace = "".join(traceback.format_tb(error.__traceback__))
    log.error("rest.failed", incident=incident, error=type(error).__name__, trace=trace)
    return Problem(ProblemCode.INTERNAL)


def _expected(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if type(error) in _KNOWN:
        return Problem(_KNOWN[type(error)])
    return http_problem(error) if isinstance(error, HTTPException) else None


_KNOWN: Final[Mapping[type[Exception], ProblemCode]] = MappingProxyType(
    {
        TooLarge: ProblemCode.TOO_LARGE,
        TooSlow: ProblemCode.TOO_SLOW,
        ClientDisconnect: ProblemCode.MALFORMED,  # nobody is there to read it
    }
)


def _invalid(error: RequestValidationError) -> Problem:
    errors = error.errors()
    if any(each["type"] == "json_invalid" for each in errors):
        return Problem(ProblemCode.MALFORMED)
    return invalid(*faults_of(errors))


def http_problem(error: HTTPException) -> Problem:
    """What the framework says, as a problem."""
    codes = {
        400: ProblemCode.MALFORMED,
        404: ProblemCode.NOT_FOUND,
        405: ProblemCode.METHOD,
        413: ProblemCode.TOO_LARGE,
        415: ProblemCode.MEDIA_TYPE,
    }
    code = codes.get(error.status_code, ProblemCode.INTERNAL)
    return Problem(code, headers=dict(error.headers or {}))
