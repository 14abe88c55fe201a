"""The robot agency: what it answers, and what it keeps."""

from datetime import timedelta
from pathlib import Path

import pytest

from agents.desk import Desk, Taken
from agents.errors import UsageFault
from agents.robot import Robot
from agents.spool.selftests import forget
from agents.tidying import tidy
from tests.support.envelopes import a_document, an_attachment, an_organ
from tests.support.hub_desk import H41
from tests.support.tested_link import ROBOT, Link, a_link, all_answered
from tests.support.waiting import until


@pytest.fixture
def link(tmp_path: Path) -> Link:
    return a_link(tmp_path)


# ── The robot ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_robot_refuses_every_other_document_with_a_reason(link: Link) -> None:
    async with link.moving():
        sent = await link.agents["vpcp"].send(a_document(recipients=(an_organ(ROBOT),)))
        assert isinstance(sent, str)

        async def answered() -> bool:
            said = link.desk.spool.statuses_about(submission_id=sent)
            return sorted(each.status_code for each in said) == ["01", "02"]

        await until(answered)
    refusal = next(each for each in link.desk.spool.statuses_about(submission_id=sent) if each.status_code == "02")
    assert "robot" in refusal.description
    assert link.robot.receive() == []


async def test_a_robot_that_died_between_answer_and_mark_answers_once(link: Link) -> None:
    async with link.moving(robot=False):
        await link.agents["vpcp"].send(a_document(recipients=(an_organ(ROBOT),)))

        async def came() -> bool:
            return bool(link.robot.receive())

        await until(came)
    (item,) = link.robot.receive()
    robot = Robot(link.robot)
    mark, link.robot.take = link.robot.take, _die  # type: ignore[method-assign, assignment]  # dies there
    assert robot.answer() == 0
    link.robot.take = mark  # type: ignore[method-assign]  # as above
    assert Robot(link.robot).answer() == 1
    assert Robot(link.robot).answer() == 0
    said = [each.status_code for each in link.robot.spool.submissions_about(item.leg_id)]
    assert sorted(said) == ["01", "02"]


def _die(_: str) -> Taken:
    raise RuntimeError("killed here")


def test_a_robot_without_keys_is_no_robot(link: Link) -> None:
    bare = tuple(each.model_copy(update={"key": None, "cert": None}) for each in link.robot.settings.organs)
    with pytest.raises(UsageFault) as told:
        Robot(Desk(link.robot.settings.model_copy(update={"organs": bare}), link.robot.spool))
    assert ROBOT in told.value.vi


# ── Clearing away ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_old_self_tests_are_cleared_away_and_letters_stay(link: Link) -> None:
    async with link.moving():
        await link.agents["vpcp"].send(a_document(recipients=(an_organ(H41),)))
        assert (await link.test()).ok
        await until(lambda: all_answered(link.robot))
        await until(lambda: all_answered(link.desk))
    spool, now = link.desk.spool, link.desk.clock.now()
    assert forget(spool, before=now - timedelta(days=1)) == 0
    assert forget(spool, before=now + timedelta(days=1)) == 3  # the document, and two statuses about it
    assert forget(spool, before=now + timedelta(days=1)) == 0
    assert spool.find_submissions(self_tests=True) == []
    (letter,) = link.desk.sent()
    assert spool.envelope(letter.submission.digest)
    assert [each.kind for each in letter.receipts if each.kind == "accepted"] == ["accepted"]


async def test_the_robot_clears_everything_old_with_its_bytes(link: Link) -> None:
    async with link.moving():
        large = a_document(
            recipients=(an_organ(ROBOT),), subject="x" * 200, attachments=(an_attachment(bytes(400_000)),)
        )
        sent = await link.agents["vpcp"].send(large)
        assert isinstance(sent, str)

        async def refused() -> bool:
            said = link.desk.spool.statuses_about(submission_id=sent)
            return {"01", "02"} == {each.status_code for each in said}

        await until(refused)
        await until(lambda: all_answered(link.robot))
    files = [each for each in (link.robot.spool.folder / "envelopes").rglob("*") if each.is_file()]
    assert len(files) == 1
    assert tidy(link.robot) == 0
    cleared = forget(link.robot.spool, before=link.robot.clock.now() + timedelta(days=1), everything=True)
    assert cleared == 3
    assert not files[0].exists()
    assert link.robot.spool.documents(taken=None, self_tests=None) == []
    assert link.robot.spool.find_submissions(self_tests=None) == []
