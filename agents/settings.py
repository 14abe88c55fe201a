"""An agent's settings: `agent.toml`, with environment variables above it.

Paths are relative to the file's folder. `TRUC_AGENT_AMQP_URL` and `TRUC_AGENT_BLOB_TOKEN` replace what the file says,
so that passwords can stay out of it.
"""

import tomllib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agents.errors import UsageFault
from agents.gateway.settings import Arrived, GatewaySettings
from agents.gateway.settings import placed as placed_gateway
from agents.telemetry import TelemetrySettings
from edxml_schemas.contract import AGENT_NAME


def _agent_name(name: str) -> str:
    if not AGENT_NAME.fullmatch(name):
        raise ValueError("lower-case letters, digits and hyphens only, at most 48")
    return name


class OrganSettings(BaseModel):
    """A body this agent speaks for. `key` and `cert` are PEM files; without them the agent cannot sign for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organ_id: str = Field(min_length=1, max_length=200)
    name: str = ""
    key: Path | None = None
    cert: Path | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.key is None) != (self.cert is None):
            raise ValueError("key and cert go together")
        return self


class Settings(BaseSettings):
    """What one agent needs to know. Durations in the file are seconds."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="TRUC_AGENT_")

    name: Annotated[str, AfterValidator(_agent_name)]
    """The agent's name, its broker user, too."""
    amqp_url: SecretStr = SecretStr("amqp://localhost/")
    set_user_id: bool = True
    """States the broker user in every message; the broker checks it. Off when the broker user has another name."""
    blob_url: str = ""
    """The hub's door for envelopes above 1 MiB, for example `http://truc.example/-/blobs`."""
    blob_token: SecretStr = SecretStr("")
    hub_certificate: Path | None = None
    """The hub's certificate (PEM, one or several): receipts that it did not sign do not count. None believes all."""
    hub_name: str = ""
    """The hub's common name; needed when `hub_certificate` is an authority's, which certifies others, too."""
    spool: Path = Path("spool")
    folder: Path | None = None
    """Root of the folder connector; without it there is none."""
    resend_after: timedelta = timedelta(minutes=10)
    """A submission without a receipt for so long is published again, under the same id."""
    settle: timedelta = timedelta(milliseconds=500)
    """How long nothing must have changed before a dropped file counts as whole."""
    refuse_secrets: bool = True
    """Refuse what is marked as a state secret before it leaves the agency (Decision 28/2018/QĐ-TTg)."""
    prefetch: int = Field(default=50, ge=1, le=1000)
    robot: bool = False
    """Nobody's agency: it answers self-tests of the link by itself and refuses every other document."""
    selftest_organ: str = Field(default="", max_length=200)
    """The robot agency that `truc-agent selftest` sends to when nobody says whom to."""
    organs: tuple[OrganSettings, ...] = Field(min_length=1)
    gateway: GatewaySettings | None = None
    """The HTTP server for document systems; without the table there is none."""
    telemetry: TelemetrySettings = TelemetrySettings()
    """Where traces go; without an endpoint nowhere."""

    @property
    def arrival_when_taken(self) -> bool:
        """Whether status 01 waits until a document system takes the document, instead of going out by itself."""
        return self.gateway is not None and not self.robot and self.gateway.arrived is Arrived.TAKEN

    @model_validator(mode="after")
    def _organs_once(self) -> Self:
        codes = [organ.organ_id for organ in self.organs]
        if len(codes) != len(set(codes)):
            raise ValueError("an organ is listed twice")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    def organ(self, organ_id: str) -> OrganSettings | None:
        """The settings of an organ; None when this agent does not speak for it."""
        return next((each for each in self.organs if each.organ_id == organ_id), None)


def load_settings(path: Path) -> Settings:
    """The settings in a file, or in `agent.toml` of a folder. Raises UsageFault that names every fault."""
    place = path / "agent.toml" if path.is_dir() else path
    try:
        values = tomllib.loads(place.read_text(encoding="utf-8"))
        return Settings(**_placed(values, place.resolve().parent))
    except OSError as error:
        reason = error.strerror or "?"
    except ValidationError as error:
        reason = "; ".join(f"{'.'.join(map(str, each['loc'])) or '—'}: {each['msg']}" for each in error.errors())
    except ValueError as error:
        reason = str(error)
    raise UsageFault(f"Không dùng được cấu hình {place}: {reason}", f"The settings {place} cannot be used: {reason}")


def load_folder(folder: Path) -> Sequence[tuple[Path, Settings]]:
    """Every `agent.toml` at and below a folder, or `*.toml` in it, in the order of paths. Raises UsageFault."""
    paths = [folder] if folder.is_file() else sorted({*folder.rglob("agent.toml"), *folder.glob("*.toml")})
    if not paths:
        raise UsageFault(f"Không có agent.toml nào trong {folder}.", f"There is no agent.toml in {folder}.")
    return [(path, load_settings(path)) for path in paths]


def _placed(values: dict[str, Any], home: Path) -> dict[str, Any]:
    """The values with every path made absolute."""
    placed = dict(values)
    placed["spool"] = home / str(values.get("spool", "spool"))
    for name in ("folder", "hub_certificate"):
        if name in values:
            placed[name] = home / str(values[name])
    if isinstance(values.get("gateway"), dict):
        placed["gateway"] = placed_gateway(values["gateway"], home)
    organs = values.get("organs", ())
    if isinstance(organs, list):
        placed["organs"] = tuple(
            {name: home / str(value) if name in {"key", "cert"} else value for name, value in organ.items()}
            if isinstance(organ, dict)
            else organ
            for organ in organs
        )
    return placed
