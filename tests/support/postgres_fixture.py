"""PostgreSQL for tests: `postgres_url` is an empty database, `postgres_hub_url` one with the hub's tables."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import database_name, fresh_database, needs_postgres, running_cluster


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """URL of the maintenance database of a running server, one for the whole run."""
    needs_postgres()
    with running_cluster() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_cluster: str) -> Iterator[str]:
    """URL of a database that is empty, and this test's alone."""
    with fresh_database(postgres_cluster) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_migrated(postgres_cluster: str) -> Iterator[str]:
    """Name of a database with the hub's tables, to be copied: migrating costs ten times as much."""
    from router.adapters.sql.migrate import upgrade

    with fresh_database(postgres_cluster) as url:
        upgrade(url)
        yield database_name(url)


@pytest.fixture
def postgres_hub_url(postgres_cluster: str, postgres_migrated: str) -> Iterator[str]:
    """URL of a database with the hub's tables and nothing in them."""
    with fresh_database(postgres_cluster, like=postgres_migrated) as url:
        yield url
