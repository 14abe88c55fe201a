"""Statistics as JSON, as CSV and as a workbook."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from router.core.figures import KIND_TEXT, Kind
from router.core.summaries import Summary
from router.services.figures.statistics import Line, Point, Statistics

BOM: Final = "\ufeff"
LINES: Final = 200
"""Lines of a page; files have all of them."""
HOUR: Final = timedelta(hours=1)
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
Cell = str | int | float | None

HEADINGS: Final = (
    "Mã cơ quan / code",
    "Tên / name",
    "Số cơ quan / organs",
    "Gửi / sent",
    "Bản gửi / copies",
    "Nhận / received",
    "Bị từ chối / refused",
    "Gửi lặp / repeated",
    "Điện tử không giấy % / electronic %",
    "Gửi trong ngày ký % / same day %",
    "Đã giao / delivered",
    "Trả lại (02) / given back",
    "Trả lời 03, 02 / answered",
    "Đúng hạn / on time",
    "Quá hạn / late",
    "Xong đúng hạn / due met",
    "Xong quá hạn / due missed",
    "Trung vị đến 01, giờ / median to 01, h",
    "Trung vị đến 03, giờ / median to 03, h",
    "Trung vị đến 06, giờ / median to 06, h",
    *(f"Gửi: {KIND_TEXT[each][0]} / sent: {each.value}" for each in Kind),
    *(f"Nhận: {KIND_TEXT[each][0]} / received: {each.value}" for each in Kind),
)


def rows_of(found: Statistics) -> Iterator[tuple[Cell, ...]]:
    """A row per line, and the whole at the end."""
    for each in found.lines:
        yield (each.organ, each.name, each.organs, *_values(each.summary))
    organs = sum(each.organs for each in found.lines)
    yield ("", f"Tổng / total {found.name}".strip(), organs, *_values(found.whole))


def as_csv(found: Statistics) -> bytes:
    """UTF-8 with a byte-order mark, for spreadsheets; no cell is taken for a formula there."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    writer.writerows([harmless(cell) for cell in row] for row in rows_of(found))
    return (BOM + text.getvalue()).encode()


def as_workbook(found: Statistics) -> bytes:
    """An Excel workbook: the organs, and the days of the last month."""
    from openpyxl import Workbook  # 180 modules, for who exports Excel alone

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Thống kê")
    sheet.freeze_panes = "C2"
    _heads(sheet, HEADINGS)
    for row in rows_of(found):
        sheet.append([harmless(cell) for cell in row])
    for title, points in (("Theo ngày", found.days), ("Theo tháng", found.months)):
        more = book.create_sheet(title)
        _heads(more, ("Kỳ / period", "Gửi / sent", "Nhận / received", "Bị từ chối / refused"))
        for each in points:
            more.append([each.period, each.sent, each.received, each.refused])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def harmless(cell: Cell) -> Cell:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RISKY) else cell


def as_dict(found: Statistics, *, most: int = LINES) -> dict[str, object]:
    """The JSON of the page and of `truc stats --json`, with so many lines at most, the largest. Shares are from 0 to 1,
    times are seconds."""
    return {
        "at": found.at,
        "first": found.first,
        "last": found.last,
        "root": found.root,
        "name": found.name,
        "path": [{"organ": code, "name": name} for code, name in found.path],
        "whole": summary_as_dict(found.whole),
        "lines": [line_as_dict(each) for each in found.lines[:most]],
        "more": max(len(found.lines) - most, 0),
        "days": points_as_dicts(found.days),
        "months": points_as_dicts(found.months),
    }


def line_as_dict(line: Line) -> dict[str, object]:
    return {
        "organ": line.organ,
        "name": line.name,
        "organs": line.organs,
        "own": line.own,
        "opens": line.opens,
        **summary_as_dict(line.summary),
    }


def points_as_dicts(points: Sequence[Point]) -> list[dict[str, object]]:
    return [
        {"period": each.period, "sent": each.sent, "received": each.received, "refused": each.refused}
        for each in points
    ]


def summary_as_dict(found: Summary) -> dict[str, object]:
    return {
        "sent": found.sent,
        "copies": found.copies,
        "received": found.received,
        "refused": found.refused,
        "duplicates": found.duplicates,
        "electronic": found.electronic,
        "same_day": found.same_day,
        "delivered": found.delivered,
        "given_back": found.given_back,
        "answered": found.answered,
        "on_time": found.on_time,
        "late": found.late,
        "on_time_share": found.on_time_share,
        "due_met": found.due_met,
        "due_missed": found.due_missed,
        "median_seconds": {
            "01": _seconds(found.median_01),
            "03": _seconds(found.median_03),
            "06": _seconds(found.median_06),
        },
        "sent_by_kind": dict(found.sent_by_kind),
        "received_by_kind": dict(found.received_by_kind),
    }


def _heads(sheet: Any, headings: Sequence[str]) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cells = []
    for heading in headings:
        cell = WriteOnlyCell(sheet, value=heading)
        cell.font = Font(bold=True)
        cells.append(cell)
    sheet.append(cells)


def _values(found: Summary) -> tuple[Cell, ...]:
    return (
        found.sent,
        found.copies,
        found.received,
        found.refused,
        found.duplicates,
        _percent(found.electronic),
        _percent(found.same_day),
        found.delivered,
        found.given_back,
        found.answered,
        found.on_time,
        found.late,
        found.due_met,
        found.due_missed,
        _hours(found.median_01),
        _hours(found.median_03),
        _hours(found.median_06),
        *(found.sent_by_kind.get(each.value, 0) for each in Kind),
        *(found.received_by_kind.get(each.value, 0) for each in Kind),
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 1)


def _hours(span: timedelta | None) -> float | None:
    return None if span is None else round(span / HOUR, 2)


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
