"""The part of the console about figures."""

from pathlib import Path
from typing import Final

from router.console.figures.overview import OVERVIEW, OVERVIEW_TITLE, OverviewPage
from router.console.figures.statistics import STATISTICS, STATISTICS_TITLE, StatisticsPages
from router.console.shell.page import download_route, page_route
from router.console.shell.rooms import NavEntry, Part, Rooms
from router.core.people import Right

HERE: Final = Path(__file__).parent


def part(rooms: Rooms) -> Part:
    overview, statistics = OverviewPage(rooms), StatisticsPages(rooms)
    return Part(
        name="figures",
        routes=[
            *page_route(OVERVIEW, overview.show, right=Right.SEE),
            download_route(f"{STATISTICS}/export.csv", statistics.as_csv, right=Right.SEE),
            download_route(f"{STATISTICS}/export.xlsx", statistics.as_workbook, right=Right.SEE),
            *page_route(f"{STATISTICS}/report", statistics.report, right=Right.SEE),
            *page_route(STATISTICS, statistics.show, right=Right.SEE),
        ],
        navigation=(
            NavEntry(path=OVERVIEW, words=OVERVIEW_TITLE, right=Right.SEE, place=10),
            NavEntry(path=STATISTICS, words=STATISTICS_TITLE, right=Right.SEE, place=50),
        ),
        templates=HERE / "templates",
        styles=HERE / "figures.css",
    )
