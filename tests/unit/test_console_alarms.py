"""The pages of alarms: who sees which, and quieting with a dry run, a reason and an event."""

from datetime import timedelta
from typing import Any

import pytest

from router.core.alarm_rules import AlarmKind
from router.core.alarms import Alarm, AlarmState, Severity, alarm_id_of
from router.core.notices import Notice, NoticeKind
from router.core.people import Role
from router.core.registry import AgentRecord, OrganRecord
from tests.support.console import MORNING, ConsoleHouse

HOUR = timedelta(hours=1)


def alarm(kind: AlarmKind, subject: str, **fields: Any) -> Alarm:
    filled: dict[str, Any] = {
        "id": alarm_id_of(kind, subject, MORNING),
        "kind": kind,
        "subject": subject,
        "severity": Severity.WARNING,
        "state": AlarmState.RAISED,
        "vi": f"<b>{subject}</b> có chuyện",
        "en": f"something about {subject}",
        "raised_at": MORNING,
        "seen_at": MORNING,
        "told_at": MORNING,
        "told": 1,
    }
    return Alarm(**{**filled, **fields})


HUB = alarm(AlarmKind.DEAD, "hub", severity=Severity.CRITICAL)
MINE = alarm(AlarmKind.CERTIFICATE, "H41.01")
THEIRS = alarm(AlarmKind.CERTIFICATE, "H14")
MY_AGENT = alarm(AlarmKind.BACKLOG, "so-y-te")
SHARED_AGENT = alarm(AlarmKind.WAITING, "chung")
OVER = alarm(AlarmKind.CERTIFICATE, "H41", state=AlarmState.RECOVERED, ended_at=MORNING + HOUR)


@pytest.fixture
def house() -> ConsoleHouse:
    made = ConsoleHouse()
    made.store.put_agents([AgentRecord(name="so-y-te"), AgentRecord(name="chung")])
    made.store.put_organs(
        [
            OrganRecord(code="H41", name="Nghệ An", agent="chung"),
            OrganRecord(code="H41.01", name="Sở Y tế", parent="H41", agent="so-y-te"),
            OrganRecord(code="H14", name="Hà Giang", agent="chung"),
        ]
    )
    notice = Notice(
        id="n1",
        channel="mail",
        kind=NoticeKind.ALARMS,
        title="Có thông điệp chết",
        text="x",
        created_at=MORNING,
        due_at=MORNING,
    )
    made.memories.alarms.keep([HUB, MINE, THEIRS, MY_AGENT, SHARED_AGENT, OVER], [notice])
    return made


def state_of(house: ConsoleHouse) -> AlarmState | None:
    found = house.memories.alarms.alarm(HUB.id)
    return found.state if found is not None else None


async def test_who_sees_everything_sees_all_alarms_the_worst_first(house: ConsoleHouse) -> None:
    async with house.browser(Role.VIEWER) as browser:
        data = await browser.data("/alarms")
        page = (await browser.get("/alarms")).text
    assert next(each["id"] for each in data["standing"]) == HUB.id
    assert {each["id"] for each in data["standing"]} == {
        each.id for each in (HUB, MINE, THEIRS, MY_AGENT, SHARED_AGENT)
    }
    assert [each["id"] for each in data["past"]] == [OVER.id]
    assert [each["title"] for each in data["notices"]] == ["Có thông điệp chết"]
    assert "&lt;b&gt;hub&lt;/b&gt;" in page
    assert "<b>hub</b>" not in page


async def test_a_province_sees_the_alarms_of_its_subtree_and_nothing_else(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR, root="H41") as browser:
        data = await browser.data("/alarms")
        assert {each["id"] for each in data["standing"]} == {MINE.id, MY_AGENT.id}
        assert [each["id"] for each in data["past"]] == [OVER.id]
        assert data["notices"] == []
        for hidden in (HUB, THEIRS, SHARED_AGENT):
            assert (await browser.get(f"/alarms/{hidden.id}")).status_code == 404
            assert (await browser.get(f"/alarms/{hidden.id}.json")).status_code == 404
            assert (await browser.plan(f"/alarms/{hidden.id}/quiet", {"hours": "8"})).status_code == 404
            assert (await browser.act(f"/alarms/{hidden.id}/quiet", {"hours": "8"})).status_code == 404
            assert (await browser.act(f"/alarms/{hidden.id}/unquiet", {})).status_code == 404
        assert (await browser.get("/alarms/nothing")).status_code == 404
    assert all(each.state is AlarmState.RAISED for each in house.memories.alarms.standing())


