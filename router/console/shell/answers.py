"""What views and actions give back, and what an action is asked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from router.console.shell.words import Words
from router.core.people import Person, Scope

GO_AHEAD: Final = Words("Thực hiện", "Go ahead")
NO_FIELDS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page. `data` is what the template sees under `data`, and exactly what the `.json` twin answers.

    `data` holds texts, numbers, truths, None, aware datetimes (ISO 8601 in the twin), dates, StrEnums, dataclasses,
    mappings with texts as keys, and sequences of these. What the twin must not tell does not belong into `data`.
    """

    template: str
    title: Words
    data: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class NotThere:
    """There is no such thing, or not for this person: one answer for both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file. `name` has no path; browsers that cannot read all letters of it get hyphens."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an action would do: the answer to a dry run. The frame shows it and asks for reason and confirmation.

    `rows` are exactly what the action would touch, under `columns` (key in a row, heading). `carry` are the hidden
    fields of the confirmation, which come back as `Ask.fields`: name every thing by its id, so that no more is done
    than was shown. `possible` false shows the plan without a way to confirm it. `back` is an address below /console.
    """

    title: Words
    says: Words
    columns: Sequence[tuple[str, Words]] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    carry: Mapping[str, Sequence[str]] = field(default_factory=lambda: NO_FIELDS)
    confirm: Words = GO_AHEAD
    back: str = ""
    danger: bool = False
    possible: bool = True
    notes: Sequence[Words] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """It is done. The reader is sent to `to` (an address below /console, as in `page_route`) and reads `says` there."""

    says: Words
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It was not done, and why. Shown with the way back."""

    says: Words
    back: str = ""
    status: int = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call of an action. `dry` asks for a Plan and changes nothing. `reason` is one line, not empty unless dry.

    `fields` are the form's values by name (without token and reason), `files` its uploads.
    """

    request: Request
    person: Person
    scope: Scope
    fields: Mapping[str, Sequence[str]]
    files: Mapping[str, UploadFile]
    reason: str
    dry: bool
    now: datetime

    @property
    def actor(self) -> str:
        return self.person.actor

    def one(self, name: str) -> str:
        """The first value of a field, empty when it is not there."""
        values = self.fields.get(name, ())
        return values[0] if values else ""

    def every(self, name: str) -> Sequence[str]:
        return self.fields.get(name, ())


PageAnswer = Page | NotThere | Download
ActionAnswer = Plan | Page | Done | Refused | NotThere
View = Callable[[Request, Person, Scope], PageAnswer | Awaitable[PageAnswer]]
Act = Callable[[Ask], ActionAnswer | Awaitable[ActionAnswer]]
