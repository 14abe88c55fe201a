"""`truc stats`: statistics of bodies, as the console shows them."""

import contextlib
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edxml_schemas.visible import visible
from router.commands.opening import AsJson, ConfigPath, console, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from router.core.summaries import Summary
    from router.services.figures.statistics import Statistics

MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
SHOWN: Final = 1000
HEADINGS: Final = (
    "Cơ quan\norgan",
    "Gửi\nsent",
    "Nhận\nreceived",
    "Từ chối\nrefused",
    "Không giấy\nno paper",
    "Trong ngày\nsame day",
    "đến\nto 01",
    "03",
    "06",
    "Đúng hạn\non time",
    "Quá hạn\nlate",
)


def stats(
    *,
    organ: Annotated[
        str, typer.Option("--organ", metavar="CODE", help="Cơ quan và mọi cấp dưới. / An organ with all below it.")
    ] = "",
    month: Annotated[
        str, typer.Option("--month", metavar="YYYY-MM", help="Tháng (mặc định: tháng này). / The month.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="YYYY-MM", help="Từ tháng này đến --month. / From this month on.")
    ] = "",
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="In dạng CSV ra stdout. / Print as CSV.")] = False,
    excel: Annotated[Path | None, typer.Option("--excel", metavar="FILE", help="Ghi tệp Excel. / As Excel.")] = None,
    recount: Annotated[
        bool, typer.Option("--recount", help="Bỏ số đã cộng, đếm lại từ nhật ký. / Count the log anew first.")
    ] = False,
    config: ConfigPath = None,
) -> None:
    """Thống kê gửi, nhận theo cơ quan và tháng / Statistics by organ and month.

    Tính theo ngày trục nhận văn bản; cộng cả cấp dưới. / By the day of receipt at the hub; with everything below.

    Mã thoát / exit codes: 0 có / found · 1 không có cơ quan này / no such organ · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from router.adapters.sql.figures import SqlFigures
    from router.app.parts import open_store
    from router.core.people import EVERYTHING
    from router.services.figures import exports
    from router.services.figures.counting import Counting
    from router.services.figures.statistics import statistics, this_month
    from router.settings import load_settings

    now = datetime.now(UTC)
    last = _month(month or this_month(now - timedelta(minutes=1)))
    first = _month(since) if since else last
    if first > last:
        raise UsageProblem("--since phải trước --month", "--since must be before --month")
    with contextlib.closing(open_store(load_settings(config))) as store:
        figures = SqlFigures(store.engine)
        if recount:
            figures.forget()
        portions = Counting(figures).catch_up(now=now)
        if recount:
            say(f"Đã đếm lại nhật ký ({portions} phần).", f"The log was counted anew ({portions} portions).")
        found = statistics(figures, store.registry(), EVERYTHING, root=organ.strip(), first=first, last=last, now=now)
    if found is None:
        say(f"Không có cơ quan {organ}.", f"There is no organ {organ}.")
        raise typer.Exit(ExitCode.NEGATIVE)
    if excel is not None:
        try:
            excel.write_bytes(exports.as_workbook(found))
        except OSError as problem:
            raise UsageProblem(f"Không ghi được {excel}: {problem}", f"Cannot write {excel}: {problem}") from problem
        say(f"Đã ghi {excel}.", f"{excel} was written.")
    if as_json:
        print_json(exports.as_dict(found, most=len(found.lines)))
    elif as_csv:
        sys.stdout.write(exports.as_csv(found).decode())
    elif excel is None:
        _show(found)


def _show(found: "Statistics") -> None:
    span = found.last if found.first == found.last else f"{found.first} … {found.last}"
    rows = [
        (f"{visible(each.name) or each.organ}\n{each.organ}", *_cells(each.summary)) for each in found.lines[:SHOWN]
    ]
    rows.append(("Tổng / total", *_cells(found.whole)))
    console().print(table(f"{visible(found.name) or 'Toàn trục / whole hub'} · {span}", HEADINGS, rows))


def _cells(found: "Summary") -> tuple[str, ...]:
    return (
        str(found.sent),
        str(found.received),
        str(found.refused),
        _percent(found.electronic),
        _percent(found.same_day),
        _span(found.median_01),
        _span(found.median_03),
        _span(found.median_06),
        str(found.on_time),
        str(found.late),
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


def _span(span: timedelta | None) -> str:
    if span is None:
        return "–"
    minutes = round(span.total_seconds() / 60)
    if minutes < 1:
        return f"{int(span.total_seconds())} s"
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60:02} min" if hours else f"{minutes} min"


def _month(text: str) -> str:
    if not MONTH.fullmatch(text):
        raise UsageProblem(f"“{text}” không phải là tháng", f"“{text}” is no month", remedy_en="like 2026-11")
    return text
