"""What people did is found in the log, in every kind of store."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from router.adapters.memory_audit import MemoryAudit
from router.adapters.memory_store import MemoryStore
from router.adapters.sql.audit import SqlAudit
from router.adapters.sql.engine import is_sqlite, open_engine
from router.adapters.sql.store import SqlStore
from router.core.audit import DeedQuestion
from router.core.events import EventName
from router.core.records import PutEvent
from router.ports import Store
from router.ports.audit import Audit
from tests.contract.conftest import STORES, database_url
from tests.support.records import MINUTE, NOON, event

ALL = DeedQuestion()


@dataclass
class Log:
    store: Store
    audit: Audit

    def names(self, question: DeedQuestion = ALL, *, before: int | None = None, limit: int = 100) -> list[str]:
        return [each.event.name for each in self.audit.deeds(question, before=before, limit=limit)]


@pytest.fixture(params=STORES)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    """A log with deeds among what the hub did by itself."""
    if request.param == "memory":
        memory = MemoryStore()
        made = Log(memory, MemoryAudit(memory))
    else:
        url = database_url(request.param, request, tmp_path)
        made = Log(SqlStore(url), SqlAudit(open_engine(url)))
    deeds = (
        (EventName.USER_ADDED, "admin:mai"),
        (EventName.LOG_SEALED, "hub"),
        (EventName.SESSION_OPENED, "user:mai"),
        (EventName.SESSION_REFUSED, "hub"),
        (EventName.REPORT_FOREIGN, "noi-xa"),
        (EventName.LEG_RESENT, "user:lan"),
        (EventName.USER_LOCKED, "admin:maika"),
    )
    with made.store.begin() as tx:
        tx.apply(
            PutEvent(event(name.value, "", actor=actor, at=NOON + place * MINUTE, facts={"reason": f"vì {place}"}))
            for place, (name, actor) in enumerate(deeds)
        )
    yield made
    made.store.close()


def test_deeds_are_what_people_did_and_whom_the_door_refused_the_newest_first(log: Log) -> None:
    assert log.names() == ["user.locked", "leg.resent", "session.refused", "session.opened", "user.added"]
    (newest, *_) = log.audit.deeds(ALL, limit=1)
    assert (newest.event.actor, newest.event.facts, newest.event.at) == (
        "admin:maika",
        {"reason": "vì 6"},
        NOON + 6 * MINUTE,
    )


def test_pages_go_on_where_the_last_one_ended(log: Log) -> None:
    seen: list[str] = []
    before: int | None = None
    while found := log.audit.deeds(ALL, before=before, limit=2):
        seen += [each.event.name for each in found]
        before = found[-1].seq
    assert seen == log.names()


def test_deeds_are_found_by_who_what_and_when(log: Log) -> None:
    assert log.names(DeedQuestion(actor="mai")) == ["session.opened", "user.added"]
    assert log.names(DeedQuestion(subject="user")) == ["user.locked", "user.added"]
    assert log.names(DeedQuestion(subject="use")) == []
    assert log.names(DeedQuestion(since=NOON + 2 * MINUTE, until=NOON + 6 * MINUTE)) == [
        "leg.resent",
        "session.refused",
        "session.opened",
    ]
    assert log.names(DeedQuestion(actor="mai", subject="session")) == ["session.opened"]


def test_deeds_are_found_without_a_look_at_the_rest_of_the_log(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    engine = open_engine(database_url("sqlite", request, tmp_path))
    assert is_sqlite(engine)
    with engine.connect() as connection:
        from router.adapters.sql.tables import BY_PEOPLE

        plan = connection.execute(
            text(f"EXPLAIN QUERY PLAN SELECT * FROM events WHERE {BY_PEOPLE} AND seq < 9 ORDER BY seq DESC LIMIT 3")  # noqa: S608  ours
        ).all()
    engine.dispose()
    assert "ix_events_by_people" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
