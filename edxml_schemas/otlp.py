"""Sends spans to an OpenTelemetry collector (OTLP over HTTP). Needs the extra `otel`; nothing of the format imports it.

Spans are queued (at most `QUEUE`; the oldest go when there are more) and sent by a thread of the SDK, so that nobody
waits for a collector. Whether a trace is kept follows from its id alone: hub and agents keep the same ones.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context
from opentelemetry.trace.status import Status

from edxml_schemas.telemetry import NAMESPACE, Span
from edxml_schemas.traces import root_span_id

TRACES_PATH: Final = "/v1/traces"
QUEUE: Final = 4096
BATCH: Final = 512
DELAY: Final = timedelta(seconds=2)
"""How long a span waits for company."""
PATIENCE: Final = 5.0  # seconds for one batch, with all its tries
LAST_WORDS: Final = 2.0  # seconds for what is left at the end

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class OtlpSpans:
    """One per process."""

    def __init__(
        self,
        endpoint: str,
        *,
        service: str,
        instance: str = "",
        ratio: float = 1.0,
        tell: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """`endpoint` is the collector's address; without a path its usual one. `ratio` is the share of traces that are
        sent. `tell` hears, from another thread, when the collector is lost (False) and when it is back (True)."""
        self._ids = _Ids()
        self._exporter = _Exporter(OTLPSpanExporter(endpoint=address_of(endpoint), timeout=PATIENCE), tell)
        provider = TracerProvider(
            sampler=TraceIdRatioBased(ratio),
            resource=Resource.create({"service.name": service, "service.instance.id": instance or service}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=QUEUE,
            max_export_batch_size=BATCH,
            schedule_delay_millis=DELAY / timedelta(milliseconds=1),
        )
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("truc-lien-thong")

    @property
    def on(self) -> bool:
        return True

    def add(self, span: Span) -> None:
        trace, root = int(span.trace, 16), int(root_span_id(span.trace), 16)
        if span.root:
            self._ids.next_is(trace, root)
            context = Context()
        else:
            parent = SpanContext(trace, root, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
            context = set_span_in_context(NonRecordingSpan(parent), Context())
        told = self._tracer.start_span(
            span.name.value,
            context=context,
            kind=SpanKind.INTERNAL,
            attributes={f"{NAMESPACE}.{name}": value for name, value in span.facts.items() if value != ""},
            start_time=_nanoseconds(span.began),
        )
        for step in span.steps:
            told.add_event(step.name, {"spent_us": (step.ended - step.began) // 1000}, timestamp=step.ended)
        if span.failed:
            told.set_status(Status(StatusCode.ERROR))
        told.end(end_time=max(_nanoseconds(span.ended), _nanoseconds(span.began)))

    def close(self) -> None:
        # The SDK would wait for half a minute while the collector is away.
        enough = threading.Timer(LAST_WORDS, self._exporter.stop)
        enough.daemon = True
        enough.start()
        self._processor.shutdown()  # type: ignore[no-untyped-call]  # the SDK gives it no types
        enough.cancel()


class _Ids(RandomIdGenerator):
    """Ids of spans are random but for the roots', which follow from the trace. Each thread has its own next one."""

    def __init__(self) -> None:
        self._next = threading.local()

    def next_is(self, trace: int, span: int) -> None:
        self._next.ids = (trace, span)

    def generate_trace_id(self) -> int:
        ids: tuple[int, int] | None = getattr(self._next, "ids", None)
        return super().generate_trace_id() if ids is None else ids[0]

    def generate_span_id(self) -> int:
        ids: tuple[int, int] | None = getattr(self._next, "ids", None)
        self._next.ids = None
        return super().generate_span_id() if ids is None else ids[1]


class _Exporter(SpanExporter):
    """The SDK's exporter, which says once that the collector is away, and once that it is back."""

    def __init__(self, exporter: SpanExporter, tell: Callable[[bool], None]) -> None:
        self._exporter = exporter
        self._tell = tell
        self._reached = True
        self._stopped = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        reached = result is SpanExportResult.SUCCESS
        if reached is not self._reached and not self._stopped.is_set():
            self._reached = reached
            self._tell(reached)
        return result

    def stop(self) -> None:
        """Whatever is being sent, and whatever follows, is given up."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._exporter.shutdown()

    def shutdown(self) -> None:
        self.stop()


def address_of(endpoint: str) -> str:
    """Where spans are sent: an address without a path means the collector's usual one."""
    parts = urlsplit(endpoint)
    return endpoint if parts.path not in {"", "/"} else parts._replace(path=TRACES_PATH).geturl()


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000
