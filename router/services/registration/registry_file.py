"""The registry as people write it: a CSV file. Reading it is pure; certificates come through a function given."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edxml_schemas.contract import AGENT_NAME
from edxml_schemas.organs import OrganForm, parse
from router.core.registry import CertificateRecord, OrganState

COLUMNS: Final = (
    "organ_id",
    "name",
    "parent",
    "old_code",
    "agent",
    "email",
    "phone",
    "address",
    "state",
    "certificate",
)
REQUIRED_COLUMNS: Final = ("organ_id", "name")

FILE_BYTES: Final = 64 * 2**20
CERTIFICATE_BYTES: Final = 2**20
CODE_CHARS: Final = 100
NAME_CHARS: Final = 500
PHONE_CHARS: Final = 100
ADDRESS_CHARS: Final = 500
EMAIL: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a line (counted from 1, the heading included; 0 is the file as a whole)."""

    line: int
    column: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One organ as the file has it. None is a column that the file does not have, or leaves to be kept."""

    line: int
    code: str
    name: str
    parent: str | None
    old_code: str | None
    agent: str | None
    email: str | None
    phone: str | None
    address: str | None
    state: OrganState | None
    certificates: tuple[CertificateRecord, ...] | None


class CertificateUnreadable(Exception):
    """The file of a certificate cannot be read."""


def read_registry_file(
    data: bytes, *, certificate_file: Callable[[str], bytes]
) -> tuple[Sequence[FileRow], Sequence[Problem]]:
    """Rows and everything that is wrong with them, in order of lines; rows count only when nothing is wrong.

    `data` is CSV in UTF-8, with or without a byte order mark, with comma or semicolon (Excel in Vietnam writes the
    latter). `certificate_file` gives the bytes of a certificate by its name in the file, or raises
    `CertificateUnreadable`.
    """
    if len(data) > FILE_BYTES:
        return (), (_whole("tệp lớn hơn 64 MB", "the file has more than 64 MB"),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        vi, en = "không phải UTF-8; hãy lưu lại dạng “CSV UTF-8”", "not UTF-8; save it again as “CSV UTF-8”"
        return (), (Problem(line=line, column="", vi=vi, en=en),)
    heading, _, _ = text.partition("\n")
    semicolons = heading.count(";") > heading.count(",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if semicolons else ",", strict=True)
    reading = _Reading(certificate_file, certificate_separator="," if semicolons else ";")
    try:
        for cells in reader:
            reading.take(reader.line_num, cells)
    except csv.Error as problem:
        reading.fault(reader.line_num, "", f"không phải CSV: {problem}", f"not CSV: {problem}")
    return reading.done()


def read_registry_cells(
    lines: Iterable[tuple[int, Sequence[str]]], *, certificate_file: Callable[[str], bytes]
) -> tuple[Sequence[FileRow], Sequence[Problem]]:
    """As `read_registry_file`, from cells that were read elsewhere; each line with its number, the heading first."""
    reading = _Reading(certificate_file, certificate_separator=",")
    for line, cells in lines:
        reading.take(line, cells)
    return reading.done()


def read_registry_row(values: Mapping[str, str]) -> FileRow | tuple[Problem, ...]:
    """One organ that comes otherwise than in a file, held to the same rules; columns without certificates."""
    reading = _Reading(_no_certificate, certificate_separator=";")
    reading.take(0, list(values))
    reading.take(1, list(values.values()))
    rows, problems = reading.done()
    if problems:
        return tuple(problems)
    return rows[0] if rows else (_whole("không có gì", "there is nothing"),)


def _no_certificate(name: str) -> bytes:
    raise CertificateUnreadable(name)


def _whole(vi: str, en: str) -> Problem:
    return Problem(line=0, column="", vi=vi, en=en)


def _key(code: str) -> str:
    """The code as envelopes have it: numbered ones in capitals, names of other kinds as they are written."""
    parsed = parse(code)
    return "".join(code.split()) if parsed.form is OrganForm.OTHER else parsed.text


class _Reading:
    """The state of reading one file, line by line."""

    def __init__(self, certificate_file: Callable[[str], bytes], *, certificate_separator: str) -> None:
        self._certificate_file = certificate_file
        self._separators = re.compile(rf"[;{certificate_separator}\n]")
        self._columns: tuple[str, ...] = ()
        self._heading_is_good = False
        self._rows: list[FileRow] = []
        self._problems: list[Problem] = []
        self._lines: dict[str, int] = {}
        self._old_lines: dict[str, int] = {}
        self._known: dict[str, bytes] = {}

    def fault(self, line: int, column: str, vi: str, en: str) -> None:
        self._problems.append(Problem(line=line, column=column, vi=vi, en=en))

    def done(self) -> tuple[Sequence[FileRow], Sequence[Problem]]:
        if not self._columns and not self._problems:
            self.fault(0, "", "tệp rỗng", "the file is empty")
        for row in self._rows:
            if row.old_code and row.old_code != row.code and row.old_code in self._lines:
                line = self._lines[row.old_code]
                vi = f"mã cũ {row.old_code} đang là mã của dòng {line}"
                self.fault(row.line, "old_code", vi, f"the former code {row.old_code} is the code of line {line}")
        return tuple(self._rows), tuple(sorted(self._problems, key=lambda each: each.line))

    def take(self, line: int, cells: Sequence[str]) -> None:
        values = [cell.strip() for cell in cells]
        if not any(values):
            return
        if not self._columns:
            self._take_heading(line, values)
        elif not self._heading_is_good:
            return
        elif len(values) > len(self._columns):
            vi = f"có {len(values)} ô, dòng tiêu đề chỉ có {len(self._columns)}"
            self.fault(line, "", vi, f"{len(values)} cells, but the heading has {len(self._columns)}")
        else:
            self._take_row(line, dict(zip(self._columns, values, strict=False)))

    def _take_heading(self, line: int, values: Sequence[str]) -> None:
        names = tuple(each.lower() for each in values)
        for name in names:
            if name not in COLUMNS:
                known = ", ".join(COLUMNS)
                vi = f"không biết cột “{name}”; các cột: {known}"
                self.fault(line, name, vi, f"unknown column “{name}”; columns are {known}")
        for name in sorted({each for each in names if names.count(each) > 1}):
            self.fault(line, name, f"cột “{name}” lặp lại", f"the column “{name}” is repeated")
        for name in REQUIRED_COLUMNS:
            if name not in names:
                self.fault(line, name, f"thiếu cột “{name}”", f"the column “{name}” is missing")
        self._columns = names
        self._heading_is_good = not self._problems

    def _take_row(self, line: int, row: Mapping[str, str]) -> None:
        if any(CONTROL.search(value) for key, value in row.items() if key != "certificate"):
            self.fault(line, "", "có ký tự điều khiển", "there are control characters")
            return
        code = self._code(line, row)
        name = row.get("name", "")
        if not name or len(name) > NAME_CHARS:
            self.fault(line, "name", "tên trống hoặc quá 500 ký tự", "the name is empty or longer than 500 characters")
        agent = row.get("agent")
        if agent and not AGENT_NAME.fullmatch(agent):
            vi = f"tên kết nối “{agent}” chỉ được có chữ thường, số, gạch nối (tối đa 48)"
            self.fault(line, "agent", vi, f"the agent “{agent}” may have lower case, digits, hyphens only (at most 48)")
        email = row.get("email")
        if email and (not EMAIL.fullmatch(email) or len(email) > NAME_CHARS):
            self.fault(line, "email", f"“{email}” không phải địa chỉ thư", f"“{email}” is not an e-mail address")
        phone, address = row.get("phone"), row.get("address")
        if phone and len(phone) > PHONE_CHARS:
            self.fault(line, "phone", "số điện thoại quá 100 ký tự", "the phone has more than 100 characters")
        if address and len(address) > ADDRESS_CHARS:
            self.fault(line, "address", "địa chỉ quá 500 ký tự", "the address has more than 500 characters")
        parent = _key(row.get("parent", ""))
        if parent and parent == code:
            self.fault(
                line, "parent", "cơ quan không thể là cấp trên của chính nó", "an organ cannot be its own parent"
            )
        if not parent and code:
            above = parse(code).parent()
            parent = above.text if above is not None else ""
        self._rows.append(
            FileRow(
                line=line,
                code=code,
                name=name,
                parent=parent,
                old_code=self._old_code(line, row, code),
                agent=agent,
                email=email,
                phone=phone,
                address=address,
                state=self._state(line, row),
                certificates=self._certificates(line, row.get("certificate", ""), code),
            )
        )

    def _state(self, line: int, row: Mapping[str, str]) -> OrganState | None:
        """None when the cell is empty: a lock stays a lock."""
        given = row.get("state", "").lower()
        try:
            return OrganState(given) if given else None
        except ValueError:
            known = ", ".join(OrganState)
            self.fault(line, "state", f"trạng thái là một trong: {known}", f"the state is one of: {known}")
            return None

    def _code(self, line: int, row: Mapping[str, str]) -> str:
        code = _key(row.get("organ_id", ""))
        if not code or len(code) > CODE_CHARS:
            self.fault(line, "organ_id", "mã trống hoặc quá 100 ký tự", "the code is empty or too long (100)")
        elif code in self._lines:
            first = self._lines[code]
            self.fault(line, "organ_id", f"mã {code} đã có ở dòng {first}", f"{code} is already on line {first}")
        else:
            self._lines[code] = line
        return code

    def _old_code(self, line: int, row: Mapping[str, str], code: str) -> str | None:
        if "old_code" not in row:
            return None
        old = _key(row["old_code"])
        if not old or old == code:
            return ""
        if old in self._old_lines:
            first = self._old_lines[old]
            vi = f"mã cũ {old} đã có ở dòng {first}"
            self.fault(line, "old_code", vi, f"the former code {old} is already on line {first}")
        elif len(old) > CODE_CHARS:
            self.fault(line, "old_code", "mã cũ quá 100 ký tự", "the former code has more than 100 characters")
        self._old_lines[old] = line
        return old

    def _certificates(self, line: int, names: str, code: str) -> tuple[CertificateRecord, ...] | None:
        """None when the cell is empty: what is bound stays bound."""
        found: dict[str, CertificateRecord] = {}
        wanted = [each.strip() for each in self._separators.split(names) if each.strip()]
        for name in wanted:
            try:
                if name not in self._known:
                    self._known[name] = self._certificate_file(name)
                certificate = x509.load_pem_x509_certificate(self._known[name])
                subject = certificate.subject.rfc4514_string()
            except CertificateUnreadable as problem:
                vi, en = f"không đọc được {name}: {problem}", f"cannot read {name}: {problem}"
                self.fault(line, "certificate", vi, en)
                continue
            except ValueError:
                vi, en = f"{name} không phải chứng thư PEM", f"{name} is not a PEM certificate"
                self.fault(line, "certificate", vi, en)
                continue
            print_of_it = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
            pem = certificate.public_bytes(Encoding.PEM).decode("ascii")
            found[print_of_it] = CertificateRecord(organ=code, fingerprint=print_of_it, subject=subject, pem=pem)
        return tuple(found.values()) if wanted else None
