"""The library's page of examples: what it shows is what lies beside it, and every example does what it says."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import tomli_w

import agents.examples
from agents.agent import Agent, Taken
from agents.examples.follow import follow, in_words
from agents.examples.own_program import run_with_registry
from agents.examples.recall import recall_from_all
from agents.examples.receive import receive_into
from agents.examples.report_status import refuse, register
from agents.examples.send_draft import send_folder, send_with_files
from agents.examples.send_envelope import send_letter
from tests.support.envelopes import SENDER, a_document, an_organ
from tests.support.hub_desk import H41
from tests.support.tested_link import Link, a_link
from tests.support.waiting import until

PAGE: Final = Path(agents.examples.__path__[0]) / "README.md"
FILES: Final = sorted(each.name for each in PAGE.parent.glob("*.py") if each.name != "__init__.py")
QUICK: Final = 0.02  # seconds


@pytest.fixture
def link(tmp_path: Path) -> Link:
    return a_link(tmp_path)


@pytest.fixture
def sender(link: Link) -> Agent:
    return link.agents["vpcp"]


@pytest.fixture
def recipient(link: Link) -> Agent:
    return link.agents["nghean"]


async def one_came(agent: Agent) -> str:
    """The leg id of the one document that nobody took yet, once it is there."""

    async def there() -> bool:
        return bool(await agent.receive())

    await until(there)
    (item,) = await agent.receive()
    return item.leg_id


async def said(agent: Agent, submission_id: str, *codes: str) -> None:
    """Returns when these statuses about a submission have come."""

    async def there() -> bool:
        (sent,) = await agent.sent(submission_id)
        return sorted(each.status_code for each in sent.statuses) == sorted(codes)

    await until(there)


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_every_example_as_it_is() -> None:
    shown = dict(re.findall(r"^## (\S+)\n\n```python\n(.*?)```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    assert sorted(shown) == FILES
    for name, text in shown.items():
        assert text == (PAGE.parent / name).read_text("utf-8"), f"{name}: copy the file into README.md"


def test_every_example_is_in_the_table() -> None:
    linked = re.findall(r"^\| .* \| \[(\S+)\]\(#(\S+)\) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(name for name, _ in linked) == FILES
    assert all(anchor == name.replace(".", "") for name, anchor in linked)


# ── What they do ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_envelope_is_sent_and_followed_until_the_hub_has_answered(link: Link, sender: Agent) -> None:
    async with link.moving(robot=False):
        submission = await send_letter(sender, sender=SENDER, recipient=H41, number="7816")
        async with asyncio.timeout(30):
            sent = await follow(sender, submission, look_every=QUICK)
        await said(sender, submission, "01")
    assert sent.submission.outcome == "accepted"
    (sent,) = await sender.sent(submission)
    told = in_words(sent)
    assert told[0] == "accepted"
    assert f"{H41}: delivered" in told
    assert f"{H41}: 01 Đã đến" in told


async def test_a_refusal_of_the_hub_comes_with_its_reasons(link: Link, sender: Agent) -> None:
    async with link.moving(robot=False):
        submission = await send_letter(sender, sender=SENDER, recipient="000.00.00.X01", number="1")
        sent = await follow(sender, submission, look_every=QUICK)
    verdict, *reasons = in_words(sent)
    assert verdict == "refused"
    assert any("000.00.00.X01" in each for each in reasons)


async def test_what_cannot_be_sent_is_told_with_the_remedy(sender: Agent) -> None:
    with pytest.raises(ValueError, match="→"):
        await send_letter(sender, sender=H41, recipient=SENDER, number="7816")


async def test_a_draft_with_files_arrives_and_its_files_are_taken(
    link: Link, sender: Agent, recipient: Agent, tmp_path: Path
) -> None:
    letter = tmp_path / "Công văn 7816.pdf"
    letter.write_bytes(b"%PDF-1.7 ...")
    async with link.moving(robot=False):
        submission = await send_with_files(sender, [letter], sender=SENDER, recipients=[H41])
        assert isinstance(submission, str), submission
        leg = await one_came(recipient)
        assert await receive_into(recipient, tmp_path / "den") == [leg]
    assert await recipient.receive() == []
    assert await receive_into(recipient, tmp_path / "den") == []
    assert (tmp_path / "den" / leg / letter.name).read_bytes() == letter.read_bytes()


async def test_a_faulty_draft_is_told_of_and_a_folder_is_sent_alike(sender: Agent, tmp_path: Path) -> None:
    assert isinstance(await send_with_files(sender, [], sender=SENDER, recipients=[]), tuple)
    (tmp_path / "thu").mkdir()
    (tmp_path / "thu" / "cong-van.pdf").write_bytes(b"%PDF-1.7 ...")
    meta = {"from": {"organ_id": SENDER}, "to": [H41], "subject": "Thử", "code": {"code_number": "1"}}
    (tmp_path / "thu" / "document.toml").write_text(tomli_w.dumps(meta), encoding="utf-8")
    submission = await send_folder(sender, tmp_path / "thu")
    assert isinstance(submission, str), submission


@pytest.mark.parametrize(("how", "code"), [(register, "03"), (refuse, "02")])
async def test_a_status_reaches_the_sender(
    link: Link, sender: Agent, recipient: Agent, how: Callable[..., object], code: str
) -> None:
    async with link.moving(robot=False):
        submission = await sender.send(a_document(recipients=(an_organ(H41),)))
        assert isinstance(submission, str)
        leg = await one_came(recipient)
        if how is register:
            assert isinstance(await register(recipient, leg, clerk="Phạm Thu Hà"), str)
        else:
            assert isinstance(await refuse(recipient, leg, reason="Không thuộc thẩm quyền"), str)
        await said(sender, submission, "01", code)


async def test_every_recipient_is_asked_to_give_a_document_back(link: Link, sender: Agent) -> None:
    async with link.moving(robot=False):
        submission = await sender.send(a_document())
        assert isinstance(submission, str)
        await said(sender, submission, "01", "01")
        asked = await recall_from_all(sender, submission, reason="Gửi nhầm bản dự thảo")
        assert set(asked) == {each.organ_id for each in a_document().recipients}
        for request in asked.values():
            assert isinstance(request, str), request
            assert (await follow(sender, request, look_every=QUICK)).submission.outcome == "accepted"


async def test_a_program_of_ones_own_runs_the_agent_and_registers_what_comes(
    link: Link, sender: Agent, recipient: Agent, tmp_path: Path
) -> None:
    config = tmp_path / "nghean" / "agent.toml"
    values = recipient.settings.model_dump(
        mode="json", include={"name", "hub_certificate", "spool", "organs"}, exclude_none=True
    )
    config.write_text(tomli_w.dumps(values), encoding="utf-8")
    registered: list[str] = []
    stop = asyncio.Event()

    async def write_down(taken: Taken) -> None:
        registered.append(taken.item.document_id)

    document = a_document(recipients=(an_organ(H41),))
    async with link.moving(without="nghean", robot=False), asyncio.TaskGroup() as tasks:
        program = run_with_registry(config, write_down, stop=stop, link=link.link("nghean"), look_every=QUICK)
        tasks.create_task(program)
        with contextlib.ExitStack() as at_the_end:
            at_the_end.callback(stop.set)
            submission = await sender.send(document)
            assert isinstance(submission, str)
            await said(sender, submission, "01", "03")
    assert registered == [document.document_id]
    assert await recipient.receive() == []
