"""No question that the hub asks while it works, and none that a person asks, reads a whole table."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from router.adapters.sql import queries
from router.adapters.sql.engine import open_engine
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.registry import RegistryTables
from router.adapters.sql.statements import statements_for
from router.adapters.sql.transaction import SqlTransaction
from tests.support.records import MINUTE, NOON

Asked = Callable[[Connection, SqlTransaction], object]

QUESTIONS: dict[str, Asked] = {
    "messages": lambda _, t: t.messages(["a", "b"]),
    "content": lambda _, t: t.messages_with_content(["a", "b"]),
    "documents": lambda _, t: t.documents(["a", "b"]),
    "code": lambda _, t: t.documents_by_code("H41", "1/UB", None),
    "code and day": lambda _, t: t.documents_by_code("H41", "1/UB", date(2026, 3, 2)),
    "legs": lambda _, t: t.legs(["a", "b"]),
    "legs by id": lambda _, t: t.legs_by_id(["a", "b"]),
    "leases": lambda _, t: t.lease_outbox(now=NOON, lease_for=MINUTE, limit=10),
    "deferred": lambda _, t: t.due_deferred(now=NOON, limit=10),
    "find": lambda c, _: queries.find(c, "7816/UB", limit=50),
    "about": lambda c, _: queries.messages_about(c, "a"),
    "legs of": lambda c, _: queries.legs_of(c, "a"),
    "statuses of": lambda c, _: queries.statuses_of(c, ["a", "b"]),
    "events of": lambda c, _: queries.events_of(c, "a"),
    "claimed blobs": lambda c, _: queries.claimed_blobs(c, ["a", "b"]),
    "may read": lambda c, _: queries.may_read(c, agent="a", digest="d"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_from_an_index(name: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    upgrade(url)
    engine = open_engine(url)
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def explain(connection: Connection, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(row[3] for row in cursor.fetchall())
            cursor.close()

    with engine.connect() as connection, connection.begin():
        transaction = SqlTransaction(connection, statements_for(engine), RegistryTables().read)
        QUESTIONS[name](connection, transaction)
    engine.dispose()

    searched = ("messages", "legs", "statuses", "events", "outbox")
    assert plans
    assert [plan for plan in plans if plan.startswith(tuple(f"SCAN {table}" for table in searched))] == []
