"""`truc-agent selftest` on a real RabbitMQ: agent, robot and command are processes of their own."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from agents.selftest_report import Hop
from agents.settings import load_settings
from agents.spool import Spool, is_running
from router.adapters.amqp import AmqpBroker
from tests.support import hub_desk
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import empty, needs_rabbitmq
from tests.support.tested_link import ROBOT
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
SENDER, ROBOT_AGENT = "vpcp", "caobang"


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateBroker]:
    needs_rabbitmq()
    with PrivateBroker(agents=AGENT_NAMES) as broker:
        yield broker


@dataclass(slots=True)
class Processes:
    """An agency and a robot as processes."""

    folder: Path
    hub: hub_desk.Desk
    node: PrivateBroker
    alive: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def config(self, name: str) -> Path:
        return self.folder / name / "agent.toml"

    def configure(self, name: str) -> None:
        url = self.node.agent_url(name)
        settings = settings_of(name, self.hub, self.folder, amqp_url=url)
        keys = {"name", "hub_certificate", "spool", "organs"}
        values = settings.model_dump(mode="json", include=keys, exclude_none=True)
        self.config(name).write_text(tomli_w.dumps({**values, "amqp_url": url, "selftest_organ": ROBOT}), "utf-8")

    async def start(self, name: str, command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.alive[name] = subprocess.Popen(  # noqa: ASYNC220  starting takes no time, and it is only waited for below
                [sys.executable, "-m", "agents.cli", command, "--config", str(self.config(name))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

        async def runs() -> bool:
            assert self.alive[name].poll() is None, (self.folder / f"{name}.log").read_text("utf-8")
            return is_running(self.folder / name / "spool")

        await until(runs)

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> int:
        process = self.alive.pop(name)
        process.send_signal(how)
        return process.wait(20)

    async def selftest(self, *, within: float) -> tuple[int, Any]:
        """Exit code and JSON. Waits until the one before is long enough ago."""
        command = [sys.executable, "-m", "agents.cli", "selftest", "--json", "--timeout", str(within)]
        while True:
            done = await asyncio.to_thread(
                subprocess.run,
                [*command, "--config", str(self.config(SENDER))],
                capture_output=True,
                text=True,
                timeout=within + 60,
                check=False,
            )
            if done.returncode != 3:
                return done.returncode, json.loads(done.stdout)
            await asyncio.sleep(1)


@pytest.fixture
async def processes(tmp_path: Path, node: PrivateBroker) -> AsyncIterator[Processes]:
    await empty(node)
    made = Processes(tmp_path, hub_desk.Desk(), node)
    for name in (SENDER, ROBOT_AGENT):
        made.configure(name)
    yield made
    for name in list(made.alive):
        made.end(name, signal.SIGKILL)


@asynccontextmanager
async def hub_of(processes: Processes) -> AsyncIterator[None]:
    broker = AmqpBroker(processes.node.hub_url, clock=Fixed())
    async with running(SmallHub(processes.hub, broker).run()):
        yield
    with contextlib.suppress(Exception):
        await broker.close()


async def test_the_link_is_good_while_all_run_and_the_missing_one_is_named(processes: Processes) -> None:
    code, told = await processes.selftest(within=60)
    assert (code, told["fault"]["hop"]) == (1, Hop.PUBLISHED)
    await processes.start(SENDER, "run")
    await processes.start(ROBOT_AGENT, "robot")
    async with hub_of(processes):
        code, told = await processes.selftest(within=60)
        assert (code, told["fault"]) == (0, None)
        assert all(each["came"] and each["ms"] >= 0 for each in told["hops"])
        assert "Trục thử nghiệm" in next(each["detail"]["vi"] for each in told["hops"] if each["hop"] == Hop.ACCEPTED)
        assert processes.end(ROBOT_AGENT) == 0
        code, told = await processes.selftest(within=8)
        assert (code, told["fault"]["hop"]) == (1, Hop.DELIVERED)
    code, told = await processes.selftest(within=4)
    assert (code, told["fault"]["hop"]) == (1, Hop.ACCEPTED)


async def test_a_robot_that_was_killed_answers_when_it_is_back(processes: Processes) -> None:
    await processes.start(SENDER, "run")
    await processes.start(ROBOT_AGENT, "robot")
    async with hub_of(processes):
        processes.end(ROBOT_AGENT, signal.SIGKILL)
        test = asyncio.create_task(processes.selftest(within=60))
        settings = load_settings(processes.config(SENDER))
        with Spool.open(settings.spool) as spool:

            async def accepted() -> bool:
                return any(each.outcome for each in spool.find_submissions(self_tests=True))

            await until(accepted)
        await processes.start(ROBOT_AGENT, "robot")
        code, told = await test
    assert (code, told["fault"]) == (0, None)
