"""Parameters of an address, each within its bounds. What is out of bounds is answered with 400 and a word about it."""

from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

from starlette.requests import Request

from router.console.shell.words import Words

TEXT_CHARS: Final = 200
CURSOR_CHARS: Final = 512

Choice = TypeVar("Choice", bound=StrEnum)


class AskedWrong(Exception):
    """An address or a form that none of our pages makes."""

    def __init__(self, says: Words, *, status: int = 400) -> None:
        super().__init__(says.en)
        self.says = says
        self.status = status


def text_asked(request: Request, name: str, *, most: int = TEXT_CHARS) -> str:
    """A text in one line, without spaces around it; empty when it is not there."""
    given = " ".join(request.query_params.get(name, "").split())
    if len(given) > most:
        raise AskedWrong(Words(f"{name}: dài quá {most} ký tự", f"{name}: more than {most} characters"))
    return given


def number_asked(request: Request, name: str, *, usual: int, least: int, most: int) -> int:
    given = request.query_params.get(name, "").strip()
    if not given:
        return usual
    if not given.isascii() or not given.isdigit() or len(given) > 18 or not least <= int(given) <= most:
        raise AskedWrong(Words(f"{name}: phải từ {least} đến {most}", f"{name}: must be from {least} to {most}"))
    return int(given)


def date_asked(request: Request, name: str) -> date | None:
    """A day as browsers write it (2026-11-25)."""
    given = request.query_params.get(name, "").strip()
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise AskedWrong(Words(f"{name}: không phải là ngày", f"{name}: no date")) from None


def choice_asked(request: Request, name: str, choices: type[Choice]) -> Choice | None:
    """A member of an enumeration by its value; None when it is not there."""
    given = request.query_params.get(name, "").strip()
    if not given:
        return None
    try:
        return choices(given)
    except ValueError:
        raise AskedWrong(Words(f"{name}: không có giá trị này", f"{name}: there is no such value")) from None


def cursor_asked(request: Request, name: str = "after") -> str:
    """Where the next page begins, as the page before said it."""
    return text_asked(request, name, most=CURSOR_CHARS)
