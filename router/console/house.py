"""All parts of the console, in the order in which their routes are tried."""

from collections.abc import Sequence

import httpx
from starlette.types import ASGIApp

from router.console.alarms import part as alarms
from router.console.audit import part as audit
from router.console.documents import part as documents
from router.console.figures import part as figures
from router.console.registry import part as registry
from router.console.shell.app import build_console
from router.console.shell.rooms import Part, Rooms
from router.console.work import part as work


def parts_of(rooms: Rooms) -> Sequence[Part]:
    """Each part's `part(rooms)`."""
    return (
        figures.part(rooms),
        documents.part(rooms),
        work.part(rooms),
        registry.part(rooms),
        alarms.part(rooms),
        audit.part(rooms),
    )


def console_of(rooms: Rooms, *, provider: httpx.AsyncBaseTransport | None = None) -> ASGIApp:
    """The whole console, to be mounted at /console."""
    return build_console(rooms, parts_of(rooms), provider=provider)
