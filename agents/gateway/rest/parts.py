"""multipart/form-data taken apart: every part becomes a file in a folder. Memory holds one piece at a time.

Synchronous: call it in a thread, with a body that is on disk already.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

FORM_TYPE: Final = "multipart/form-data"
PIECE: Final = 256 * 1024
MOST_PARTS: Final = 1_010
"""A document may have 1,000 attachments."""
MOST_HEADERS: Final = 8
HEADER_BYTES: Final = 8 * 1024
_PLAIN: Final = frozenset({b"", b"binary", b"8bit", b"7bit"})


class FormBroken(Exception):
    """The body is no form. `vi` and `en` say why."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part in a file of its own. `filename` is what the client calls it, None for a plain field.

    `digest` is the SHA-256 of its bytes in hexadecimal.
    """

    name: str
    filename: str | None
    path: Path
    size: int
    digest: str


def split_form(body: Path, content_type: str, folder: Path) -> list[Part]:
    """The parts of a form, in order, as files `part-0`, `part-1`, … of `folder`. Raises FormBroken and OSError."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind.decode("latin-1") != FORM_TYPE or not boundary:
        raise FormBroken("Content-Type thiếu boundary của multipart.", "Content-Type lacks the multipart boundary.")
    splitter = _Splitter(folder)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": splitter.begin,
                "on_header_field": splitter.header_name,
                "on_header_value": splitter.header_value,
                "on_header_end": splitter.header_end,
                "on_headers_finished": splitter.headers_done,
                "on_part_data": splitter.data,
                "on_part_end": splitter.end,
                "on_end": splitter.finish,
            },
            max_header_count=MOST_HEADERS,
            max_header_size=HEADER_BYTES,
        )
        with body.open("rb") as file:
            while piece := file.read(PIECE):
                parser.write(piece)
    except FormParserError as error:
        raise FormBroken(
            "Multipart sai cấu trúc, không đọc được.", "The multipart body is malformed and cannot be read."
        ) from error
    finally:
        splitter.close()
    if not splitter.finished:
        raise FormBroken(
            "Multipart bị cắt giữa chừng, chưa đến dấu kết thúc.",
            "The multipart body is cut short: its end is missing.",
        )
    return splitter.parts


class _Splitter:
    """What the parser calls. Parts are complete when it has said `end`."""

    def __init__(self, folder: Path) -> None:
        self.parts: list[Part] = []
        self.finished = False
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._size = 0
        self._field = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}

    def begin(self) -> None:
        if len(self.parts) >= MOST_PARTS:
            raise FormBroken(
                f"Multipart có hơn {MOST_PARTS} phần.", f"The multipart body has more than {MOST_PARTS} parts."
            )
        self._headers.clear()
        self._digest, self._size = hashlib.sha256(), 0

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field.clear()
        self._value.clear()

    def headers_done(self) -> None:
        if self._headers.get(b"content-transfer-encoding", b"").strip().lower() not in _PLAIN:
            raise FormBroken(
                "Mỗi phần phải gửi nguyên byte (binary), không base64.",
                "Parts must be sent as plain bytes, not base64.",
            )
        self._file = (self._folder / f"part-{len(self.parts)}").open("wb")

    def data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        self._digest.update(piece)
        self._size += len(piece)
        if self._file is not None:
            self._file.write(piece)

    def end(self) -> None:
        self.close()
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b"").decode("latin-1"))
        name = options.get(b"name", b"")
        if kind != b"form-data" or not name:
            raise FormBroken(
                "Một phần thiếu Content-Disposition: form-data; name=….",
                "A part lacks Content-Disposition: form-data; name=….",
            )
        filename = options.get(b"filename")
        self.parts.append(
            Part(
                name=_text(name),
                filename=None if filename is None else _text(filename),
                path=self._folder / f"part-{len(self.parts)}",
                size=self._size,
                digest=self._digest.hexdigest(),
            )
        )

    def finish(self) -> None:
        self.finished = True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _text(raw: bytes) -> str:
    """Names in UTF-8, as browsers and libraries write them; others are read as Latin-1 rather than lost."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