async def test_quieting_is_shown_first_and_then_done_as_shown_with_an_event(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR, name="ha") as browser:
        plan = (await browser.plan(f"/alarms/{HUB.id}/quiet", {"hours": "8"})).json()
        assert [each["id"] for each in plan["rows"]] == [HUB.id]
        assert state_of(house) is AlarmState.RAISED
        house.clock.pass_by(timedelta(minutes=3))
        done = await browser.act(f"/alarms/{HUB.id}/quiet", plan["carry"], reason="đang xử lý")
        assert done.status_code == 200
        shown = await browser.data(f"/alarms/{HUB.id}")
        assert "đang xử lý" in (await browser.get("/alarms")).text
    kept = house.memories.alarms.alarm(HUB.id)
    assert kept is not None
    assert (kept.state, kept.quiet_until, kept.quiet_by) == (AlarmState.QUIETED, MORNING + 8 * HOUR, "user:ha")
    assert (shown["state"], shown["quiet_reason"]) == ("quieted", "đang xử lý")
    (event,) = [each for each in house.store.events_after(0, limit=99) if each.name == "alarm.quieted"]
    assert event.actor == "user:ha"
    assert "đang xử lý" in event.facts


async def test_a_quieted_alarm_can_be_told_again(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        await browser.act(f"/alarms/{HUB.id}/quiet", {"hours": "8"})
        assert (await browser.get(f"/alarms/{HUB.id}")).status_code == 200
        assert (await browser.plan(f"/alarms/{HUB.id}/unquiet", {})).json()["possible"]
        assert (await browser.act(f"/alarms/{HUB.id}/unquiet", {})).status_code == 200
        assert (await browser.act(f"/alarms/{HUB.id}/unquiet", {})).status_code == 409
    assert state_of(house) is AlarmState.RAISED


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"hours": "9"},
        {"hours": "x"},
        {"until": "soon"},
        {"until": "2026-03-02"},
        {"until": "2026-03-01T00:00:00+00:00"},
        {"until": "2099-01-01T00:00:00+00:00"},
    ],
)
async def test_a_moment_that_no_form_offers_quiets_nothing(house: ConsoleHouse, fields: dict[str, str]) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        assert (await browser.plan(f"/alarms/{HUB.id}/quiet", fields)).status_code == 409
        assert (await browser.act(f"/alarms/{HUB.id}/quiet", fields)).status_code == 409
    assert state_of(house) is AlarmState.RAISED


async def test_what_is_over_cannot_be_quieted(house: ConsoleHouse) -> None:
    async with house.browser(Role.OPERATOR) as browser:
        assert (await browser.act(f"/alarms/{OVER.id}/quiet", {"hours": "8"})).status_code == 409
        assert "/quiet" not in (await browser.get(f"/alarms/{OVER.id}")).text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.REGISTRAR])
async def test_who_may_only_look_quiets_nothing(house: ConsoleHouse, role: Role) -> None:
    async with house.browser(role) as browser:
        assert "/quiet" not in (await browser.get(f"/alarms/{HUB.id}")).text
        assert (await browser.act(f"/alarms/{HUB.id}/quiet", {"hours": "8"})).status_code == 403
    assert state_of(house) is AlarmState.RAISED


@pytest.mark.parametrize("kind", list(AlarmKind))
async def test_the_hint_of_an_alarm_leads_to_a_page_that_is_there(house: ConsoleHouse, kind: AlarmKind) -> None:
    subject = {AlarmKind.OVERDUE: "not-received", AlarmKind.CERTIFICATE: "H41.01"}.get(kind, "so-y-te")
    house.memories.alarms.keep([alarm(kind, subject, id=f"new-{kind}", state=AlarmState.RECOVERED, ended_at=MORNING)])
    async with house.browser(Role.ADMINISTRATOR) as browser:
        page = (await browser.data(f"/alarms/new-{kind}"))["page"]
        assert (await browser.get(page.removeprefix("/console"))).status_code == 200
        listed = (await browser.get("/alarms")).text
    assert 'href="/console/work/dead"' in listed
    assert "truc dead list" in listed


async def test_without_alarms_the_page_says_so() -> None:
    async with ConsoleHouse().browser(Role.VIEWER) as browser:
        assert "Không có cảnh báo nào" in (await browser.get("/alarms")).text
