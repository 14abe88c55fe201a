"""What a verification came to, as data: one row per check, in the order in which they were made."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    GOOD = "good"
    FAILED = "failed"
    NOTE = "note"  # nothing is wrong; the reader should know


class CheckName(StrEnum):
    """What is checked."""

    CONTAINER = "container"
    MANIFEST = "manifest"
    HUB_CERTIFICATE = "hub-certificate"
    CONTENTS = "contents"
    SEALS = "seals"
    TIMESTAMP = "timestamp"
    EVENTS = "events"
    RECORDS = "records"
    LEGS = "legs"
    STATUSES = "statuses"
    ENVELOPE = "envelope"
    SIGNATURE = "signature"
    TRUST = "trust"
    RECEIPTS = "receipts"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check and its outcome. `about` names the member, message, leg or seal that it is about, or is empty."""

    name: CheckName
    outcome: Outcome
    vi: str
    en: str
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All checks. `hub` is the fingerprint of the certificate by which the hub was recognised, `document` the id."""

    checks: tuple[Check, ...]
    hub: str = ""
    document: str = ""

    @property
    def good(self) -> bool:
        return all(each.outcome is not Outcome.FAILED for each in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(each for each in self.checks if each.outcome is Outcome.FAILED)

    def as_dict(self) -> dict[str, object]:
        """{"good", "hub", "document", "checks": [{"check", "outcome", "about", "text": {"vi", "en"}}]}"""
        return {
            "good": self.good,
            "hub": self.hub,
            "document": self.document,
            "checks": [
                {
                    "check": each.name.value,
                    "outcome": each.outcome.value,
                    "about": each.about,
                    "text": {"vi": each.vi, "en": each.en},
                }
                for each in self.checks
            ],
        }


def good(name: CheckName, vi: str, en: str, *, about: str = "") -> Check:
    return Check(name=name, outcome=Outcome.GOOD, vi=vi, en=en, about=about)


def failed(name: CheckName, vi: str, en: str, *, about: str = "") -> Check:
    return Check(name=name, outcome=Outcome.FAILED, vi=vi, en=en, about=about)


def note(name: CheckName, vi: str, en: str, *, about: str = "") -> Check:
    return Check(name=name, outcome=Outcome.NOTE, vi=vi, en=en, about=about)


def unless_failed(faults: Iterable[Check], otherwise: Check) -> tuple[Check, ...]:
    """The faults, or the good word when there is none."""
    found = tuple(faults)
    return found or (otherwise,)
