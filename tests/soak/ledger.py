"""What the rig itself knows: what it sent, to whom, with which bytes, and what must come of it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path


class Fate(StrEnum):
    """What must become of a submission."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TWIN = "twin"
    """The same content under several submission ids: one is accepted, the others are told that it was."""
    RIVAL = "rival"
    """Different contents under one DocumentId: one is accepted, the others are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One submission of the rig. `group` joins twins and rivals; `codes` are findings that a refusal must name."""

    submission_id: str
    agent: str
    sender: str
    recipients: tuple[str, ...]
    document_id: str
    digest: str
    size: int
    urgent: bool
    fate: Fate
    group: str = ""
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A status that the rig let a recipient send about a delivery."""

    submission_id: str
    agent: str
    leg_id: str
    code: str


@dataclass(slots=True)
class Ledger:
    """Kept in memory and, line by line, beside the run."""

    path: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    copies: int = 0
    """Messages that the rig published once more."""

    def enter(self, entry: Entry) -> None:
        self.entries[entry.submission_id] = entry
        self._write({"sent": asdict(entry)})

    def note(self, said: Said) -> None:
        self.said[said.submission_id] = said
        self._write({"said": asdict(said)})

    def groups(self, fate: Fate) -> Iterator[tuple[Entry, ...]]:
        """Twins, or rivals, by group."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries.values():
            if entry.fate is fate:
                found.setdefault(entry.group, []).append(entry)
        yield from map(tuple, found.values())

    def _write(self, line: object) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
