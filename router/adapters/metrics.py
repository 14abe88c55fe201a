"""GET /-/metrics: the hub's figures in the text format of Prometheus. Names are stable; the README lists them.

Counters and histograms are sums over all processes and all time: they are counted from the log, a minute behind it,
and no restart sets them back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from router.adapters.private_paths import PrivatePaths
from router.core.deadlines import Deadline
from router.core.figures import LATENCY_BUCKETS, MILLISECONDS, Measure
from router.ports.figures import AgentBacklog, Standing
from router.services.figures.readings import Reading, Readings

PATH: Final = "/-/metrics"
RULES: Final = tuple(each.value for each in Deadline)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of the catalogue: its name, kind, labels and what it says."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


_ROWS: Final = (
    MetricRow("truc_documents_total", "counter", ("kind", "verdict"), "Messages by kind and verdict"),
    MetricRow("truc_refusals_total", "counter", ("code",), "Refused messages by code; one has one or more"),
    MetricRow("truc_leg_steps_total", "counter", ("step",), "Steps that legs took on their way"),
    MetricRow("truc_receipts_total", "counter", ("outcome",), "Receipts that were sent, or given up"),
    MetricRow("truc_attempts_failed_total", "counter", (), "Attempts to publish that failed"),
    MetricRow("truc_verdict_seconds", "histogram", (), "From the broker's delivery of a message to the verdict"),
    MetricRow("truc_delivery_seconds", "histogram", (), "From there to the acknowledgement of the recipient's agent"),
    MetricRow("truc_legs", "gauge", ("state",), "Legs that wait at the hub: queued, held, parked"),
    MetricRow("truc_receipts_waiting", "gauge", (), "Receipts in the outbox"),
    MetricRow("truc_outbox_oldest_seconds", "gauge", (), "Age of the oldest item of the outbox that is addressed"),
    MetricRow("truc_deferred", "gauge", (), "Messages whose verdict waits for something outside"),
    MetricRow("truc_dead_letters", "gauge", (), "Dead letters that nobody has decided about"),
    MetricRow("truc_overdue", "gauge", ("rule",), "Legs over a deadline"),
    MetricRow("truc_overdue_oldest_seconds", "gauge", (), "Age of the oldest leg over a deadline"),
    MetricRow("truc_queue_messages", "gauge", ("queue",), "Messages in a queue of the broker"),
    MetricRow("truc_queue_consumers", "gauge", ("queue",), "Consumers of a queue of the broker"),
    MetricRow("truc_agent_outbox", "gauge", ("agent",), "Deliveries for an agent that are not in its inbox yet"),
    MetricRow("truc_agent_overdue", "gauge", ("agent",), "Deliveries that an agent has not acknowledged in time"),
    MetricRow("truc_agent_oldest_seconds", "gauge", ("agent",), "Age of the oldest of the two"),
    MetricRow("truc_log_behind_events", "gauge", ("reader",), "Events of the log that search or figures have not read"),
    MetricRow("truc_log_behind_seconds", "gauge", ("reader",), "Age of the oldest of them, 0 for none"),
    MetricRow("truc_up", "gauge", ("part",), "1 while broker, database or a worker works, else 0"),
    MetricRow("truc_certificate_days_left", "gauge", ("kind",), "Days until the first certificate of a kind ends"),
    MetricRow("truc_organ_certificates", "gauge", ("ends_within_days",), "Organs whose last certificate ends so soon"),
)
METRICS: Final[Mapping[str, MetricRow]] = {each.name: each for each in _ROWS}
"""The catalogue, in the order of the README."""

_VERDICTS: Final = {
    Measure.SENT.value: "accepted",
    Measure.REFUSED.value: "refused",
    Measure.DUPLICATE.value: "duplicate",
}
_LATENCIES: Final = (("truc_verdict_seconds", Measure.VERDICT), ("truc_delivery_seconds", Measure.DELIVERY))
Sample = tuple[tuple[str, ...], float]


class MetricsDoor:
    """Answers who may ask. `agents` bounds how many agents have figures of their own."""

    def __init__(self, readings: Readings, guard: PrivatePaths, *, agents: int) -> None:
        self._readings = readings
        self._guard = guard
        self._agents = agents

    def route(self) -> Route:
        return Route(PATH, self.get)

    async def get(self, request: Request) -> Response:
        if not self._guard.admits(request):
            return self._guard.refusal()
        text = exposition(await self._readings.read(), agents=self._agents)
        return Response(text, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def exposition(reading: Reading, *, agents: int = 1000) -> bytes:
    """The reading as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(_Collected(tuple(_metrics(reading, agents=agents))))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _metrics(reading: Reading, *, agents: int) -> Iterator[Metric]:
    yield _counter("truc_documents_total", _documents(reading))
    yield _counter("truc_refusals_total", _family(reading, Measure.CODE.value))
    yield _counter("truc_leg_steps_total", _family(reading, Measure.STEP.value))
    yield _counter("truc_receipts_total", _family(reading, Measure.RECEIPTS.value))
    for name, family in _LATENCIES:
        yield _histogram(name, dict(_counted(reading, family.value)))
    if reading.standing is not None:
        yield from _standing(reading, reading.standing, agents=agents)
    if reading.depths is not None:
        yield _gauge("truc_queue_messages", [((each.queue,), each.messages) for each in reading.depths])
        yield _gauge("truc_queue_consumers", [((each.queue,), each.consumers) for each in reading.depths])
    if reading.lags:
        yield _gauge("truc_log_behind_events", [((each.value,), lag.events) for each, lag in reading.lags.items()])
        ages = [((each.value,), lag.age.total_seconds()) for each, lag in reading.lags.items()]
        yield _gauge("truc_log_behind_seconds", ages)
    yield _gauge("truc_up", [((part,), 0 if problem else 1) for part, problem in reading.parts.items()])
    ends = reading.endings
    yield _gauge("truc_certificate_days_left", [((kind,), days) for kind, days in ends.days_left.items()])
    yield _gauge("truc_organ_certificates", [((str(days),), count) for days, count in ends.organs.items()])


