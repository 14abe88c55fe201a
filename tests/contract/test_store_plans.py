"""No question that the hub asks while it works, and none that a person asks, reads a whole table."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from router.adapters.sql import dead_letters, leg_questions, queries, seals
from router.adapters.sql.engine import open_engine
from router.adapters.sql.registry import RegistryTables
from router.adapters.sql.statements import statements_for
from router.adapters.sql.tables import METADATA
from router.adapters.sql.transaction import SqlTransaction
from router.adapters.sql.work_lists import SqlWorkQuestions
from router.core.dead import DeadState
from router.core.people import EVERYTHING
from router.core.work_lists import Narrow, Place
from tests.support.hub_tables import make_tables
from tests.support.records import MINUTE, NOON

SMALL_OR_ENDS_SOON = ("ix_legs_raised", "ix_legs_parked", "ix_legs_held", "SCAN seals")
"""Indexes of nothing but the rows that are asked for, and a table that is read from its end."""

Asked = Callable[[Connection, SqlTransaction], object]

QUESTIONS: dict[str, Asked] = {
    "messages": lambda _, t: t.messages(["a", "b"]),
    "content": lambda _, t: t.messages_with_content(["a", "b"]),
    "documents": lambda _, t: t.documents(["a", "b"]),
    "code": lambda _, t: t.documents_by_code("H41", "1/UB", None),
    "code and day": lambda _, t: t.documents_by_code("H41", "1/UB", date(2026, 3, 2)),
    "legs": lambda _, t: t.legs(["a", "b"]),
    "forwarded legs": lambda _, t: t.forwarded_legs(["a", "b"]),
    "legs by id": lambda _, t: t.legs_by_id(["a", "b"]),
    "confirmed": lambda _, t: t.drop_outbox(["a", "b"]),
    "leases": lambda _, t: t.lease_outbox(now=NOON, lease_for=MINUTE, limit=10),
    "deferred": lambda _, t: t.due_deferred(now=NOON, limit=10),
    "due legs": lambda _, t: t.due_legs(now=NOON, limit=10),
    "hasten": lambda _, t: t.hasten("H1", now=NOON),
    "free leases": lambda _, t: t.free_leases(now=NOON),
    "dead letters": lambda _, t: t.dead_letters(["a", "b"]),
    "returns": lambda _, t: t.due_returns(now=NOON, limit=10),
    "events to seal": lambda _, t: t.events_to_seal(limit=10),
    "last seal": lambda _, t: t.last_seal(),
    "raised": lambda c, _: leg_questions.with_messages(c, leg_questions.RAISED, limit=10),
    "parked": lambda c, _: leg_questions.with_messages(c, leg_questions.PARKED, limit=10),
    "held": lambda c, _: leg_questions.with_messages(c, leg_questions.HELD, limit=10),
    "held for one": lambda c, _: leg_questions.with_messages(c, leg_questions.HELD, limit=10, recipient="H1"),
    "attempts": lambda c, _: queries.attempts_of(c, "a"),
    "open dead letters": lambda c, _: dead_letters.find(c, "x", state=DeadState.OPEN, limit=10),
    "promptness": lambda c, _: queries.promptness(c, since=NOON),
    "events after": lambda c, _: seals.events_after(c, 7, limit=10),
    "event rows": lambda c, _: seals.event_rows_of(c, "a"),
    "seals": lambda c, _: seals.seals(c, after=3, limit=10),
    "seals of": lambda c, _: seals.seals_of(c, [1, 2]),
    "find": lambda c, _: queries.find(c, "7816/UB", limit=50),
    "about": lambda c, _: queries.messages_about(c, "a"),
    "answers": lambda c, _: queries.answers_naming(c, document_id="a", code="b", limit=9),
    "legs of": lambda c, _: queries.legs_of(c, "a"),
    "statuses of": lambda c, _: queries.statuses_of(c, ["a", "b"]),
    "events of": lambda c, _: queries.events_of(c, "a"),
    "claimed blobs": lambda c, _: queries.claimed_blobs(c, ["a", "b"]),
    "may read": lambda c, _: queries.may_read(c, agent="a", digest="d"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_from_an_index(name: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    make_tables(url)
    engine = open_engine(url)
    asked: list[str] = []
    with engine.connect() as connection, connection.begin():
        driver: Any = connection.connection.driver_connection
        transaction = SqlTransaction(connection, statements_for(engine), RegistryTables().read)
        driver.set_trace_callback(asked.append)
        QUESTIONS[name](connection, transaction)
        driver.set_trace_callback(None)
        said = [each for each in asked if each.startswith(("SELECT", "UPDATE", "DELETE"))]
        plans = [row[3] for each in said for row in driver.execute(f"EXPLAIN QUERY PLAN {each}").fetchall()]
    engine.dispose()

    whole = tuple(f"SCAN {table}" for table in METADATA.tables if table != "agents")
    assert plans
    assert [plan for plan in plans if plan.startswith(whole) and not plan.endswith(SMALL_OR_ENDS_SOON)] == []


def test_the_newest_refused_messages_are_read_in_their_order(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    make_tables(url)
    engine = open_engine(url)
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def explain(_c: Connection, cursor: Any, statement: str, given: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            plans.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall())

    questions, place = SqlWorkQuestions(engine), Place(NOON, "m-1")
    questions.refused(Narrow(scope=EVERYTHING), after=None, limit=10)
    questions.refused(Narrow(scope=EVERYTHING), after=place, limit=10)
    engine.dispose()
    assert len(plans) == 2
    assert all("ix_messages_refused" in each for each in plans), plans  # and no sorting beside it
