"""A real browser in front of a real console: Debian's chromium, and uvicorn over a SQLite store with a small country.

Without chromium tests skip and say so, or fail when CI=true. The fixtures stand in `tests/browser/conftest.py`.
"""

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

from router.adapters.sql.engine import open_engine
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.store import SqlStore
from router.app.console import open_memories, server_config
from router.console.shell.looks import LANGUAGE_COOKIE
from router.core.people import Role
from tests.support.console import DATABASE, PASSWORD, ConsoleHouse, Hands
from tests.support.console_country import AFTERNOON, fill, signed_past
from tests.support.document_house import room_of
from tests.support.provable import ProvableHub
from tests.support.services import CHROMIUM_BINARY

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP: Final = (1280, 900)
PHONE: Final = (360, 740)
PICTURES: Final = ".browser"
"""The folder of screenshots; nobody keeps it."""
PATIENCE: Final = 15_000  # milliseconds for anything that the browser waits for
STARTING: Final = 20.0  # seconds for the server to listen


def needs_chromium() -> None:
    """Skips the calling test with the reason, or fails it when CI=true."""
    if CHROMIUM_BINARY.exists():
        return
    reason = f"no chromium on this machine: {CHROMIUM_BINARY} is missing (apt-get install chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(slots=True)
class Town:
    """A console that listens. `page` opens a fresh context, in which `role` has signed in.

    `past.document` is the document with real bytes.
    """

    house: ConsoleHouse
    browser: Browser
    site: str
    folder: Path
    past: ProvableHub
    _kept: dict[tuple[str, str], Any] = field(default_factory=dict)
    _open: list[BrowserContext] = field(default_factory=list)

    def address(self, path: str) -> str:
        return f"{self.site}/console{path}"

    def open(self, page: Page, path: str) -> Response:
        """Go to a path of the console; the answer."""
        answer = page.goto(self.address(path))
        assert answer is not None
        return answer

    def visit(
        self, *, size: tuple[int, int] = DESKTOP, script: bool = True, look: Any = "light", language: str = ""
    ) -> Page:
        """A page in which nobody has signed in."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=script,
            color_scheme=look,
            locale="vi-VN",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        if language:
            context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": self.address("/")}])
        self._open.append(context)
        return context.new_page()

    def page(self, role: Role, *, root: str = "", **looks: Any) -> Page:
        """A page in which somebody of this role has signed in. Each signs in once, at the form; then their cookies
        are used again."""
        page = self.visit(**looks)
        key = (role.value, root)
        if key not in self._kept:
            sign_in(page, self, self.house.add_person(role, root=root))
            self._kept[key] = page.context.cookies()
        page.context.add_cookies(self._kept[key])
        return page

    def close_pages(self) -> None:
        while self._open:
            self._open.pop().close()


def sign_in(page: Page, town: Town, name: str, password: str = PASSWORD) -> None:
    """At the form."""
    page.goto(town.address("/login"))
    page.fill("#f-name", name)
    page.fill("#f-password", password)
    page.locator("main form button[type=submit]").click()
    page.wait_for_url(lambda url: "/login" not in url)


@contextmanager
def served(house: ConsoleHouse) -> Iterator[str]:
    """The console on a free port of this machine; its address."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    server = uvicorn.Server(server_config(house.app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    until = time.monotonic() + STARTING
    while not server.started and thread.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    if not server.started:
        raise RuntimeError("the console does not listen")
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STARTING)
        door.close()


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM_BINARY), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def town_in(folder: Path, browser: Browser, *, like: Town | None = None) -> Iterator[Town]:
    """A console of its own, over a small country in that folder: made anew, or `like` another one."""
    if like is not None:
        there, here = like.folder / DATABASE, folder / DATABASE
        with closing(sqlite3.connect(there)) as one, closing(sqlite3.connect(here)) as other:
            one.backup(other)
    url = f"sqlite:///{folder / DATABASE}"
    if like is None:
        upgrade(url)
    memories = open_memories(SqlStore(url), open_engine(url))
    past = like.past if like is not None else signed_past(memories.store)
    documents = room_of(past.desk, memories.store, past.desk.payloads, clock=Hands(AFTERNOON))
    house = ConsoleHouse(memories, documents=documents)
    if like is None:
        fill(house)
    house.clock.at = AFTERNOON
    with served(house) as site:
        town = Town(house, browser, site, folder, past)
        try:
            yield town
        finally:
            town.close_pages()
