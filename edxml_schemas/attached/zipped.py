"""Looks into ZIP bytes without believing them: sizes are counted while inflating, never taken as declared."""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Final

from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.limits import Limits

ZIP_START: Final = b"PK\x03\x04"

_END_RECORD: Final = b"PK\x05\x06"
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_END_WINDOW: Final = 65_557  # bytes: the end record with the longest comment
_DIRECTORY_BYTES_PER_ENTRY: Final = 1_024  # more than any entry of a real document needs
_UNKNOWN_SIZE: Final = 0xFFFFFFFF
_PACKAGE_MARKS: Final = (
    b"[Content_Types].xml",
    b"META-INF/MANIFEST.MF",
    b"META-INF/manifest.xml",
    b"AndroidManifest.xml",
)
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK: Final = 2**16
_RATIO_FROM: Final = 2**20  # bytes unzipped, below which a ratio proves nothing
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    IndexError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class ZipView:
    """What a ZIP says of itself: `entries` that are no folders, and how many.

    `package` tells of a document format that is itself a ZIP (DOCX, ODT, JAR).
    """

    package: bool
    entries: tuple[zipfile.ZipInfo, ...]
    count: int


def look(content: bytes, limits: Limits) -> ZipView | None:
    """The directory of a ZIP, or None when it has none that can be read. Inflates nothing.

    A directory too large for `limits.zip_entries` is not read: its entries are empty and `count` is an estimate.
    """
    end = content.rfind(_END_RECORD, max(0, len(content) - _END_WINDOW))
    if end < 0 or end + 22 > len(content):
        return None
    count, size = struct.unpack_from("<HL", content, end + 10)
    directory = content[max(0, end - min(size, _DIRECTORY_BYTES_PER_ENTRY * limits.zip_entries)) : end]
    package = any(mark in directory for mark in _PACKAGE_MARKS) or content.startswith(b"mimetype", 30)
    # A ZIP64 locator overrides the size in the end record, whatever that says.
    if size == _UNKNOWN_SIZE or content.startswith(_ZIP64_LOCATOR, max(0, end - 20)):
        size = content.count(b"PK\x01\x02") * 46
    if count > limits.zip_entries or size > _DIRECTORY_BYTES_PER_ENTRY * limits.zip_entries:
        return ZipView(package, (), max(count, limits.zip_entries + 1))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = tuple(entry for entry in archive.infolist() if not entry.is_dir())
    except _BROKEN:
        return None
    return ZipView(package, entries, len(entries))


def judge(entry: zipfile.ZipInfo, name: str, limits: Limits) -> Findings:
    """Faults of an entry that its own record admits: encryption, strange compression, and a size beyond limits."""
    if entry.flag_bits & 0x1:
        return (finding(FindingCode.ATTACHMENT_ZIP_ENCRYPTED, value=name, name=name),)
    if entry.compress_type not in _METHODS:
        return (_broken(name, f"compression method {entry.compress_type}"),)
    if _is_bomb(entry.file_size, entry.compress_size, limits):
        return (_bomb(name, entry.file_size, limits),)
    return ()


def inflate(content: bytes, entry: zipfile.ZipInfo, name: str, limits: Limits) -> bytes | Findings:
    """The bytes of one entry, in memory bounded by `limits.attachment_bytes`, or why not."""
    out = bytearray()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK):
                out += chunk
                if _is_bomb(len(out), len(content), limits):
                    return (_bomb(name, len(out), limits),)
    except _BROKEN as error:
        return (_broken(name, str(error)),)
    return bytes(out)


def _is_bomb(unzipped: int, zipped: int, limits: Limits) -> bool:
    return unzipped > limits.attachment_bytes or (unzipped > _RATIO_FROM and unzipped > zipped * limits.zip_ratio)


def _bomb(name: str, size: int, limits: Limits) -> Finding:
    return finding(FindingCode.ATTACHMENT_ZIP_BOMB, value=name, name=name, size=size, limit=limits.attachment_bytes)


def _broken(name: str, detail: str) -> Finding:
    return finding(FindingCode.ATTACHMENT_ZIP_BROKEN, value=name, name=name, detail=detail)