def _standing(reading: Reading, standing: Standing, *, agents: int) -> Iterator[Metric]:
    yield _counter("truc_attempts_failed_total", [((), standing.attempts)])
    states = (("queued", standing.queued), ("held", standing.held), ("parked", standing.parked))
    yield _gauge("truc_legs", [((state,), count) for state, count in states])
    yield _gauge("truc_receipts_waiting", [((), standing.receipts)])
    yield _gauge("truc_outbox_oldest_seconds", [((), _age(reading, standing))])
    yield _gauge("truc_deferred", [((), standing.deferred)])
    yield _gauge("truc_dead_letters", [((), standing.dead)])
    yield _gauge("truc_overdue", [((rule,), standing.overdue.get(rule, 0)) for rule in RULES])
    since = standing.oldest_overdue
    yield _gauge("truc_overdue_oldest_seconds", [((), (reading.at - since).total_seconds() if since else 0)])
    shown = standing.agents[:agents]
    yield _gauge("truc_agent_outbox", [((each.agent,), each.outbox) for each in shown])
    yield _gauge("truc_agent_overdue", [((each.agent,), each.overdue) for each in shown])
    yield _gauge("truc_agent_oldest_seconds", [((each.agent,), _waited(reading, each)) for each in shown])


def _documents(reading: Reading) -> Iterator[Sample]:
    for kind, measure, value in reading.totals:
        if measure in _VERDICTS:
            yield (kind, _VERDICTS[measure]), value


def _family(reading: Reading, family: str) -> Iterator[Sample]:
    for name, value in _counted(reading, family):
        yield (name,), value


def _counted(reading: Reading, family: str) -> Iterator[tuple[str, int]]:
    """What follows a family's name, with the sum over all kinds."""
    found: dict[str, int] = {}
    for _, measure, value in reading.totals:
        if measure.startswith(family):
            name = measure.removeprefix(family)
            found[name] = found.get(name, 0) + value
    yield from sorted(found.items())


def _counter(name: str, samples: Iterable[Sample]) -> Metric:
    row = METRICS[name]
    made = CounterMetricFamily(name.removesuffix("_total"), row.help, labels=row.labels)
    for labels, value in samples:
        made.add_metric(labels, value)
    return made


def _gauge(name: str, samples: Iterable[Sample]) -> Metric:
    row = METRICS[name]
    made = GaugeMetricFamily(name, row.help, labels=row.labels)
    for labels, value in samples:
        made.add_metric(labels, value)
    return made


def _histogram(name: str, counts: Mapping[str, int]) -> Metric:
    reached, buckets = 0, []
    for limit in LATENCY_BUCKETS:
        reached += counts.get(f"{limit:g}", 0)
        buckets.append((str(limit), float(reached)))
    buckets.append(("+Inf", float(reached + counts.get("inf", 0))))
    made = HistogramMetricFamily(name, METRICS[name].help, labels=())
    made.add_metric((), buckets, counts.get(MILLISECONDS, 0) / 1000)
    return made


def _age(reading: Reading, standing: Standing) -> float:
    return 0.0 if standing.oldest is None else max((reading.at - standing.oldest).total_seconds(), 0.0)


def _waited(reading: Reading, backlog: AgentBacklog) -> float:
    return 0.0 if backlog.oldest is None else max((reading.at - backlog.oldest).total_seconds(), 0.0)


def table() -> str:
    """The catalogue as a Markdown table, as it stands in the README."""
    head = "| metric | kind | labels | says |\n|---|---|---|---|"
    rows = (
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.help} |"
        for each in METRICS.values()
    )
    return "\n".join((head, *rows))
