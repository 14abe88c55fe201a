"""The application: the dialects under their paths, health, and what stands around them all.

/            dialect A (vxp)
/v1          dialect B (lgsp)
/api/v1      the native interface (rest)
/-/health    the process lives
/-/ready     it can keep what it is given
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.agent import Connector
from agents.errors import Unavailable
from agents.gateway import directory, lgsp, rest, vxp
from agents.gateway.guarding import Answer, Guard, leave_exceptions_to_guard
from agents.gateway.problems import Problem, plain_answer, problem_of
from agents.gateway.proxies import behind_proxies
from agents.gateway.rooms import Gateway
from agents.gateway.settings import GatewaySettings

HEALTH: Final = "/-/health"
READY: Final = "/-/ready"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect's package, and the prefix of its paths."""

    prefix: str
    package: ModuleType

    def answer(self, told: Problem, request: Request) -> Response:
        own: Answer | None = getattr(self.package, "answer", None)
        return plain_answer(told) if own is None else own(told, request)

    def owns(self, path: str) -> bool:
        return path == self.prefix or path.startswith(f"{self.prefix}/")


def dialects_of(settings: GatewaySettings) -> tuple[Dialect, ...]:
    """Those that are switched on, the longest prefix first."""
    known = (
        (settings.rest.enabled, Dialect("/api/v1", rest)),
        (settings.lgsp.enabled, Dialect("/v1", lgsp)),
        (settings.vxp.enabled, Dialect("", vxp)),
    )
    return tuple(dialect for enabled, dialect in known if enabled)


def build_app(gateway: Gateway) -> ASGIApp:
    """The whole of it; it needs no lifespan."""
    dialects = dialects_of(gateway.settings)

    def answer(told: Problem, request: Request) -> Response:
        path = request.scope["path"]
        spoken = next((each for each in dialects if each.owns(path)), None)
        if spoken is None or path in {HEALTH, READY}:
            return plain_answer(told)
        return spoken.answer(told, request)

    async def missed(request: Request, error: Exception) -> Response:
        return answer(problem_of(error, incident=""), request)

    routes: list[BaseRoute] = [Route(HEALTH, _health), Route(READY, _Readiness(gateway).answer)]
    for dialect in dialects:
        own: list[BaseRoute] = dialect.package.routes(gateway)
        for inner in own:
            if isinstance(inner, Mount) and isinstance(inner.app, Starlette):
                leave_exceptions_to_guard(inner.app)
        routes += [Mount(dialect.prefix, app=Router(own, redirect_slashes=False))] if dialect.prefix else own
    application = Starlette(routes=routes, exception_handlers={404: missed, 405: missed})
    application.router.redirect_slashes = False  # it would send clients to whatever their Host header says
    leave_exceptions_to_guard(application)
    guarded = Guard(application, settings=gateway.settings, answer=answer, log=gateway.log)
    return behind_proxies(_plain_path(guarded), gateway.settings)


def _plain_path(app: ASGIApp) -> ASGIApp:
    """`//sendEdoc` is `/sendEdoc`: client libraries put a slash behind an address that ends in one.

    `http://host/sendEdoc` is, too: so speak clients that take the gateway for a proxy (RFC 9112, 3.2.2).
    """

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(("//", "http://", "https://")):
            _, found, behind = scope["path"].partition("://")
            path = behind.partition("/")[2] if found and not scope["path"].startswith("/") else scope["path"]
            path = "/" + path.lstrip("/")
            scope = {**scope, "path": path, "raw_path": quote(path).encode("ascii")}
        await app(scope, receive, send)

    return called


def connectors_of(gateway: Gateway) -> Sequence[Connector]:
    """The loops that dialects and directory want to run beside the requests."""
    packages = [directory, *(each.package for each in dialects_of(gateway.settings))]
    found: list[Connector] = []
    for package in packages:
        own: Callable[[Gateway], Sequence[Connector]] | None = getattr(package, "connectors", None)
        found += () if own is None else own(gateway)
    return found


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Readiness:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def answer(self, _: Request) -> Response:
        """200 when spool and keys can be read; the broker may be away, the spool keeps what comes."""
        if self._gateway.stopping.is_set():
            return JSONResponse({"status": "stopping"}, status_code=503)
        try:
            await asyncio.to_thread(self._gateway.desk.spool.changes)
            await asyncio.to_thread(self._gateway.access.keys)
        except Unavailable as fault:
            self._gateway.log.warning("not-ready", vi=fault.vi, en=fault.en)
            return JSONResponse({"status": "unavailable"}, status_code=503)
        return JSONResponse({"status": "ready"})
