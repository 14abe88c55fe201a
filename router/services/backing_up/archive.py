"""A backup's file: one ZIP of parts, each with its SHA-256 in a manifest that is written last.

Parts are streamed in and out, so memory does not grow with the hub. The file is written beside its place, synced, and
then moved there: it is whole or not there. Only the hub's user may read it; it holds letters and passwords.
"""

import contextlib
import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import orjson

from router.errors import HubProblem, UsageProblem

FORMAT: Final = "truc-backup/1"
MANIFEST: Final = "manifest.json"
MANIFEST_BYTES: Final = 256 * 2**20
CHUNK: Final = 2**20
FILE_MODE: Final = 0o600
NAME: Final = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[^/\\\x00]{1,200}(?:/[^/\\\x00]{1,200}){0,5}")
"""Names of parts: relative, without steps upwards."""


BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)
"""What reading a damaged ZIP raises."""


class BadArchive(HubProblem):
    """The file is no backup, or not as it was written."""


def chunks_of(path: Path, *, limit: int | None = None) -> Iterator[bytes]:
    """A file's bytes, up to `limit`; what is appended meanwhile does not matter. Raises OSError, also when it is
    shorter than `limit`."""
    left = limit
    with path.open("rb") as file:
        while left is None or left > 0:
            chunk = file.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                if left is not None:
                    raise OSError(f"{path.name} ends {left} bytes early")
                return
            left = None if left is None else left - len(chunk)
            yield chunk


class ArchiveWriter:
    """Use as a context manager; leaving it with an exception leaves nothing behind. Raises OSError, UsageProblem."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._parts: list[dict[str, object]] = []
        self.manifest: dict[str, object] = {}
        """What else the manifest says; `parts` and `format` are added."""
        self.digest = ""
        """SHA-256 of the manifest, once it is written: it vouches for everything else."""

    def __enter__(self) -> "ArchiveWriter":
        if self._path.exists():
            raise UsageProblem(f"{self._path} đã có, không ghi đè", f"{self._path} exists and is not overwritten")
        descriptor = os.open(self._beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", allowZip64=True)
        return self

    def add(self, name: str, chunks: Iterable[bytes], *, compress: bool) -> None:
        digest, size = hashlib.sha256(), 0
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        entry.external_attr = FILE_MODE << 16
        with self._zip.open(entry, "w", force_zip64=True) as part:
            for chunk in chunks:
                part.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self._parts.append({"name": name, "size": size, "sha256": digest.hexdigest()})

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            with contextlib.suppress(OSError, ValueError):
                self._zip.close()
            self._file.close()
            self._beside.unlink(missing_ok=True)

    def _finish(self) -> None:
        manifest = orjson.dumps({"format": FORMAT, **self.manifest, "parts": self._parts}, option=orjson.OPT_INDENT_2)
        self._zip.writestr(zipfile.ZipInfo(MANIFEST), manifest, zipfile.ZIP_DEFLATED)
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        os.link(self._beside, self._path)  # unlike a rename, never over a file that came meanwhile
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self.digest = hashlib.sha256(manifest).hexdigest()


class Archive:
    """A backup to read from. Use as a context manager. Raises BadArchive for a file that is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, EOFError, ValueError) as problem:
            raise _bad(path, "không phải tệp ZIP nguyên vẹn", f"not a whole ZIP file: {problem}") from problem
        try:
            self.manifest = self._read_manifest()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _read_manifest(self) -> dict[str, Any]:
        try:
            with self._zip.open(MANIFEST) as part:
                manifest = orjson.loads(part.read(MANIFEST_BYTES))
            self._digests = {each["name"]: (str(each["sha256"]), int(each["size"])) for each in manifest["parts"]}
            known = manifest["format"] == FORMAT
        except (*BROKEN, ValueError, KeyError, TypeError) as problem:
            raise _bad(self.path, f"{MANIFEST} hỏng hoặc thiếu", f"{MANIFEST} is damaged or missing") from problem
        if not known:
            raise _bad(self.path, "định dạng lạ", f"not of the format {FORMAT}")
        named = {*self._digests, MANIFEST}
        there = self._zip.namelist()
        for name in (*sorted(named - {*there}), *sorted({*there} - named)):
            raise _bad(self.path, f"phần {name} thiếu hoặc thừa", f"the part {name} is missing, or nobody named it")
        if len(there) != len(named) or not all(map(NAME.fullmatch, named)):
            raise _bad(self.path, "tên phần không hợp lệ", "a part has a name that it must not have")
        return dict(manifest)

    @property
    def names(self) -> list[str]:
        return list(self._digests)

    def verify(self) -> None:
        """Read everything once. Raises BadArchive naming the first part that is not what the manifest says."""
        for name in self._digests:
            for _ in self.chunks(name):
                pass

    def chunks(self, name: str) -> Iterator[bytes]:
        """A part's bytes. Raises BadArchive at its end when they are not what the manifest says."""
        wanted, size = self._digests[name]
        digest, seen = hashlib.sha256(), 0
        try:
            with self._zip.open(name) as part:
                while chunk := part.read(CHUNK):
                    digest.update(chunk)
                    seen += len(chunk)
                    if seen > size:
                        break
                    yield chunk
        except BROKEN as problem:
            raise _damaged(self.path, name) from problem
        if digest.hexdigest() != wanted or seen != size:
            raise _damaged(self.path, name)

    def lines(self, name: str) -> Iterator[bytes]:
        """A part's lines, without their ends."""
        rest = b""
        for chunk in self.chunks(name):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest


def _damaged(path: Path, name: str) -> BadArchive:
    return _bad(path, f"phần {name} bị hỏng hoặc bị sửa", f"the part {name} is damaged or was changed")


def _bad(path: Path, vi: str, en: str) -> BadArchive:
    return BadArchive(
        f"Bản sao lưu {path} không dùng được: {vi}",
        f"The backup {path} cannot be used: {en}",
        remedy_vi="dùng bản sao lưu khác; chưa có gì bị thay đổi",
        remedy_en="use another backup; nothing was changed",
    )
