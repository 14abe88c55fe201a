"""Envelopes' bytes in files: append segments for what came through the broker, blobs for what was uploaded beforehand.

A batch of envelopes costs one write and one `fdatasync`, whatever their number. Layout under the folder:

    segments/<writer>-<number>.seg   records, each: magic (4), length (8, big-endian), CRC-32 (4), the bytes
    blobs/ab/cd/<sha256>             one file per blob, whole or not there
    partial/<random>                 uploads under way; a leftover of a crash is dead weight and nothing else
    unclaimed/                       see blob_room.py

A process writes only segments that it created itself, so a tail torn by a crash is never written behind, and nobody
holds a reference to it, because references are handed out after the sync. The CRC tells bytes that rotted or were
torn; that they are the sender's bytes is for the SHA-256 that travels with every message.
"""

import contextlib
import hashlib
import os
import re
import struct
import threading
import uuid
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from router.adapters.segment_file import SegmentFile
from router.ports import PayloadUnavailable

SEGMENT_BYTES: Final = 256 * 2**20
"""A segment that has reached this size is followed by a new one."""

MAGIC: Final = b"TLs1"
HEAD: Final = struct.Struct(">4sQI")
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
REFERENCE: Final = re.compile(r"seg:([A-Za-z0-9_-]{1,80}\.seg):(\d{1,18}):(\d{1,18})")
WRITER_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")
FILE_MODE: Final = 0o640  # envelopes are letters: for the hub and its group, not for everybody on the machine
FOLDER_MODE: Final = 0o750


class BlobRefused(ValueError):
    """An upload is larger than said or allowed, or not what its digest says."""


