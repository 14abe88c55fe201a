"""Legs of a database from before there were deadlines get theirs."""

from pathlib import Path

import pytest
from sqlalchemy import text

from router.adapters.sql.engine import open_engine
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.rows import message_row
from router.adapters.sql.store import SqlStore
from router.adapters.sql.tables import METADATA
from tests.support.records import message

LEGS = {  # id: state, status, recall
    "l-held": ("held", "", "none"),
    "l-parked": ("parked", "", "none"),
    "l-received": ("delivered", "03", "none"),
    "l-finished": ("delivered", "06", "none"),
    "l-refused": ("delivered", "02", "none"),
    "l-asked-back": ("delivered", "06", "requested"),
}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("postgres_url"))


def test_what_may_be_overdue_is_looked_at_and_what_was_asked_back_knows_since_when(url: str) -> None:
    upgrade(url, to="0001")
    engine = open_engine(url)
    old = [each.name for each in METADATA.tables["messages"].c if each.name not in {"arrived_on", "vouched"}]
    row = {**dict(zip(METADATA.tables["messages"].c.keys(), message_row(message("1")), strict=True)), "code_number": ""}
    old.append("code_number")  # went with the migration
    names, marks = ", ".join(old), ", ".join(f":{name}" for name in old)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO messages ({names}) VALUES ({marks})"), row)  # noqa: S608  our columns
        for ordinal, (leg_id, (state, status, recall)) in enumerate(LEGS.items()):
            connection.execute(
                text(
                    "INSERT INTO legs (id, message_id, ordinal, recipient, agent, state, urgency, created_at, status,"
                    " reason, recall, version) VALUES (:id, 'm-1', :ordinal, :id, 'a', :state, 'normal', 7, :status,"
                    " '', :recall, 0)"
                ),
                {"id": leg_id, "ordinal": ordinal, "state": state, "status": status, "recall": recall},
            )
        for at in (2_000_000, 1_000_000):
            connection.execute(
                text(
                    "INSERT INTO events (name, at, message_id, leg_id, actor, facts)"
                    " VALUES ('leg.recall', :at, 'm-1', 'l-asked-back', '', '{}')"
                ),
                {"at": at},
            )
    engine.dispose()

    upgrade(url)

    store = SqlStore(url)
    legs = {each.id: each for each in store.legs_of("m-1")}
    store.close()
    looked_at = {name for name, leg in legs.items() if leg.look_at == leg.created_at}
    assert looked_at == {"l-held", "l-parked", "l-received", "l-asked-back"}
    assert {name for name, leg in legs.items() if leg.look_at is None} == {"l-finished", "l-refused"}
    asked = {name: leg.recall_at.timestamp() for name, leg in legs.items() if leg.recall_at is not None}
    assert asked == {"l-asked-back": 1.0}
