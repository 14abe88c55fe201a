"""The form of `sendEdoc`: multipart/form-data, read as it comes in. The envelope goes on, nothing else is kept.

    form = SendForm(content_type)                 # raises FormFault
    async for piece in form.envelope(stream): …   # the bytes of `edocFile`; raises FormFault
    form.message_type                             # when the stream has ended

The name that the client gives its file is never used. Memory holds one chunk and a short field.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from edxml_schemas.contract import MessageType
from edxml_schemas.visible import visible

FILE_PART: Final = "edocFile"
TYPE_PART: Final = "messageType"

_TYPES: Final = {each.value: each for each in (MessageType.DOCUMENT, MessageType.STATUS)}
_PLAIN_ENCODINGS: Final = frozenset({"", "binary", "8bit", "7bit"})
_BOUNDARY: Final = re.compile(r";\s*boundary\s*=", re.IGNORECASE)
_SHOWN_CHARS: Final = 40  # of a name or value in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimits:
    """Bounds on a form. Bytes, unless the name says otherwise."""

    parts: int = 20
    headers_per_part: int = 8
    header_bytes: int = 4096
    field_bytes: int = 1024
    beside_bytes: int = 64 * 1024
    """Everything that is not the envelope: boundaries, headers, fields nobody asked for."""
    content_type_chars: int = 400


DEFAULT_FORM_LIMITS: Final = FormLimits()


class FormProblem(Enum):
    """What can be wrong with a form: Vietnamese with the remedy; `{value}` is what was found."""

    NOT_A_FORM = (
        "Nội dung gửi lên không phải multipart/form-data (Content-Type: {value}). "
        "Đề nghị gửi tệp EDXML trong phần edocFile của multipart/form-data."
    )
    NO_BOUNDARY = (
        "Content-Type thiếu boundary hoặc boundary không hợp lệ. "
        "Đề nghị để thư viện HTTP tự đặt Content-Type, không đặt tay."
    )
    BROKEN = "Multipart sai cấu trúc, không đọc được. Đề nghị kiểm tra chương trình gửi: {value}."
    CUT = "Nội dung gửi lên bị cắt giữa chừng, chưa đến dấu kết thúc multipart. Đề nghị gửi lại."
    TOO_MANY_PARTS = "Multipart có quá nhiều phần (nhiều nhất {value}). Đề nghị chỉ gửi edocFile và messageType."
    TOO_MUCH_BESIDE = "Ngoài edocFile, multipart còn chứa quá nhiều dữ liệu. Đề nghị chỉ gửi edocFile và messageType."
    PART_HEADERS = (
        "Một phần của multipart thiếu hoặc sai Content-Disposition (cần form-data; name=…, mỗi thứ một lần). "
        "Đề nghị kiểm tra chương trình gửi."
    )
    PART_ENCODING = (
        "Phần của multipart được mã hóa {value}. Đề nghị gửi nguyên byte của tệp (binary), không base64, không nén."
    )
    REPEATED = "Phần {value} có nhiều lần trong multipart. Đề nghị gửi mỗi phần đúng một lần."
    NO_FILE = "Thiếu phần edocFile. Đề nghị đặt tệp EDXML vào phần mang tên edocFile."
    NO_TYPE = "Thiếu phần messageType. Đề nghị gửi messageType là edoc (văn bản) hoặc status (trạng thái)."
    BAD_TYPE = "messageType là «{value}». Đề nghị gửi edoc (văn bản) hoặc status (trạng thái)."


class FormFault(Exception):
    """The form cannot be read; `vi` says why and how to mend it."""

    def __init__(self, problem: FormProblem, value: object = "") -> None:
        self.problem = problem
        self.vi = problem.value.format(value=visible(str(value))[:_SHOWN_CHARS] or "?")
        super().__init__(self.vi)


class SendForm:
    """One form. Raises FormFault for a Content-Type that announces none."""

    def __init__(self, content_type: str, *, limits: FormLimits = DEFAULT_FORM_LIMITS) -> None:
        self._limits = limits
        self._parts = 0
        self._beside = 0
        self._names: set[str] = set()
        self._headers: dict[str, bytes] = {}
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._name = ""
        self._type = bytearray()
        self._pieces: list[bytes] = []
        self._ended = False
        self._parser = self._reader_of(content_type)

    async def envelope(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The bytes of the part `edocFile`, piece by piece (pieces may be empty). Reads the form to its end."""
        async for chunk in stream:
            yield self._feed(chunk)
        if not self._ended:
            raise FormFault(FormProblem.CUT)
        if FILE_PART not in self._names:
            raise FormFault(FormProblem.NO_FILE)

    @property
    def message_type(self) -> MessageType:
        """What the form says that the envelope is. Raises FormFault; ask when the stream has ended."""
        if TYPE_PART not in self._names:
            raise FormFault(FormProblem.NO_TYPE)
        stated = bytes(self._type).decode("utf-8", "replace").strip()
        kind = _TYPES.get(stated.lower())
        if kind is None:
            raise FormFault(FormProblem.BAD_TYPE, stated)
        return kind

    def _reader_of(self, content_type: str) -> MultipartParser:
        if len(content_type) > self._limits.content_type_chars:
            raise FormFault(FormProblem.NO_BOUNDARY)
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise FormFault(FormProblem.NOT_A_FORM, kind.decode("latin-1"))
        boundary = options.get(b"boundary", b"")
        if not boundary or len(_BOUNDARY.findall(content_type)) > 1:
            raise FormFault(FormProblem.NO_BOUNDARY)  # two boundaries: two readers would see two different forms
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_end": self._on_end,
                },
                max_header_count=self._limits.headers_per_part,
                max_header_size=self._limits.header_bytes,
            )
        except FormParserError:
            raise FormFault(FormProblem.NO_BOUNDARY) from None

    def _feed(self, chunk: bytes) -> bytes:
        """What of the envelope is in this chunk."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise FormFault(FormProblem.BROKEN, type(error).__name__) from None
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._beside += len(chunk) - len(piece)
        if self._beside > self._limits.beside_bytes:
            raise FormFault(FormProblem.TOO_MUCH_BESIDE)
        return piece

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise FormFault(FormProblem.TOO_MANY_PARTS, self._limits.parts)
        self._name = ""
        self._headers.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        name = bytes(self._header_name).decode("latin-1").lower()
        if name in self._headers:
            raise FormFault(FormProblem.PART_HEADERS)
        self._headers[name] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get("content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or not name:
            raise FormFault(FormProblem.PART_HEADERS)
        if name in self._names:
            raise FormFault(FormProblem.REPEATED, name)  # which of the two counts is nobody's to guess
        encoding = self._headers.get("content-transfer-encoding", b"").decode("latin-1").strip().lower()
        if encoding not in _PLAIN_ENCODINGS:
            raise FormFault(FormProblem.PART_ENCODING, encoding)
        self._names.add(name)
        self._name = name

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE_PART:
            self._pieces.append(data[start:end])
        elif self._name == TYPE_PART:
            self._type += data[start:end]
            if len(self._type) > self._limits.field_bytes:
                raise FormFault(FormProblem.BAD_TYPE, bytes(self._type[:_SHOWN_CHARS]).decode("utf-8", "replace"))

    def _on_end(self) -> None:
        self._ended = True
