"""A message on which workers died, from the broker's dead letters to its recipients, by an administrator's hand."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edxml_schemas.contract import DELIVERY_LIMIT, Urgency
from edxml_schemas.receipts import ReceiptKind
from router.adapters.amqp import AmqpBroker
from router.adapters.clock import SystemClock
from router.adapters.sql.store import SqlStore
from router.core.dead import DeadState
from tests.support.broker import PrivateBroker
from tests.support.hub_process import RECIPIENT_AGENTS, SENDER_AGENT, HubProcess, agent, hub_process
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
PATIENCE = 60.0  # seconds
DECISION = ("--reason", "đã nâng cấp bộ nhớ", "--by", "lan")


@pytest.fixture
def hub(tmp_path: Path, broker: PrivateBroker) -> Iterator[HubProcess]:
    with hub_process(tmp_path / "hub", broker) as process:
        yield process


async def die_on_it(broker: PrivateBroker) -> None:
    """Workers that take the message and die with it in hand, one after the other, until the broker gives it up."""
    for _ in range(DELIVERY_LIMIT + 1):
        worker = AmqpBroker(broker.hub_url, clock=SystemClock())
        async with (
            asyncio.timeout(PATIENCE),
            contextlib.aclosing(worker.submissions(Urgency.NORMAL, prefetch=1)) as arriving,
        ):
            async for _ in arriving:
                break
        await worker.close()


def said(hub: HubProcess, *arguments: str, code: int = 0) -> str:
    """What `truc dead …` prints."""
    done = hub.truc("dead", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout


def listed(hub: HubProcess) -> list[dict[str, object]]:
    found = json.loads(said(hub, "list", "--json"))
    assert isinstance(found, list)
    return found


async def test_what_killed_workers_is_listed_explained_and_returned_once(hub: HubProcess) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sender, *recipients = [
            await stack.enter_async_context(agent(hub.broker, name)) for name in (SENDER_AGENT, *RECIPIENT_AGENTS)
        ]
        body = hub.document(1)
        submission = await sender.submit(body)
        await die_on_it(hub.broker)
        hub.start(workers=1)
        store = SqlStore(hub.database)
        stack.callback(store.close)

        async def buried() -> bool:
            return bool(store.find_dead())

        await until(buried, patience=PATIENCE)
        (letter,) = listed(hub)
        assert (letter["submission_id"], letter["agent"]) == (submission, SENDER_AGENT)
        assert letter["reason"] == "delivery_limit"
        name = str(letter["id"])[:8]
        told = json.loads(said(hub, "explain", name, "--json"))
        assert (told["outcome"], told["findings"]) == ("accepted", [])
        assert not sender.receipts
        said(hub, "return", "--query", submission, *DECISION, "--yes")

        async def delivered() -> bool:
            return all(set(each.documents.values()) == {body} for each in recipients)

        await until(delivered, patience=PATIENCE)

        async def answered() -> bool:
            kinds = [each.kind for each in sender.receipts.get(submission, [])]
            return ReceiptKind.ACCEPTED in kinds and kinds.count(ReceiptKind.DELIVERED) == len(recipients)

        await until(answered, patience=PATIENCE)
        (after,) = store.find_dead(state=DeadState.RETURNED)
        assert (after.id, after.decided_by, after.note) == (letter["id"], "admin:lan", DECISION[1])
        said(hub, "return", name, *DECISION, code=1)
        (message,) = store.find(submission)
        assert [each.name for each in store.events_of(message.id)].count("message.accepted") == 1
        assert [len(each.came) for each in recipients] == [1] * len(recipients)
    assert hub.stop() == 0
