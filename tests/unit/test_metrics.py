"""The hub's figures for Prometheus: what they say, who may read them, and that their names stay."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

import router.services.figures as figures_room
from router.adapters.memory_figures import MemoryFigures
from router.adapters.memory_store import MemoryStore
from router.adapters.metrics import METRICS, MetricsDoor, exposition, table
from router.adapters.private_paths import PrivatePaths
from router.core.figures import Cell
from router.core.log_lag import Lag, LogReader
from router.ports import BrokerUnavailable, QueueDepth, StoreUnavailable
from router.ports.figures import AgentBacklog, Standing
from router.services.figures.certificates import Endings, endings
from router.services.figures.readings import Reading, Readings
from tests.support.console import Hands
from tests.support.records import MINUTE, NOON

TOKEN = "a-token-of-some-length"
READING = Reading(
    at=NOON,
    parts={"broker": "", "database": "", "worker-1": "no sign of life"},
    standing=Standing(
        queued=3,
        held=2,
        parked=1,
        receipts=4,
        deferred=5,
        dead=6,
        attempts=7,
        oldest=NOON - MINUTE,
        overdue={"not-received": 8},
        oldest_overdue=NOON - 2 * MINUTE,
        agents=(AgentBacklog(agent="so-y-te", outbox=3, overdue=1, oldest=NOON - MINUTE), AgentBacklog(agent="b")),
    ),
    totals=(
        ("new", "sent", 10),
        ("status", "sent", 20),
        ("new", "refused", 2),
        ("new", "code:signature.missing", 2),
        ("new", "step:queued", 12),
        ("new", "receipts:sent", 9),
        ("new", "verdict:0.1", 4),
        ("status", "verdict:0.1", 1),
        ("new", "verdict:2.5", 3),
        ("new", "verdict:inf", 1),
        ("new", "verdict:ms", 90_500),
    ),
    depths=(QueueDepth("edxml.inbox.so-y-te.normal", 11, 1),),
    endings=Endings(days_left={"hub": 29.5}, organs={0: 1, 7: 0, 30: 2, 60: 0}),
    lags={LogReader.SEARCH: Lag(events=12, age=MINUTE), LogReader.FIGURES: Lag()},
)


def samples(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_prometheus_reads_what_the_hub_says() -> None:
    found = samples(exposition(READING))
    assert found["truc_documents_total", ("new", "accepted")] == 10
    assert found["truc_documents_total", ("status", "accepted")] == 20
    assert found["truc_documents_total", ("new", "refused")] == 2
    assert found["truc_refusals_total", ("signature.missing",)] == 2
    assert found["truc_leg_steps_total", ("queued",)] == 12
    assert found["truc_receipts_total", ("sent",)] == 9
    assert found["truc_legs", ("parked",)] == 1
    assert found["truc_overdue", ("not-received",)] == 8
    assert found["truc_overdue", ("not-arrived",)] == 0
    assert found["truc_queue_messages", ("edxml.inbox.so-y-te.normal",)] == 11
    assert found["truc_agent_oldest_seconds", ("so-y-te",)] == 60
    assert found["truc_up", ("worker-1",)] == 0
    assert found["truc_certificate_days_left", ("hub",)] == 29.5
    assert found["truc_organ_certificates", ("30",)] == 2


def test_a_histogram_counts_upwards_and_ends_with_everything() -> None:
    found = samples(exposition(READING))
    assert found["truc_verdict_seconds_bucket", ("0.1",)] == 5
    assert found["truc_verdict_seconds_bucket", ("2.5",)] == 8
    assert found["truc_verdict_seconds_bucket", ("86400.0",)] == 8
    assert found["truc_verdict_seconds_bucket", ("+Inf",)] == found["truc_verdict_seconds_count", ()] == 9
    assert found["truc_verdict_seconds_sum", ()] == 90.5


def test_what_is_away_is_left_out_and_told() -> None:
    found = samples(exposition(replace(READING, standing=None, depths=None, parts={"database": "no answer"})))
    assert found["truc_up", ("database",)] == 0
    assert not [name for name, _ in found if name.startswith(("truc_legs", "truc_queue"))]


def test_only_so_many_agents_have_figures_of_their_own() -> None:
    found = samples(exposition(READING, agents=1))
    assert [labels for name, labels in found if name == "truc_agent_outbox"] == [("so-y-te",)]


def test_every_metric_is_of_the_catalogue_and_the_readme_has_it() -> None:
    names = {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in text_string_to_metric_families(exposition(READING).decode())
    }
    assert names == {each.name: each.kind for each in METRICS.values()}
    assert table() in Path(str(figures_room.__file__)).with_name("README.md").read_text(encoding="utf-8")


# ── Who may read ────────────────────────────────────────────────────────────────────────────────────────────────────


def readings(**given: Any) -> Readings:
    return Readings(MemoryFigures(MemoryStore()), clock=Hands(NOON), **given)


def client(address: str = "203.0.113.9", *, token: str = TOKEN) -> TestClient:
    guard = PrivatePaths([ip_network("10.0.0.0/8"), ip_network("::1/128")], token=token)
    door = MetricsDoor(readings(), guard, agents=9)
    return TestClient(Starlette(routes=[door.route()]), client=(address, 40_000))


@pytest.mark.parametrize("address", ["10.1.2.3", "::1", "::ffff:10.1.2.3"])
def test_a_configured_network_may_read(address: str) -> None:
    answer = client(address).get("/-/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")


@pytest.mark.parametrize("address", ["203.0.113.9", "no-address"])
def test_others_need_the_token(address: str) -> None:
    asks = client(address)
    assert asks.get("/-/metrics").status_code == 401
    assert asks.get("/-/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert asks.get("/-/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_proxy_in_a_configured_network_opens_nothing_for_those_behind_it(header: str) -> None:
    assert client("10.1.2.3").get("/-/metrics", headers={header: "203.0.113.9"}).status_code == 401


def test_an_empty_token_opens_nothing() -> None:
    assert client(token="").get("/-/metrics", headers={"Authorization": "Bearer "}).status_code == 401


# ── Readings ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _two_readings(clock: Hands, taken: Readings, *, apart: timedelta) -> tuple[Reading, Reading]:
    first = await taken.read()
    clock.pass_by(apart)
    return first, await taken.read()


@pytest.mark.parametrize(("seconds", "same"), [(4, True), (6, False), (-60, False)])
def test_many_askers_cost_no_more_than_one(seconds: int, same: bool) -> None:
    clock = Hands(NOON)
    taken = Readings(MemoryFigures(MemoryStore()), clock=clock)
    first, second = asyncio.run(_two_readings(clock, taken, apart=timedelta(seconds=seconds)))
    assert (first is second) is same


def test_a_reading_without_broker_and_database_says_so() -> None:
    class Away(MemoryFigures):
        def standing(self, **_: object) -> Standing:
            raise StoreUnavailable("away")

    async def no_depths() -> list[QueueDepth]:
        raise BrokerUnavailable("away")

    reading = asyncio.run(Readings(Away(MemoryStore()), clock=Hands(NOON), depths=no_depths).read())
    assert (reading.standing, reading.depths, reading.parts) == (None, None, {"database": "no answer"})


def test_totals_come_from_the_sums() -> None:
    figures = MemoryFigures(MemoryStore())
    figures.add({Cell("2026-03", "", "new", "sent"): 3}, after=0, upto=1)
    reading = asyncio.run(Readings(figures, clock=Hands(NOON)).read())
    assert samples(exposition(reading))["truc_documents_total", ("new", "accepted")] == 3


def test_organs_are_counted_by_their_last_certificate_once() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    days = {"a": -1, "b": 0, "c": 5, "d": 7, "e": 8, "f": 60, "g": 61}
    ends = endings([], {organ: now + timedelta(days=left) for organ, left in days.items()}, now=now, most=2)
    assert ends.organs == {0: 2, 7: 2, 30: 1, 60: 1}
    assert [organ for organ, _ in ends.soonest] == ["a", "b"]
