"""What a reader has chosen: language, light or dark. Kept in cookies of a year."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from router.console.shell.addresses import BASE, href, local
from router.console.shell.page import OpenRoute
from router.console.shell.words import Language

LANGUAGE_COOKIE: Final = "truc-language"
LOOK_COOKIE: Final = "truc-look"
YEAR: Final = 365 * 86_400  # seconds


class Look(StrEnum):
    AUTO = "auto"  # as the machine is set
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Looks:
    language: Language
    look: Look


Member = TypeVar("Member", bound=StrEnum)


def looks_of(request: Request) -> Looks:
    """What the reader has chosen; Vietnamese, and light or dark as the machine is, until then."""
    language = _member(request.cookies.get(LANGUAGE_COOKIE), Language)
    look = _member(request.cookies.get(LOOK_COOKIE), Look)
    return Looks(language or Language.VI, look or Look.AUTO)


def looks_route() -> BaseRoute:
    """GET /-/looks?language=en&look=dark&next=…: remembers the choice and leads back. Changes nothing else."""

    async def choose(request: Request) -> Response:
        back = local(request.query_params.get("next", ""))
        answer = RedirectResponse(f"{BASE}{back}" if back else href("/"), status_code=303)
        secure = bool(request.state.secure)
        for cookie, kind in ((LANGUAGE_COOKIE, Language), (LOOK_COOKIE, Look)):
            chosen = _member(request.query_params.get(cookie.removeprefix("truc-")), kind)
            if chosen is not None:
                answer.set_cookie(
                    cookie, chosen.value, max_age=YEAR, path=BASE, secure=secure, httponly=True, samesite="lax"
                )
        return answer

    return OpenRoute("/-/looks", choose, methods=["GET"])


def _member(value: str | None, kind: type[Member]) -> Member | None:
    return next((each for each in kind if each.value == value), None)
