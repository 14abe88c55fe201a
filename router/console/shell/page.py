"""The only ways to put something on the console: `page_route`, `download_route`, `action_route`.

    def part(rooms: Rooms) -> Part:
        def letters(request: Request, person: Person, scope: Scope) -> Page: ...
        return Part(name="letters", routes=page_route("/letters", letters, right=Right.SEE), …)

Views and actions that are not async are called in a thread.
"""

from collections.abc import Callable
from typing import Any, Final

from starlette.routing import BaseRoute, Route

from router.console.shell.answers import (
    Act,
    ActionAnswer,
    Ask,
    Done,
    Download,
    NotThere,
    Page,
    PageAnswer,
    Plan,
    Refused,
    View,
)
from router.console.shell.serving import serve_action, serve_page
from router.console.shell.words import Words
from router.core.people import Right

__all__ = [
    "Act",
    "ActionAnswer",
    "Ask",
    "Done",
    "Download",
    "GuardedRoute",
    "NotThere",
    "OpenRoute",
    "Page",
    "PageAnswer",
    "Plan",
    "Refused",
    "View",
    "Words",
    "action_route",
    "download_route",
    "page_route",
]

FORM_BYTES: Final = 2**20


class OpenRoute(Route):
    """A route for everybody: the way to the sign-in, and what pages are drawn with. Only the frame has such."""


class GuardedRoute(Route):
    """A route that asks for session, right and (POST) token before anything else. A part may have no other kind."""

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, method: str, right: Right, twin: bool, file: bool = False
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.right = right
        self.method = method
        self.twin = twin
        self.file = file


def page_route(path: str, view: View, *, right: Right) -> list[BaseRoute]:
    """GET `path` (below /console, begins with a slash, has no end) and its twin `path`.json, for who has `right`."""
    return [
        # The twin first: a parameter at the end of the page's own path would swallow “.json”.
        GuardedRoute(f"{path}.json", serve_page(view, right=right, twin=True), method="GET", right=right, twin=True),
        GuardedRoute(path, serve_page(view, right=right, twin=False), method="GET", right=right, twin=False),
    ]


def download_route(path: str, view: View, *, right: Right) -> BaseRoute:
    """GET `path`, which gives a file and has no twin."""
    endpoint = serve_page(view, right=right, twin=False, has_twin=False)
    return GuardedRoute(path, endpoint, method="GET", right=right, twin=False, file=True)


def action_route(
    path: str, act: Act, *, right: Right, form_bytes: int = FORM_BYTES, needs_reason: bool = True
) -> BaseRoute:
    """POST `path`, for who has `right`. Asks for the token, and for a reason unless `?dry=1` asks for a plan.

    A form posts to `path`?dry=1 first; `act` answers with a Plan, which is shown with a field for the reason and the
    button that posts its `carry` to `path`. With `Accept: application/json` the answer is JSON. A form may have
    `form_bytes` bytes with everything in it. Only what concerns nobody but the person needs no reason.
    """
    endpoint = serve_action(act, right=right, form_bytes=form_bytes, needs_reason=needs_reason)
    return GuardedRoute(path, endpoint, method="POST", right=right, twin=False)
