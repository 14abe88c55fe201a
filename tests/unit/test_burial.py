"""Workers that keep what the broker gave up on, and publishing that knows why it failed."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from edxml_schemas.contract import DELIVERY_LIMIT, Header, Urgency
from router.adapters.clock import SystemClock
from router.adapters.memory_broker import MemoryBroker
from router.core.dead import DeadKind, DeadLetter
from router.core.records import OutboxItem, Submission
from router.ports import PayloadUnavailable, Placement, StoreUnavailable, Transaction
from router.services.dead.dead_letters import DeadLetters
from router.services.verdicts.ingest import Examined
from router.services.work.batch import Services, WorkerOptions
from router.services.work.publisher import NO_PAYLOAD, Publisher
from router.services.work.worker import Worker
from tests.support.envelopes import a_lean_document
from tests.support.hub_desk import AGENTS, Desk
from tests.support.records import outbox_item
from tests.support.waiting import until

QUICK = WorkerOptions(upkeep_every=timedelta(milliseconds=20))


class Hub:
    """A worker with a desk, a broker, and dead letters."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.broker = MemoryBroker(clock=SystemClock(), agents=set(AGENTS.values()))
        self.letters = DeadLetters(self.desk.ingest, self.desk.relay, self.desk.tracking, self.desk.payloads)

    def worker(self) -> Worker:
        services = Services(
            ingest=self.desk.ingest,
            relay=self.desk.relay,
            tracking=self.desk.tracking,
            upkeep=self.desk.upkeep,
            dead=self.letters,
        )
        return Worker(services, store=self.desk.store, broker=self.broker, clock=SystemClock(), options=QUICK)

    async def submit(self) -> Submission:
        said = self.desk.submission(a_lean_document())
        await self.broker.submit(
            said.agent,
            user_id=said.user_id,
            message_id=said.submission_id,
            type=said.type.value,
            urgency=Urgency.NORMAL.value,
            headers={Header.DIGEST.value: said.digest, Header.SIZE.value: said.size},
            body=said.body or b"",
        )
        return said

    async def runs_until_buried(self) -> DeadLetter:
        worker = self.worker()
        task = asyncio.create_task(worker.run())

        async def buried() -> bool:
            return bool(self.desk.store.find_dead()) and not self.broker.buried

        try:
            await until(buried)
        finally:
            worker.stop()
            await task
        return self.desk.store.find_dead()[0]


@pytest.fixture
def hub() -> Hub:
    return Hub()


async def test_a_message_on_which_our_code_crashes_ends_as_a_letter_with_its_bytes(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0

    def crash(_: Submission, **__: object) -> Examined:
        nonlocal tried
        tried += 1
        raise ZeroDivisionError

    monkeypatch.setattr(hub.desk.ingest, "examine", crash)
    said = await hub.submit()
    letter = await hub.runs_until_buried()
    assert tried == DELIVERY_LIMIT + 1
    assert (letter.kind, letter.submission_id, letter.reason) == (
        DeadKind.SUBMISSION,
        said.submission_id,
        "delivery_limit",
    )
    assert hub.desk.payloads.read(letter.payload) == said.body


async def test_a_letter_is_not_acknowledged_before_it_is_written(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[str] = []
    bury = hub.letters.bury

    def fails_twice(tx: Transaction, letters: Sequence[DeadLetter], *, now: datetime) -> Sequence[DeadLetter]:
        if len(outcomes) < 2:
            outcomes.append(f"away, {len(hub.broker.buried)} waiting")
            raise StoreUnavailable("away")
        return bury(tx, letters, now=now)

    def crash(_: Submission, **__: object) -> Examined:
        raise ZeroDivisionError

    monkeypatch.setattr(hub.desk.ingest, "examine", crash)
    monkeypatch.setattr(hub.letters, "bury", fails_twice)
    await hub.submit()
    await hub.runs_until_buried()
    assert len(outcomes) == 2
    assert len(hub.desk.store.find_dead()) == 1


async def test_a_letter_that_cannot_be_written_goes_back_and_does_not_stop_the_others(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury = hub.letters.bury
    refused: list[str] = []

    def crash(_: Submission, **__: object) -> Examined:
        raise ZeroDivisionError

    def buries_all_but_the_first(
        tx: Transaction, letters: Sequence[DeadLetter], *, now: datetime
    ) -> Sequence[DeadLetter]:
        refused.extend(each.submission_id for each in letters[:1] if not refused)
        if any(each.submission_id in refused for each in letters):
            raise ZeroDivisionError
        return bury(tx, letters, now=now)

    monkeypatch.setattr(hub.desk.ingest, "examine", crash)
    monkeypatch.setattr(hub.letters, "bury", buries_all_but_the_first)
    await hub.submit()
    await hub.submit()
    worker = hub.worker()
    task = asyncio.create_task(worker.run())

    async def one_is_buried() -> bool:
        return len(hub.desk.store.find_dead()) == 1

    await until(one_is_buried)
    worker.stop()
    await task
    await hub.broker.close()
    assert [each.message_id for each in hub.broker.buried] == refused


def some(agent: str, *names: str) -> list[OutboxItem]:
    later = SystemClock().now() + timedelta(hours=1)
    return [outbox_item(f"{agent}-{name}", agent=agent, leased_until=later, claim=True) for name in names]


def publisher(broker: MemoryBroker, desk: Desk) -> Publisher:
    return Publisher(broker, desk.relay, clock=SystemClock(), stopping=asyncio.Event())


async def test_what_was_not_published_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, desk = MemoryBroker(clock=SystemClock(), agents=["tot", "day", "im"]), Desk()
    broker.limit_inboxes("day", 1)
    broker.fall_silent("im")
    load = desk.relay.load

    def load_all_but_one(item: OutboxItem) -> bytes:
        if item.agent == "mat":
            raise PayloadUnavailable("gone")
        return load(item)

    monkeypatch.setattr(desk.relay, "load", load_all_but_one)
    items = [*some("day", "1", "2"), *some("tot", "1"), *some("im", "1"), *some("mat", "1")]
    published = await publisher(broker, desk).publish(items)
    assert [each.id for each in published.confirmed] == ["o-day-1", "o-tot-1"]
    assert {(item.id, reason) for item, reason in published.failed} == {
        ("o-day-2", Placement.FULL.value),
        ("o-im-1", Placement.SILENT.value),
        ("o-mat-1", NO_PAYLOAD),
    }


async def test_a_missing_inbox_is_made_and_only_what_was_for_it_is_published_again() -> None:
    broker, desk = MemoryBroker(clock=SystemClock(), agents=["tot"]), Desk()
    broker.limit_inboxes("tot", 1)
    published = await publisher(broker, desk).publish([*some("tot", "1", "2"), *some("moi", "1")])
    assert [each.id for each in published.confirmed] == ["o-tot-1", "o-moi-1"]
    assert [item.id for item, _ in published.failed] == ["o-tot-2"]


async def test_an_inbox_that_speaks_again_gets_its_items() -> None:
    broker, desk = MemoryBroker(clock=SystemClock(), agents=["im"]), Desk()
    broker.fall_silent("im")
    items = some("im", "1")
    assert [item.id for item, _ in (await publisher(broker, desk).publish(items)).failed] == ["o-im-1"]
    broker.speak("im")
    assert (await publisher(broker, desk).publish(items)).confirmed == items
