"""Every main page in a real browser: anybody can use it, by day, by night, and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from router.core.people import Role
from tests.browser.accessibility import contrast_faults, faults_of
from tests.browser.walks import IMPORTED, PAGES, open_import_preview, open_resend_plan
from tests.support.browser import PHONE, Town

pytestmark = pytest.mark.browser

MADE: dict[str, Callable[[Town, Page], None]] = {
    "plan": open_resend_plan,
    "preview": lambda town, page: open_import_preview(town, page, IMPORTED),
}


def visit(town: Town, page: Page, name: str) -> None:
    """Go to a page by its name."""
    if name in MADE:
        MADE[name](town, page)
    else:
        page.goto(town.address(PAGES.get(name, "/login")))


def wider_than_the_window(page: Page) -> int:
    """By how many pixels the page would scroll sideways."""
    return int(page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("name", ["login", *PAGES, *MADE])
def test_a_page_is_for_everybody(country: Town, name: str) -> None:
    page = country.visit() if name == "login" else country.page(Role.ADMINISTRATOR)
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    visit(country, page, name)
    assert faults_of(page) == []
    assert wider_than_the_window(page) == 0
    page.emulate_media(color_scheme="dark")
    assert contrast_faults(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert wider_than_the_window(page) == 0
    assert contrast_faults(page) == []
    assert [each for each in problems if "status of 404" not in each] == []


def test_what_was_chosen_stays_light_or_dark_whatever_the_machine_says(country: Town) -> None:
    page = country.page(Role.VIEWER, look="dark")
    page.goto(country.address("/work"))
    ground = "() => getComputedStyle(document.body).backgroundColor"
    night = page.evaluate(ground)
    page.locator(".who summary").click()
    page.get_by_role("link", name="Sáng").click()
    page.wait_for_selector("html[data-look=light]")
    assert page.evaluate(ground) != night
    assert contrast_faults(page) == []
