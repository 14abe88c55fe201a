"""Lists of organs as the hub gives them, for tests of the directory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.gateway.directory import Directory, Switched
from edxml_schemas.organ_list import GoneOrgan, ListedOrgan, ListHead, line_digest, line_of, list_digest

NOW = datetime(2026, 11, 21, 2, 15, tzinfo=UTC)

PROVINCE = ListedOrgan(
    code="H41", name="Ủy ban nhân dân tỉnh Nghệ An", old_code="000.00.00.H41", connected=True, version=1
)
HEALTH = ListedOrgan(
    code="H41.08",
    name="Sở Y tế",
    parent="H41",
    old_code="000.00.08.H41",
    email="soyte@nghean.gov.vn",
    phone="0238 384 4528",
    address="18 Trường Thi, Vinh",
    connected=True,
    version=2,
)
STATION = ListedOrgan(code="H41.08.13", name="Trạm Y tế Đông Đô", parent="H41.08", version=3)
MINISTRY = ListedOrgan(code="000.00.00.G17", name="Bộ Xây dựng", version=4)
CENTRE = ListedOrgan(code="vxp.saas.03", name="Trung tâm kỹ thuật", parent="H41", version=5)
SMALL = (PROVINCE, HEALTH, STATION, MINISTRY, CENTRE)


def digest_of(organs: Iterable[ListedOrgan]) -> str:
    return list_digest(line_digest(line_of(each)) for each in sorted(organs, key=lambda each: each.code))


def write_list(
    path: Path,
    organs: Sequence[ListedOrgan],
    *,
    version: int = 10,
    since: int | None = None,
    changes: Sequence[ListedOrgan | GoneOrgan] | None = None,
    **head: Any,
) -> Path:
    """A file with the list of `organs`, or, with `since`, with the `changes` that lead to it. `head` overrides."""
    told: Sequence[ListedOrgan | GoneOrgan] = organs if changes is None else changes
    stated = ListHead(version=version, digest=digest_of(organs), since=since, count=len(told))
    lines = [line_of(replace(stated, **head)), *map(line_of, told)]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def filled(folder: Path, organs: Sequence[ListedOrgan] = SMALL, *, version: int = 10) -> Directory:
    """A directory with these organs, for the caller to close."""
    directory = Directory.open(folder)
    refill(directory, organs, version=version)
    return directory


def refill(directory: Directory, organs: Sequence[ListedOrgan], *, version: int, now: datetime = NOW) -> Switched:
    """The whole list anew."""
    path = write_list(directory.folder / "list", organs, version=version)
    try:
        return directory.switch(path, now=now)
    finally:
        path.unlink()
