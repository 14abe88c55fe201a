"""What hub and agents tell about a document's way, as values: spans of its trace, and where they go.

Nothing here sends anything. `otlp.py` does, when the extra is installed and somebody asks for it (`spans_to`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final, Protocol

Facts = Mapping[str, str | int | bool]

_NO_FACTS: Final[Facts] = MappingProxyType({})
NAMESPACE: Final = "truc"
"""Before the name of every fact, as it travels."""


class SpanName(StrEnum):
    """Every span there is, in the order of a document's way."""

    PACKAGE = "package"  # sender's agent: checked, signed, durable in its spool
    SUBMIT = "submit"  # sender's agent: from the spool into the hub's queue
    DOCUMENT = "document"  # hub: the one that all others hang under; from the receipt to the verdict
    INGEST = "ingest"  # hub: a submission, from the receipt to the commit
    STATUS = "status"  # hub: the same for a status; agent: a status written about the document
    COMMIT = "commit"  # hub: the transaction that wrote the verdict
    DELIVER = "deliver"  # hub: one recipient's copy, until the broker has confirmed it in the inbox
    ARRIVE = "arrive"  # recipient's agent: durable in its spool
    ACKNOWLEDGED = "acknowledged"  # hub: from the hand-over until the recipient's agent has said so
    TAKEN = "taken"  # recipient's agent: from the arrival until a document system has it


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a span that is worth its own time; nanoseconds since 1970."""

    name: str
    began: int
    ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One part of a document's way. `facts` name organs, ids and codes, never what stands in a document.

    `root`: all others of the trace hang under it; at most one of a trace should be.
    """

    trace: str
    name: SpanName
    began: datetime
    ended: datetime
    facts: Facts = field(default_factory=lambda: _NO_FACTS)
    steps: tuple[Step, ...] = ()
    failed: bool = False
    root: bool = False


class Spans(Protocol):
    """Where spans go. No method raises or waits for anybody, whatever ails the other end; `close` waits for seconds."""

    @property
    def on(self) -> bool:
        """Whether anybody listens: who would have to work for a span asks first."""
        ...

    def add(self, span: Span) -> None: ...

    def close(self) -> None:
        """Send what is still here, for a few seconds at most; may be called from any thread, once."""
        ...


class NoSpans:
    """Nobody listens."""

    @property
    def on(self) -> bool:
        return False

    def add(self, span: Span) -> None:
        """Forgets it."""

    def close(self) -> None:
        """Has nothing to send."""


NO_SPANS: Final[Spans] = NoSpans()


class TelemetryMissing(Exception):
    """Traces are to be sent, and what sends them is not installed."""

    vi: Final = "Cài đặt [telemetry] có endpoint nhưng chưa cài phần mở rộng OpenTelemetry"
    en: Final = "[telemetry] names an endpoint, but the OpenTelemetry extra is not installed"
    remedy_vi: Final = "cài: pip install 'truc-lien-thong[otel]', hoặc bỏ endpoint trong [telemetry]"
    remedy_en: Final = "install it: pip install 'truc-lien-thong[otel]', or take the endpoint out of [telemetry]"


_EXTRA: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


def check_telemetry(endpoint: str) -> None:
    """Raises TelemetryMissing when there is an endpoint and the extra is not installed. Loads nothing of it."""
    if endpoint and not all(map(_is_there, _EXTRA)):
        raise TelemetryMissing


def spans_to(
    endpoint: str, *, service: str, instance: str = "", ratio: float = 1.0, tell: Callable[[bool], None]
) -> Spans:
    """Where spans go: to the collector at `endpoint`, nowhere when it is empty. Raises TelemetryMissing.

    `tell` hears, from another thread, when the collector is lost (False) and when it is back (True).
    """
    if not endpoint:
        return NO_SPANS
    check_telemetry(endpoint)
    from edxml_schemas.otlp import OtlpSpans  # the extra

    return OtlpSpans(endpoint, service=service, instance=instance, ratio=ratio, tell=tell)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package above it
        return False
