"""The hub is killed between every two steps of ingest, relay and tracking, one after the other.

Each time a fresh worker finds the same database, payloads and broker, and finishes. In the end every submission has
one verdict, every recipient the sender's bytes once, and every sender one receipt of each kind: whatever the step was.
"""

import asyncio
import contextlib
import hashlib
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from edxml_schemas.contract import Header, MessageType, Urgency, unbundled
from edxml_schemas.receipts import Receipt, ReceiptKind, decode_receipt
from router.adapters.memory_broker import MemoryBroker
from router.adapters.payloads import FilePayloads
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.store import SqlStore
from router.app.worker import build_services
from router.core.ids import leg_id_of, message_id_of
from router.core.policy import DEFAULT_POLICY
from router.core.records import LegState, MessageState, Submission
from router.ports import BrokerUnavailable
from router.services.work.batch import WorkerOptions
from router.services.work.worker import Worker
from tests.support.envelopes import SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import AGENTS, H14, H41, NOW, Desk, Trusted
from tests.support.mortal import Life, Point, mortal_broker, mortal_payloads, mortal_store
from tests.support.waiting import until

OPTIONS: Final = WorkerOptions(upkeep_every=timedelta(milliseconds=50), lease_for=timedelta(seconds=60))
AFTER_A_DEATH: Final = timedelta(minutes=2)
"""By then the leases of the dead are over, and what was deferred is due."""
STATUSES: Final = {H41: "03", H14: "06"}
"""What recipients say of a document."""
IDLE_LOOKS: Final = 2
"""The worker looks again and again for what is due, and each look is like the one before."""
PAIRS: Final = 10
"""Runs in which the second worker is killed, too, at a point drawn by lot."""
SEED: Final = 28
DATABASE: Final = "truc.db"


class Hands:
    """A clock that moves when told, and a microsecond with every look."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        self.time += timedelta(microseconds=1)
        return self.time


@dataclass(frozen=True, slots=True)
class Script:
    """What is sent, signed once for all runs; the first is a document that is accepted. `answers` are the statuses
    that recipients send, by recipient."""

    desk: Desk
    submissions: tuple[Submission, ...]
    answers: Mapping[str, Submission]
    verdicts: Mapping[str, tuple[MessageState, bool]]
    """State, and whether it is a duplicate, by submission id."""

    @property
    def document(self) -> Submission:
        return self.submissions[0]

    @property
    def legs(self) -> Mapping[str, str]:
        """Digest of what must arrive, by leg."""
        message = message_id_of("vpcp", self.document.submission_id)
        back = {message_id_of(each.agent, each.submission_id): each.digest for each in self.answers.values()}
        return {
            **{leg_id_of(message, recipient): self.document.digest for recipient in self.answers},
            **{leg_id_of(each, SENDER): digest for each, digest in back.items()},
        }


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Everybody's keys, and the registry."""
    return Desk()


@pytest.fixture(scope="module")
def short_script(desk: Desk) -> Script:
    """One document to one recipient, which answers."""
    document = desk.submission(a_document(recipients=(an_organ(H41),)))
    answer = desk.submission(a_status())
    verdicts = {each.submission_id: (MessageState.ACCEPTED, False) for each in (document, answer)}
    return Script(desk, (document,), {H41: answer}, verdicts)


@pytest.fixture(scope="module")
def script(desk: Desk) -> Script:
    """A document to two recipients, the same submission again, its content under another id, and one refused."""
    document = desk.submission(a_document())
    twin = desk.submission(document.body or b"")
    refused = desk.submission(a_document(document_id="000.00.00.G22,2026/09/30,2/X", recipients=(an_organ("Z99"),)))
    answers = {
        recipient: desk.submission(a_status(sender=an_organ(recipient), status_code=code))
        for recipient, code in ((H41, "03"), (H14, "06"))
    }
    return Script(
        desk,
        (document, document, twin, refused),
        answers,
        {
            document.submission_id: (MessageState.ACCEPTED, False),
            twin.submission_id: (MessageState.ACCEPTED, True),
            refused.submission_id: (MessageState.REFUSED, False),
            **{each.submission_id: (MessageState.ACCEPTED, False) for each in answers.values()},
        },
    )


