"""The console as one application, to be mounted at /console."""

from collections.abc import Sequence
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from router.console.access import part as access
from router.console.access.gate import SessionGate
from router.console.access.keeper import Keeper
from router.console.shell import errors
from router.console.shell.addresses import href
from router.console.shell.assets import Assets
from router.console.shell.frame import Frame
from router.console.shell.looks import looks_route
from router.console.shell.page import GuardedRoute, OpenRoute
from router.console.shell.rooms import Part, Rooms
from router.console.shell.serving import admit
from router.core.people import Right

HOME: Final = "/"


def build_console(rooms: Rooms, parts: Sequence[Part], *, provider: httpx.AsyncBaseTransport | None = None) -> ASGIApp:
    """The application around `parts` and that of `access`. `provider` is another way to the single sign-on.

    Raises TypeError for a part with a route that does not ask who comes.
    """
    parts = (*parts, access.part(rooms))
    for part in parts:
        for route in part.routes:
            if not isinstance(route, GuardedRoute):
                raise TypeError(f"{part.name}: {route!r} is not made by page_route, download_route or action_route")
    assets = Assets(parts)
    gate = SessionGate(rooms)
    frame = Frame(rooms, parts, gate=gate, assets=assets)
    routes: list[BaseRoute] = [
        OpenRoute(HOME, _home, methods=["GET"]),
        looks_route(),
        assets.route(),
        *access.open_routes(rooms, transport=provider),
        *(route for part in parts for route in part.routes),
    ]
    console = Starlette(routes=routes, exception_handlers={**errors.handlers()})
    console.router.redirect_slashes = False
    console.state.frame = frame
    return Keeper(console, rooms.settings)


async def _home(request: Request) -> Response:
    """The first page of the navigation that somebody may see."""
    request.state.as_json = False
    frame: Frame = request.app.state.frame
    admitted = await admit(request, Right.SEE)
    if isinstance(admitted, Response):
        return admitted
    first = frame.first_page(admitted.person)
    return RedirectResponse(href(first), status_code=303) if first else await frame.not_there(request)
