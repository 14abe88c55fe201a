"""An OpenTelemetry collector on loopback that keeps what it gets, and one that nobody reaches.

Without the extra `otel` tests skip and say so, or fail when CI=true.
"""

import gzip
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from edxml_schemas.telemetry import TelemetryMissing, check_telemetry


@dataclass(frozen=True, slots=True)
class Told:
    """One span as the collector got it; ids in hexadecimal, times in nanoseconds."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    began: int
    ended: int
    facts: dict[str, Any]
    events: tuple[str, ...]


@dataclass
class Collector:
    url: str = ""
    spans: list[Told] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    def named(self, name: str) -> list[Told]:
        return [each for each in self.spans if each.name == name]


def need_otel() -> None:
    """Skips the calling test with the reason, or fails it when CI=true."""
    try:
        check_telemetry("http://x")
    except TelemetryMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(missing.en)
        pytest.skip(missing.en)


@contextmanager
def collecting() -> Iterator[Collector]:
    need_otel()
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )

    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.paths.add(self.path)
            collector.spans.extend(_read(ExportTraceServiceRequest.FromString(body)))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silence() -> Iterator[str]:
    """The address of a collector that takes connections and never answers."""
    need_otel()
    with socket.create_server(("127.0.0.1", 0)) as taking:
        yield f"http://127.0.0.1:{taking.getsockname()[1]}"


def _read(request: Any) -> Iterator[Told]:
    for resource in request.resource_spans:
        service = {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Told(
                    service=service,
                    name=span.name,
                    trace=span.trace_id.hex(),
                    span=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    began=span.start_time_unix_nano,
                    ended=span.end_time_unix_nano,
                    facts={each.key: _value(each.value) for each in span.attributes},
                    events=tuple(each.name for each in span.events),
                )


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
