"""What a look found."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    GOOD = "good"
    MENDED = "mended"  # was wrong; has been repaired now
    WARNING = "warning"  # works, and will not for ever
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One finding: `part` is what was looked at, then the words and the remedy in both languages.

    `repairable` says that `truc doctor --repair` would mend it.
    """

    part: str
    health: Health
    vi: str
    en: str
    remedy_vi: str = ""
    remedy_en: str = ""
    repairable: bool = False


def good(part: str, vi: str, en: str) -> Diagnosis:
    return Diagnosis(part=part, health=Health.GOOD, vi=vi, en=en)


def mended(part: str, vi: str, en: str) -> Diagnosis:
    return Diagnosis(part=part, health=Health.MENDED, vi=vi, en=en)


def warning(
    part: str, vi: str, en: str, *, remedy_vi: str = "", remedy_en: str = "", repairable: bool = False
) -> Diagnosis:
    return Diagnosis(
        part=part,
        health=Health.WARNING,
        vi=vi,
        en=en,
        remedy_vi=remedy_vi,
        remedy_en=remedy_en,
        repairable=repairable,
    )


def bad(
    part: str, vi: str, en: str, *, remedy_vi: str = "", remedy_en: str = "", repairable: bool = False
) -> Diagnosis:
    return Diagnosis(
        part=part, health=Health.BAD, vi=vi, en=en, remedy_vi=remedy_vi, remedy_en=remedy_en, repairable=repairable
    )


def worst(found: Iterable[Diagnosis]) -> Health:
    """The worst of them; good when there is none."""
    order = list(Health)
    return max((each.health for each in found), key=order.index, default=Health.GOOD)
