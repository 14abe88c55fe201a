"""Spans: one trace of hub and agents at a real collector, and traffic that no collector disturbs."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from agents.agent import Agent
from agents.errors import UsageFault
from agents.logs import logger
from agents.memory_link import MemoryLink
from agents.settings import load_settings as load_agent_settings
from agents.spool import Spool
from agents.telemetry import TelemetrySettings as AgentTelemetry
from agents.telemetry import open_spans as open_agent_spans
from edxml_schemas import telemetry
from edxml_schemas.statuses import StatusCode
from edxml_schemas.telemetry import NO_SPANS, Span, SpanName, Spans, spans_to
from edxml_schemas.traces import root_span_id, submission_trace_id, trace_id
from router.adapters.memory_broker import MemoryBroker
from router.adapters.otel import open_spans
from router.errors import ExitCode, UsageProblem
from router.services.verdicts.ingest import Ingest
from router.services.work.batch import Services
from router.services.work.worker import Worker
from router.settings.telemetry import TelemetrySettings
from tests.support.agency import AGENT_NAMES, Fixed, running, settings_of
from tests.support.collector import Collector, collecting, need_otel, silence
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document
from tests.support.hub_desk import H41, Desk
from tests.support.waiting import until
from tests.unit.test_worker import QUICK, Hands

TRACE = trace_id(SENDER, DOCUMENT_ID)
SECOND = timedelta(seconds=1)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as here:
        yield here


def a_span(**changes: object) -> Span:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    given = {"trace": TRACE, "name": SpanName.DELIVER, "began": now, "ended": now + SECOND, **changes}
    return Span(**given)  # type: ignore[arg-type]  # the test names the fields


async def a_letter_goes_and_is_answered(tmp_path: Path, spans: Callable[[str], Spans]) -> None:
    """From one agent to two, with a hub of the product's own parts; taken, and answered with 03."""
    hub, clock = Desk(), Hands()
    broker = MemoryBroker(clock=clock, agents=AGENT_NAMES)
    told = spans("hub")
    ingest = Ingest(hub.payloads, hub.trust, hub.policy, tick=time.time_ns if told.on else None)
    services = Services(ingest=ingest, relay=hub.relay, tracking=hub.tracking, upkeep=hub.upkeep)
    worker = Worker(services, store=hub.store, broker=broker, clock=clock, options=QUICK, spans=told)
    agents = {
        name: Agent(settings, Spool.open(settings.spool), clock=Fixed(), spans=spans(name))
        for name in ("vpcp", "nghean")
        for settings in [settings_of(name, hub, tmp_path)]
    }
    sender, recipient = agents["vpcp"], agents["nghean"]

    async def came() -> bool:
        return bool(await recipient.receive())

    async def answered() -> bool:
        return {each.status_code for each in sender.spool.statuses_about(submission_id=str(sent))} == {"01", "03"}

    work = (worker.run(), *(agents[name].run(MemoryLink(broker, agent=name, user_id=name)) for name in agents))
    async with running(*work):
        sent = await sender.send(a_document())
        await until(came)
        (item,) = await recipient.receive()
        await recipient.take(item.leg_id)
        await recipient.report(item.leg_id, StatusCode.RECEIVED)
        await until(answered)
        await until(lambda: _no_outbox(hub))
        worker.stop()
    last_words = (told.close, *(each.desk.trail.close for each in agents.values()))
    await asyncio.gather(*map(asyncio.to_thread, last_words))


async def _no_outbox(hub: Desk) -> bool:
    return hub.store.backlog().outbox <= 1  # what is for an agent that does not run here


