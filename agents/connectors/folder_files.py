"""Looking at files that others write, and writing files that others read."""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import orjson

from agents.errors import UsageFault
from agents.spool.bodies import write_durably
from edxml_schemas.drafts import DraftProblem

NAME_BYTES: Final = 255
"""Longest file name in bytes, as Linux file systems have it."""

HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")

Fingerprint = tuple[tuple[str, int, int], ...]
"""Every file of a drop with its size in bytes and its time of change in nanoseconds.

The time of the inode's change (ctime): copying tools set the other one back, and new rights change only this one.
"""


def fingerprint_of(drop: Path) -> Fingerprint | None:
    """None when the drop went away while it was looked at."""
    try:
        paths = sorted(drop.rglob("*")) if drop.is_dir() else [drop]
        return tuple((str(path), (seen := path.lstat()).st_size, seen.st_ctime_ns) for path in paths)
    except OSError:
        return None


@dataclass(slots=True)
class Settling:
    """Tells whether a drop has come to rest: nothing about it changed for `rest`, as far as was looked."""

    rest: timedelta
    _since: dict[Path, tuple[Fingerprint, float]] = field(default_factory=dict)

    def settled(self, drop: Path, seen: Fingerprint) -> bool:
        known = self._since.get(drop)
        if known is None or known[0] != seen:
            self._since[drop] = (seen, time.monotonic())
            return self.rest <= timedelta(0)
        return time.monotonic() - known[1] >= self.rest.total_seconds()

    def forget(self, drop: Path) -> None:
        self._since.pop(drop, None)

    @property
    def waiting(self) -> bool:
        """Whether some drop has been seen, and neither been taken nor gone away."""
        for drop in [path for path in self._since if not path.exists()]:
            self.forget(drop)
        return bool(self._since)


def printable(name: str) -> str:
    """The name without bytes that are no UTF-8: it stands in the spool, in JSON and in logs."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def whole_text(value: object) -> object:
    """The value with every half character (surrogate) in its texts replaced: JSON in UTF-8 cannot hold them."""
    if isinstance(value, str):
        return HALF_CHARACTER.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {whole_text(key): whole_text(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [whole_text(each) for each in value]
    return value


def named_after(name: str, ending: str) -> str:
    """`name` with `ending` behind it; a name too long for that is cut, and stays one that no other drop has."""
    room = NAME_BYTES - len(ending.encode())
    whole = printable(name).encode()
    if len(whole) > room:
        mark = f"~{hashlib.sha256(whole).hexdigest()[:8]}"
        return whole[: room - len(mark)].decode("utf-8", "ignore") + mark + ending
    return whole.decode() + ending


def plain_problem(source: str, vi: str, en: str, remedy_vi: str, remedy_en: str) -> DraftProblem:
    """A problem of a drop as a whole."""
    return DraftProblem(where="", source=source, vi=vi, en=en, remedy_vi=remedy_vi, remedy_en=remedy_en)


def unreadable(name: str, reason: str) -> DraftProblem:
    return plain_problem(
        name,
        vi=f"Không đọc được “{name}”: {reason}.",
        en=f"“{name}” cannot be read: {reason}.",
        remedy_vi="Đề nghị kiểm tra quyền đọc và tên của các tệp.",
        remedy_en="Check who may read the files, and their names.",
    )


def unusable(name: str, fault: UsageFault) -> DraftProblem:
    return plain_problem(
        name,
        vi=fault.vi,
        en=fault.en,
        remedy_vi="Đề nghị sửa cấu hình hoặc khóa của agent, rồi thả lại văn bản này hoặc chạy lại agent.",
        remedy_en="Mend the agent's settings or key, then drop this document again or start the agent again.",
    )


def write_json(path: Path, content: object) -> None:
    """Whole or not at all, indented, with a line end."""
    write_durably(path, orjson.dumps(whole_text(content), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
