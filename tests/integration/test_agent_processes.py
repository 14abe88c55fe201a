"""`truc-agent run` as a process on a real RabbitMQ: killed, stopped, without its broker; and a replay through it."""

import asyncio
import contextlib
import hashlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tomli_w

from agents.desk import Desk
from agents.settings import load_settings
from agents.spool import Spool, is_running
from router.adapters.amqp import AmqpBroker
from tests.support import hub_desk
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import empty, needs_rabbitmq
from tests.support.envelopes import SENDER, a_document, an_organ
from tests.support.hub_desk import H41
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateBroker]:
    needs_rabbitmq()
    with PrivateBroker(agents=AGENT_NAMES) as broker:
        yield broker


@dataclass(slots=True)
class Processes:
    """Agents as processes, and their spools seen from here."""

    folder: Path
    hub: hub_desk.Desk
    node: PrivateBroker
    alive: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)

    def configure(self, name: str) -> Path:
        settings = settings_of(name, self.hub, self.folder, amqp_url=self.node.agent_url(name), connector=True)
        path = self.folder / name / "agent.toml"
        values = settings.model_dump(mode="json", exclude={"amqp_url", "blob_token", "blob_url"}, exclude_none=True)
        values["resend_after"] = 5
        values["settle"] = 0.05
        path.write_text(tomli_w.dumps({**values, "amqp_url": self.node.agent_url(name)}), encoding="utf-8")
        self.desks[name] = Desk(load_settings(path), Spool.open(settings.spool))
        return path

    async def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.alive[name] = subprocess.Popen(  # noqa: ASYNC220  starting takes no time, and it is only waited for below
                [sys.executable, "-m", "agents.cli", "run", "--config", str(self.folder / name / "agent.toml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

        async def runs() -> bool:
            assert self.alive[name].poll() is None, (self.folder / f"{name}.log").read_text("utf-8")
            return is_running(self.desks[name].spool.folder)

        await until(runs)

    def end(self, name: str, how: signal.Signals) -> int:
        process = self.alive.pop(name)
        process.send_signal(how)
        return process.wait(20)

    def close(self) -> None:
        for name in list(self.alive):
            self.end(name, signal.SIGKILL)
        for desk in self.desks.values():
            desk.spool.close()


@pytest.fixture
async def processes(tmp_path: Path, node: PrivateBroker) -> AsyncIterator[Processes]:
    await empty(node)
    made = Processes(tmp_path, hub_desk.Desk(), node)
    for name in AGENT_NAMES:
        made.configure(name)
    yield made
    made.close()


@asynccontextmanager
async def hub_of(processes: Processes) -> AsyncIterator[SmallHub]:
    broker = AmqpBroker(processes.node.hub_url, clock=Fixed())
    small = SmallHub(processes.hub, broker)
    async with running(small.run()):
        yield small
    with contextlib.suppress(Exception):
        await broker.close()


def send_many(desk: Desk, count: int, *, first: int = 0) -> list[str]:
    sent = []
    for number in range(first, first + count):
        document = a_document(document_id=f"{SENDER},2026/09/30,{number}/VPCP", recipients=(an_organ(H41),))
        submission = desk.send(document)
        assert isinstance(submission, str)
        sent.append(submission)
    return sent


async def all_there(processes: Processes, sent: list[str]) -> None:
    """Every document accepted, at the recipient exactly once with the bytes sent, and its arrival told."""
    sender, recipient = processes.desks["vpcp"], processes.desks["nghean"]

    async def done() -> bool:
        told = [sender.spool.statuses_about(submission_id=each) for each in sent]
        return all([status.status_code for status in each] == ["01"] for each in told)

    await until(done, patience=60)
    digests = {each.digest for each in sender.spool.find_submissions(limit=1000) if each.outcome == "accepted"}
    items = recipient.receive(everything=True)
    assert len(items) == len(sent) == len(digests)
    assert {item.digest for item in items} == digests
    assert all(hashlib.sha256(recipient.spool.envelope(each.digest)).hexdigest() == each.digest for each in items)


async def test_documents_survive_kill_9_of_either_agent(processes: Processes) -> None:
    async with hub_of(processes):
        sent = send_many(processes.desks["vpcp"], 10)
        for name in ("vpcp", "nghean"):
            await processes.start(name)
        for round_ in range(2):
            processes.end("nghean", signal.SIGKILL)
            processes.end("vpcp", signal.SIGKILL)
            sent += send_many(processes.desks["vpcp"], 10, first=10 + 10 * round_)
            await processes.start("nghean")
            await processes.start("vpcp")
        await all_there(processes, sent)


async def test_documents_survive_the_loss_of_the_broker(processes: Processes) -> None:
    for name in ("vpcp", "nghean"):
        await processes.start(name)
    async with hub_of(processes):
        sent = send_many(processes.desks["vpcp"], 5)
        await all_there(processes, sent)
    await asyncio.to_thread(processes.node.kill)
    sent += send_many(processes.desks["vpcp"], 5, first=5)
    await asyncio.to_thread(processes.node.start)
    async with hub_of(processes):
        await all_there(processes, sent)


async def test_sigterm_ends_an_agent_in_good_order(processes: Processes) -> None:
    await processes.start("vpcp")
    assert await asyncio.to_thread(processes.end, "vpcp", signal.SIGTERM) == 0


async def test_a_folder_drop_travels_and_comes_back_answered(processes: Processes) -> None:
    for name in ("vpcp", "nghean"):
        await processes.start(name)
    outbox = processes.folder / "vpcp" / "folder" / "outbox"
    inbox = processes.folder / "nghean" / "folder" / "inbox" / H41

    async def ready() -> bool:
        return outbox.is_dir()

    await until(ready)
    async with hub_of(processes):
        content = processes.hub.signed(a_document(recipients=(an_organ(H41),)))
        (outbox / "goi.edxml").write_bytes(content)

        async def told_and_laid_out() -> bool:
            there = inbox.is_dir() and any(inbox.glob("*/document.json"))  # status 01 may be quicker than the folder
            return there and (outbox / "goi.edxml.statuses.json").exists()

        await until(told_and_laid_out)
        (place,) = (each for each in inbox.iterdir() if not each.name.startswith("."))
        assert (place / "envelope.edxml").read_bytes() == content
        (place / "status.toml").write_text('status_code = "03"\n', encoding="utf-8")

        async def answered() -> bool:
            return (
                b'"accepted"' in (place / "status-03.result.json").read_bytes()
                if (place / "status-03.result.json").exists()
                else False
            )

        await until(answered)


SET = f"""
title = "Thử nghiệm"
[who.vpcp]
organ_id = "{SENDER}"
agent = "vpcp"
[who.nghean]
organ_id = "{H41}"
agent = "nghean"

[[step]]
id = "cong-van"
as = "vpcp"
draft = "cong-van"
to = ["nghean"]
[step.expect]
legs = "delivered"
statuses = {{ nghean = ["01", "03"] }}

[[step]]
id = "tiep-nhan"
kind = "status"
as = "nghean"
about = "cong-van"
status = "03"

[[step]]
id = "gia-mao"
as = "vpcp"
draft = "gia-mao"
to = ["nghean"]
tamper = "flip-content"
[step.expect]
verdict = "refused"
codes = ["signature.digest-mismatch"]
legs = {{ nghean = "none" }}
"""


async def test_a_set_is_played_through_running_agents(processes: Processes) -> None:
    folder = processes.folder / "set"
    for name, notation in (("cong-van", "VPCP"), ("gia-mao", "GM-VPCP")):  # one DocumentId each
        (folder / name).mkdir(parents=True)
        draft = f'subject = "Subject"\ncode = {{code_number = "{{run}}", code_notation = "{notation}"}}\n'
        (folder / name / "document.toml").write_text(draft, encoding="utf-8")
    (folder / "set.toml").write_text(SET, encoding="utf-8")
    command = [sys.executable, "-m", "agents.cli", "replay", str(folder), "--agents", str(processes.folder)]
    command += ["--junit", str(processes.folder / "out.xml"), "--timeout", "60", "--json"]

    def play() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert (await asyncio.to_thread(play)).returncode == 3
    for name in ("vpcp", "nghean"):
        await processes.start(name)
    async with hub_of(processes):
        done = await asyncio.to_thread(play)
        assert done.returncode == 0, done.stdout + done.stderr
        assert 'failures="0"' in (processes.folder / "out.xml").read_text("utf-8")
        wrong = SET.replace('["01", "03"]', '["01"]')
        (folder / "set.toml").write_text(wrong, encoding="utf-8")
        command[command.index("60")] = "3"
        assert (await asyncio.to_thread(play)).returncode == 1
