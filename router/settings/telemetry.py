"""`[telemetry]`: traces of documents for an OpenTelemetry collector (Jaeger, Tempo and others)."""

from pydantic import BaseModel, ConfigDict, Field, field_validator


class TelemetrySettings(BaseModel):
    """Off without an endpoint. Further headers, a certificate and so on come from OpenTelemetry's own variables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = ""
    """The collector's address (OTLP over HTTP), for example `http://127.0.0.1:4318`; needs the extra `otel`."""
    service: str = ""
    """The name under which the hub's spans stand; the hub's name when empty."""
    sample_ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    """The share of documents whose traces are sent; which ones follows from their trace ids."""

    @field_validator("endpoint")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value
