"""What stands around the whole application: limits on every request, and an answer to every exception.

Pure ASGI: bodies and answers pass through as they come, nothing is gathered in memory.
"""

import asyncio
import traceback
from collections.abc import Callable
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from agents.errors import Unavailable
from agents.gateway.bodies import TooLarge, TooSlow
from agents.gateway.problems import Problem, ProblemKind, problem, problem_of
from agents.gateway.settings import GatewaySettings

Answer = Callable[[Problem, Request], Response]
"""How the dialect of a request says it."""

PATH_CHARS: Final = 200
"""Of a path that nobody knows, in the log."""
_EXPECTED: Final = (HTTPException, TooLarge, TooSlow, ClientDisconnect)


class Guard:
    """Middleware. What it answers itself is said in the dialect of the request's path."""

    def __init__(self, app: ASGIApp, *, settings: GatewaySettings, answer: Answer, log: FilteringBoundLogger) -> None:
        self._app = app
        self._settings = settings
        self._answer = answer
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        refused = self._at_once(scope)
        if refused is None:
            try:
                body = _PacedBody(receive, self._settings)
                await self._app(scope, body.receive, sent)
            except Exception as error:
                refused = self._told(error, scope)
                if begun:
                    raise  # half an answer is out: the server cuts the connection, so that nobody takes it for whole
            else:
                return
        await self._answer(refused, Request(scope))(scope, receive, sent)

    def _at_once(self, scope: Scope) -> Problem | None:
        """What can be seen from the head alone."""
        size = len(scope.get("raw_path", b"")) + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in scope["headers"])
        if len(scope["headers"]) > self._settings.header_count or size > self._settings.header_limit:
            return problem(ProblemKind.HEADERS)
        stated = next((value for name, value in scope["headers"] if name == b"content-length"), None)
        if stated is None:
            return None
        if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
            return problem(ProblemKind.BAD_REQUEST)  # a proxy might see the body's end elsewhere than we do
        if stated.isdigit() and int(stated) > self._settings.body_limit:
            return problem(ProblemKind.TOO_LARGE)
        return None

    def _told(self, error: Exception, scope: Scope) -> Problem:
        """The problem, and in the log what nobody else is told."""
        incident, path = uuid4().hex[:12], quote(scope["path"])[:PATH_CHARS]
        if isinstance(error, _EXPECTED):
            self._log.debug("request.cut", path=path, reason=type(error).__name__)
        elif isinstance(error, Unavailable):
            self._log.error("request.unavailable", incident=incident, path=path, vi=error.vi, en=error.en)
        else:
            # Words of unknown errors may be words of letters: the log gets the kind and the place.
            trace = "".join(traceback.format_tb(error.__traceback__))
            name = type(error).__name__
            self._log.error("request.failed", incident=incident, path=path, error=name, trace=trace)
        return problem_of(error, incident=incident)


def leave_exceptions_to_guard(application: Starlette) -> None:
    """Takes away the framework's own page for unexpected exceptions, which no dialect would understand."""
    stack = application.build_middleware_stack()
    application.middleware_stack = stack.app if isinstance(stack, ServerErrorMiddleware) else stack


class _PacedBody:
    """A request's body, bounded in size and in the time that its client takes for it.

    Only waiting counts: while the gateway itself is busy, a client may be as slow as it likes.
    """

    def __init__(self, receive: Receive, settings: GatewaySettings) -> None:
        self._receive = receive
        self._limit = settings.body_limit
        self._idle = settings.idle_timeout.total_seconds()
        self._slowest = settings.slowest
        self._came = 0
        self._waited = 0.0
        self._whole = False

    async def receive(self) -> Message:
        """Raises TooLarge and TooSlow. After the body, whoever waits for the client's end waits as long as it takes."""
        if self._whole:
            return await self._receive()
        allowed = self._idle + self._came / self._slowest - self._waited
        clock = asyncio.get_running_loop()
        begun = clock.time()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, min(self._idle, allowed)))
        except TimeoutError:
            raise TooSlow(self._idle) from None
        self._waited += clock.time() - begun
        self._came += len(message.get("body", b""))
        if self._came > self._limit:
            raise TooLarge(self._limit)
        self._whole = not message.get("more_body", False)
        return message
