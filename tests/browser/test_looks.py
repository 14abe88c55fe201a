"""Every main page in a real browser: anybody can use it, by day, by night, in both languages, and on a phone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from router.core.people import Role
from tests.browser.accessibility import faults_of
from tests.browser.walks import NAMES, open_page
from tests.support.browser import PHONE, PICTURES, Town

pytestmark = pytest.mark.browser


@contextmanager
def looked_at(town: Town, name: str, **looks: Any) -> Iterator[Page]:
    """A page in these looks. What the browser complains of is a fault, but for the answer 404 that was asked for."""
    page = town.visit(**looks) if name == "login" else town.page(Role.ADMINISTRATOR, **looks)
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    open_page(town, page, name)
    yield page
    assert [each for each in problems if "status of 404" not in each] == []


def wider_than_the_window(page: Page) -> int:
    """By how many pixels the page would scroll sideways."""
    return int(page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def keep_picture(page: Page, name: str) -> None:
    """Where CI is true or TRUC_PICTURES names a folder, what was looked at is kept for people to look at."""
    folder = os.environ.get("TRUC_PICTURES") or (PICTURES if os.environ.get("CI") == "true" else "")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_for_everybody(country: Town, name: str) -> None:
    with looked_at(country, name) as page:
        assert faults_of(page) == []
        assert wider_than_the_window(page) == 0
        keep_picture(page, f"{name}-desktop-light")
    with looked_at(country, name, size=PHONE, look="dark", language="en") as page:
        assert page.locator("html").get_attribute("lang") == "en"
        assert faults_of(page) == []
        assert wider_than_the_window(page) == 0
        keep_picture(page, f"{name}-phone-dark")


def test_what_was_chosen_stays_light_or_dark_whatever_the_machine_says(country: Town) -> None:
    page = country.page(Role.VIEWER, look="dark")
    country.open(page, "/work")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    night = page.evaluate(ground)
    page.locator(".who summary").click()
    page.get_by_role("link", name="Sáng").click()
    page.wait_for_selector("html[data-look=light]")
    assert page.evaluate(ground) != night
    assert faults_of(page) == []
