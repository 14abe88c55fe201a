"""What error texts of databases may say: never what stands in a document."""

import sqlite3
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from agents.desk import Desk as AgentDesk
from agents.errors import SpoolUnavailable
from agents.spool import Spool
from router.adapters.sql.engine import DatabaseMistake, open_engine, told_as_ports
from router.adapters.sql.store import SqlStore
from router.core.records import PutMessage
from router.ports import StoreUnavailable
from tests.support import hub_desk, records
from tests.support.agency import settings_of
from tests.support.envelopes import a_document
from tests.support.hub_tables import make_tables

SECRET = "Thư riêng: về việc nhân sự"


def test_a_database_that_refuses_a_message_does_not_quote_it(tmp_path: Path) -> None:
    make_tables(f"sqlite:///{tmp_path / 'hub.db'}")
    with sqlite3.connect(tmp_path / "hub.db") as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT raise(ABORT, 'disk is full'); END")
    store = SqlStore(f"sqlite:///{tmp_path / 'hub.db'}")
    with pytest.raises(StoreUnavailable) as told, store.begin() as tx:
        tx.apply([PutMessage(records.message("1", subject=SECRET))])
    assert "disk is full" in str(told.value)
    assert SECRET not in "".join(traceback.format_exception(told.value))
    store.close()


def test_a_statement_of_ours_that_is_wrong_does_not_quote_its_values(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    with pytest.raises((DatabaseMistake, StoreUnavailable)) as told, told_as_ports(), engine.connect() as connection:
        connection.execute(text("SELECT number FROM nowhere WHERE subject = :subject"), {"subject": SECRET})
    assert "nowhere" in str(told.value)
    assert SECRET not in "".join(traceback.format_exception(told.value))
    engine.dispose()


def test_a_spool_that_refuses_a_letter_does_not_quote_it(tmp_path: Path) -> None:
    settings = settings_of("vpcp", hub_desk.Desk(), tmp_path)
    desk = AgentDesk(settings, Spool.open(settings.spool))
    with sqlite3.connect(settings.spool / "spool.db") as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'disk is full'); END")
    with pytest.raises(SpoolUnavailable) as told:
        desk.send(replace(a_document(), subject=SECRET))
    assert "disk is full" in told.value.en
    assert SECRET not in "".join(traceback.format_exception(told.value))
