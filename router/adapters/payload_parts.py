"""Payload files as parts of a backup, and where each part goes in another folder."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router.adapters.payloads import HEAD, REFERENCE

PREFIX: Final = "payloads"
SEGMENT: Final = re.compile(r"payloads/segments/([A-Za-z0-9_-]{1,80}\.seg)")
BLOB: Final = re.compile(r"payloads/blobs/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadPart:
    """A file, or its first `limit` bytes. Not `required`: it may have been removed lawfully."""

    name: str
    path: Path
    limit: int | None
    required: bool


def parts_of(folder: Path, references: Iterable[tuple[str, bool]]) -> Iterator[PayloadPart]:
    """Every file that references speak of, once. Each reference comes with whether its bytes must be there.

    Of a segment only what is spoken of is taken: what comes behind it was appended later.
    """
    ends: dict[str, tuple[int, bool]] = {}
    blobs: dict[bytes, bool] = {}
    for reference, required in references:
        if shape := REFERENCE.fullmatch(reference):
            end, wanted = ends.get(shape[1], (0, False))
            ends[shape[1]] = max(end, int(shape[2]) + HEAD.size + int(shape[3])), wanted or required
        elif shape := BLOB.fullmatch(f"{PREFIX}/blobs/{reference.removeprefix('blob:')}"):
            digest = bytes.fromhex(shape[1])
            blobs[digest] = blobs.get(digest, False) or required
    for segment, (end, required) in sorted(ends.items()):
        name = f"{PREFIX}/segments/{segment}"
        yield PayloadPart(name=name, path=place_of(folder, name), limit=end, required=required)
    for digest, required in blobs.items():
        name = f"{PREFIX}/blobs/{digest.hex()}"
        yield PayloadPart(name=name, path=place_of(folder, name), limit=None, required=required)


def place_of(folder: Path, name: str) -> Path:
    """Where a part belongs in a payload folder. Raises ValueError for a name that is none."""
    if shape := SEGMENT.fullmatch(name):
        return folder / "segments" / shape[1]
    if shape := BLOB.fullmatch(name):
        return folder / "blobs" / shape[1][:2] / shape[1][2:4] / shape[1]
    raise ValueError(f"no payload: {name[:100]!r}")
