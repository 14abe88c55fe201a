"""Figures of a hub at work: what travelled is in the sums, in the metrics and in `truc stats`."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.adapters.sql.figures import SqlFigures
from router.adapters.sql.store import SqlStore
from router.services.figures.counting import Counting
from tests.integration.test_hub_process import ready
from tests.support.broker import PrivateBroker
from tests.support.hub_process import RECIPIENT_AGENTS, SENDER_AGENT, HubProcess, agent, hub_process
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
SENT = 3


@pytest.fixture
def hub(tmp_path: Path, broker: PrivateBroker) -> Iterator[HubProcess]:
    with hub_process(tmp_path / "hub", broker) as process:
        yield process


def sums(hub: HubProcess) -> dict[str, int]:
    """Of documents, counted to the end."""
    store = SqlStore(hub.database)
    try:
        figures = SqlFigures(store.engine)
        Counting(figures).catch_up(now=datetime.now(UTC) + timedelta(hours=1))
        return {measure: value for kind, measure, value in figures.totals() if kind == "new"}
    finally:
        store.close()


def metrics(hub: HubProcess) -> dict[tuple[str, ...], float]:
    """By name and labels."""
    text = httpx.get(f"http://127.0.0.1:{hub.http_port}/-/metrics", timeout=10).raise_for_status().text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_what_travelled_is_in_the_sums_the_metrics_and_the_statistics(hub: HubProcess) -> None:
    hub.start()
    await ready(hub)
    async with contextlib.AsyncExitStack() as stack:
        sender, *_ = [
            await stack.enter_async_context(agent(hub.broker, name)) for name in (SENDER_AGENT, *RECIPIENT_AGENTS)
        ]
        for number in range(SENT):
            await sender.submit(hub.document(number))

        async def counted() -> bool:
            return (await asyncio.to_thread(sums, hub)).get("delivered", 0) >= SENT * len(RECIPIENT_AGENTS)

        await until(counted, patience=60.0)
    found = await asyncio.to_thread(sums, hub)
    assert (found["sent"], found["electronic"], found["received"]) == (SENT, SENT, SENT * len(RECIPIENT_AGENTS))

    told = await asyncio.to_thread(metrics, hub)
    assert told["truc_documents_total", "new", "accepted"] == SENT
    assert told["truc_up", "worker-1"] == told["truc_up", "broker"] == told["truc_up", "database"] == 1
    assert told["truc_queue_consumers", "edxml.ingest.normal"] >= 1
    assert told["truc_certificate_days_left", "hub"] > 0
    assert told[("truc_verdict_seconds_count",)] >= SENT

    assert json.loads(hub.truc("stats", "--json").stdout)["whole"]["sent"] == SENT
    seen = json.loads(hub.truc("top", "--json").stdout)
    assert (seen["workers"], seen["last_hour"]) == (2, SENT)
