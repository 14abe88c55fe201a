"""The cookies of sessions and forms. With https they carry the prefix that lets no other host set them."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

SESSION: Final = "truc-session"
FORM: Final = "truc-form"
FLASH: Final = "truc-flash"
FLOW: Final = "truc-flow"
PREFIX: Final = "__Host-"


def cookie_name(request: Request, name: str) -> str:
    return f"{PREFIX}{name}" if request.state.secure else name


def cookie_of(request: Request, name: str) -> str:
    return request.cookies.get(cookie_name(request, name), "")


def put_cookie(request: Request, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    """Until the browser is closed, or for so many seconds."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age=max_age,
        path="/",
        secure=bool(request.state.secure),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    put_cookie(request, response, name, "", max_age=0)