@pytest.fixture(scope="module")
def template(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a hub that has a registry and nothing else."""
    folder = tmp_path_factory.mktemp("template")
    upgrade(f"sqlite:///{folder / DATABASE}")
    store = SqlStore(f"sqlite:///{folder / DATABASE}")
    registry = desk.store.registry()
    store.put_agents(list(registry.agents.values()))
    store.put_organs(list(registry.organs.values()))
    for organ in registry.certificates:
        store.put_certificates(desk.store.certificates_of(organ))
    store.close()
    return folder


@dataclass(slots=True)
class World:
    """One run: a hub that may die, and agencies that do not."""

    script: Script
    store: SqlStore
    payloads: FilePayloads
    trust: Trusted
    clock: Hands = field(default_factory=Hands)
    broker: MemoryBroker = field(init=False)
    arrived: dict[str, Counter[str]] = field(default_factory=dict)
    """Digests of what came on each leg."""
    receipts: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Receipt ids by submission and kind (with the leg, for receipts of one)."""

    def __post_init__(self) -> None:
        self.broker = MemoryBroker(clock=self.clock, agents=set(AGENTS.values()))

    async def submit(self, submission: Submission) -> None:
        await self.broker.submit(
            submission.agent,
            user_id=submission.agent,
            message_id=submission.submission_id,
            type=submission.type.value,
            urgency=submission.urgency.value,
            headers={Header.DIGEST.value: submission.digest, Header.SIZE.value: submission.size},
            body=submission.body or b"",
        )

    async def read(self, agent: str, urgency: Urgency) -> None:
        """An agency's inbox, for ever: keeps what comes, reports it, answers a document with a status."""
        while True:
            with contextlib.suppress(BrokerUnavailable):
                async for delivery in self.broker.inbox(agent, urgency=urgency.value):
                    await self.take(agent, delivery.type, delivery.headers, delivery.body)
                    await delivery.ack()
            await asyncio.sleep(0)

    async def take(self, agent: str, kind: str | None, headers: Mapping[str, str | int], body: bytes) -> None:
        if kind == MessageType.RECEIPT.value:
            for each in unbundled(body) or ():
                receipt = decode_receipt(each)
                assert isinstance(receipt, Receipt), receipt
                about = receipt.kind.value
                if receipt.kind not in (ReceiptKind.ACCEPTED, ReceiptKind.REFUSED):
                    about = f"{about} {receipt.legs[0].leg_id}"
                self.receipts.setdefault((receipt.submission_id, about), set()).add(receipt.receipt_id)
            return
        leg, digest = str(headers[Header.LEG.value]), hashlib.sha256(body).hexdigest()
        self.arrived.setdefault(leg, Counter())[digest] += 1
        await self.broker.report(agent, headers={Header.LEG.value: leg, Header.DIGEST.value: digest})
        if kind == MessageType.DOCUMENT.value:
            await self.submit(self.script.answers[str(headers[Header.RECIPIENT.value])])

    def worker(self, life: Life) -> Worker:
        store = mortal_store(self.store, life)
        payloads, signer = mortal_payloads(self.payloads, life), self.script.desk.pen
        services = build_services(policy=DEFAULT_POLICY, payloads=payloads, trust=self.trust, signer=signer)
        broker = mortal_broker(self.broker, life)
        return Worker(services, store=store, broker=broker, clock=self.clock, options=OPTIONS)

    async def done(self) -> bool:
        """Whether nothing is on its way any more. What costs little is asked first."""
        script = self.script
        if not {submission for submission, _ in self.receipts} >= set(script.verdicts):
            return False
        if any(each.messages for each in await self.broker.depths(AGENTS.values())):
            return False
        found = self.store.backlog()
        wanted = Counter(state.value for state, _ in script.verdicts.values())
        settled = found.messages == wanted and found.legs == {LegState.DELIVERED.value: len(script.legs)}
        return settled and found.outbox == 0

    async def deferred(self) -> bool:
        return MessageState.DEFERRED.value in self.store.backlog().messages

    async def live(self, life: Life, *, until_it: Callable[[], Awaitable[bool]] | None = None) -> None:
        """A worker until all is done, or it is killed; then the broker takes back what it held, and time passes."""
        end = until_it or self.done
        task = asyncio.create_task(self.worker(life).run())

        async def over() -> bool:
            return life.dead or await end()

        try:
            await until(over)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.clock.time += AFTER_A_DEATH
            if life.dead:
                self.broker.go_down()
                self.broker.come_back()

    def check(self) -> None:
        """One verdict, one copy, one receipt."""
        script = self.script
        for sent in {each.submission_id: each for each in (*script.submissions, *script.answers.values())}.values():
            message = self.store.message(message_id_of(sent.agent, sent.submission_id))
            assert message is not None
            state, _ = verdict = script.verdicts[sent.submission_id]
            assert (message.state, bool(message.duplicate_of)) == verdict
            names = [each.name for each in self.store.events_of(message.id)]
            verdicts = {"message.accepted", "message.refused", "message.duplicate"}
            assert sum(name in verdicts for name in names) == 1, names
            assert len(self.receipts[sent.submission_id, state.value]) == 1
        assert {leg: set(digests) for leg, digests in self.arrived.items()} == {
            leg: {digest} for leg, digest in script.legs.items()
        }
        message_id = message_id_of("vpcp", script.document.submission_id)
        legs = self.store.legs_of(message_id)
        assert {each.recipient: (each.state, each.status) for each in legs} == {
            recipient: (LegState.DELIVERED, STATUSES[recipient]) for recipient in script.answers
        }
        assert len(self.store.statuses_of([each.id for each in legs])) == len(script.answers)
        delivered = [about for _, about in self.receipts if about.startswith("delivered ")]
        assert sorted(delivered) == sorted(f"delivered {each.id}" for each in legs)
        assert all(len(ids) == 1 for ids in self.receipts.values())
        told = Counter((each.name, each.leg_id) for each in self.store.events_of(message_id) if each.leg_id)
        for each in legs:
            assert [told[name, each.id] for name in ("leg.queued", "leg.delivered")] == [1, 1], told
            # A recipient's report overtakes the confirm of a worker that died: nothing is handed over then.
            assert told["leg.handed-over", each.id] == bool(each.handed_over_at), told


@contextlib.asynccontextmanager
async def a_world(script: Script, template: Path, folder: Path, *, trusted: bool = True) -> AsyncIterator[World]:
    """A hub like `template`, with everything submitted that it does not know, and the agencies at work."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await asyncio.to_thread(shutil.copytree, template, folder)
    material = script.desk.material(script.desk.pki.crls() if trusted else ())
    store = SqlStore(f"sqlite:///{folder / DATABASE}")
    world = World(script, store, FilePayloads(folder / "payloads", "hub"), Trusted(material))
    if await world.deferred():
        world.clock.time += AFTER_A_DEATH
    else:
        for submission in script.submissions:
            await world.submit(submission)
    readers = [asyncio.create_task(world.read(agent, urgency)) for agent in set(AGENTS.values()) for urgency in Urgency]
    try:
        yield world
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        world.payloads.close()
        world.store.close()


async def lived(script: Script, template: Path, folder: Path, *points: Point) -> Life:
    """One run: a worker that is killed at each of these points, and then one that lives. The last life."""
    async with a_world(script, template, folder) as world:
        for life in (*map(Life, points), Life()):
            await world.live(life)
            if not life.dead:
                break
        try:
            world.check()
        except BaseException as fault:
            fault.add_note(f"killed at {points}")
            raise
    return life


async def test_the_hub_may_die_at_any_step(script: Script, template: Path, tmp_path: Path) -> None:
    whole = await lived(script, template, tmp_path / "run")
    assert set(whole.seen) >= {
        "broker.take submission",
        "payloads.append",
        "payloads.append!",
        "store.begin",
        "tx.apply PutMessage",
        "tx.apply PutLeg",
        "tx.apply PutOutbox",
        "tx.apply PutStatus",
        "store.commit",
        "store.commit!",
        "broker.ack",
        "broker.ack!",
        "broker.publish delivery",
        "broker.publish receipt",
        "broker.publish!",
        "tx.drop_outbox",
        "tx.apply HandOver",
        "broker.take report",
        "tx.apply MoveLeg",
    }
    for point in whole.points():
        await lived(script, template, tmp_path / "run", point)


async def test_the_hub_may_die_at_any_step_of_a_verdict_that_was_deferred(
    short_script: Script, template: Path, tmp_path: Path
) -> None:
    waiting = tmp_path / "waiting"
    async with a_world(short_script, template, waiting, trusted=False) as world:
        await world.live(Life(), until_it=world.deferred)
    whole = await lived(short_script, waiting, tmp_path / "run")
    assert set(whole.seen) >= {"tx.due_deferred", "payloads.read", "tx.apply PutMessage", "broker.publish delivery"}
    for point in whole.points(most=IDLE_LOOKS):
        await lived(short_script, waiting, tmp_path / "run", point)


async def test_the_hub_may_die_again_while_it_recovers(script: Script, template: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311  a plan, no secret
    points = (await lived(script, template, tmp_path / "run")).points()
    for _ in range(PAIRS):
        await lived(script, template, tmp_path / "run", *chance.choices(points, k=2))
