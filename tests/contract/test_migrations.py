"""Migrations lead to the tables that the code uses, from nothing, again, and from several processes at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from router.adapters.sql.engine import normal_url, open_engine
from router.adapters.sql.migrate import head, revision_of, upgrade
from router.adapters.sql.rows import message_row
from router.adapters.sql.store import SqlStore
from router.adapters.sql.tables import METADATA
from router.core.records import LegState, PutEvent
from router.core.registry import OrganRecord
from router.ports import StoreUnavailable
from tests.support.records import event, message

UPGRADE = "import sys; from router.adapters.sql.migrate import upgrade; upgrade(sys.argv[1])"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deep' / 'hub.db'}"
    return str(request.getfixturevalue("postgres_url"))


def test_an_empty_database_gets_exactly_the_tables_of_the_code(empty_url: str) -> None:
    upgrade(empty_url)

    _has_exactly_the_tables_of_the_code(empty_url)


def _has_exactly_the_tables_of_the_code(url: str) -> None:
    engine = open_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert revision_of(connection) == head()
    engine.dispose()


def test_every_index_of_the_code_is_in_the_database(empty_url: str) -> None:
    upgrade(empty_url)

    engine = open_engine(empty_url)
    looked_at = inspect(engine)
    for table in METADATA.sorted_tables:
        there = {each["name"]: each["column_names"] for each in looked_at.get_indexes(table.name)}
        assert there == {each.name: [column.name for column in each.columns] for each in table.indexes}
    engine.dispose()


def test_upgrading_again_changes_nothing(empty_url: str) -> None:
    upgrade(empty_url)
    store = SqlStore(empty_url)
    store.put_organs([OrganRecord(code="H1", name="Một")])

    upgrade(empty_url)

    assert store.registry().organs["H1"].name == "Một"
    store.close()


def test_a_database_of_the_first_version_keeps_its_records_and_learns_when_they_arrived(empty_url: str) -> None:
    upgrade(empty_url, to="0001")
    late_in_vietnam = datetime(2026, 3, 2, 16, 59, 59, 999999, tzinfo=UTC)
    first = message("1", received_at=late_in_vietnam)
    second = message("2", received_at=late_in_vietnam + timedelta(microseconds=1))
    engine = open_engine(empty_url)
    names_now = METADATA.tables["messages"].c.keys()
    rows = [{**dict(zip(names_now, message_row(each), strict=True)), "code_number": "7"} for each in (first, second)]
    names_then = [*(each for each in names_now if each not in {"arrived_on", "vouched"}), "code_number"]
    with engine.begin() as connection:
        names = ", ".join(names_then)
        marks = ", ".join(f":{name}" for name in names_then)
        connection.execute(text(f"INSERT INTO messages ({names}) VALUES ({marks})"), rows)  # noqa: S608  our columns
        connection.execute(
            text(
                "INSERT INTO legs (id, message_id, ordinal, recipient, agent, state, urgency, created_at, status,"
                " reason, recall, version) VALUES ('l-1', 'm-1', 0, 'H1', 'a', 'held', 'normal', 7, '', '', 'none', 0)"
            )
        )
        happened = "INSERT INTO events (name, at, message_id, leg_id, actor, facts) VALUES ('e', 7, 'm-1', '', '', '')"
        connection.execute(text(happened))
        connection.execute(text(happened))
    engine.dispose()

    upgrade(empty_url)

    store = SqlStore(empty_url)
    assert store.message("m-1") == replace(first, arrived_on=date(2026, 3, 2))
    assert store.message("m-2") == replace(second, arrived_on=date(2026, 3, 3))
    (leg,) = store.legs_of("m-1")
    assert (leg.state, leg.look_at, leg.raised, leg.forwarded_from) == (LegState.HELD, leg.created_at, (), "")
    assert [each.seq for each in store.event_rows_of("m-1")] == [1, 2]
    with store.begin() as transaction:
        transaction.apply([PutEvent(event("e", "m-1"))])
    assert [each.seq for each in store.events_after(0, limit=9)] == [1, 2, 3]
    store.close()
    _has_exactly_the_tables_of_the_code(empty_url)


def test_workers_that_start_together_upgrade_once(empty_url: str) -> None:
    def start(_worker: int) -> int:
        command = [sys.executable, "-c", UPGRADE, empty_url]
        return subprocess.run(command, check=False, cwd=Path(__file__).resolve().parents[2]).returncode

    with ThreadPoolExecutor(3) as workers:
        assert list(workers.map(start, range(3))) == [0, 0, 0]

    store = SqlStore(empty_url)
    store.ping()
    store.close()


def test_sqlite_is_opened_for_durability(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    upgrade(url)
    engine = open_engine(url)
    with engine.connect() as connection:
        values = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()

    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_database_without_tables_is_unavailable_and_so_is_none_at_all(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(StoreUnavailable):
        store.ping()
    store.close()

    nowhere = SqlStore(f"postgresql://truc@/postgres?host={tmp_path}")
    with pytest.raises(StoreUnavailable):
        nowhere.ping()
    with pytest.raises(StoreUnavailable):
        upgrade(f"postgresql://truc@/postgres?host={tmp_path}")


def test_an_error_does_not_quote_what_was_being_written(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(StoreUnavailable) as raised:
        store.put_organs([OrganRecord(code="H1", name="mật danh")])
    store.close()

    assert "mật danh" not in str(raised.value)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a/b", "sqlite://", "sqlite:///:memory:", "oracle://x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        normal_url(url)


@pytest.mark.parametrize("url", ["postgresql://u@h/d", "postgres://u@h/d", "postgresql+psycopg://u@h/d"])
def test_postgresql_by_any_name_means_the_same_driver(url: str) -> None:
    assert normal_url(url).drivername == "postgresql+psycopg"


def test_copies_of_the_whole_hub_are_those_of_all_senders(empty_url: str) -> None:
    """Before, they were summed up with their senders only."""
    upgrade(empty_url, to="0009")
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        for organ, value in (("H1", 2), ("H2", 3)):
            row = {"organ": organ, "value": value}
            connection.execute(text("INSERT INTO figures VALUES ('2026-03', :organ, 'new', 'copies', :value)"), row)
    upgrade(empty_url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT value FROM figures WHERE organ = '' AND measure = 'copies'")).all()
    engine.dispose()
    assert [tuple(each) for each in found] == [(5,)]
