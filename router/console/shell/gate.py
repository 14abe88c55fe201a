"""What the frame asks of `console.access`: who comes, whether a form is theirs, and what is remembered about both."""

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from router.core.people import Person, Right, Scope
from router.services.accounts.sessions import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Somebody with a session, and how far they see."""

    visitor: Visitor
    scope: Scope

    @property
    def person(self) -> Person:
        return self.visitor.person


class Gate(Protocol):
    """Sessions, tokens and refusals of one console."""

    async def admitted(self, request: Request) -> Admitted | None:
        """Who has a session that has not ended; None for everybody else. Asked once per request."""
        ...

    def form_token(self, request: Request) -> str:
        """What a form of this browser has to bring back."""
        ...

    def is_own_form(self, request: Request, given: str) -> bool:
        """Whether a form comes from a page that this browser got from us."""
        ...

    async def refused(self, request: Request, person: Person, right: Right) -> None:
        """Somebody asked for what they have no right to; it is written down."""
        ...

    def put_flash(self, request: Request, response: Response, text: str) -> None:
        """What the browser shows once, on its next page."""
        ...

    def take_flash(self, request: Request) -> str:
        """What was put, when it is this browser's own; empty otherwise."""
        ...

    def finish(self, request: Request, response: Response) -> None:
        """The cookies of a page that is about to be sent."""
        ...
