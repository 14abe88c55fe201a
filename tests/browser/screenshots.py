"""`python -m tests.browser.screenshots [folder]`: the main pages, light and dark, on a desk and on a phone."""

import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from router.core.people import Role
from tests.browser.walks import IMPORTED, PAGES, open_import_preview, open_resend_plan
from tests.support.browser import DESKTOP, PHONE, Town, browsing, town_in

FOLDER: Final = Path(".browser")
SIZES: Final = {"desktop": DESKTOP, "phone": PHONE}


def shots(town: Town, **looks: Any) -> Iterator[tuple[str, Page]]:
    """Each page by its name, open."""
    stranger = town.visit(**looks)
    stranger.goto(town.address("/login"))
    yield "login", stranger
    page = town.page(Role.ADMINISTRATOR, **looks)
    for name, path in PAGES.items():
        page.goto(town.address(path))
        yield name, page
    open_resend_plan(town, page)
    yield "plan", page
    open_import_preview(town, page, IMPORTED)
    yield "preview", page


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as room, browsing() as browser, town_in(Path(room), browser) as town:
        for (kind, size), look in product(SIZES.items(), ("light", "dark")):
            for name, page in shots(town, size=size, look=look):
                page.screenshot(path=folder / f"{name}-{kind}-{look}.png", full_page=True)
            town.close_pages()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
