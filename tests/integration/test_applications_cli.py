"""`truc registry applications`, `approve` and `reject` on a real database, as a person uses them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edxml_schemas.organ_list import Wish
from router.core.applications import Application, ApplicationKind
from router.core.registry import AgentRecord, OrganRecord, OrganState
from router.errors import ExitCode
from router.services.registration.applications import apply
from tests.integration.test_registry_cli import Desk

NOW = datetime(2026, 11, 21, 2, 15, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.store.put_agents([AgentRecord(name="so-y-te")])
    made.store.put_organs([OrganRecord(code="H41.08", name="Sở Y tế", agent="so-y-te")])
    return made


def applied(desk: Desk, code: str = "H41.20", kind: ApplicationKind = ApplicationKind.REGISTER) -> Application:
    wish = Wish(reference=f"ref-{code}-{kind}".replace(".", "-"), kind=kind, code=code, name="Sở Mới", parent="H41")
    kept = apply(desk.store, agent="so-y-te", wish=wish, now=NOW + timedelta(minutes=len(desk.store.applications())))
    assert isinstance(kept, Application)
    return kept


def test_open_applications_are_listed_with_who_and_what(desk: Desk) -> None:
    register = applied(desk)
    end = applied(desk, "H41.08", ApplicationKind.END)
    desk.run("registry", "reject", end.id, "--reason", "còn dùng")

    shown, _ = desk.run("registry", "applications")
    told, _ = desk.run("registry", "applications", "--json")
    everything, _ = desk.run("registry", "applications", "--all", "--json")

    for word in (register.id[:8], "H41.20", "Sở Mới", "so-y-te", "21/11/2026"):
        assert word in shown
    assert [each["code"] for each in json.loads(told)] == ["H41.20"]
    assert [(each["code"], each["state"], each["note"]) for each in json.loads(everything)] == [
        ("H41.08", "rejected", "còn dùng"),
        ("H41.20", "open", ""),
    ]


def test_an_approved_organ_is_in_the_registry_and_lacks_a_certificate(desk: Desk) -> None:
    application = applied(desk)

    out, said = desk.run("registry", "approve", application.id[:8], "--by", "Hà")

    assert "H41.20" in out
    assert "chứng thư" in said
    assert desk.store.registry().organs["H41.20"].agent == "so-y-te"
    assert desk.store.applications()[0].decided_by == "admin:Hà"


def test_who_carries_for_a_new_organ_may_be_said(desk: Desk) -> None:
    desk.run("registry", "approve", applied(desk).id, "--agent", "tinh", "--json")
    desk.run("registry", "approve", applied(desk, "H41.21").id, "--no-agent")
    organs = desk.store.registry().organs
    assert (organs["H41.20"].agent, organs["H41.21"].agent) == ("tinh", "")


def test_an_approved_end_locks_the_organ_and_tells_senders_why(desk: Desk) -> None:
    desk.run("registry", "approve", applied(desk, "H41.08", ApplicationKind.END).id)
    organ = desk.store.registry().organs["H41.08"]
    assert organ.state is OrganState.LOCKED
    assert "thôi sử dụng" in organ.reason


def test_what_cannot_be_done_is_a_negative_answer_with_words(desk: Desk) -> None:
    application = applied(desk)
    desk.store.put_organs([OrganRecord(code="H41.20", name="Khác")])
    _, said = desk.run("registry", "approve", application.id, exit_code=ExitCode.NEGATIVE)
    assert "H41.20" in said
    desk.run("registry", "reject", application.id, "--reason", "đã có")
    out, said = desk.run("registry", "approve", application.id, "--json", exit_code=ExitCode.NEGATIVE)
    assert json.loads(out)["decided_before"] is True
    assert "đã được xử lý" in said
    for name in ("000000", "x"):
        _, said = desk.run("registry", "approve", name, exit_code=ExitCode.NEGATIVE)
        assert name in said


def test_mistakes_of_usage_are_told(desk: Desk) -> None:
    application = applied(desk)
    for arguments in (("--agent", "tinh", "--no-agent"), ("--agent", "Sở.Y")):
        desk.run("registry", "approve", application.id, *arguments, exit_code=ExitCode.USAGE)
    desk.run("registry", "reject", application.id, exit_code=ExitCode.USAGE)
    desk.run("registry", "reject", application.id, "--reason", " ", exit_code=ExitCode.USAGE)
    assert desk.store.applications()[0].is_open


def test_a_registry_of_the_version_before_keeps_its_organs(tmp_path: Path) -> None:
    from sqlalchemy import text

    from router.adapters.sql.engine import open_engine
    from router.adapters.sql.migrate import upgrade
    from router.adapters.sql.store import SqlStore

    url = f"sqlite:///{tmp_path / 'hub.db'}"
    upgrade(url, to="0002")
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO organs VALUES ('H41', 'Tỉnh', '', '000.00.00.H41', 'tinh', 'a@b.vn', 'active', '')")
        )
    engine.dispose()

    upgrade(url)

    store = SqlStore(url)
    organ = store.registry().organs["H41"]
    assert organ == OrganRecord(code="H41", name="Tỉnh", old_code="000.00.00.H41", agent="tinh", email="a@b.vn")
    assert organ.changed_in == 0
    store.close()
