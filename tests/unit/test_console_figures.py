"""The overview and the statistics: what they show, to whom, and what their files hold."""

import csv
import io
from collections.abc import Mapping
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from router.core.figures import Cell
from router.core.people import Role
from router.core.records import LegState, PutLeg, PutMessage
from router.core.registry import OrganRecord
from tests.contract.test_store import write
from tests.support.console import MORNING, ConsoleHouse
from tests.support.records import leg, message

MINISTRY, DEPARTMENT, OFFICE, FOREIGN = "G01", "G01.1", "G01.1.1", "H26"
MONTH, DAY = "2026-03", "2026-03-02"
ORGANS = (
    OrganRecord(code=MINISTRY, name="Bộ Y tế"),
    OrganRecord(code=DEPARTMENT, name="=Cục Dược", parent=MINISTRY),
    OrganRecord(code=OFFICE, name="Văn phòng Cục", parent=DEPARTMENT, old_code="G01.9"),
    OrganRecord(code=FOREIGN, name="Tỉnh Bắc Ninh"),
)
PATHS = ("/overview", "/statistics", "/statistics/report")


def sums(organ: str, **values: int) -> Mapping[Cell, int]:
    """Of new documents, in the month and on the day."""
    return {
        Cell(period, organ, "new", name.replace("__", ":").replace("_", "-")): value
        for name, value in values.items()
        for period in (MONTH, DAY)
    }


@pytest.fixture
def house() -> ConsoleHouse:
    made = ConsoleHouse()
    made.store.put_organs(ORGANS)
    counted = {
        **sums("", sent=16, received=30, refused=3, electronic=12, paper=4, code__xml=2),
        **sums(MINISTRY, sent=1, received=2),
        **sums(DEPARTMENT, sent=2, electronic=1, paper=1, same_day=2),
        **sums(OFFICE, sent=3, received=4, answered=4, late=1, late_answered=1, span_03__80=4, code__xml=1),
        **sums("G01.9", sent=1),
        **sums(FOREIGN, sent=9, received=24, answered=9, span_03__120=9, code__foreign=1),
    }
    made.memories.figures.add(counted, after=0, upto=1)
    return made