class BlobWriter:
    """One upload under way: `write` chunks, then `finish`, or `abort`. Usable from one thread at a time.

    Memory does not grow with the blob. `write` raises `BlobRefused` as soon as there are more than `limit` bytes.
    """

    def __init__(self, partial: Path, final: Path, *, digest: str, limit: int) -> None:
        self._partial = partial
        self._final = final
        self._digest = digest
        self._limit = limit
        self._hash = hashlib.sha256()
        self._size = 0
        self._file = os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb")

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    def write(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit:
            self.abort()
            raise BlobRefused(f"more than {self._limit} bytes")
        self._hash.update(chunk)
        try:
            self._file.write(chunk)
        except OSError as problem:
            self.abort()
            raise PayloadUnavailable(f"cannot write a blob: {problem}") from problem

    def finish(self, *, size: int | None = None) -> str:
        """The reference of the blob, durable on return. Raises `BlobRefused` when digest or size differ."""
        if self._hash.hexdigest() != self._digest or size not in (None, self._size):
            self.abort()
            raise BlobRefused("the bytes are not what their digest and size say")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            _make_folder(self._final.parent)
            self._partial.replace(self._final)
            _sync_folder(self._final.parent)
        except OSError as problem:
            self.abort()
            raise PayloadUnavailable(f"cannot keep a blob: {problem}") from problem
        return f"blob:{self._digest}"

    def abort(self) -> None:
        """Forget what was written. Safe to call more than once, and after `finish`."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._partial.unlink(missing_ok=True)


class FilePayloads:
    """`ports.Payloads` in a folder that several processes share. `writer` names this process in its segments."""

    def __init__(self, folder: Path, writer: str = "hub", *, segment_bytes: int = SEGMENT_BYTES) -> None:
        if not WRITER_NAME.fullmatch(writer):
            raise ValueError(f"not a writer's name: {writer!r}")
        self.folder = folder
        self._segments = folder / "segments"
        self._blobs = folder / "blobs"
        self._partial = folder / "partial"
        self._writer = writer
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._file: SegmentFile | None = None
        self._name = ""
        for each in (self._segments, self._blobs, self._partial):
            _make_folder(each)

    # ── Segments ────────────────────────────────────────────────────────────────────────────────────────────────────

    def append(self, envelopes: Sequence[bytes]) -> Sequence[str]:
        """One reference per envelope; all durable on return. Raises `PayloadUnavailable`; then none is kept."""
        if not envelopes:
            return ()
        pieces = [piece for data in envelopes for piece in (HEAD.pack(MAGIC, len(data), zlib.crc32(data)), data)]
        with self._lock:
            try:
                if self._file is None or self._file.end >= self._segment_bytes:
                    self._file = self._roll()
                place = self._file.append(pieces)
            except OSError as problem:
                # After a failed write or sync nobody knows what is on the disk: this segment gets nothing more.
                self._let_go()
                raise PayloadUnavailable(f"cannot append to {self._segments.name}: {problem}") from problem
            references = []
            for data in envelopes:
                references.append(f"seg:{self._name}:{place}:{len(data)}")
                place += HEAD.size + len(data)
            return tuple(references)

    def _roll(self) -> SegmentFile:
        self._let_go()
        number = 1 + max((_number_of(each.name) for each in self._segments.glob(f"{self._writer}-*.seg")), default=0)
        while True:
            name = f"{self._writer}-{number}.seg"
            try:
                file = SegmentFile(self._segments / name, mode=FILE_MODE)
            except FileExistsError:
                number += 1  # another process with our name was quicker
                continue
            _sync_folder(self._segments)
            self._name = name
            return file

    def _let_go(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = None

    def close(self) -> None:
        with self._lock:
            self._let_go()

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, reference: str) -> bytes:
        """The bytes. Raises `PayloadUnavailable` when they are missing, torn, rotten, or the reference is no such."""
        if reference.startswith("blob:"):
            return self._read_blob(reference)
        shape = REFERENCE.fullmatch(reference)
        if shape is None:
            raise PayloadUnavailable(f"not a reference: {reference[:100]!r}")
        name, offset, length = shape[1], int(shape[2]), int(shape[3])
        try:
            with (self._segments / name).open("rb", buffering=0) as file:
                if offset + HEAD.size + length > os.fstat(file.fileno()).st_size:
                    raise PayloadUnavailable(f"{reference} ends behind the end of its segment")
                file.seek(offset)
                head = HEAD.unpack(_read_exactly(file.fileno(), HEAD.size))
                data = _read_exactly(file.fileno(), length)
        except (OSError, EOFError) as problem:
            raise PayloadUnavailable(f"cannot read {reference}: {problem}") from problem
        if head != (MAGIC, length, zlib.crc32(data)):
            raise PayloadUnavailable(f"{reference} is damaged")
        return data

    def _read_blob(self, reference: str) -> bytes:
        digest = reference.removeprefix("blob:")
        path = self.blob_path(digest)
        if path is None:
            raise PayloadUnavailable(f"no blob {reference[:100]!r}")
        try:
            data = path.read_bytes()
        except OSError as problem:
            raise PayloadUnavailable(f"cannot read {reference}: {problem}") from problem
        if hashlib.sha256(data).hexdigest() != digest:
            raise PayloadUnavailable(f"{reference} is damaged")
        return data

    # ── Blobs ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def claim(self, digest: str, size: int) -> str | None:
        """A blob that is claimed counts as used now: what nobody used for long may be removed."""
        path = self.blob_path(digest)
        try:
            if path is None or path.stat().st_size != size:
                return None
            os.utime(path)
        except FileNotFoundError:
            return None  # removed at this moment
        except OSError as problem:
            raise PayloadUnavailable(f"cannot claim a blob: {problem}") from problem
        return f"blob:{digest}"

    def blob_path(self, digest: str) -> Path | None:
        """The file of a blob that is wholly there, for streaming; None otherwise, whatever the text is."""
        if not DIGEST.fullmatch(digest):
            return None
        path = self._blob_file(digest)
        return path if path.is_file() else None

    def blob_writer(self, digest: str, *, limit: int) -> BlobWriter:
        """Receive one blob of at most `limit` bytes. Raises `BlobRefused` when the digest is none."""
        if not DIGEST.fullmatch(digest):
            raise BlobRefused("not a SHA-256 in lower-case hexadecimal")
        try:
            return BlobWriter(self._partial / uuid.uuid4().hex, self._blob_file(digest), digest=digest, limit=limit)
        except OSError as problem:
            raise PayloadUnavailable(f"cannot start a blob: {problem}") from problem

    def remove_blob(self, digest: str, *, not_used_since: datetime) -> bool:
        """Remove a blob unless it was uploaded or claimed after that time; whether it was removed."""
        path = self.blob_path(digest)
        apart = self._partial / uuid.uuid4().hex
        try:
            if path is None or path.stat().st_mtime >= not_used_since.timestamp():
                return False
            path.replace(apart)
            if apart.stat().st_mtime >= not_used_since.timestamp():
                apart.replace(path)  # claimed between the look and the removal; from here on it cannot be
                return False
            apart.unlink()
        except FileNotFoundError:
            return False
        return True

    def forget(self, digest: str) -> None:
        """Remove a blob now, whoever used it last."""
        path = self.blob_path(digest)
        try:
            if path is not None:
                path.unlink(missing_ok=True)
        except OSError as problem:
            raise PayloadUnavailable(f"cannot remove a blob: {problem}") from problem

    def partial_files(self) -> Sequence[Path]:
        """Uploads under way, and leftovers of crashes."""
        return tuple(self._partial.iterdir())

    def put_blob(self, chunks: Iterable[bytes], *, digest: str, limit: int) -> str:
        """Keep a blob from chunks. Raises `BlobRefused` (more than `limit` bytes, or another digest)."""
        writer = self.blob_writer(digest, limit=limit)
        try:
            for chunk in chunks:
                writer.write(chunk)
            return writer.finish()
        finally:
            writer.abort()

    def _blob_file(self, digest: str) -> Path:
        return self._blobs / digest[:2] / digest[2:4] / digest


def _number_of(name: str) -> int:
    number = name.removesuffix(".seg").rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _read_exactly(descriptor: int, length: int) -> bytes:
    data = os.read(descriptor, length)
    if len(data) == length:
        return data
    parts = [data]
    missing = length - len(data)
    while missing:
        part = os.read(descriptor, missing)
        if not part:
            raise EOFError("the file ends early")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=FOLDER_MODE)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
