"""Who vouched for an envelope that its own system could not sign: the note that travels beside the envelope.

A document system that cannot sign hands its envelope to an agent over a connection that authenticates it. The agent
mends what no reader would take, signs, and keeps the original bytes. The note says so: in the header
`contract.Header.VOUCHED` of the submission, in the hub's record, on its receipts and in the evidence.

    {"system":"vxp.saas.02","digest":"<SHA-256 of the original>","size":18423,"repairs":["leading-bytes"]}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import orjson

VOUCHED_CHARS: Final = 1200
"""Longest note; a longer header is refused unread."""
SYSTEM_CHARS: Final = 100
MOST_REPAIRS: Final = 16
LARGEST_ORIGINAL: Final = 2**40  # bytes

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_REPAIR: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_REPAIR_CHARS: Final = 40
_NAMES: Final = ("system", "digest", "size", "repairs")


class Repair(StrEnum):
    """What an agent did to an original. A hub passes names on that it does not know: agents may be newer."""

    LEADING_BYTES = "leading-bytes"
    TRAILING_BYTES = "trailing-bytes"
    PREFIX_DECLARED = "prefix-declared"
    ATTACHMENT_NAMESPACE = "attachment-namespace"
    TRACE_HEADER_REMOVED = "trace-header-removed"
    REMARKS_REMOVED = "remarks-removed"
    SIGNATURE_ADDED = "signature-added"
    SIGNATURE_REPLACED = "signature-replaced"


REPAIR_TEXT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        Repair.LEADING_BYTES.value: ("bỏ byte thừa trước XML", "stray bytes before the XML removed"),
        Repair.TRAILING_BYTES.value: ("bỏ byte NUL thừa sau XML", "NUL padding behind the XML removed"),
        Repair.PREFIX_DECLARED.value: ("khai báo tiền tố chưa khai báo", "an undeclared prefix declared"),
        Repair.ATTACHMENT_NAMESPACE.value: (
            "bổ sung không gian tên cho phần tệp đính kèm",
            "the attachments' missing namespace added",
        ),
        Repair.TRACE_HEADER_REMOVED.value: (
            "bỏ TraceHeader không ghi cơ quan và không rõ thời điểm",
            "a TraceHeader without organ and readable time removed",
        ),
        Repair.REMARKS_REMOVED.value: (
            "bỏ chú thích và chỉ dẫn xử lý XML",
            "XML comments and processing instructions removed",
        ),
        Repair.SIGNATURE_ADDED.value: ("ký thay (bản gốc không có chữ ký)", "signed (the original was not)"),
        Repair.SIGNATURE_REPLACED.value: (
            "ký thay (chữ ký trong bản gốc chỉ để trang trí)",
            "signed (the original's signature was decoration)",
        ),
    }
)
"""Vietnamese and English, in that order, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """An agent's word for the document system `system`, as the agent's own authentication calls it.

    `digest` (SHA-256, lower-case hexadecimal) and `size` (bytes) are of the original as it came; `repairs` are names
    as in `Repair`, at least one, each once, in the order in which they were made. Raises ValueError for others.
    """

    system: str
    digest: str
    size: int
    repairs: tuple[str, ...]

    def __post_init__(self) -> None:
        named = (
            0 < len(self.system) <= SYSTEM_CHARS and self.system.isprintable() and self.system == self.system.strip()
        )
        measured = _DIGEST.fullmatch(self.digest) is not None and 0 <= self.size <= LARGEST_ORIGINAL
        told = 0 < len(self.repairs) <= MOST_REPAIRS and len(set(self.repairs)) == len(self.repairs)
        if not (named and measured and told and all(map(_is_repair, self.repairs))):
            raise ValueError("not a note of an agent that vouches")

    def encoded(self) -> str:
        """The note as it travels; the same note is always the same text."""
        values = (self.system, self.digest, self.size, self.repairs)
        return orjson.dumps(dict(zip(_NAMES, values, strict=True))).decode()

    def as_dict(self) -> dict[str, object]:
        """The JSON of every `--json`, with the words of each repair."""
        texts = {name: repair_text(name) for name in self.repairs}
        repairs = [{"name": name, "text": {"vi": vi, "en": en}} for name, (vi, en) in texts.items()]
        return {"system": self.system, "digest": self.digest, "size": self.size, "repairs": repairs}


def read_vouched(text: str) -> Vouched | None:
    """The note in a text that `Vouched.encoded` wrote; None for every other text. Never raises."""
    if len(text) > VOUCHED_CHARS:
        return None
    try:
        values = orjson.loads(text)
        if not isinstance(values, dict) or tuple(values) != _NAMES:
            return None
        system, digest, size, repairs = values.values()
        kinds = (type(system), type(digest), type(size), type(repairs))
        if kinds != (str, str, int, list) or not all(isinstance(each, str) for each in repairs):
            return None
        note = Vouched(system=system, digest=digest, size=size, repairs=tuple(repairs))
    except (ValueError, UnicodeError):
        return None
    return note if note.encoded() == text else None


def repair_text(name: str) -> tuple[str, str]:
    """A repair in Vietnamese and English; the name itself when this version does not know it."""
    return REPAIR_TEXT.get(name, (name, name))


def _is_repair(name: str) -> bool:
    return len(name) <= _REPAIR_CHARS and _REPAIR.fullmatch(name) is not None
