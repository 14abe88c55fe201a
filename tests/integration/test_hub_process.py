"""The hub as processes: what a person, a power cut and a broken broker do to it."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edxml_schemas.receipts import ReceiptKind
from router.adapters.sql.store import SqlStore
from router.core.records import LegState
from tests.support.broker import PrivateBroker
from tests.support.hub_process import RECIPIENT_AGENTS, SENDER_AGENT, HubProcess, PlainAgent, agent, hub_process
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
PATIENCE = 60.0  # seconds


@pytest.fixture
def hub(tmp_path: Path, broker: PrivateBroker) -> Iterator[HubProcess]:
    with hub_process(tmp_path / "hub", broker) as process:
        yield process


async def ready(hub: HubProcess) -> None:
    async def is_ready() -> bool:
        return await asyncio.to_thread(hub.ready)

    await until(is_ready, patience=PATIENCE)


async def have_documents(agents: list[PlainAgent], bodies: list[bytes]) -> None:
    """Every recipient has every document, byte for byte."""

    async def complete() -> bool:
        return all(set(each.documents.values()) == set(bodies) for each in agents)

    await until(complete, patience=PATIENCE)


async def has_receipt(sender: PlainAgent, submission: str, kind: ReceiptKind) -> None:
    async def answered() -> bool:
        return any(each.kind is kind for each in sender.receipts.get(submission, []))

    await until(answered, patience=PATIENCE)


def leg_states(hub: HubProcess) -> dict[str, int]:
    store = SqlStore(hub.database)
    try:
        return dict(store.backlog().legs)
    finally:
        store.close()


def outbox(hub: HubProcess) -> int:
    store = SqlStore(hub.database)
    try:
        return store.backlog().outbox
    finally:
        store.close()


async def test_documents_travel_are_answered_and_the_hub_stops_gracefully(hub: HubProcess) -> None:
    hub.start()
    await ready(hub)
    async with contextlib.AsyncExitStack() as stack:
        sender, *recipients = [
            await stack.enter_async_context(agent(hub.broker, name)) for name in (SENDER_AGENT, *RECIPIENT_AGENTS)
        ]
        body = hub.document(1)
        accepted = await sender.submit(body)
        refused = await sender.submit(body.replace(b"<", b"<<", 1))
        await have_documents(recipients, [body])
        await has_receipt(sender, accepted, ReceiptKind.ACCEPTED)
        await has_receipt(sender, refused, ReceiptKind.REFUSED)

        async def delivered() -> bool:
            return leg_states(hub) == {LegState.DELIVERED.value: len(recipients)}

        await until(delivered, patience=PATIENCE)
        status = hub.truc("status", "--json")
        assert status.returncode == 0, status.stderr
        found = json.loads(status.stdout)
        assert found["workers"] == 2
        assert {each["messages"] for each in found["queues"]} == {0}
    assert hub.stop() == 0
    assert outbox(hub) == 0


async def test_a_killed_worker_loses_nothing_and_is_started_anew(hub: HubProcess) -> None:
    hub.start()
    await ready(hub)
    async with contextlib.AsyncExitStack() as stack:
        sender, *recipients = [
            await stack.enter_async_context(agent(hub.broker, name)) for name in (SENDER_AGENT, *RECIPIENT_AGENTS)
        ]
        bodies = [hub.document(number) for number in range(60)]
        submissions = []
        for number, body in enumerate(bodies):
            submissions.append(await sender.submit(body))
            if number in {20, 40}:
                for pid in hub.worker_pids()[:1]:
                    os.kill(pid, signal.SIGKILL)
        await have_documents(recipients, bodies)
        for each in submissions:
            await has_receipt(sender, each, ReceiptKind.ACCEPTED)
        assert [len(each.documents) for each in recipients] == [len(bodies)] * len(recipients)

        async def settled() -> bool:
            return leg_states(hub) == {LegState.DELIVERED.value: len(bodies) * len(recipients)} and outbox(hub) == 0

        await until(settled, patience=PATIENCE)
        await ready(hub)
        assert len(hub.worker_pids()) == 2
    assert hub.stop() == 0


async def test_the_hub_survives_the_death_of_the_broker(hub: HubProcess) -> None:
    hub.start(workers=1)
    await ready(hub)
    before, after = hub.document(1), hub.document(2)
    async with agent(hub.broker, SENDER_AGENT) as sender:
        await sender.submit(before)
    await asyncio.to_thread(hub.broker.restart, graceful=False)
    async with contextlib.AsyncExitStack() as stack:
        sender, *recipients = [
            await stack.enter_async_context(agent(hub.broker, name)) for name in (SENDER_AGENT, *RECIPIENT_AGENTS)
        ]
        accepted = await sender.submit(after)
        await have_documents(recipients, [before, after])
        await has_receipt(sender, accepted, ReceiptKind.ACCEPTED)
    assert hub.stop() == 0


async def test_no_worker_outlives_a_killed_supervisor(hub: HubProcess) -> None:
    hub.start()
    await ready(hub)
    workers = hub.worker_pids()
    assert len(workers) == 2
    hub.stop(signal.SIGKILL)

    async def gone() -> bool:
        return not any(alive(pid) for pid in workers)

    await until(gone)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_leftovers_of_uploads_are_removed_at_the_start(hub: HubProcess) -> None:
    partial = hub.folder / "data" / "payloads" / "partial"
    partial.mkdir(parents=True)
    leftover, under_way = partial / "leftover", partial / "under-way"
    for each in (leftover, under_way):
        each.write_bytes(b"half of it")
    os.utime(leftover, (0, 0))
    hub.start(workers=1)

    async def removed() -> bool:
        return not leftover.exists()

    await until(removed, patience=PATIENCE)
    assert under_way.exists()
    assert hub.stop() == 0


async def test_status_says_where_the_broker_should_be_and_exits_3(hub: HubProcess) -> None:
    await asyncio.to_thread(hub.broker.halt)
    status = hub.truc("status")
    assert status.returncode == 3
    assert "amqp_url" in status.stderr
    assert "Traceback" not in status.stderr
    assert "hub-password" not in status.stderr


async def test_a_taken_http_port_is_named_and_exits_3(hub: HubProcess) -> None:
    hub.start(workers=1)
    await ready(hub)
    second = hub.truc("run")
    assert second.returncode == 3
    assert str(hub.http_port) in second.stderr
    assert "Traceback" not in second.stderr
