"""Statistics of bodies: the table that opens along the tree, its files, and the monthly report for paper."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.requests import Request

from router.console.shell.asking import AskedWrong, text_asked
from router.console.shell.page import Download, NotThere, Page, PageAnswer
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.core.figures import KIND_TEXT
from router.core.people import Person, Scope
from router.services.figures import exports
from router.services.figures.statistics import Statistics, months_before, this_month

STATISTICS: Final = "/statistics"
STATISTICS_TITLE: Final = Words("Thống kê", "Statistics")
REPORT_TITLE: Final = Words("Báo cáo tháng", "Monthly report")
MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
MOST_MONTHS: Final = 60
CHOICES: Final = 24  # months that are offered
EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class _Asked:
    root: str
    first: str
    last: str


class StatisticsPages:
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def show(self, request: Request, person: Person, scope: Scope) -> PageAnswer:
        asked = self._asked(request, person)
        found = self._found(asked, scope)
        if found is None:
            return NotThere()
        data = {
            **exports.as_dict(found),
            "choices": list(reversed(months_before(self._this_month(), CHOICES))),
            "kinds": [{"kind": kind.value, "text": Words(*text)} for kind, text in KIND_TEXT.items()],
            "address": {"organ": asked.root, "from": asked.first, "to": asked.last},
        }
        return Page(template="figures/statistics.html", title=STATISTICS_TITLE, data=data)

    def report(self, request: Request, person: Person, scope: Scope) -> PageAnswer:
        """The last month asked for, beside the month before, to be printed."""
        asked = self._asked(request, person)
        found = self._found(_Asked(asked.root, asked.last, asked.last), scope)
        month_before = months_before(asked.last, 2)[0]
        before = self._found(_Asked(asked.root, month_before, month_before), scope)
        if found is None or before is None:
            return NotThere()
        data = {
            **exports.as_dict(found),
            "before": {"month": month_before, **exports.summary_as_dict(before.whole)},
            "kinds": [{"kind": kind.value, "text": Words(*text)} for kind, text in KIND_TEXT.items()],
            "made_at": self._rooms.clock.now(),
            "made_by": person.display,
        }
        return Page(template="figures/report.html", title=REPORT_TITLE, data=data)

    def as_csv(self, request: Request, person: Person, scope: Scope) -> PageAnswer:
        asked = self._asked(request, person)
        found = self._found(asked, scope)
        if found is None:
            return NotThere()
        return Download(name=f"{_name(asked)}.csv", media_type="text/csv; charset=utf-8", content=exports.as_csv(found))

    def as_workbook(self, request: Request, person: Person, scope: Scope) -> PageAnswer:
        asked = self._asked(request, person)
        found = self._found(asked, scope)
        if found is None:
            return NotThere()
        return Download(name=f"{_name(asked)}.xlsx", media_type=EXCEL, content=exports.as_workbook(found))

    def _found(self, asked: _Asked, scope: Scope) -> Statistics | None:
        now = self._rooms.clock.now()
        return self._rooms.figures.statistics(scope, root=asked.root, first=asked.first, last=asked.last, now=now)

    def _asked(self, request: Request, person: Person) -> _Asked:
        """This month of the person's own subtree, unless something else was asked for."""
        month = text_asked(request, "month")
        last = _month(month or text_asked(request, "to") or self._this_month())
        first = _month(month or text_asked(request, "from") or last)
        if first > last or months_before(last, MOST_MONTHS)[0] > first:
            raise AskedWrong(
                Words(f"Khoảng thời gian: từ 1 đến {MOST_MONTHS} tháng", f"The period: from 1 to {MOST_MONTHS} months")
            )
        return _Asked(text_asked(request, "organ") or person.root, first, last)

    def _this_month(self) -> str:
        # What was received a moment ago is not counted yet, also not at midnight of the first.
        return this_month(self._rooms.clock.now() - timedelta(minutes=1))


def _month(text: str) -> str:
    if not MONTH.fullmatch(text):
        raise AskedWrong(Words("Tháng viết như 2026-11", "A month is written like 2026-11"))
    return text


def _name(asked: _Asked) -> str:
    span = asked.last if asked.first == asked.last else f"{asked.first}_{asked.last}"
    return f"thong-ke_{asked.root or 'truc'}_{span}"
