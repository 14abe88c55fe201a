"""The gateway's settings: the table `[gateway]` of `agent.toml`. Durations are seconds, sizes are bytes."""

from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

PATHS: Final = ("tls_certificate", "tls_key", "client_ca")
"""Settings that are paths, relative to the file."""

_FROZEN: Final = ConfigDict(frozen=True, extra="forbid")


def _network(text: str) -> str:
    return str(ip_network(text, strict=False))


Network = Annotated[str, AfterValidator(_network)]
Seconds = Annotated[timedelta, Field(gt=timedelta(0))]


class Arrived(StrEnum):
    """When status 01 (the document system has it) is written."""

    TAKEN = "taken"
    KEPT = "kept"


class VxpOptions(BaseModel):
    """Dialect A, `[gateway.vxp]`."""

    model_config = _FROZEN

    enabled: bool = True
    timestamp_age: Seconds = timedelta(days=7)
    """How old a signed time stamp may be: the client library takes it when the document system starts."""
    hash_file_required: bool = True
    """A send must say, signed, which file it carries; without, the signature does not cover the letter."""
    strict_addressing: bool = False
    """Whether `from` and `to` of a send must agree with the envelope; else a difference is logged and ignored."""


class LgspOptions(BaseModel):
    """Dialect B, `[gateway.lgsp]`."""

    model_config = _FROZEN

    enabled: bool = True


class RestOptions(BaseModel):
    """The native interface, `[gateway.rest]`."""

    model_config = _FROZEN

    enabled: bool = True
    json_limit: int = Field(default=32 * 2**20, ge=2**20)
    """Bytes of a JSON body with documents, which is read into memory; larger ones come as multipart/form-data."""
    idempotency_keep: Seconds = timedelta(days=3)
    """How long an Idempotency-Key is remembered."""
    heartbeat: Seconds = timedelta(seconds=15)
    """Between two signs of life on an event stream; the key is checked again with each."""
    streams_per_key: int = Field(default=4, ge=1)
    webhooks_per_key: int = Field(default=10, ge=1)
    webhook_hosts: tuple[str, ...] = ()
    """Hosts (`host` or `host:port`) that webhooks may call over http, or at loopback and link-local addresses."""
    webhook_timeout: Seconds = timedelta(seconds=10)


class DirectoryOptions(BaseModel):
    """The local copy of the registry's organs, `[gateway.directory]`."""

    model_config = _FROZEN

    interval: Seconds = timedelta(minutes=10)
    """Between two questions to the hub whether its list of organs has changed, give or take a fifth."""
    hub_url: str = ""
    """The hub's address over HTTP, for example `https://truc.example`; empty: that of `blob_url`."""


class GatewaySettings(BaseModel):
    """Where the gateway listens, and how much it bears."""

    model_config = _FROZEN

    host: str = "127.0.0.1"
    """Address to listen on; others than this machine's own want TLS."""
    port: int = Field(default=8090, ge=0, le=65535)
    """0: any free port (the log says which)."""
    tls_certificate: Path | None = None
    """PEM, with its chain. Read again when the file changes, and on SIGHUP."""
    tls_key: Path | None = None
    client_ca: Path | None = None
    """Authorities (PEM) whose client certificates count; a certificate is welcome, not required."""
    require_client_certificate: bool = False
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses or networks whose X-Forwarded-For, X-Forwarded-Proto and `client_certificate_header` are believed."""
    client_certificate_header: str = ""
    """Header in which a trusted proxy passes the client certificate on (PEM, percent-encoded, or SHA-256 in hex)."""
    body_limit: int = Field(default=500 * 2**20, gt=0)
    """Bytes of a request body. An envelope in it has the smaller limit of `edxml_schemas.limits`."""
    incoming_bytes: int = Field(default=4 * 2**30, gt=0)
    """Bytes of disk that all requests that are being received may take together, parts of forms a second time."""
    free_bytes: int = Field(default=2**30, ge=0)
    """Bytes of the spool's disk that uploads leave free."""
    header_limit: int = Field(default=256 * 2**10, ge=4096)
    """Bytes of request line and headers together."""
    header_count: int = Field(default=100, ge=20)
    header_timeout: Seconds = timedelta(seconds=20)
    """Until request line and headers must be there, whole."""
    idle_timeout: Seconds = timedelta(seconds=30)
    """How long a client may send nothing of its body, or read nothing of an answer."""
    slowest: int = Field(default=1024, ge=1)
    """Bytes per second that a body must come with on average, after the first `idle_timeout`."""
    keep_alive: Seconds = timedelta(seconds=75)
    """How long an unused connection stays open."""
    connections: int = Field(default=1000, ge=1)
    """Connections at once; one more is told to come again later."""
    connections_per_address: int = Field(default=100, ge=1)
    """The same for one address, or one /64 of IPv6; `trusted_proxies`, which stand for many, are bound by all alone."""
    large_at_once: int = Field(default=2, ge=1)
    """Envelopes above 1 MiB that are read into memory at once; others wait on disk."""
    shutdown_grace: Seconds = timedelta(seconds=10)
    """For requests in flight when the agent is told to stop."""
    lease: Seconds = timedelta(minutes=10)
    """A document that was fetched and not marked is free for others again after so long."""
    arrived: Arrived = Arrived.TAKEN
    """`taken`: status 01 when a document system takes the document; `kept`: as soon as the agent has it."""
    trace_header: bool = False
    """Documents that vxp and lgsp hand out get a TraceHeader of the hub, as a copy; what is stored stays as signed."""
    trace_organ: str = Field(default="", max_length=200)
    """The organ code in that TraceHeader."""
    vxp: VxpOptions = VxpOptions()
    lgsp: LgspOptions = LgspOptions()
    rest: RestOptions = RestOptions()
    directory: DirectoryOptions = DirectoryOptions()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if self.client_ca is not None and self.tls_certificate is None:
            raise ValueError("client_ca needs tls_certificate")
        if self.require_client_certificate and self.client_ca is None:
            raise ValueError("require_client_certificate needs client_ca")
        if self.incoming_bytes < 2 * self.body_limit:
            raise ValueError("incoming_bytes must be twice body_limit: a form and its parts")
        if self.trace_header and not self.trace_organ.strip():
            raise ValueError("trace_header needs trace_organ")
        if self.client_certificate_header and not self.trusted_proxies:
            raise ValueError("client_certificate_header needs trusted_proxies")
        return self


def placed(values: dict[str, Any], home: Path) -> dict[str, Any]:
    """The table with every path made absolute."""
    return {name: home / str(value) if name in PATHS else value for name, value in values.items()}
