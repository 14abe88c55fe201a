"""All routes of `access`, and its part of the navigation."""

from pathlib import Path
from typing import Final

import httpx
from starlette.routing import BaseRoute

from router.console.access.login import login_routes
from router.console.access.own import own_routes
from router.console.access.single_sign_on import single_sign_on_routes
from router.console.access.users import TITLE, USERS, user_routes
from router.console.shell.rooms import NavEntry, Part, Rooms
from router.core.people import Right

TEMPLATES: Final = Path(__file__).with_name("templates")


def open_routes(rooms: Rooms, *, transport: httpx.AsyncBaseTransport | None = None) -> list[BaseRoute]:
    """What is there before the sign-in, and the way out."""
    return [*login_routes(rooms), *single_sign_on_routes(rooms, transport=transport)]


def part(rooms: Rooms) -> Part:
    return Part(
        name="access",
        routes=[*own_routes(rooms), *user_routes(rooms)],
        navigation=(NavEntry(path=USERS, words=TITLE, right=Right.ADMINISTER, place=80),),
        templates=TEMPLATES,
    )
