"""The registry as an Excel file: its first sheet, read as texts. Nothing in it is evaluated.

A file is taken apart only after a look at its parts: how many, how large when unpacked, and that none has a DTD.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from router.services.registration.registry_file import COLUMNS, FILE_BYTES, Problem

ZIP_START: Final = b"PK\x03\x04"
MOST_PARTS: Final = 500
UNPACKED_BYTES: Final = 256 * 2**20
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = len(COLUMNS) + 1
"""One more than there can be, so that a heading too many is seen."""
DTD: Final = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))

Lines = Sequence[tuple[int, Sequence[str]]]


def is_sheet(data: bytes) -> bool:
    """Whether this is an Excel file and no CSV."""
    return data.startswith(ZIP_START)


def read_sheet(data: bytes) -> Lines | tuple[Problem, ...]:
    """The lines of the first sheet with their numbers, the heading first; or what is wrong with the file.

    A cell with a formula is a fault: it is never evaluated, and what Excel remembered of it is not believed.
    """
    from openpyxl import load_workbook  # 180 modules, for who reads Excel alone
    from openpyxl.utils.exceptions import InvalidFileException

    faults = _container_faults(data)
    if faults:
        return faults
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError, AttributeError):
        return (_whole("không phải tệp Excel (.xlsx)", "this is no Excel file (.xlsx)"),)
    try:
        return _lines(book)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError, AttributeError, TypeError, IndexError):
        return (_whole("tệp Excel bị hỏng", "the Excel file is damaged"),)
    finally:
        book.close()


def _lines(book: Any) -> Lines | tuple[Problem, ...]:
    if not book.worksheets:
        return (_whole("tệp không có trang tính", "the file has no sheet"),)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what the file says of its own size is not believed
    lines: list[tuple[int, Sequence[str]]] = []
    problems: list[Problem] = []
    for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS, max_row=MOST_ROWS + 1), start=1):
        if number > MOST_ROWS:
            return (_whole(f"nhiều hơn {MOST_ROWS} dòng", f"more than {MOST_ROWS} rows"),)
        cells = [_text(cell, number, problems) for cell in row]
        while cells and not cells[-1].strip():
            cells.pop()
        if cells:
            lines.append((number, cells))
    return tuple(problems) if problems else lines


def _text(cell: Any, line: int, problems: list[Problem]) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f" or not isinstance(value, (str, int, float, bool, date, datetime)):
        vi, en = "ô có công thức; hãy dán giá trị", "a cell has a formula; paste its value"
        problems.append(Problem(line=line, column=str(cell.column_letter), vi=vi, en=en))
        return ""
    if cell.data_type == "e":
        problems.append(Problem(line=line, column=str(cell.column_letter), vi="ô bị lỗi", en="a cell has an error"))
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _container_faults(data: bytes) -> tuple[Problem, ...]:
    if len(data) > FILE_BYTES:
        return (_whole("tệp lớn hơn 64 MB", "the file has more than 64 MB"),)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            parts = container.infolist()
            if len(parts) > MOST_PARTS or sum(each.file_size for each in parts) > UNPACKED_BYTES:
                return (_whole("tệp Excel quá lớn khi giải nén", "the Excel file is too large when unpacked"),)
            if any(_has_dtd(container, each) for each in parts):
                return (_whole("tệp Excel có DTD", "the Excel file has a DTD"),)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return (_whole("không phải tệp Excel (.xlsx)", "this is no Excel file (.xlsx)"),)
    return ()


def _has_dtd(container: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Read in portions: what a part says of its size bounds what comes out of it."""
    before = b""
    with container.open(part) as stream:
        for portion in _portions(stream):
            if any(mark in before + portion for mark in DTD):
                return True
            before = portion[-32:]
    return False


def _portions(stream: Any) -> Iterator[bytes]:
    while portion := stream.read(2**16):
        yield portion


def _whole(vi: str, en: str) -> Problem:
    return Problem(line=0, column="", vi=vi, en=en)
