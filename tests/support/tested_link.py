"""A hub in this process with two agencies and a robot, for tests of the self-test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agents.agent import Agent
from agents.desk import Desk
from agents.memory_link import MemoryLink
from agents.robot import Robot
from agents.selftest import run_selftest
from agents.selftest_report import Hop, HopReport, SelfTestReport
from agents.spool import Spool
from router.adapters.memory_broker import MemoryBroker
from tests.support import hub_desk
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.hub_desk import H14, NOW

ROBOT = H14
"""The organ of the agent `caobang`, which is the robot."""


@dataclass(slots=True)
class Later:
    """A clock that a test sets."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class Link:
    """A hub, two agencies and a robot."""

    hub: hub_desk.Desk
    broker: MemoryBroker
    small: SmallHub
    agents: dict[str, Agent]

    @property
    def desk(self) -> Desk:
        return self.agents["vpcp"].desk

    @property
    def robot(self) -> Desk:
        return self.agents["caobang"].desk

    def link(self, name: str) -> MemoryLink:
        return MemoryLink(self.broker, agent=name, user_id=name)

    @asynccontextmanager
    async def moving(self, *, without: str = "", robot: bool = True) -> AsyncIterator[None]:
        """Hub, agents and the robot run, but for the one of them named in `without`."""
        work = [] if without == "hub" else [self.small.run()]
        for name in ("vpcp", "nghean", "caobang"):
            if name == without:
                continue
            connectors = [Robot(self.robot)] if robot and name == "caobang" else []
            work.append(self.agents[name].run(self.link(name), connectors=connectors))
        async with running(*work):
            yield

    async def test(self, to: str = ROBOT) -> SelfTestReport:
        return await run_selftest(self.desk, to=to, timeout=120)

    async def test_stopping_before(self, hop: Hop) -> SelfTestReport:
        """The time is over as soon as every hop before `hop` has come."""
        clock, before = Later(), set(list(Hop)[: list(Hop).index(hop)])

        def tell(came: HopReport) -> None:
            before.discard(came.hop)
            if not before:
                clock.at += timedelta(hours=1)

        return await run_selftest(self.desk, to=ROBOT, clock=clock, progress=tell)


def a_link(folder: Path) -> Link:
    hub = hub_desk.Desk()
    broker = MemoryBroker(clock=Fixed(), agents=AGENT_NAMES)
    agents = {
        name: Agent(settings, Spool.open(settings.spool))
        for name in AGENT_NAMES
        for settings in [settings_of(name, hub, folder)]
    }
    return Link(hub, broker, SmallHub(hub, broker), agents)


async def all_answered(desk: Desk) -> bool:
    """The hub has answered whatever this agency sent, and knows of whatever it took."""
    answered = all(each.outcome for each in desk.spool.find_submissions(self_tests=None))
    return answered and not desk.spool.unreported()
