"""A console for tests: over stores in memory or on SQLite, with browsers that are signed in.

house = ConsoleHouse()                                # or ConsoleHouse.on_sqlite(tmp_path)
async with house.browser(Role.OPERATOR, root="H41") as browser:
    page = await browser.get("/work")                 # httpx.Response of /console/work
    data = await browser.data("/work")                # what the twin answers
    plan = await browser.plan("/work/resend", {"leg": ["l-1"]})              # the dry run, as JSON
    done = await browser.act("/work/resend", {"leg": ["l-1"]}, reason="…")   # the deed, as JSON
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from router.adapters.memory_alarms import MemoryAlarmBook
from router.adapters.memory_audit import MemoryAudit
from router.adapters.memory_figures import MemoryFigures
from router.adapters.memory_people import MemoryPeople
from router.adapters.memory_registry_desk import MemoryRegistryDesk
from router.adapters.memory_search import MemorySearch
from router.adapters.memory_store import MemoryStore
from router.adapters.memory_work_lists import MemoryWorkQuestions
from router.adapters.sql.engine import open_engine
from router.adapters.sql.store import SqlStore
from router.app.console import Memories, console_around, open_memories, rooms_of
from router.console.shell.addresses import BASE, href
from router.console.shell.rooms import Rooms
from router.core.people import Role
from router.services.accounts.keeping import By, NewUser, Trouble
from router.settings import Settings
from router.settings.console import ConsoleSettings
from tests.support.hub_tables import make_tables

PASSWORD: Final = "Trúc xanh bên hồ nước 27"
MORNING: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DATABASE: Final = "console.db"
SITE: Final = "http://127.0.0.1:8620"
CHEAP: Final = ConsoleSettings(argon2_memory_kib=8, argon2_rounds=1, argon2_lanes=1, sign_ins_per_minute=1000)
TOKEN: Final = re.compile(r'name="form" value="([0-9a-f]{64})"')

Fields = Mapping[str, str | Sequence[str]]


def in_memory() -> Memories:
    """Everything that the console remembers, in this process."""
    store = MemoryStore()
    return Memories(
        store=store,
        people=MemoryPeople(),
        audit=MemoryAudit(store),
        figures=MemoryFigures(store),
        work=MemoryWorkQuestions(store),
        registry_desk=MemoryRegistryDesk(store),
        search=MemorySearch(store),
        alarms=MemoryAlarmBook(),
    )


class Hands:
    """A clock that is set by hand."""

    def __init__(self, at: datetime = MORNING) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_by(self, length: timedelta) -> None:
        self.at += length


class ConsoleHouse:
    """One console with its stores. Change `clock.at` to let time pass."""

    def __init__(
        self,
        memories: Memories | None = None,
        *,
        settings: Settings | None = None,
        provider: httpx.AsyncBaseTransport | None = None,
        **changed: Any,
    ) -> None:
        """`changed` replaces fields of Rooms."""
        self.clock = Hands()
        self.settings = settings or Settings(console=CHEAP)
        self.memories = memories or in_memory()
        self.rooms: Rooms = replace(rooms_of(self.settings, self.memories, clock=self.clock), **changed)
        self.app = Starlette(routes=[Mount(BASE, app=console_around(self.rooms, provider=provider))])

    @classmethod
    def on_sqlite(cls, folder: Path, **given: Any) -> Self:
        url = f"sqlite:///{folder / DATABASE}"
        make_tables(url)
        return cls(open_memories(SqlStore(url), open_engine(url)), **given)

    @property
    def store(self) -> Any:
        """The store that the console reads."""
        return self.memories.store

    def add_person(self, role: Role, *, root: str = "", name: str = "", must_change: bool = False) -> str:
        """An account with the password PASSWORD; its name."""
        named = name or f"{role.value}{f'.{root.lower()}' if root else ''}"
        if self.memories.people.user(named) is None:
            new = NewUser(name=named, role=role, root=root, password=PASSWORD, must_change=must_change)
            added = self.rooms.accounts.keeping.add(new, by=By(actor="admin:test", reason="test"))
            if isinstance(added, Trouble):
                raise ValueError(added.en)
        return named

    @asynccontextmanager
    async def visitor(self, *, site: str = SITE, address: str = "192.0.2.7") -> "AsyncIterator[Browser]":
        """A browser that nobody has signed in with."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=site) as client:
            yield Browser(client)

    @asynccontextmanager
    async def browser(
        self, role: Role, *, root: str = "", name: str = "", must_change: bool = False
    ) -> "AsyncIterator[Browser]":
        """A browser in which somebody of this role has signed in."""
        named = self.add_person(role, root=root, name=name, must_change=must_change)
        async with self.visitor() as browser:
            await browser.sign_in(named)
            yield browser


class Browser:
    """A client with its cookies. Paths are those below /console; redirects are not followed."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        """Raises ValueError when the sign-in does not succeed."""
        answer = await self.try_sign_in(name, password)
        if answer.status_code != 303:
            raise ValueError(f"no sign-in: HTTP {answer.status_code}")
        return answer

    async def try_sign_in(self, name: str, password: str, *, wanted: str = "") -> httpx.Response:
        form = await self.get("/login")
        fields = {"form": token_in(form.text), "name": name, "password": password, "next": wanted}
        return await self.client.post(href("/login"), data=fields)

    async def get(self, path: str, **given: Any) -> httpx.Response:
        return await self.client.get(f"{BASE}{path}", **given)

    async def data(self, path: str) -> Any:
        """What the twin of a page answers; the path may have a query. Raises ValueError unless it is 200."""
        page, mark, query = path.partition("?")
        answer = await self.get(f"{page}.json{mark}{query}")
        if answer.status_code != 200:
            raise ValueError(f"{path}: HTTP {answer.status_code} {answer.text[:300]}")
        return answer.json()

    async def post(self, path: str, fields: Fields, *, token: str | None = None, **given: Any) -> httpx.Response:
        """A form, with the token of this browser unless another is given."""
        known = await self.token() if token is None else token
        return await self.client.post(f"{BASE}{path}", data={"form": known, **fields}, **given)

    async def plan(self, path: str, fields: Fields) -> httpx.Response:
        """The dry run of an action; the answer is JSON."""
        return await self.post(f"{path}?dry=1", fields, headers={"Accept": "application/json"})

    async def act(self, path: str, fields: Fields, *, reason: str = "vì cần thử") -> httpx.Response:
        """The deed; the answer is JSON."""
        return await self.post(path, {**fields, "reason": reason}, headers={"Accept": "application/json"})

    async def token(self) -> str:
        return token_in((await self.get("/me")).text)


def token_in(html: str) -> str:
    """The token of the forms of a page. Raises ValueError when there is none."""
    found = TOKEN.search(html)
    if found is None:
        raise ValueError("the page has no form")
    return found.group(1)
