"""Every store and every payload store, so that one suite holds them to one contract."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.adapters.memory_store import MemoryPayloads, MemoryStore
from router.adapters.payloads import FilePayloads
from router.adapters.sql.store import SqlStore
from router.ports import Store
from tests.support.hub_tables import make_tables
from tests.support.postgres import needs_postgres

DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
STORES = ["memory", *DATABASES]


def database_url(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'hub.db'}"
        make_tables(url)
        return url
    needs_postgres()
    return str(request.getfixturevalue("postgres_hub_url"))


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    opened: Store = (
        MemoryStore() if request.param == "memory" else SqlStore(database_url(request.param, request, tmp_path))
    )
    yield opened
    opened.close()


@pytest.fixture(params=DATABASES)
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens one and the same database again with each call, as another process would."""
    url = database_url(request.param, request, tmp_path)
    opened: list[SqlStore] = []

    def open_it() -> Store:
        opened.append(SqlStore(url))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


@pytest.fixture(params=["memory", "files"])
def payloads(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryPayloads | FilePayloads:
    return MemoryPayloads() if request.param == "memory" else FilePayloads(tmp_path / "payloads", "worker-1")
