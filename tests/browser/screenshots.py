"""`python -m tests.browser.screenshots [folder]`: the main pages, light and dark, on a desk and on a phone."""

import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any, Final

from router.core.people import Role
from tests.browser.walks import NAMES, open_page
from tests.support.browser import DESKTOP, PHONE, PICTURES, browsing, town_in

FOLDER: Final = Path(PICTURES)
SIZES: Final = {"desktop": DESKTOP, "phone": PHONE}


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as room, browsing() as browser, town_in(Path(room), browser) as town:
        for (kind, size), look in product(SIZES.items(), ("light", "dark")):
            for name in NAMES:
                looks: dict[str, Any] = {"size": size, "look": look}
                page = town.visit(**looks) if name == "login" else town.page(Role.ADMINISTRATOR, **looks)
                open_page(town, page, name)
                page.screenshot(path=folder / f"{name}-{kind}-{look}.png", full_page=True)
            town.close_pages()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
