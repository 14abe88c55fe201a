"""The self-test of the link: every hop, the verdict when one does not come, and that nobody else notices."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agents.agent import Agent
from agents.errors import UsageFault
from agents.selftest import SelfTestBusy, run_selftest
from agents.selftest_report import Hop, HopReport, SelfTestReport, report_as_dict
from agents.spool.form import SUBJECT
from edxml_schemas.model import Code
from router.core.holds import Hold, HoldKind
from tests.support.envelopes import SENDER, a_document, an_organ
from tests.support.hub_desk import H41, NOW
from tests.support.tested_link import ROBOT, Later, Link, a_link, all_answered
from tests.support.waiting import until


@pytest.fixture
def link(tmp_path: Path) -> Link:
    return a_link(tmp_path)


async def test_every_hop_is_told_with_its_time_and_the_whole_is_good(link: Link) -> None:
    told: list[HopReport] = []
    async with link.moving():
        report = await run_selftest(link.desk, to=ROBOT, timeout=20, progress=told.append)
    assert report.ok, report.fault
    assert [each.hop for each in report.hops] == list(Hop)
    assert sorted(each.hop for each in told) == sorted(Hop)
    assert all(each.ms >= 0 for each in report.hops)
    assert (report.sender, report.to) == (SENDER, ROBOT)
    shown = report_as_dict(report)
    assert (shown["ok"], shown["fault"]) == (True, None)
    accepted = next(each for each in report.hops if each.hop is Hop.ACCEPTED)
    assert "ký" in accepted.vi
    assert "signed by" in accepted.en


async def test_an_unverified_receipt_is_told_to_be_so(link: Link) -> None:
    settings = link.desk.settings.model_copy(update={"hub_certificate": None})
    link.agents["vpcp"] = Agent(settings, link.desk.spool)
    async with link.moving():
        report = await link.test()
    assert report.ok
    assert "hub_certificate" in next(each.en for each in report.hops if each.hop is Hop.ACCEPTED)


async def test_the_default_robot_is_the_one_of_the_settings(link: Link) -> None:
    settings = link.desk.settings.model_copy(update={"selftest_organ": ROBOT})
    link.agents["vpcp"] = Agent(settings, link.desk.spool)
    async with link.moving():
        report = await link.test(to="")
    assert (report.ok, report.to) == (True, ROBOT)


async def test_without_anybody_named_it_is_said_how_to_name_one(link: Link) -> None:
    with pytest.raises(UsageFault) as told:
        await link.test(to="")
    assert "selftest_organ" in told.value.vi
    assert "--to" in told.value.en
    for wrong in ({"timeout": 0.0}, {"timeout": 3600.0}, {"sender": H41}):
        with pytest.raises(UsageFault):
            await run_selftest(link.desk, to=ROBOT, **wrong)
    assert link.desk.spool.find_submissions(self_tests=None) == []


# ── A hop that does not come ────────────────────────────────────────────────────────────────────────────────────────


async def test_an_agent_that_does_not_run_is_named_at_once_and_nothing_stays_to_be_sent(link: Link) -> None:
    report = await link.test()
    assert report.fault is not None
    assert report.fault.hop is Hop.PUBLISHED
    assert "truc-agent run" in report.fault.look[0]
    assert [each.hop for each in report.hops] == [Hop.SPOOLED]
    assert link.desk.spool.find_submissions(self_tests=None) == []


async def test_a_broker_that_is_away_is_the_hop_published_and_nothing_stays_to_be_sent(link: Link) -> None:
    async with link.moving(without="hub"):
        link.broker.go_down()
        report = await link.test_stopping_before(Hop.PUBLISHED)
    assert report.fault is not None
    assert report.fault.hop is Hop.PUBLISHED
    assert link.desk.spool.find_submissions(self_tests=None) == []


async def test_a_hub_that_stands_still_is_the_hop_accepted(link: Link) -> None:
    async with link.moving(without="hub"):
        report = await link.test_stopping_before(Hop.ACCEPTED)
    assert report.fault is not None
    assert report.fault.hop is Hop.ACCEPTED
    assert "truc status" in report.fault.look[0]
    assert [each.hop for each in report.hops] == [Hop.SPOOLED, Hop.PUBLISHED]


async def test_a_recipient_that_the_hub_does_not_know_ends_it_at_once_with_the_reason(link: Link) -> None:
    async with link.moving():
        report = await link.test("000.00.00.X01")
    assert report.fault is not None
    assert report.fault.hop is Hop.ACCEPTED
    assert "000.00.00.X01" in report.fault.vi
    assert "→" in report.fault.vi


async def test_a_recipient_on_hold_is_the_hop_handed_over(link: Link) -> None:
    link.hub.store.put_hold(Hold(organ=ROBOT, kind=HoldKind.HOLD, since=NOW, reason="bảo trì"))
    async with link.moving():
        report = await link.test_stopping_before(Hop.HANDED_OVER)
    assert report.fault is not None
    assert report.fault.hop is Hop.HANDED_OVER
    assert "truc agency holds" in report.fault.look[1]


async def test_a_recipients_agent_that_does_not_run_is_the_hop_delivered(link: Link) -> None:
    async with link.moving(without="caobang"):
        report = await link.test_stopping_before(Hop.DELIVERED)
    assert report.fault is not None
    assert report.fault.hop is Hop.DELIVERED
    assert report.hops[-1].hop is Hop.HANDED_OVER


async def test_a_recipient_without_a_key_is_the_hop_status_01(link: Link) -> None:
    keyless = link.robot.settings.model_copy(
        update={
            "organs": tuple(each.model_copy(update={"key": None, "cert": None}) for each in link.robot.settings.organs)
        }
    )
    link.agents["caobang"] = Agent(keyless, link.robot.spool)
    async with link.moving(robot=False):
        report = await link.test_stopping_before(Hop.ARRIVED)
    assert report.fault is not None
    assert report.fault.hop is Hop.ARRIVED


async def test_a_recipient_that_is_no_robot_is_the_hop_status_03(link: Link) -> None:
    async with link.moving(robot=False):
        report = await link.test_stopping_before(Hop.RECEIVED)
    assert report.fault is not None
    assert report.fault.hop is Hop.RECEIVED
    assert "truc-agent robot" in report.fault.look[1]
    assert report.hops[-1].hop is Hop.ARRIVED


# ── Nobody is touched ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_no_list_of_people_shows_a_self_test_or_what_is_said_of_it(link: Link) -> None:
    async with link.moving():
        sent = await link.agents["vpcp"].send(a_document(recipients=(an_organ(H41),)))
        report = await link.test()
        await until(lambda: all_answered(link.robot))
    assert report.ok
    assert [each.submission.submission_id for each in link.desk.sent()] == [sent]
    (hidden,) = link.desk.spool.find_submissions(self_tests=True)
    assert hidden.submission_id == report.submission_id
    (told,) = link.desk.sent(report.submission_id)
    assert sorted(each.status_code for each in told.statuses) == ["01", "03"]
    robot = link.robot
    assert (robot.receive(everything=True), robot.sent(), robot.spool.unexported()) == ([], [], [])
    assert len(robot.spool.documents(taken=True, self_tests=True)) == 1
    assert {each.status_code for each in robot.spool.find_submissions(self_tests=True)} == {"01", "03"}


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Về việc nâng lương"},
        {"code": Code(code_number="12", code_notation="KIEMTRA")},
        {"code": Code(code_number="0123456789abcdef", code_notation="KIEMTRA-UB")},
        {"content": "x" * 30_000},
    ],
)
async def test_a_letter_does_not_hide_behind_a_part_of_the_form(link: Link, changes: dict[str, object]) -> None:
    form = {"subject": SUBJECT, "code": Code(code_number="0123456789abcdef", code_notation="KIEMTRA")}
    plain = a_document(recipients=(an_organ(H41),), attachments=(), manifest=())
    letter = replace(plain, **{**form, **changes})  # type: ignore[arg-type]  # the test names the fields
    async with link.moving():
        assert isinstance(await link.agents["vpcp"].send(letter), str)
        desk = link.agents["nghean"].desk

        async def there() -> bool:
            return bool(desk.receive())

        await until(there)
    (item,) = desk.receive()
    assert not item.self_test
    assert desk.spool.unexported()[0].leg_id == item.leg_id


# ── Bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def begun(link: Link) -> bool:
    return bool(link.desk.spool.find_submissions(self_tests=True))


async def at(moment: datetime, link: Link) -> SelfTestReport:
    return await run_selftest(link.desk, to=ROBOT, clock=Later(moment))


async def test_one_at_a_time_and_not_in_quick_succession(link: Link) -> None:
    clock = Later(NOW)
    async with link.moving(without="hub"):
        first = asyncio.create_task(run_selftest(link.desk, to=ROBOT, clock=clock))
        await until(lambda: begun(link))
        with pytest.raises(SelfTestBusy) as while_it_runs:
            await at(NOW + timedelta(minutes=1), link)
        clock.at += timedelta(hours=1)
        await first
    assert while_it_runs.value.retry_after > 0
    with pytest.raises(SelfTestBusy) as too_soon:
        await at(NOW + timedelta(seconds=1), link)
    assert too_soon.value.retry_after == 4
    assert (await at(NOW + timedelta(seconds=5), link)).fault
    assert (await at(NOW - timedelta(days=1), link)).fault  # a clock that was wrong stops nobody


async def test_a_self_test_that_is_given_up_leaves_the_place_to_the_next(link: Link) -> None:
    async with link.moving(without="hub"):
        task = asyncio.create_task(run_selftest(link.desk, to=ROBOT, clock=Later(NOW)))
        await until(lambda: begun(link))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert (await at(NOW + timedelta(minutes=1), link)).fault
