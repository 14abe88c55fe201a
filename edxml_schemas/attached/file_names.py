"""File names from outside, made safe for every file system that agencies use."""

import re
import unicodedata
from collections.abc import Container
from typing import Final

NAME_BYTES: Final = 200
"""Longest safe name in UTF-8 bytes: file systems allow 255, and people add suffixes."""

UNNAMED: Final = "tep-dinh-kem"
"""What a file is called whose name leaves nothing ("tệp đính kèm" is Vietnamese for attachment)."""

_SEPARATORS: Final = re.compile(r"[/\\]")
_DRIVE: Final = re.compile(r"\A[A-Za-z]:")
_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')
_EDGES: Final = re.compile(r"\A[\s.]+|[\s.]+\Z")  # hidden on Unix, dropped on Windows
_RESERVED: Final = re.compile(r"\A(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\Z", re.IGNORECASE)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, direction marks, half characters, line ends


def safe_file_name(name: str, *, taken: Container[str] = ()) -> str:
    """The name as one path component: never empty, hidden, reserved, longer than `NAME_BYTES` or in `taken`.

    Only what stands behind the last slash or backslash counts. Unicode is composed (NFC); characters that cannot be
    seen or turn the reading direction are dropped; what Windows forbids becomes `_`. A name in `taken`, as it is or
    case-folded, gets a number: `văn bản (2).pdf`.
    """
    last = _DRIVE.sub("", _SEPARATORS.split(name)[-1])
    seen = "".join(char for char in unicodedata.normalize("NFC", last) if unicodedata.category(char) not in _UNSEEN)
    clean = _EDGES.sub("", _FORBIDDEN.sub("_", seen))
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending.encode()) > NAME_BYTES // 4:
        stem, dot, ending = clean, "", ""
    if _RESERVED.match(clean.split(".")[0].strip()):
        stem = f"_{stem}"
    if not clean:
        stem = UNNAMED
    tail = dot + ending
    candidate = _cut(stem, NAME_BYTES - len(tail.encode())) + tail
    number = 1
    while candidate in taken or candidate.casefold() in taken:
        number += 1
        mark = f" ({number})"
        candidate = _cut(stem, NAME_BYTES - len((mark + tail).encode())) + mark + tail
    return candidate


def _cut(text: str, most: int) -> str:
    """The beginning of the text in at most so many bytes, without half a character."""
    encoded = text.encode()
    return text if len(encoded) <= most else encoded[:most].decode("utf-8", "ignore").rstrip()
