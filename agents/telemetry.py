"""`[telemetry]` of `agent.toml`: traces of documents for an OpenTelemetry collector, from this agent's side."""

from pydantic import BaseModel, ConfigDict, Field, field_validator
from structlog.typing import FilteringBoundLogger

from agents.errors import UsageFault
from edxml_schemas.telemetry import Spans, TelemetryMissing, spans_to


class TelemetrySettings(BaseModel):
    """Off without an endpoint. Further headers, a certificate and so on come from OpenTelemetry's own variables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = ""
    """The collector's address (OTLP over HTTP), for example `http://127.0.0.1:4318`; needs the extra `otel`."""
    service: str = ""
    """The name under which the agent's spans stand; `agent-` and the agent's name when empty."""
    sample_ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    """The share of documents whose traces are sent; with the hub's ratio, the same documents."""

    @field_validator("endpoint")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value


def open_spans(settings: TelemetrySettings, *, agent: str, log: FilteringBoundLogger) -> Spans:
    """Where this agent's spans go. Raises UsageFault when traces are to be sent and the extra is not installed."""

    def tell(reached: bool) -> None:
        if reached:
            log.info("collector.back")
        else:
            log.warning("collector.lost", endpoint=settings.endpoint)

    service = settings.service or f"agent-{agent}"
    try:
        return spans_to(settings.endpoint, service=service, instance=agent, ratio=settings.sample_ratio, tell=tell)
    except TelemetryMissing as problem:
        raise UsageFault(
            f"{problem.vi}. Đề nghị {problem.remedy_vi}.", f"{problem.en}: {problem.remedy_en}."
        ) from problem