async def test_everything_is_shown_by_its_highest_organs(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        data = await browser.data("/statistics")
    assert [(each["organ"], each["sent"], each["organs"]) for each in data["lines"]] == [("H26", 9, 1), ("G01", 7, 3)]
    assert (data["whole"]["sent"], data["whole"]["electronic"]) == (16, 0.75)
    assert [each["opens"] for each in data["lines"]] == [False, True]
    assert data["days"] == [{"period": DAY, "sent": 16, "received": 30, "refused": 3}]


async def test_an_organ_opens_into_itself_and_those_below(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        data = await browser.data(f"/statistics?organ={DEPARTMENT}")
    lines = {each["organ"]: each for each in data["lines"]}
    assert list(lines) == [DEPARTMENT, OFFICE]
    assert (lines[DEPARTMENT]["own"], lines[OFFICE]["own"]) == (True, False)
    assert lines[OFFICE]["sent"] == 4  # with what it sent under its former code
    assert data["whole"]["sent"] == 6
    assert [each["organ"] for each in data["path"]] == [MINISTRY]
    assert data["whole"]["on_time_share"] == 0.75
    assert data["whole"]["median_seconds"]["03"] == pytest.approx(1.1**80, rel=0.05)


async def test_a_ministry_sees_its_subtree_and_nothing_else(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER, root=DEPARTMENT) as browser:
        data = await browser.data("/statistics")
        assert (data["root"], data["whole"]["sent"], data["path"]) == (DEPARTMENT, 6, [])
        assert await browser.data(f"/statistics?organ={OFFICE}")
        for path in ("/statistics", "/statistics.json", "/statistics/report", "/statistics/export.csv"):
            for organ in (MINISTRY, FOREIGN, "nothing"):
                assert (await browser.get(f"{path}?organ={organ}")).status_code == 404
        pages = [(await browser.get(each)).text for each in (*PATHS, "/overview.json", "/statistics/export.csv")]
    assert not [page for page in pages if "Bắc Ninh" in page or "H26" in page or "Bộ Y tế" in page]


async def test_the_overview_is_of_the_own_subtree(house: ConsoleHouse) -> None:
    sent = message("1", sender=FOREIGN)
    legs = [
        leg(sent, "1", recipient=OFFICE, raised=("not-arrived",), state=LegState.PARKED),
        leg(sent, "2", recipient="H26.1", raised=("not-arrived",), state=LegState.PARKED, ordinal=1),
    ]
    write(house.store, PutMessage(sent), *map(PutLeg, legs))
    async with house.browser(Role.VIEWER, root=MINISTRY) as browser:
        theirs = await browser.data("/overview")
    async with house.browser(Role.VIEWER) as browser:
        everything = await browser.data("/overview")

    assert [(each["waiting"]["parked"], each["today"]) for each in (theirs, everything)] == [(1, 7), (2, 16)]
    assert (theirs["waiting"]["dead"], everything["waiting"]["dead"]) == (None, 0)
    late = {each["deadline"]: each["count"] for each in theirs["overdue"]}
    assert late["not-arrived"] == 1
    assert [each["code"] for each in theirs["refusals"]] == ["xml"]
    assert [each["count"] for each in everything["refusals"]] == [2]
    assert [each["organ"] for each in theirs["slowest"]] == [OFFICE]
    assert [each["organ"] for each in everything["slowest"]] == [FOREIGN, OFFICE]
    assert (len(theirs["minutes"]), len(theirs["hours"]), len(theirs["days"])) == (60, 24, 30)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("path", PATHS)
async def test_every_page_is_drawn_in_both_languages(house: ConsoleHouse, path: str, language: str) -> None:
    async with house.browser(Role.VIEWER) as browser:
        browser.client.cookies.set("truc-language", language, path="/console")
        answer = await browser.get(path)
    assert answer.status_code == 200
    assert "<svg" in answer.text
    assert ("Tiếp nhận" in answer.text or "Quá hạn" in answer.text) is (language == "vi")
    assert " style=" not in answer.text


async def test_pages_without_any_figure_are_drawn_too() -> None:
    async with ConsoleHouse().browser(Role.VIEWER) as browser:
        assert [(await browser.get(each)).status_code for each in PATHS] == [200, 200, 200]


@pytest.mark.parametrize(
    "query", ["month=2026-13", "from=x", "from=2026-04&to=2026-03", "from=2000-01&to=2026-03", "month=1999-01"]
)
async def test_a_period_that_is_none_is_answered_with_400(house: ConsoleHouse, query: str) -> None:
    async with house.browser(Role.VIEWER) as browser:
        assert (await browser.get(f"/statistics?{query}")).status_code == 400


async def test_the_table_is_given_as_csv_without_formulas(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        answer = await browser.get(f"/statistics/export.csv?organ={MINISTRY}")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row[:4] for row in rows[1:]] == [
        [MINISTRY, "Bộ Y tế", "1", "1"],
        [DEPARTMENT, "'=Cục Dược", "2", "6"],
        ["", "Tổng / total Bộ Y tế", "3", "7"],
    ]
    assert len({len(row) for row in rows}) == 1


async def test_the_table_is_given_as_a_workbook_without_formulas(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        answer = await browser.get(f"/statistics/export.xlsx?organ={MINISTRY}")
    book = load_workbook(io.BytesIO(answer.content))
    assert [sheet.title for sheet in book] == ["Thống kê", "Theo ngày", "Theo tháng"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert book["Thống kê"]["D3"].value == 6


async def test_the_report_stands_beside_the_month_before(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        data = await browser.data("/statistics/report?month=2026-04")
    assert (data["whole"]["sent"], data["before"]["month"], data["before"]["sent"]) == (0, MONTH, 16)


async def test_the_overview_moves_with_time(house: ConsoleHouse) -> None:
    house.clock.at = MORNING + timedelta(days=1)
    async with house.browser(Role.VIEWER) as browser:
        data = await browser.data("/overview")
    assert (data["today"], data["days"][-2]["sent"]) == (0, 16)
