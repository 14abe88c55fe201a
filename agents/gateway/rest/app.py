"""The interface as an application: its operations, its description, and its words for what goes wrong."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount

from agents.agent import Connector
from agents.gateway.access.secrets import Vault
from agents.gateway.problems import Problem as OutsideProblem
from agents.gateway.problems import ProblemKind
from agents.gateway.rest.around import around_routes
from agents.gateway.rest.calling import WebhookCaller
from agents.gateway.rest.content import content_routes
from agents.gateway.rest.doors import http_problem
from agents.gateway.rest.events import event_routes
from agents.gateway.rest.listening import Listeners
from agents.gateway.rest.memory import RestMemory
from agents.gateway.rest.openapi import STYLE_POLICY, describe, page
from agents.gateway.rest.problems import Problem, ProblemCode, problem_response
from agents.gateway.rest.receiving import receiving_routes
from agents.gateway.rest.room import RestRoom
from agents.gateway.rest.secrets import WebhookSecrets
from agents.gateway.rest.sending import sending_routes
from agents.gateway.rest.tide import Tide
from agents.gateway.rest.webhooks import webhook_routes
from agents.gateway.rooms import Gateway

VERSION: Final = "1.0.0"
_SILENT: Final = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)
"""Nothing leaves this machine, whatever the environment says: it would carry values of letters."""


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Paths without the prefix."""
    return [Mount("", app=build_rest(room_of(gateway)))]


def connectors(gateway: Gateway) -> Sequence[Connector]:
    """What calls webhooks."""
    return (WebhookCaller(gateway, RestMemory.open(gateway.folder), _secrets(gateway)),)


def answer(outside: OutsideProblem, request: Request) -> Response:  # noqa: ARG001  the dialects' interface
    """What went wrong before or beside the operations."""
    headers = dict(outside.headers)
    if outside.retry_after is not None:
        headers["Retry-After"] = str(outside.retry_after)
    told = Problem(_OUTSIDE[outside.kind], headers=headers, status=outside.status)
    return problem_response(
        told, instance=f"urn:vn:truc-lien-thong:incident:{outside.incident}" if outside.incident else ""
    )


def room_of(gateway: Gateway) -> RestRoom:
    """Opens what the interface itself remembers. Raises SpoolUnavailable, and WrongAccessKey."""
    return RestRoom(
        gateway=gateway,
        memory=RestMemory.open(gateway.folder),
        secrets=_secrets(gateway),
        tide=Tide(gateway.desk.spool.changes),
        listeners=Listeners(most=gateway.settings.rest.streams_per_key),
        large=gateway.large,
    )


def build_rest(room: RestRoom) -> FastAPI:
    """The application, to be mounted at `/api/v1`."""
    app = bare_rest()
    app.state.room = room
    description = _Description(app)

    async def openapi(_: Request) -> Response:
        return Response(await asyncio.to_thread(description.for_machines), media_type="application/json")

    async def docs(_: Request) -> Response:
        return Response(
            await asyncio.to_thread(description.for_people),
            media_type="text/html",
            headers={"Content-Security-Policy": STYLE_POLICY, "X-Content-Type-Options": "nosniff"},
        )

    app.add_route("/openapi.json", openapi, methods=["GET"], include_in_schema=False)
    app.add_route("/docs", docs, methods=["GET"], include_in_schema=False)
    return app


class _Description:
    """Made when somebody asks for the first time: it takes a while, and most gateways are never asked."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def for_machines(self) -> bytes:
        return orjson.dumps(self._document)

    def for_people(self) -> bytes:
        return page(self._document).encode()

    @cached_property
    def _document(self) -> dict[str, Any]:
        return describe(self._app)


def bare_rest() -> FastAPI:
    """The operations alone, without the room that they need to work: enough to describe them."""
    app = FastAPI(
        title="Trục liên thông văn bản: tác nhân / agent",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=_SILENT,
        exception_handlers={HTTPException: _http},
    )
    for each in (
        sending_routes(),
        receiving_routes(),
        content_routes(),
        around_routes(),
        event_routes(),
        webhook_routes(),
    ):
        app.include_router(each)
    return app


def _secrets(gateway: Gateway) -> WebhookSecrets:
    return WebhookSecrets(Vault.load(gateway.folder, may_make=False))


_OUTSIDE: Final[Mapping[ProblemKind, ProblemCode]] = MappingProxyType(
    {
        ProblemKind.NOT_FOUND: ProblemCode.NOT_FOUND,
        ProblemKind.METHOD: ProblemCode.METHOD,
        ProblemKind.BAD_REQUEST: ProblemCode.MALFORMED,
        ProblemKind.HEADERS: ProblemCode.HEADERS,
        ProblemKind.TOO_LARGE: ProblemCode.TOO_LARGE,
        ProblemKind.TOO_SLOW: ProblemCode.TOO_SLOW,
        ProblemKind.THROTTLED: ProblemCode.RATE,
        ProblemKind.UNAVAILABLE: ProblemCode.UNAVAILABLE,
        ProblemKind.NO_ROOM: ProblemCode.UNAVAILABLE,
        ProblemKind.DISK_FULL: ProblemCode.NO_ROOM,
        ProblemKind.UNEXPECTED: ProblemCode.INTERNAL,
    }
)


async def _http(request: Request, error: Exception) -> Response:
    """404 and 405 of the framework."""
    if not isinstance(error, HTTPException):
        raise error
    problem = http_problem(error)
    if problem.code is ProblemCode.METHOD:
        problem.headers = {"Allow": ", ".join(_methods_at(request))}
    return problem_response(problem)


def _methods_at(request: Request) -> list[str]:
    """Every method of a path: the framework names those of the first route alone."""
    found: set[str] = set()
    for method in ("GET", "POST", "DELETE"):
        for route in request.app.router.routes:
            match, _ = route.matches(dict(request.scope) | {"method": method})
            if match is Match.FULL:
                found.add(method)
    return sorted(found)
