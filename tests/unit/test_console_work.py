"""The work lists of the console: who sees what, and what they do about it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edxml_schemas.contract import Urgency
from router.core.dead import DeadKind, DeadState
from router.core.holds import Hold, HoldKind
from router.core.people import Role
from router.core.records import LegState, MessageState, PutDead, PutLeg, PutMessage
from router.core.registry import AgentRecord, OrganRecord
from tests.support.console import MORNING, ConsoleHouse
from tests.support.records import dead_letter, leg, message

MINISTRY, OFFICE, OTHER, TARGET = "000.00.00.G01", "000.00.02.G01", "000.00.00.H41", "000.00.03.G01"
HOUR = timedelta(hours=1)
LISTS = ("not-taken", "overdue", "parked", "held", "dead", "refused")


@pytest.fixture
def house() -> ConsoleHouse:
    """A ministry with two offices, a province, and something in each list: once of the ministry, once of others."""
    made = ConsoleHouse()
    store = made.store
    store.put_agents([AgentRecord(name=each) for each in ("bo", "tinh")])
    store.put_organs(
        [
            OrganRecord(code=MINISTRY, name="Bộ Một", agent="bo"),
            OrganRecord(code=OFFICE, name="Vụ Hai", parent=MINISTRY, agent="bo"),
            OrganRecord(code=TARGET, name="Vụ Ba", parent=MINISTRY, agent="bo"),
            OrganRecord(code=OTHER, name="Tỉnh Nghệ An", agent="tinh"),
        ]
    )
    at = MORNING - 400 * HOUR
    ours = message("ours", sender=MINISTRY, agent="bo", code="1/BM", subject="Của bộ", received_at=at, decided_at=at)
    theirs = message("theirs", sender=OTHER, agent="tinh", code="2/NA", received_at=at, decided_at=at)
    rows = []
    for name, sent, recipient in (("ours", ours, OFFICE), ("theirs", theirs, OTHER)):
        states: dict[str, dict[str, Any]] = {
            "taken": {
                "state": LegState.DELIVERED,
                "delivered_at": at,
                "handed_over_at": at,
                "raised": ("not-arrived", "not-received"),
            },
            "parked": {"state": LegState.PARKED, "raised": ("not-delivered",)},
            "held": {"state": LegState.HELD, "agent": ""},
        }
        rows += [
            PutLeg(leg(sent, f"{name}-{kind}", ordinal=n, recipient=recipient, created_at=at, **fields))
            for n, (kind, fields) in enumerate(states.items())
        ]
    with store.begin() as tx:
        tx.apply([PutMessage(ours), PutMessage(theirs), *rows])
        tx.apply(
            [
                PutMessage(message("ours-no", sender=OFFICE, state=MessageState.REFUSED)),
                PutMessage(message("theirs-no", sender=OTHER, agent="tinh", state=MessageState.REFUSED)),
                PutDead(dead_letter("ours", agent="bo")),
                PutDead(dead_letter("theirs", agent="tinh")),
            ]
        )
    return made


def names_in(page: Any) -> set[str]:
    return {str(row.get("leg_id") or row.get("id") or row["message_id"]) for row in page["rows"]}


async def shown(browser: Any, kind: str, name: str) -> str:
    page = await browser.data(f"/work/{kind}")
    return next(str(row["shown"]) for row in page["rows"] if name in (row.get("leg_id"), row.get("id")))


async def test_each_list_is_a_page_with_a_twin(house: ConsoleHouse) -> None:
    expected = {
        "not-taken": {"l-ours-taken", "l-theirs-taken"},
        "overdue": {"l-ours-taken", "l-theirs-taken", "l-ours-parked", "l-theirs-parked"},
        "parked": {"l-ours-parked", "l-theirs-parked"},
        "held": {"l-ours-held", "l-theirs-held"},
        "dead": {"dead-ours", "dead-theirs"},
        "refused": {"m-ours-no", "m-theirs-no"},
    }
    async with house.browser(Role.OPERATOR) as browser:
        for kind in LISTS:
            data = await browser.data(f"/work/{kind}")
            assert kind == data["kind"]
            assert not data["next"]
            page = await browser.get(f"/work/{kind}")
            assert page.status_code == 200, page.text[:500]
            if kind != "overdue":
                assert names_in(data) == expected[kind]
        overdue = names_in(await browser.data("/work/overdue"))
        assert expected["not-taken"] | expected["parked"] <= overdue
        assert (await browser.get("/work")).status_code == 200
        assert (await browser.get("/work/nothing")).status_code == 404


async def test_a_ministry_sees_what_is_its_own_in_every_list_and_count(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR, root=MINISTRY) as browser:
        for kind in LISTS:
            data = await browser.data(f"/work/{kind}")
            assert names_in(data), kind
            assert not any("theirs" in each for each in names_in(data)), kind
            page = await browser.get(f"/work/{kind}")
            assert "theirs" not in page.text, kind
            assert all(each["count"]["number"] <= 3 for each in data["lists"])
        overview = await browser.data("/work")
        counts = {each["kind"]: each["count"]["text"] for each in overview["lists"]}
        assert counts["parked"] == counts["dead"] == counts["refused"] == "1"


async def test_lists_are_filtered_in_the_address(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        assert names_in(await browser.data(f"/work/parked?organ={MINISTRY}")) == {"l-ours-parked"}
        assert names_in(await browser.data(f"/work/parked?organ={OTHER}")) == {"l-theirs-parked"}
        assert names_in(await browser.data(f"/work/parked?urgency={Urgency.URGENT.value}")) == set()
        assert names_in(await browser.data("/work/parked?since=2026-03-02")) == set()
        for wrong in ("urgency=x", "since=x", "since=0001-01-01", "after=x", f"organ={'x' * 101}"):
            assert (await browser.get(f"/work/parked?{wrong}")).status_code == 400, wrong


async def test_a_viewer_and_an_auditor_change_nothing(house: ConsoleHouse) -> None:
    for role in (Role.VIEWER, Role.AUDITOR, Role.REGISTRAR):
        async with house.browser(role) as browser:
            page = await browser.get("/work/parked")
            assert 'name="leg"' not in page.text
            for path in ("legs/resend", "letters/return", "letters/discard", "hold", "forward", "release"):
                answer = await browser.act(f"/work/{path}", {"leg": ["0.l-ours-parked"], "organ": OFFICE})
                assert answer.status_code == 403, path


async def test_a_leg_is_sent_once_more_after_a_plan_and_with_a_reason(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR, root=MINISTRY, name="lan") as browser:
        chosen = await shown(browser, "parked", "l-ours-parked")
        plan = (await browser.plan("/work/legs/resend", {"leg": [chosen], "list": "parked"})).json()
        assert plan["possible"]
        assert [row["leg_id"] for row in plan["rows"]] == ["l-ours-parked"]
        assert house.store.legs_of("m-ours")[1].state is LegState.PARKED
        without = await browser.act("/work/legs/resend", plan["carry"], reason="")
        assert without.status_code == 400
        done = await browser.act("/work/legs/resend", plan["carry"], reason="nơi nhận đã sửa")
        assert done.status_code == 200, done.text
        assert house.store.legs_of("m-ours")[1].state is LegState.QUEUED
    told = [each for each in house.store.events_of("m-ours") if each.name == "leg.resent"]
    assert [(each.actor, each.leg_id, each.facts["reason"]) for each in told] == [
        ("user:lan", "l-ours-parked", "nơi nhận đã sửa")
    ]


async def test_never_more_than_was_shown_is_sent_and_each_change_is_told(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        fields = {"leg": [await shown(browser, "parked", f"l-{each}-parked") for each in ("ours", "theirs")]}
        plan = (await browser.plan("/work/legs/resend", fields)).json()
        assert len(plan["carry"]["leg"]) == 2
        first = await browser.act("/work/legs/resend", {"leg": [plan["carry"]["leg"][0]]})
        assert first.status_code == 200
        both = (await browser.act("/work/legs/resend", plan["carry"])).json()
        assert {row["leg_id"]: row["answer_code"] for row in both["rows"]} == {
            "l-ours-parked": "changed",
            "l-theirs-parked": "resent",
        }
        assert house.store.legs_of("m-ours")[2].state is LegState.HELD
        assert [each.name for each in house.store.events_of("m-ours")].count("leg.resent") == 1


async def test_a_leg_that_is_not_parked_is_left_alone(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        chosen = await shown(browser, "held", "l-ours-held")
        plan = (await browser.plan("/work/legs/resend", {"leg": [chosen]})).json()
        assert not plan["possible"]
        assert plan["rows"][0]["answer_code"] == "held"
        assert plan["carry"]["leg"] == []


async def test_a_leg_of_others_is_not_there(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR, root=MINISTRY) as browser:
        plan = (await browser.plan("/work/legs/resend", {"leg": ["0.l-theirs-parked", "0.l-none"]})).json()
        assert [row["answer_code"] for row in plan["rows"]] == ["unknown", "unknown"]
        assert "2/NA" not in str(plan)
        done = (await browser.act("/work/legs/resend", {"leg": ["0.l-theirs-parked"]})).json()
        assert done["rows"][0]["answer_code"] == "unknown"
        assert house.store.legs_of("m-theirs")[1].state is LegState.PARKED


async def test_broken_choices_are_refused(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        for wrong in ([], ["x"], ["-1.l"], ["0."], ["0.l"] * 501):
            assert (await browser.plan("/work/legs/resend", {"leg": wrong})).status_code == 400


@pytest.mark.parametrize(("verb", "state"), [("return", DeadState.RETURNING), ("discard", DeadState.DISCARDED)])
async def test_a_dead_letter_is_decided_about_once(house: ConsoleHouse, verb: str, state: DeadState) -> None:
    async with house.browser(Role.OPERATOR, root=MINISTRY, name="lan") as browser:
        chosen = await shown(browser, "dead", "dead-ours")
        plan = (await browser.plan(f"/work/letters/{verb}", {"letter": [chosen, "1.dead-theirs"]})).json()
        assert [row["answer_code"] for row in plan["rows"]] == ["done", "unknown"]
        done = await browser.act(f"/work/letters/{verb}", plan["carry"], reason="đã sửa")
        assert done.status_code == 200, done.text
        again = (await browser.act(f"/work/letters/{verb}", plan["carry"])).json()
        assert again["rows"][0]["answer_code"] == "changed"
        letter = await browser.data("/work/letters/dead-ours")
        assert letter["letter"]["note"] == "đã sửa"
        assert (await browser.get("/work/letters/dead-ours")).status_code == 200
        assert (await browser.get("/work/letters/dead-theirs")).status_code == 404
    found = {each.id: each for each in house.store.find_dead(state=None)}
    assert (found["dead-ours"].state, found["dead-ours"].decided_by) == (state, "user:lan")
    assert found["dead-theirs"].state is DeadState.OPEN


async def test_a_letter_that_died_again_since_it_was_shown_is_left_alone(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        chosen = await shown(browser, "dead", "dead-ours")
        with house.store.begin() as tx:
            tx.apply([PutDead(dead_letter("ours", agent="bo", deaths=2, kind=DeadKind.SUBMISSION))])
        plan = (await browser.plan("/work/letters/return", {"letter": [chosen]})).json()
        assert not plan["possible"]
        assert plan["rows"][0]["answer_code"] == "changed"


async def test_an_organ_is_held_forwarded_and_released(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR, root=MINISTRY, name="lan") as browser:
        for path, fields in (
            ("hold", {"organ": OFFICE, "until": "2026-03-05"}),
            ("forward", {"organ": OFFICE, "to": TARGET}),
            ("release", {"organ": OFFICE}),
        ):
            answer = await browser.plan(f"/work/{path}", fields)
            assert answer.status_code == 200, answer.text
            plan = answer.json()
            done = await browser.act(f"/work/{path}", plan["carry"], reason="sáp nhập")
            assert done.status_code == 200, done.text
            hold = house.store.registry().holds.get(OFFICE)
            if path == "release":
                assert hold is None
            else:
                assert hold is not None
                assert (hold.kind, hold.to, hold.by) == (HoldKind(path), fields.get("to", ""), "user:lan")
    told = [(each.name, each.actor) for each in house.store.events_of("") if each.name.startswith("hold.")]
    assert told == [("hold.set", "user:lan"), ("hold.set", "user:lan"), ("hold.released", "user:lan")]


async def test_a_forward_shows_the_legs_that_it_moves_and_moves_no_more(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        plan = (await browser.plan("/work/forward", {"organ": OFFICE, "to": TARGET})).json()
        assert [row["leg_id"] for row in plan["rows"]] == ["l-ours-held"]
        late = message("late", sender=MINISTRY, received_at=MORNING)
        with house.store.begin() as tx:
            tx.apply([PutMessage(late), PutLeg(leg(late, "late", recipient=OFFICE, state=LegState.HELD))])
        done = await browser.act("/work/forward", plan["carry"])
        assert done.status_code == 409
        assert OFFICE not in house.store.registry().holds


async def test_what_is_arranged_meanwhile_is_not_overwritten(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        plan = (await browser.plan("/work/hold", {"organ": OFFICE})).json()
        other = Hold(organ=OFFICE, kind=HoldKind.FORWARD, since=MORNING, to=TARGET, reason="x", by="admin:an")
        house.store.put_hold(other)
        assert (await browser.act("/work/hold", plan["carry"])).status_code == 409
        assert house.store.registry().holds[OFFICE] == other


async def test_deliveries_of_others_are_out_of_reach(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR, root=MINISTRY) as browser:
        for path, fields in (
            ("hold", {"organ": OTHER}),
            ("release", {"organ": OTHER}),
            ("forward", {"organ": OTHER, "to": OFFICE}),
            ("forward", {"organ": OFFICE, "to": OTHER}),
            ("hold", {"organ": "nothing"}),
            ("hold", {}),
        ):
            assert (await browser.plan(f"/work/{path}", fields)).status_code == 404, (path, fields)
            assert (await browser.act(f"/work/{path}", fields)).status_code == 404, (path, fields)
    assert not house.store.registry().holds


async def test_times_that_make_no_sense_are_refused(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        for wrong in ({"until": "2020-01-01"}, {"since": "x"}, {"since": "2026-05-01", "until": "2026-04-01"}):
            assert (await browser.plan("/work/hold", {"organ": OFFICE, **wrong})).status_code == 400


async def test_pages_of_a_long_list_follow_each_other(house: ConsoleHouse) -> None:
    many = message("many", sender=MINISTRY)
    legs = [leg(many, f"n{n:03}", ordinal=n, recipient=f"X{n}", state=LegState.PARKED) for n in range(120)]
    with house.store.begin() as tx:
        tx.apply([PutMessage(many), *map(PutLeg, legs)])
    async with house.browser(Role.VIEWER, root=MINISTRY) as browser:
        found: list[str] = []
        path = "/work/parked"
        while path:
            data = await browser.data(path)
            found += [row["leg_id"] for row in data["rows"]]
            path = data["next"].removeprefix("/console")
        assert len(found) == len(set(found)) == 121


async def test_the_plan_is_a_page_whose_form_does_what_it_shows(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        chosen = await shown(browser, "parked", "l-ours-parked")
        letter = await shown(browser, "dead", "dead-ours")
        for path, fields in (
            ("legs/resend", {"leg": [chosen], "list": "parked"}),
            ("letters/return", {"letter": [letter]}),
            ("letters/discard", {"letter": [letter]}),
            ("hold", {"organ": OFFICE}),
            ("forward", {"organ": OFFICE, "to": TARGET}),
        ):
            page = await browser.post(f"/work/{path}?dry=1", fields)
            assert page.status_code == 200, (path, page.text[:300])
            hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
            assert f'action="/console/work/{path}"' in page.text
            assert 'name="reason"' in page.text
            assert dict(hidden)["form"]
        page = await browser.post("/work/legs/resend?dry=1", {"leg": [chosen], "list": "overdue"})
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
        done = await browser.client.post("/console/work/legs/resend", data={**fields, "reason": "đã sửa"})
        assert (done.status_code, done.headers["location"]) == (303, "/console/work/overdue")
        partly = await browser.client.post("/console/work/legs/resend", data={**fields, "reason": "đã sửa"})
        assert partly.status_code == 200
        assert "đã thay đổi từ khi hiển thị" in partly.text


async def test_pages_are_read_in_english_too(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        await browser.get("/-/looks?language=en&next=/console/work")
        for kind in LISTS:
            page = await browser.get(f"/work/{kind}")
            assert '<html lang="en"' in page.text
            assert "Chưa tiếp nhận" not in page.text


async def test_counts_end_at_a_thousand(house: ConsoleHouse) -> None:
    many = message("many", sender=MINISTRY)
    late: dict[str, Any] = {"state": LegState.PARKED, "raised": ("not-delivered",)}
    legs = [leg(many, f"n{n}", ordinal=n, recipient=f"X{n}", **late) for n in range(1005)]
    with house.store.begin() as tx:
        tx.apply([PutMessage(many), *map(PutLeg, legs)])
    async with house.browser(Role.VIEWER) as browser:
        counts = {each["kind"]: each["count"] for each in (await browser.data("/work"))["lists"]}
        assert counts["parked"] == {"number": 1000, "more": True, "text": "1000+"}
        page = (await browser.get("/work")).text
        assert '<p class="stat-value">1.000+</p>' in page
        assert re.search(r'href="/console/work".*?<b class="number">1\.\d{3}\+</b>', page, re.DOTALL)


async def test_the_same_pages_stand_on_a_database(tmp_path: Path) -> None:
    house = ConsoleHouse.on_sqlite(tmp_path)
    house.store.put_organs([OrganRecord(code=MINISTRY, name="Bộ Một"), OrganRecord(code=OTHER, name="Nghệ An")])
    sent = message("1", sender=MINISTRY)
    legs = [leg(sent, str(n), ordinal=n, recipient=f"X{n}", state=LegState.PARKED) for n in range(3)]
    with house.store.begin() as tx:
        tx.apply([PutMessage(sent), *map(PutLeg, legs)])
    async with house.browser(Role.OPERATOR, root=MINISTRY) as browser:
        for kind in LISTS:
            assert (await browser.get(f"/work/{kind}?organ={MINISTRY}&urgency=normal&since=2026-01-01")).is_success
        data = await browser.data("/work/parked")
        plan = (await browser.plan("/work/legs/resend", {"leg": [row["shown"] for row in data["rows"][:2]]})).json()
        assert (await browser.act("/work/legs/resend", plan["carry"])).status_code == 200
        states = [each.state for each in house.store.legs_of("m-1")]
        assert states.count(LegState.PARKED) == 1
    async with house.browser(Role.OPERATOR, root=OTHER) as browser:
        assert names_in(await browser.data("/work/parked")) == set()
