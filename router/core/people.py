"""Who may look at the hub, and what each may do: roles, rights, and how far somebody sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What somebody is for. The values stand in the database, in settings and in addresses."""

    VIEWER = "viewer"  # metadata of the own subtree
    OPERATOR = "operator"  # works off what needs a hand
    REGISTRAR = "registrar"  # keeps organs, agents and certificates
    AUDITOR = "auditor"  # reads everything, changes nothing
    ADMINISTRATOR = "administrator"  # everything


class Right(StrEnum):
    """What a page or an action asks of somebody."""

    SEE = "see"  # documents' metadata, figures, work lists
    CONTENT = "content"  # what stands in a document: attachments, envelopes, evidence
    ACT = "act"  # resend, return, hold, release, forward
    REGISTER = "register"  # change the registry
    AUDIT = "audit"  # who did what, when and why
    KEYS = "keys"  # what the hub signs with and whom it trusts; nothing secret
    ADMINISTER = "administer"  # people, settings, the machine


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Right.SEE}),
        Role.OPERATOR: frozenset({Right.SEE, Right.ACT}),
        Role.REGISTRAR: frozenset({Right.SEE, Right.REGISTER, Right.KEYS}),
        Role.AUDITOR: frozenset({Right.SEE, Right.CONTENT, Right.AUDIT, Right.KEYS}),
        Role.ADMINISTRATOR: frozenset(Right),
    }
)

ROLE_TEXT: Final[Mapping[Role, tuple[str, str]]] = MappingProxyType(
    {
        Role.VIEWER: ("Người xem", "viewer"),
        Role.OPERATOR: ("Người vận hành", "operator"),
        Role.REGISTRAR: ("Người quản lý danh bạ", "registrar"),
        Role.AUDITOR: ("Kiểm toán viên", "auditor"),
        Role.ADMINISTRATOR: ("Quản trị viên", "administrator"),
    }
)
"""Vietnamese and English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who has proved who they are. `root` is the organ code of the subtree they see, empty for everything."""

    name: str
    display: str
    role: Role
    root: str = ""

    def may(self, right: Right) -> bool:
        """Whether their role has this right. How far it reaches is the scope's business."""
        return right in RIGHTS[self.role]

    @property
    def actor(self) -> str:
        """Who they are in the log."""
        return f"user:{self.name}"


@dataclass(frozen=True, slots=True)
class Scope:
    """The organ codes, present and former, that somebody sees; None for all, also for what belongs to no organ.

    A document is seen by who sees its sender or one of its recipients. Legs to other recipients are shown only to who
    sees the sender.
    """

    organs: frozenset[str] | None

    @property
    def everything(self) -> bool:
        return self.organs is None

    def sees(self, *organs: str) -> bool:
        """Whether one of these organs is in it."""
        return self.organs is None or not self.organs.isdisjoint(organs)


EVERYTHING: Final = Scope(None)
NOTHING_SEEN: Final = Scope(frozenset())
