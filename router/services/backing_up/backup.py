"""What is in a backup and how it gets there and back: tables, payloads, configuration, trust, keys.

The database and the files are reached through what the caller passes in.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from router.services.backing_up.archive import Archive, ArchiveWriter, chunks_of

FILE_MODE: Final = 0o640
SECRET_MODE: Final = 0o600
FOLDER_MODE: Final = 0o750
KEY: Final = "hub/key.pem"
CONFIG: Final = "truc.toml"


class Shape(Protocol):
    """A table."""

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def binary(self) -> frozenset[str]: ...


class Part(Protocol):
    """A payload file; see `adapters/payload_parts.py`."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path: ...

    @property
    def limit(self) -> int | None: ...

    @property
    def required(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the hub keeps what a backup holds beside database and payloads: names of parts, and paths.

    `folders` are taken with the files directly in them, `files` one by one; what is not there is left out.
    """

    folders: Mapping[str, Path]
    files: Mapping[str, Path]

    def present(self, *, with_keys: bool) -> Iterator[tuple[str, Path]]:
        for name, path in self.files.items():
            if path.is_file() and (with_keys or name != KEY):
                yield name, path
        for name, folder in self.folders.items():
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if path.is_file() and not path.name.startswith("."):
                    yield f"{name}/{path.name}", path

    def place_of(self, name: str) -> Path | None:
        if name in self.files:
            return self.files[name]
        folder, _, file = name.rpartition("/")
        return self.folders[folder] / file if folder in self.folders and file else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A backup that was made. `missing` are payloads that the records speak of and that were not there; `digest` is
    the SHA-256 of the manifest."""

    digest: str
    rows: Mapping[str, int]
    parts: int
    missing: tuple[str, ...]


def back_up(
    path: Path,
    *,
    facts: Mapping[str, object],
    tables: Sequence[tuple[Shape, Iterable[bytes]]],
    payloads: Iterable[Part],
    places: Places,
    with_keys: bool,
) -> Taken:
    """Write a backup. `facts` go into the manifest; tables are read before payloads, which are read before the rest.

    Raises UsageProblem when the file is there already, OSError when it cannot be written or a part not be read.
    """
    rows: dict[str, int] = {}
    missing: list[str] = []
    parts = 0
    with ArchiveWriter(path) as archive:
        for shape, lines in tables:
            archive.add(f"tables/{shape.name}.jsonl", _counted(lines, rows, shape.name), compress=True)
        for part in payloads:
            if not _is_there(part):
                missing += [part.name] if part.required else []
                continue
            archive.add(part.name, chunks_of(part.path, limit=part.limit), compress=False)
            parts += 1
        for name, file in places.present(with_keys=with_keys):
            archive.add(f"files/{name}", chunks_of(file), compress=True)
        archive.manifest = {
            **facts,
            "with_keys": with_keys,
            "missing": missing,
            "tables": [
                {"name": s.name, "columns": s.columns, "binary": sorted(s.binary), "rows": rows[s.name]}
                for s, _ in tables
            ],
        }
    return Taken(digest=archive.digest, rows=rows, parts=parts, missing=tuple(missing))


def put_files(archive: Archive, *, places: Places, payload_place: Callable[[str], Path]) -> None:
    """Everything but database and configuration, each file synced. Raises ValueError for a part that has no place."""
    for name in archive.names:
        if name.startswith("tables/") or name == f"files/{CONFIG}":
            continue
        kept = name.removeprefix("files/")
        place = places.place_of(kept) if kept != name else payload_place(name)
        if place is None:
            raise ValueError(f"a part that belongs nowhere: {name[:100]!r}")
        put_file(place, archive.chunks(name), mode=SECRET_MODE if kept == KEY else FILE_MODE)


def put_file(path: Path, chunks: Iterable[bytes], *, mode: int) -> None:
    """A new file, durable on return. Raises FileExistsError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def taken_at(archive: Archive) -> datetime:
    return datetime.fromisoformat(str(archive.manifest["taken_at"]))


def _is_there(part: Part) -> bool:
    try:
        return part.path.stat().st_size >= (part.limit or 0)
    except FileNotFoundError:
        return False


def _counted(lines: Iterable[bytes], rows: dict[str, int], name: str) -> Iterator[bytes]:
    rows[name] = 0
    for line in lines:
        rows[name] += 1
        yield line
