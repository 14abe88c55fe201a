"""The directory's values."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from edxml_schemas.organ_list import ApplicationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryOrgan:
    """A body of the registry.

    `number` follows from the code: the same on every agent and after every synchronisation, 1 to 2³¹ - 1, fit for
    whoever wants a number as id. `parent` is a code as the registry has it, and `parent_number` the number of that body
    if it is in the directory, too. `level` is 1 for ministries and provinces, 2 for the bodies below them, and so on.
    `connected`: some agent carries for it (an agency with a system of its own). `version` is that of the registry when
    it last changed, `changed_at` when this agent learnt of it. `deleted`: it may not be written to any more.
    """

    number: int
    code: str
    name: str
    parent: str
    parent_number: int | None
    old_code: str
    email: str
    phone: str
    address: str
    level: int
    connected: bool
    version: int
    deleted: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of what was found, best first. `cursor` leads to the next page; empty after the last one."""

    organs: tuple[DirectoryOrgan, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryState:
    """How good the copy is. `synchronised_at` is when the hub last said that it is its list; None: never.

    `organs` are those that may be written to.
    """

    version: int
    organs: int
    synchronised_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a synchronisation changed."""

    put: int = 0
    removed: int = 0


class Progress(StrEnum):
    """How far an application is."""

    WAITING = "waiting"  # here, not at the hub yet
    OPEN = "open"  # at the hub, waits for its administrator
    APPROVED = "approved"
    REJECTED = "rejected"
    REFUSED = "refused"  # the hub does not take it: `note` says why
    ALREADY = "already"  # there was nothing to apply for


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Recorded, or true already: success, as document systems understand it."""

    reference: str
    progress: Progress

    @property
    def vi(self) -> str:
        return _SAID[self.progress is Progress.ALREADY][0]

    @property
    def en(self) -> str:
        return _SAID[self.progress is Progress.ALREADY][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplied:
    """Why an application was not recorded."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application as it is kept here. `applicant` is the system id that made it; `note` is the hub's word."""

    reference: str
    kind: ApplicationKind
    code: str
    name: str = ""
    parent: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    applicant: str = ""
    progress: Progress = Progress.WAITING
    note: str = field(default="")
    applied_at: datetime
    told_at: datetime | None = None


_SAID = {
    False: (
        "Đã ghi nhận, chờ quản trị của trục duyệt.",
        "Recorded; it waits for the hub's administrator.",
    ),
    True: ("Đã như vậy trong sổ đăng ký của trục.", "The hub's registry has it so already."),
}
