"""An agent is killed between every two steps of its spool and its link, one after the other.

Each time a new agent opens the same spool and finishes. In the end what it sent is answered, what was sent to it is in
the spool once and byte for byte, reported, and answered by one status 01: whatever the step was.
"""

import asyncio
import hashlib
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from agents.agent import Agent
from agents.memory_link import MemoryLink
from agents.ports import DeliveredNote, InboxDelivery, Incoming, Outgoing
from agents.settings import Settings
from agents.spool import Spool
from agents.spool.bodies import ROW_BYTES
from edxml_schemas.contract import Header, MessageType
from router.adapters.memory_broker import MemoryBroker
from router.core.records import MessageState, Submission
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.envelopes import SENDER, a_document, an_attachment, an_organ
from tests.support.hub_desk import H14, H41, Desk
from tests.support.mortal import Killed, Life, Point
from tests.support.waiting import until

WHO: Final = "nghean"


class MortalSpool(Spool):
    """Every transaction that writes is three steps: before it, before its commit, after its commit."""

    life: Life

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        self.life.step("spool.begin")
        with super()._write() as connection:
            yield connection
            self.life.step("spool.commit")
        self.life.step("spool.commit!")

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        if self.life.dead:
            raise Killed("spool.read")
        with super()._read() as connection:
            yield connection


class MortalLink:
    """A step before and after every effect on the broker."""

    def __init__(self, link: MemoryLink, life: Life) -> None:
        self._link = link
        self._life = life

    async def ready(self) -> bool:
        return await self._link.ready()

    async def publish(self, outgoing: Outgoing) -> None:
        self._life.step(f"link.publish {outgoing.type.value}")
        await self._link.publish(outgoing)
        self._life.step(f"link.publish {outgoing.type.value}!")

    async def report(self, note: DeliveredNote) -> None:
        self._life.step("link.report")
        await self._link.report(note)
        self._life.step("link.report!")

    async def deliveries(self, *, prefetch: int) -> AsyncGenerator[InboxDelivery, None]:
        async with aclosing(self._link.deliveries(prefetch=prefetch)) as deliveries:
            async for delivery in deliveries:
                self._life.step("link.take")
                yield _MortalDelivery(delivery, self._life)

    async def close(self) -> None:
        await self._link.close()


@dataclass(frozen=True, slots=True)
class _MortalDelivery:
    delivery: InboxDelivery
    life: Life

    @property
    def message(self) -> Incoming | None:
        return self.delivery.message

    async def ack(self) -> None:
        self.life.step("link.ack")
        await self.delivery.ack()
        self.life.step("link.ack!")

    async def requeue(self) -> None:
        self.life.step("link.requeue")
        await self.delivery.requeue()


class World:
    """A hub that lives, and an agent that may not; nobody else is at work."""

    def __init__(self, hub: Desk, settings: Settings, arriving: Submission) -> None:
        self.hub = hub
        self.settings = settings
        self.arriving = arriving
        self.broker = MemoryBroker(clock=Fixed(), agents=AGENT_NAMES)
        self.small = SmallHub(hub, self.broker)
        self.sent = ""

    async def begin(self) -> None:
        """A document waits in the spool, and one comes from elsewhere."""
        with Spool.open(self.settings.spool) as spool:
            own = a_document(sender=an_organ(H41), document_id=f"{H41},2026/09/30,1/UB", recipients=(an_organ(H14),))
            sent = await Agent(self.settings, spool).send(own)
            assert isinstance(sent, str), sent
            self.sent = sent
        each = self.arriving
        await self.broker.submit(
            each.agent,
            user_id=each.agent,
            message_id=each.submission_id,
            type=each.type.value,
            urgency=each.urgency.value,
            headers={Header.DIGEST.value: each.digest, Header.SIZE.value: each.size},
            body=each.body or b"",
        )

    async def live(self, life: Life) -> None:
        """The agent, until all is done or it is killed."""
        with MortalSpool.open(self.settings.spool) as spool:
            spool.life = life
            link = MortalLink(MemoryLink(self.broker, agent=WHO, user_id=WHO), life)
            task = asyncio.create_task(Agent(self.settings, spool).run(link))

            async def over() -> bool:
                return life.dead or await asyncio.to_thread(self._done)

            try:
                async with running(self.small.run()):
                    await until(over)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _done(self) -> bool:
        with Spool.open(self.settings.spool) as spool:
            submissions = spool.find_submissions()
            arrived = spool.documents(taken=None)
            return (
                len(arrived) == 1
                and len(submissions) == 2
                and all(each.outcome for each in submissions)
                and not spool.unreported()
                and not len(self.broker._queues[f"edxml.inbox.{WHO}.normal"])
            )

    def check(self) -> None:
        with Spool.open(self.settings.spool) as spool:
            (item,) = spool.documents(taken=None)
            assert item.digest == self.arriving.digest
            assert hashlib.sha256(spool.envelope(item.digest)).hexdigest() == self.arriving.digest
            submissions = spool.find_submissions()
            assert {each.outcome for each in submissions} == {"accepted"}
            assert [each.status_code for each in submissions if each.about_leg] == ["01"]
            for each in submissions:
                kinds = [receipt.kind for receipt in spool.receipts_of(each.submission_id)]
                assert kinds.count("accepted") == 1
        states = self.hub.store.backlog().messages
        assert states == {MessageState.ACCEPTED.value: 3}  # two documents and one status, none of them twice
        assert Counter(self.small.seen)[self.arriving.submission_id] == 1
        (leg,) = self.hub.store.legs_of(self.hub.store.find(self.arriving.submission_id)[0].id)
        assert (leg.state.value, leg.status) == ("delivered", "01")


def an_arrival(hub: Desk) -> Submission:
    """A document that is kept in a file of its own, beside the spool's database."""
    attachments = (an_attachment(b"%PDF-" + bytes(ROW_BYTES)),)
    document = a_document(sender=an_organ(SENDER), recipients=(an_organ(H41),), attachments=attachments)
    return hub.submission(document)


async def lived(folder: Path, point: Point | None) -> Life:
    """One run: an agent that is killed at this point, and then one that lives. The last life."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    hub = Desk()
    world = World(hub, settings_of(WHO, hub, folder), an_arrival(hub))
    await world.begin()
    life = Life(point)
    await world.live(life)
    if life.dead:
        life = Life()
        await world.live(life)
    try:
        world.check()
    except BaseException as fault:
        fault.add_note(f"killed at {point}")
        raise
    return life


async def test_an_agent_may_die_at_any_step(tmp_path: Path) -> None:
    whole = await lived(tmp_path / "run", None)
    assert set(whole.seen) >= {
        "spool.begin",
        "spool.commit",
        "spool.commit!",
        "link.take",
        "link.ack",
        "link.ack!",
        "link.report",
        "link.report!",
        f"link.publish {MessageType.DOCUMENT.value}!",
        f"link.publish {MessageType.STATUS.value}!",
    }
    for point in whole.points():
        await lived(tmp_path / "run", point)
