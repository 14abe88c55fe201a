"""Once, exactly, with real processes: repeated submissions, a killed hub, and what it had in its hands."""

import asyncio
import contextlib
import hashlib
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.receipts import ReceiptKind
from router.adapters.payloads import FilePayloads
from router.adapters.sql.store import SqlStore
from router.app.parts import open_trust, policy_of
from router.core.records import LegState, Submission
from router.services.verdicts.ingest import Ingest
from router.settings import Settings, load_settings
from tests.support.broker import PrivateBroker
from tests.support.hub_process import RECIPIENT_AGENTS, SENDER_AGENT, HubProcess, PlainAgent, agent, hub_process
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
PATIENCE = 60.0  # seconds
LEASE = 600  # seconds: longer than this test may take, so that nothing here can be due to a lease that ran out


@pytest.fixture
def hub(tmp_path: Path, broker: PrivateBroker) -> Iterator[HubProcess]:
    with hub_process(tmp_path / "hub", broker) as process:
        process.variables["TRUC_LEASE_SECONDS"] = str(LEASE)
        yield process


@contextlib.asynccontextmanager
async def running(hub: HubProcess) -> AsyncIterator[tuple[PlainAgent, list[PlainAgent]]]:
    """The hub, ready, with the sender's agent and those of the recipients."""
    hub.start(workers=1)

    async def is_ready() -> bool:
        return await asyncio.to_thread(hub.ready)

    await until(is_ready, patience=PATIENCE)
    async with contextlib.AsyncExitStack() as stack:
        sender, *recipients = [
            await stack.enter_async_context(agent(hub.broker, name)) for name in (SENDER_AGENT, *RECIPIENT_AGENTS)
        ]
        yield sender, recipients


def settings_of(hub: HubProcess) -> Settings:
    return load_settings(hub.config).model_copy(update={"lease_seconds": float(LEASE)})


def die_after_the_commit(hub: HubProcess, body: bytes) -> str:
    """A worker that takes a submission in, commits, and is gone before it has published anything; the submission id."""
    settings = settings_of(hub)
    store, payloads = SqlStore(hub.database), FilePayloads(settings.payload_path, "gone")
    try:
        ingest = Ingest(payloads, open_trust(settings), policy_of(settings))
        submission = Submission(
            submission_id="before-the-end",
            agent=SENDER_AGENT,
            user_id=SENDER_AGENT,
            type=MessageType.DOCUMENT,
            urgency=Urgency.NORMAL,
            digest=hashlib.sha256(body).hexdigest(),
            size=len(body),
            body=body,
            received_at=datetime.now(UTC),
        )
        with store.begin() as tx:
            (settled,) = ingest.settle(tx, [ingest.examine(submission)], now=datetime.now(UTC))
        assert len(settled.outbox) == len(RECIPIENT_AGENTS) + 1, settled.message.findings
    finally:
        payloads.close()
        store.close()
    return "before-the-end"


async def rests(hub: HubProcess, *, delivered: int) -> None:
    """Nothing is in the outbox any more, and so many legs are delivered."""

    async def settled() -> bool:
        store = SqlStore(hub.database)
        try:
            backlog = store.backlog()
        finally:
            store.close()
        return backlog.outbox == 0 and dict(backlog.legs) == {LegState.DELIVERED.value: delivered}

    await until(settled, patience=PATIENCE)


async def test_what_was_in_flight_is_driven_on_at_the_start_and_repetitions_arrive_once(hub: HubProcess) -> None:
    first, second = hub.document(1), hub.document(2)
    async with running(hub) as (sender, recipients):
        same_id = [await sender.submit(first, submission="one-id") for _ in range(10)]
        new_ids = [await sender.submit(first) for _ in range(10)]
        await rests(hub, delivered=len(recipients))

        async def answered() -> bool:
            return {*same_id, *new_ids} <= set(sender.receipts)

        await until(answered, patience=PATIENCE)
        assert [set(each.documents.values()) for each in recipients] == [{first}] * len(recipients)
        assert [len(each.came) for each in recipients] == [1] * len(recipients)
        said = [sender.receipts[each][0] for each in new_ids]
        assert {each.kind for each in said} == {ReceiptKind.ACCEPTED}
        assert {each.duplicate for each in said} == {True}
        assert [each.kind for each in sender.receipts["one-id"]].count(ReceiptKind.ACCEPTED) == 1
    hub.stop(signal.SIGKILL)
    submission = die_after_the_commit(hub, second)
    async with running(hub) as (sender, recipients):
        await sender.submit(second, submission=submission)  # the broker had no answer, and brings it again
        await rests(hub, delivered=2 * len(recipients))

        async def told() -> bool:
            return ReceiptKind.ACCEPTED in [each.kind for each in sender.receipts.get(submission, [])]

        await until(told, patience=PATIENCE)
        assert [set(each.documents.values()) for each in recipients] == [{second}] * len(recipients)
        assert [len(each.came) for each in recipients] == [1] * len(recipients)
    assert hub.stop() == 0
    assert "driven-on" in hub.log.read_text("utf-8")
