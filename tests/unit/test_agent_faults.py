"""Every call of the agent to broker and spool fails once, before or after it had its effect; then the agent dies.

After it was opened again every document is at its recipient exactly once, byte for byte, every submission is answered,
and every arrival was told once.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection

from agents.agent import Agent
from agents.errors import LinkUnavailable, SpoolUnavailable
from agents.memory_link import MemoryLink
from agents.ports import DeliveredNote, InboxDelivery, Incoming, Outgoing
from agents.settings import Settings
from agents.spool import Spool
from router.adapters.memory_broker import MemoryBroker
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.envelopes import SENDER, a_document, an_organ
from tests.support.hub_desk import H14, H41, Desk
from tests.support.waiting import until

DOCUMENTS = 2
RECIPIENTS = {H41: "nghean", H14: "caobang"}


@dataclass(slots=True)
class Fault:
    """What fails: the call of this name, the `nth` time, before or after it had its effect."""

    call: str
    after: bool = False
    nth: int = 1
    met: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0

    def due(self, call: str) -> bool:
        if call != self.call or self.met.is_set():
            return False
        self.calls += 1
        return self.calls == self.nth

    @contextmanager
    def around(self, call: str) -> Iterator[None]:
        due = self.due(call)
        if due and not self.after:
            self.met.set()
            raise LinkUnavailable("lost before")
        yield
        if due:
            self.met.set()
            raise LinkUnavailable("lost after")


class FaultyLink:
    """A link that breaks as the fault says, and takes its consumers along, as AMQP does."""

    def __init__(self, link: MemoryLink, fault: Fault) -> None:
        self._link = link
        self._fault = fault

    async def ready(self) -> bool:
        return await self._link.ready()

    async def publish(self, outgoing: Outgoing) -> None:
        with self._fault.around("publish"):
            await self._link.publish(outgoing)

    async def report(self, note: DeliveredNote) -> None:
        with self._fault.around("report"):
            await self._link.report(note)

    async def deliveries(self, *, prefetch: int) -> AsyncGenerator[InboxDelivery, None]:
        async with aclosing(self._link.deliveries(prefetch=prefetch)) as deliveries:
            async for delivery in deliveries:
                if self._fault.due("deliver"):
                    self._fault.met.set()
                    raise LinkUnavailable("lost with a delivery in hand")
                yield _FaultyDelivery(delivery, self._fault)

    async def close(self) -> None:
        await self._link.close()


class _FaultyDelivery:
    def __init__(self, delivery: InboxDelivery, fault: Fault) -> None:
        self._delivery = delivery
        self._fault = fault

    @property
    def message(self) -> Incoming | None:
        return self._delivery.message

    async def ack(self) -> None:
        with self._fault.around("ack"):
            await self._delivery.ack()

    async def requeue(self) -> None:
        await self._delivery.requeue()


class FaultySpool(Spool):
    """A spool one of whose transactions fails at its end, so that nothing of it has happened."""

    fault: Fault
    loop: asyncio.AbstractEventLoop

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        if not hasattr(self, "fault") or not self.fault.due("write"):
            with super()._write() as connection:
                yield connection
            return
        with super()._write() as connection:
            yield connection
            self.loop.call_soon_threadsafe(self.fault.met.set)
            raise OSError("disk full")


@dataclass(slots=True)
class Country:
    hub: Desk
    broker: MemoryBroker
    small: SmallHub
    settings: dict[str, Settings]

    @contextmanager
    def opened(self, fault: Fault | None = None, faulty: str = "") -> Iterator[dict[str, Agent]]:
        """All agents, as after a start."""
        agents = {}
        for name, settings in self.settings.items():
            spool = FaultySpool.open(settings.spool)
            if fault is not None and name == faulty:
                spool.fault, spool.loop = fault, asyncio.get_running_loop()
            agents[name] = Agent(settings, spool)
        try:
            yield agents
        finally:
            for agent in agents.values():
                agent.spool.close()

    @asynccontextmanager
    async def moving(
        self, agents: dict[str, Agent], fault: Fault | None = None, faulty: str = ""
    ) -> AsyncIterator[None]:
        def link(name: str) -> MemoryLink | FaultyLink:
            plain = MemoryLink(self.broker, agent=name, user_id=name)
            return FaultyLink(plain, fault) if fault is not None and name == faulty else plain

        async with running(self.small.run(), *(agent.run(link(name)) for name, agent in agents.items())):
            yield


@pytest.fixture
def country(tmp_path: Path) -> Country:
    hub = Desk()
    broker = MemoryBroker(clock=Fixed(), agents=AGENT_NAMES)
    settings = {name: settings_of(name, hub, tmp_path) for name in ("vpcp", *RECIPIENTS.values())}
    return Country(hub, broker, SmallHub(hub, broker), settings)


async def send(agent: Agent) -> list[str]:
    sent = []
    for number in range(DOCUMENTS):
        recipients = tuple(an_organ(each) for each in RECIPIENTS)
        document = a_document(document_id=f"{SENDER},2026/09/30,{number}/VPCP", recipients=recipients)
        submission = await agent.send(document)
        assert isinstance(submission, str)
        sent.append(submission)
    return sent


async def all_is_well(agents: dict[str, Agent], sent: list[str]) -> None:
    """Every submission of everybody answered, every document everywhere once, every arrival told once and reported."""

    def settled() -> bool:
        told = [agents["vpcp"].spool.statuses_about(submission_id=each) for each in sent]
        return (
            all(len(each) >= len(RECIPIENTS) for each in told)
            and all(each.outcome for agent in agents.values() for each in agent.spool.find_submissions())
            and not any(agent.spool.unreported() for agent in agents.values())
        )

    async def holds() -> bool:
        return await asyncio.to_thread(settled)

    await until(holds)
    wanted = {agents["vpcp"].spool.submission(each).digest for each in sent}  # type: ignore[union-attr]  # it is there
    for name in RECIPIENTS.values():
        items = await agents[name].receive(everything=True)
        assert sorted(each.digest for each in items) == sorted(wanted)
        for each in items:
            content = agents[name].spool.envelope(each.digest)
            assert hashlib.sha256(content).hexdigest() == each.digest
    for submission in sent:
        said = agents["vpcp"].spool.statuses_about(submission_id=submission)
        assert sorted((each.sender, each.status_code) for each in said) == sorted((organ, "01") for organ in RECIPIENTS)
    assert all(each.outcome == "accepted" for agent in agents.values() for each in agent.spool.find_submissions())


LINK_FAULTS: list[tuple[str, Callable[[], Fault]]] = [
    (who, lambda call=call, after=after, nth=nth: Fault(call, after=after, nth=nth))  # type: ignore[misc]  # bound now
    for who, call, after, nth in [
        ("vpcp", "publish", False, 1),
        ("vpcp", "publish", True, 1),
        ("vpcp", "publish", True, 2),
        ("nghean", "publish", False, 1),  # the status 01
        ("nghean", "publish", True, 2),
        ("nghean", "deliver", False, 1),
        ("vpcp", "deliver", False, 1),  # a receipt
        ("nghean", "ack", False, 1),
        ("nghean", "ack", True, 1),
        ("vpcp", "ack", False, 2),
        ("nghean", "report", False, 1),
        ("nghean", "report", True, 2),
        ("vpcp", "report", False, 1),  # of a status
    ]
]


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize(("who", "fault_of"), LINK_FAULTS)
async def test_a_call_to_the_broker_that_is_lost_loses_and_doubles_nothing(
    country: Country, who: str, fault_of: Callable[[], Fault], dies: bool
) -> None:
    fault = fault_of()
    with country.opened() as agents:
        async with country.moving(agents, fault, who):
            sent = await send(agents["vpcp"])
            await asyncio.wait_for(fault.met.wait(), 20)
            if not dies:
                await all_is_well(agents, sent)
    with country.opened() as agents:
        async with country.moving(agents):
            await all_is_well(agents, sent)


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3, 5])
@pytest.mark.parametrize("who", ["vpcp", "nghean"])
async def test_a_spool_that_fails_loses_and_doubles_nothing(country: Country, who: str, nth: int, dies: bool) -> None:
    with country.opened() as agents:
        sent = await send(agents["vpcp"])
    fault = Fault("write", nth=nth)
    with country.opened(fault, who) as agents:
        async with country.moving(agents):
            await asyncio.wait_for(fault.met.wait(), 20)
            if not dies:
                await all_is_well(agents, sent)
    with country.opened() as agents:
        async with country.moving(agents):
            await all_is_well(agents, sent)


async def test_a_send_that_the_spool_did_not_take_is_told_and_leaves_nothing(country: Country) -> None:
    fault = Fault("write")
    with country.opened(fault, "vpcp") as agents:
        with pytest.raises(SpoolUnavailable):
            await agents["vpcp"].send(a_document())
        assert not agents["vpcp"].spool.find_submissions()
        assert isinstance(await agents["vpcp"].send(a_document()), str)