async def test_a_document_is_one_trace_of_hub_and_agents(collector: Collector, tmp_path: Path) -> None:
    def to_collector(service: str) -> Spans:
        return spans_to(collector.url, service=service, tell=lambda _: None)

    await a_letter_goes_and_is_answered(tmp_path, to_collector)

    assert collector.paths == {"/v1/traces"}
    assert {each.trace for each in collector.spans} == {TRACE}
    (root,) = collector.named("document")
    assert (root.service, root.span, root.parent) == ("hub", root_span_id(TRACE), "")
    assert {each.parent for each in collector.spans if each is not root} == {root.span}
    assert len({each.span for each in collector.spans}) == len(collector.spans)
    made = {(each.service, each.name) for each in collector.spans}
    assert made == {
        ("vpcp", "package"),
        ("vpcp", "submit"),
        ("hub", "document"),
        ("hub", "ingest"),
        ("hub", "commit"),
        ("hub", "deliver"),
        ("hub", "acknowledged"),
        ("hub", "status"),
        ("nghean", "arrive"),
        ("nghean", "taken"),
        ("nghean", "status"),
        ("nghean", "submit"),
        ("vpcp", "arrive"),
    }
    (ingest,) = collector.named("ingest")
    assert ingest.events == ("transport", "vouching", "structure", "signature", "trust", "reading", "secrecy")
    assert (ingest.facts["truc.verdict"], ingest.facts["truc.document_id"]) == ("accepted", DOCUMENT_ID)
    assert H41 in {each.facts["truc.recipient"] for each in collector.named("deliver")}
    assert all(each.began <= each.ended for each in collector.spans)
    said = " ".join(str(value) for each in collector.spans for value in each.facts.values())
    assert a_document().subject not in said


@pytest.mark.parametrize("service", ["hub", "agent"])
def test_a_sample_is_the_same_documents_everywhere(collector: Collector, service: str) -> None:
    spans = spans_to(f"{collector.url}/else", service=service, ratio=0.5, tell=lambda _: None)
    names = [submission_trace_id("a", str(number)) for number in range(200)]
    for each in names:
        spans.add(a_span(trace=each))
    spans.close()
    kept = {each.trace for each in collector.spans}
    assert collector.paths == {"/else"}
    assert 0 < len(kept) < len(names)
    assert kept == {each for each in names if int(each[16:], 16) < 2**63}


async def test_a_collector_that_never_answers_disturbs_nobody(tmp_path: Path) -> None:
    heard: list[bool] = []
    with silence() as address:
        began = time.monotonic()
        await a_letter_goes_and_is_answered(
            tmp_path, lambda service: spans_to(address, service=service, tell=heard.append)
        )
        assert time.monotonic() - began < 60


def test_a_collector_that_is_away_is_told_of_once_and_spans_beyond_the_queue_are_dropped() -> None:
    need_otel()
    from edxml_schemas.otlp import BATCH, QUEUE

    heard: list[bool] = []
    spans = spans_to("http://127.0.0.1:9", service="hub", tell=heard.append)  # the port of discarding, closed
    began = time.monotonic()
    for _ in range(QUEUE + BATCH):
        spans.add(a_span())
    spans.close()
    assert len(heard) <= 1
    assert time.monotonic() - began < 30


def test_without_an_endpoint_nobody_listens_and_nothing_is_loaded() -> None:
    hub = open_spans(TelemetrySettings(), hub="truc", name="truc-1")
    agent = open_agent_spans(AgentTelemetry(), agent="vpcp", log=logger("vpcp"))
    assert hub is agent is NO_SPANS
    hub.add(a_span())
    hub.close()
    assert not hub.on


def test_an_endpoint_without_the_extra_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> object:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(name)
        return find_spec(name)

    monkeypatch.setattr(telemetry, "find_spec", without)
    with pytest.raises(UsageProblem, match="not installed") as refused:
        open_spans(TelemetrySettings(endpoint="http://127.0.0.1:4318"), hub="truc", name="truc-1")
    assert refused.value.exit_code is ExitCode.USAGE
    assert "truc-lien-thong[otel]" in refused.value.remedy_vi
    with pytest.raises(UsageFault, match=r"truc-lien-thong\[otel\]"):
        open_agent_spans(AgentTelemetry(endpoint="http://127.0.0.1:4318"), agent="vpcp", log=logger("vpcp"))


def test_the_agents_table_is_read_and_its_faults_are_named(tmp_path: Path) -> None:
    text = 'name = "vpcp"\norgans = [{organ_id = "H41"}]\n[telemetry]\nendpoint = "{}"\nsample_ratio = 0.1\n'
    place = tmp_path / "agent.toml"
    place.write_text(text.replace("{}", "http://collector:4318"), "utf-8")
    assert load_agent_settings(place).telemetry.sample_ratio == 0.1
    place.write_text(text.replace("{}", "collector:4318"), "utf-8")
    with pytest.raises(UsageFault, match=r"telemetry\.endpoint"):
        load_agent_settings(place)
