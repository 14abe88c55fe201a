"""Organ codes of the two forms that circulate, and of the others.

Old form (QCVN 102:2016/BTTTT): `001.00.20.H13`, read from right to left: the top body H13, its unit 20, of that the
unit 00 (none), and so on; a group of zeros is empty. New form (Decision 20/2020/QĐ-TTg): `H41.08.13.02`, read from
left to right, as long as the body is deep. Other codes (`vxp.saas.03` of a technical centre, `H37.DN.001` of an
enterprise) are names without a family.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SPACE: Final = re.compile(r"\s+")
_OLD: Final = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2,3}\.[A-Z][0-9]{2}")
_NEW: Final = re.compile(r"[A-Z][0-9]{2}(?:\.[0-9]{2,3}){0,7}")


class OrganForm(StrEnum):
    """Which rule a code follows."""

    OLD = "old"
    NEW = "new"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class OrganCode:
    """A code as a value. `text` is normalised; `groups` go from the top body down, without empty ones.

    `001.00.20.H13` has the groups `("H13", "20", "001")`.
    """

    text: str
    form: OrganForm
    groups: tuple[str, ...]

    def __str__(self) -> str:
        return self.text

    @property
    def top(self) -> str:
        """The ministry or province (`H13`); of other codes, the whole code."""
        return self.groups[0]

    def parent(self) -> "OrganCode | None":
        """The body one level up, in the same form; None above a top body and for other codes."""
        if len(self.groups) < 2:
            return None
        if self.form is OrganForm.NEW:
            return parse(".".join(self.groups[:-1]))
        parts = self.text.split(".")
        lowest = next(index for index, part in enumerate(parts) if part.strip("0"))
        parts[lowest] = "0" * len(parts[lowest])
        return parse(".".join(parts))

    def is_below(self, other: "OrganCode") -> bool:
        """Whether `other` is above this body, at any distance. A body is not below itself.

        Units of different forms have no common numbering: there, only what is below the same top body is known.
        """
        if OrganForm.OTHER in (self.form, other.form) or self.top != other.top:
            return False
        if self.form is other.form:
            return self != other and self._path()[: len(other._path())] == other._path()
        return len(other.groups) == 1 and len(self.groups) > 1

    def same_as(self, other: "OrganCode") -> bool:
        """Whether both name one body. A top body has one code in each form: `000.00.00.H41` is `H41`."""
        if self.text == other.text:
            return True
        forms = {self.form, other.form}
        return forms == {OrganForm.OLD, OrganForm.NEW} and self.groups == other.groups and len(self.groups) == 1

    def _path(self) -> tuple[str, ...]:
        """All groups from the top down with empty levels kept, less the empty ones at the end."""
        if self.form is not OrganForm.OLD:
            return self.groups
        path = self.text.split(".")[::-1]
        while not path[-1].strip("0"):
            path.pop()
        return tuple(path)


def normalise(code: str) -> str:
    """The code as a key: without white space, in capitals. Any text is allowed, so is the empty one."""
    return _SPACE.sub("", code).upper()


def parse(code: str) -> OrganCode:
    """The code as a value; whatever fits neither form is `OTHER` with itself as only group."""
    text = normalise(code)
    if _OLD.fullmatch(text):
        groups = tuple(part for part in reversed(text.split(".")) if part.strip("0"))
        return OrganCode(text, OrganForm.OLD, groups)
    if _NEW.fullmatch(text):
        return OrganCode(text, OrganForm.NEW, tuple(text.split(".")))
    return OrganCode(text, OrganForm.OTHER, (text,))
