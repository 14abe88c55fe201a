"""Ways through the console that more than one test takes."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest
from playwright.sync_api import Page

from tests.support.browser import Town
from tests.support.console_country import NGHE_AN, WANTED_CODE

IMPORTED: Final = (
    "organ_id,name,parent,agent,phone\n"
    f"000.00.21.H41,Ủy ban nhân dân phường Thành Vinh,{NGHE_AN},tinh-nghe-an,0238 384 4528\n"
    f"000.00.24.H41,Ủy ban nhân dân xã Nam Đàn,{NGHE_AN},tinh-nghe-an,0238 382 2222\n"
)


PAGES: Final = {
    "overview": "/overview",
    "search": "/search",
    "documents": "/search?q=ubnd",
    "document": "/documents/m-wanted",
    "refusal": "/documents/m-refused-0",
    "work": "/work",
    "overdue": "/work/overdue",
    "parked": "/work/parked",
    "dead": "/work/dead",
    "refused": "/work/refused",
    "letter": "/work/letters/dead-gui",
    "registry": "/registry",
    "branch": f"/registry?below={NGHE_AN}",
    "organ": "/registry/organs/000.00.11.H14",
    "agents": "/registry/agents",
    "certificates": "/registry/certificates",
    "applications": "/registry/applications",
    "import": "/registry/import",
    "merge": "/registry/merge",
    "statistics": "/statistics",
    "report": "/statistics/report",
    "alarms": "/alarms",
    "audit": "/audit",
    "users": "/users",
    "me": "/me",
    "missing": "/work/khong-co",
}
"""Where an administrator looks, by a name for it."""


WITH_AND_WITHOUT_SCRIPT: Final = pytest.mark.parametrize("script", [True, False], ids=["with-script", "without"])


def confirm(page: Page, reason: str) -> None:
    """From what an action would do to what it did."""
    page.fill("textarea[name=reason]", reason)
    page.locator(".plan form button[type=submit]").click()
    page.locator(".plan").wait_for(state="detached")


def open_page(town: Town, page: Page, name: str) -> None:
    """Go to a page by its name: of `PAGES`, of `MADE`, or the sign-in."""
    if name in MADE:
        MADE[name](town, page)
    else:
        town.open(page, PAGES.get(name, "/login"))


def open_resend_plan(town: Town, page: Page, *others: str) -> None:
    """From the list of parked legs to what sending the wanted one, and others by their code, would do."""
    town.open(page, "/work/parked")
    for code in (WANTED_CODE, *others):
        page.locator("main tbody tr", has_text=code).locator("input[type=checkbox]").check()
    page.locator("main form[action*='/work/legs/resend'] button[type=submit]").click()
    page.locator("textarea[name=reason]").wait_for()


def open_import_preview(town: Town, page: Page, text: str) -> None:
    """From the page of imports to the differences that a file makes."""
    town.open(page, "/registry/import")
    page.set_input_files("#f-file", {"name": "so.csv", "mimeType": "text/csv", "buffer": text.encode()})
    page.locator("main form[action*='/registry/import'] button[type=submit]").click()
    page.locator(".plan").wait_for()


MADE: Final[Mapping[str, Callable[[Town, Page], object]]] = {
    "signed": lambda town, page: town.open(page, f"/documents/{town.past.document.id}"),
    "plan": open_resend_plan,
    "preview": lambda town, page: open_import_preview(town, page, IMPORTED),
}
"""Pages that somebody comes to, by a name for each."""
NAMES: Final = ("login", *PAGES, *MADE)
