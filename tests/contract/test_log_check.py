"""No UPDATE, DELETE or INSERT hides: `truc log verify` names what was changed behind the hub's back."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from edxml_schemas.evidence.replay import WORK_MARKS
from router.adapters.sql.store import SqlStore
from router.services.proof.log_check import LogFault, LogReport, check_log
from tests.support.hub_tables import make_tables
from tests.support.postgres import needs_postgres
from tests.support.provable import ProvableHub
from tests.support.tampering import Tampered, other_value

TABLES = ("messages", "legs", "statuses", "events", "seals")
KINDS = {
    "messages": ("type", "state", "duplicate_of"),
    "legs": ("state", "status", "recall"),
    "statuses": ("code",),
    "events": ("name",),
    "seals": ("number",),
}
"""Rows that agree in these columns are of one kind."""
LEFT_OUT = {("legs", each) for each in WORK_MARKS} | {("statuses", "seq")}
"""Of a status's `seq` only the order on its leg counts, which is tested by itself."""


class Past:
    """A hub whose database is tampered with, and the check of it."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'hub.db'}"
        make_tables(url)
        with closing(SqlStore(url)) as store:
            self.hub = ProvableHub(store)
        self.database = Tampered(folder / "hub.db")
        self.store = SqlStore(url)

    def check(self) -> LogReport:
        return check_log(self.store, accepted=self.hub.accepted)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    opened = Past(tmp_path_factory.mktemp("past"))
    yield opened
    opened.store.close()


def kinds(past: Past, table: str) -> Iterator[Any]:
    """One row of every kind."""
    seen = set()
    for row in past.database.rows(table):
        kind = tuple(row[each] if each != "duplicate_of" else bool(row[each]) for each in KINDS[table])
        if kind not in seen:
            seen.add(kind)
            yield row


def names(faults: tuple[LogFault, ...], table: str, row: Any) -> bool:
    """Whether some fault names this row, or the message or leg that it is about."""
    if table == "events":
        within = [each.key.split("–") for each in faults if each.table == "events"]
        return any(int(each[0]) <= row["seq"] <= int(each[-1]) for each in within)
    if table == "seals":
        said = {each.key for each in faults if each.table == "seals"}
        covered = {each.key for each in faults if each.table == "events"}
        return bool(said & {str(row["number"]), str(row["number"] + 1)}) or bool(covered)
    about = {"messages": ("id",), "legs": ("id", "message_id"), "statuses": ("leg_id", "message_id")}[table]
    told = {each.key for each in faults} | {each.message_id for each in faults}
    return any(row[each] in told for each in about)


def test_a_past_that_nobody_touched_holds(past: Past) -> None:
    report = past.check()
    assert (report.faults, report.unsealed) == ((), 0)
    assert report.messages >= 9
    assert report.legs >= 9
    assert report.statuses >= 6
    assert report.seals >= 3


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_every_kind_of_row_is_proven(past: Past, table: str) -> None:
    unseen = []
    for row in kinds(past, table):
        for column in past.database.columns(table):
            if (table, column) in LEFT_OUT:
                continue
            value = other_value(table, column, row[column])
            statement = f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?'  # noqa: S608  names of ours
            with past.database.changed(statement, value, row["place"]) as touched:
                faults = past.check().faults
                if touched != 1 or not names(faults, table, row):
                    unseen.append((table, tuple(row[each] for each in KINDS[table]), column, value, faults))
    assert unseen == []


@pytest.mark.parametrize("table", TABLES)
def test_no_row_goes_unmissed(past: Past, table: str) -> None:
    rows = list(kinds(past, table)) if table != "seals" else past.database.rows(table)
    for row in rows:
        with past.database.changed(f"DELETE FROM {table} WHERE rowid = ?", row["place"]):  # noqa: S608
            assert names(past.check().faults, table, row), tuple(row)


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_slipped_in(past: Past, table: str) -> None:
    """A copy of a row that is there, under another key."""
    columns = past.database.columns(table)
    keys = {"messages": "id", "legs": "id", "statuses": "message_id", "events": "seq", "seals": "number"}
    row = past.database.rows(table)[0]
    forged = dict(zip(columns, (row[each] for each in columns), strict=True))
    key = keys[table]
    forged[key] = -1 if isinstance(row[key], int) else f"{row[key][:-4]}ffff"
    if table == "statuses":
        forged["seq"] = 10_000
    marks = ", ".join("?" for _ in columns)
    named = ", ".join(f'"{each}"' for each in columns)
    statement = f"INSERT INTO {table} ({named}) VALUES ({marks})"  # noqa: S608  names of ours
    with past.database.changed(statement, *forged.values()) as touched:
        faults = past.check().faults
        told = {each.key for each in faults} | {each.message_id for each in faults}
        assert touched == 1
        assert {str(forged[key]), str(forged.get("leg_id"))} & told, faults


@pytest.mark.parametrize("table", TABLES)
def test_two_rows_that_changed_places_are_seen(past: Past, table: str) -> None:
    first, second = past.database.rows(table)[:2]
    key = {"messages": "id", "legs": "id", "statuses": "seq", "events": "seq", "seals": "number"}[table]
    columns = [each for each in past.database.columns(table) if each != key]
    takes = ", ".join(
        f'"{each}" = (SELECT "{each}" FROM {table} AS other WHERE other.rowid = CASE {table}.rowid'  # noqa: S608
        f" WHEN {first['place']} THEN {second['place']} ELSE {first['place']} END)"
        for each in columns
        if (table, each) != ("statuses", "message_id")
    )
    statement = f"UPDATE {table} SET {takes} WHERE rowid IN (?, ?)"  # noqa: S608
    with past.database.changed(statement, first["place"], second["place"]):
        faults = past.check().faults
        assert names(faults, table, first) or names(faults, table, second)


def test_statuses_in_another_order_are_seen(past: Past) -> None:
    """The order in which a recipient said things is the order of `seq`."""
    said = [row for row in past.database.rows("statuses") if row["code"] in {"01", "03"}]
    with past.database.changed("UPDATE statuses SET seq = 100 WHERE seq = ?", said[0]["seq"]):
        assert [each.key for each in past.check().faults] == [said[0]["leg_id"]]


def test_what_is_not_sealed_yet_is_counted_and_no_fault(past: Past) -> None:
    statement = (
        "INSERT INTO events (name, at, message_id, leg_id, actor, facts) VALUES ('report.unknown', 1, '', '', '', '')"
    )
    with past.database.changed(statement):
        report = past.check()
        assert (report.faults, report.unsealed) == ((), 1)


def test_the_newest_seal_is_missed_by_the_event_that_tells_of_it(past: Past) -> None:
    last = past.database.rows("seals")[-1]["number"]
    with past.database.changed("DELETE FROM seals WHERE number = ?", last):
        assert [each.key for each in past.check().faults if each.table == "seals"] == [str(last)]


def test_a_chain_that_somebody_else_signed_does_not_count(past: Past) -> None:
    faults = check_log(past.store, accepted=frozenset({"0" * 64})).faults
    assert [each.table for each in faults] == ["seals"]


def test_the_columns_that_are_left_out_are_work_marks_with_a_reason(past: Past) -> None:
    columns = set(past.database.columns("legs"))
    assert set(WORK_MARKS) <= columns
    assert all(len(why) > 20 for why in WORK_MARKS.values())
    row = past.database.rows("legs")[0]
    with past.database.changed("UPDATE legs SET look_at = 1, raised = '', version = 99 WHERE id = ?", row["id"]):
        assert past.check().faults == ()


@pytest.mark.postgres
def test_the_same_holds_on_postgresql(request: pytest.FixtureRequest) -> None:
    """One change in each table."""
    needs_postgres()
    url = str(request.getfixturevalue("postgres_hub_url"))
    with closing(SqlStore(url)) as store:
        hub = ProvableHub(store)
        assert check_log(store, accepted=hub.accepted).faults == ()
        engine = create_engine(url)
        for statement in (
            "UPDATE messages SET subject = subject || '.' WHERE subject <> ''",
            "UPDATE legs SET delivered_at = delivered_at + 1 WHERE delivered_at IS NOT NULL",
            "UPDATE statuses SET description = 'khác' WHERE code = '02'",
            "UPDATE events SET actor = 'khác' WHERE name = 'leg.delivered'",
            "UPDATE seals SET sealed_at = sealed_at + 1 WHERE number = 1",
        ):
            with engine.begin() as connection:
                connection.execute(text(statement))
            table = statement.split()[1]
            assert {each.table for each in check_log(store, accepted=hub.accepted).faults} >= {table}
        engine.dispose()
