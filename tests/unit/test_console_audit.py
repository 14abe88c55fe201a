"""The page of deeds and `truc audit`: who did what, when and why, within one's own scope."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.adapters.memory_audit import MemoryAudit
from router.adapters.memory_people import MemoryPeople
from router.adapters.memory_store import MemoryStore
from router.cli import app
from router.core.audit import DeedQuestion
from router.core.events import EventName
from router.core.people import Role, Scope
from router.core.records import PutEvent, PutMessage
from router.core.registry import OrganRecord
from router.errors import HubProblem
from router.services.audit import LOOKED_AT, AuditBook
from tests.contract.test_people import user
from tests.support.console import ConsoleHouse
from tests.support.records import event, message

PROVINCE = Scope(frozenset({"H41", "H41.08"}))


@pytest.fixture
def house() -> ConsoleHouse:
    made = ConsoleHouse()
    made.store.put_organs([OrganRecord(code="H41", name="Tỉnh"), OrganRecord(code="H42", name="Khác")])
    made.add_person(Role.OPERATOR, name="an", root="H41")
    made.add_person(Role.OPERATOR, name="ba", root="H42")
    with made.store.begin() as tx:
        tx.apply([PutMessage(message("own", sender="H41")), PutMessage(message("far", sender="H42"))])
        tx.apply(
            PutEvent(event(name.value, of, actor=actor, facts=facts, at=made.clock.now()))
            for name, of, actor, facts in (
                (EventName.HOLD_SET, "", "admin:root", {"organ": "H41", "reason": "bảo trì <b>máy</b>"}),
                (EventName.HOLD_SET, "", "admin:root", {"organ": "H42", "reason": "việc riêng"}),
                (EventName.LEG_RESENT, "m-own", "user:chief", {"reason": "gửi lại đây"}),
                (EventName.LEG_RESENT, "m-far", "user:chief", {"reason": "gửi lại kia"}),
                (EventName.SESSION_REFUSED, "", "hub", {"user": "", "why": "wrong"}),
                (EventName.LEG_QUEUED, "m-own", "hub", {}),
            )
        )
    return made


async def test_every_deed_is_told_with_who_what_when_and_why(house: ConsoleHouse) -> None:
    async with house.browser(Role.AUDITOR) as browser:
        page = (await browser.get("/audit")).text
        told = (await browser.data("/audit"))["deeds"]
    for words in ("bảo trì &lt;b&gt;máy&lt;/b&gt;", "chief", "gửi lại kia", "dòng lệnh", "Quản trị cho chuyển lại"):
        assert words in page
    assert "<b>máy" not in page
    assert [each["name"] for each in told] == [
        "session.opened",
        "user.added",
        "session.refused",
        "leg.resent",
        "leg.resent",
        "hold.set",
        "hold.set",
        "user.added",
        "user.added",
    ]
    assert (told[3]["by"], told[3]["message_id"], told[3]["reason"]) == ("chief", "m-far", "gửi lại kia")


async def test_an_auditor_of_a_province_reads_what_concerns_it_and_nothing_else(house: ConsoleHouse) -> None:
    async with house.browser(Role.AUDITOR, root="H41", name="kiem") as browser:
        page = (await browser.get("/audit")).text
        told = (await browser.data("/audit"))["deeds"]
    assert [(each["name"], each["reason"]) for each in told] == [
        ("session.opened", ""),
        ("user.added", "test"),
        ("leg.resent", "gửi lại đây"),
        ("hold.set", "bảo trì <b>máy</b>"),
        ("user.added", "test"),
    ]
    for words in ("việc riêng", "gửi lại kia", "H42"):
        assert words not in page


async def test_filters_stand_in_the_address_and_pages_go_on(house: ConsoleHouse) -> None:
    async with house.browser(Role.AUDITOR) as browser:
        found = await browser.data("/audit?subject=leg&actor=chief&limit=1")
        assert [each["reason"] for each in found["deeds"]] == ["gửi lại kia"]
        rest = await browser.data(f"/audit?subject=leg&actor=chief&limit=1&before={found['after']}")
        assert [each["reason"] for each in rest["deeds"]] == ["gửi lại đây"]
        assert rest["after"] is None
        assert (await browser.data("/audit?since=2026-03-03"))["deeds"] == []
        assert len((await browser.data("/audit?since=2026-03-02&until=2026-03-02"))["deeds"]) == 9
        assert "Không có việc nào khớp" in (await browser.get("/audit?actor=nobody")).text
        for wrong in ("subject=x", "limit=1000", "before=-1", "since=x"):
            assert (await browser.get(f"/audit?{wrong}")).status_code == 400


def test_a_page_looks_at_so_many_deeds_and_says_where_to_go_on() -> None:
    store, people = MemoryStore(), MemoryPeople()
    people.add_user(user("an", root="H41"))
    with store.begin() as tx:
        tx.apply([PutEvent(event("user.locked", "", actor="admin:x", facts={"user": "an"}))])
        tx.apply(PutEvent(event("user.locked", "", actor="admin:x", facts={"user": "ba"})) for _ in range(LOOKED_AT))
    book = AuditBook(MemoryAudit(store), store, people)

    first = book.page(DeedQuestion(), scope=PROVINCE)
    assert (first.deeds, first.after) == ([], 2)
    second = book.page(DeedQuestion(), scope=PROVINCE, before=first.after)
    assert ([each.seq for each in second.deeds], second.after) == ([1], None)


def test_the_terminal_tells_the_same(tmp_path: Path) -> None:
    config = tmp_path / "truc.toml"
    config.write_text(
        'database_url = "sqlite:///hub.db"\n[console]\nargon2_memory_kib = 8\nargon2_rounds = 1\nargon2_lanes = 1\n',
        encoding="utf-8",
    )

    def run(*arguments: str, exit_code: int = 0) -> str:
        done = CliRunner().invoke(app, [*arguments, "--config", str(config)])
        code = done.exception.exit_code if isinstance(done.exception, HubProblem) else done.exit_code
        assert code == exit_code, (done.output, done.exception)
        return done.stdout

    run("user", "add", "mai", "--role", "viewer", "--reason", "người mới", "--by", "trưởng phòng")
    run("user", "lock", "mai", "--reason", "nghỉ việc", "--by", "phó phòng")

    assert "người mới" in run("audit")
    told = json.loads(run("audit", "--json"))
    assert [(each["by"], each["name"], each["reason"]) for each in told] == [
        ("phó phòng", "user.locked", "nghỉ việc"),
        ("trưởng phòng", "user.added", "người mới"),
    ]
    assert len(json.loads(run("audit", "--by", "phó phòng", "--subject", "user", "--json"))) == 1
    assert json.loads(run("audit", "--until", "2020-01-01", "--json")) == []
    run("audit", "--subject", "x", exit_code=2)
