"""`chromium` is one browser for the session, `country` one console that nobody changes.

Tests that change something ask for `own_country`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Town, browsing, needs_chromium, town_in


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    needs_chromium()
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="session")
def standing_country(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town_in(tmp_path_factory.mktemp("country"), chromium) as town:
        yield town


@pytest.fixture
def country(standing_country: Town) -> Iterator[Town]:
    """The session's console. Its pages are closed after each test."""
    yield standing_country
    standing_country.close_pages()


@pytest.fixture
def own_country(chromium: Browser, standing_country: Town, tmp_path: Path) -> Iterator[Town]:
    """A console that this test may change."""
    with town_in(tmp_path, chromium, like=standing_country) as town:
        yield town
