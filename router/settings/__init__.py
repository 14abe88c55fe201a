"""Everything that can be set: `truc.toml`, overridden by `TRUC_…` in the environment.

The file is found by `--config`, else `TRUC_CONFIG`, else `./truc.toml`. Relative paths, and the path of an SQLite
database, are relative to the file's folder. In the environment, tables are reached with two underscores:
`TRUC_TRUST__REQUIRE_REVOCATION=false`.
"""

import os
import tomllib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from edxml_schemas.limits import Limits
from router.errors import UsageProblem, redacted
from router.settings.alarms import AlarmSettings
from router.settings.console import ConsoleSettings, OidcSettings
from router.settings.deadlines import DeadlineSettings
from router.settings.metrics import MetricsSettings
from router.settings.retry import RetrySettings
from router.settings.seals import SealSettings
from router.settings.secrecy import SecrecySettings
from router.settings.telemetry import TelemetrySettings

CONFIG_VARIABLE: Final = "TRUC_CONFIG"
DEFAULT_CONFIG: Final = Path("truc.toml")
SQLITE: Final = "sqlite:///"


class TrustSettings(BaseModel):
    """`[trust]`: whose certificates count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    anchors: Path = Path("trust/anchors")
    """Folder of root certificates (PEM or DER)."""
    intermediates: Path = Path("trust/intermediates")
    """Folder of certificates between roots and organs."""
    crls: Path = Path("trust/crls")
    """Folder of revocation lists (PEM or DER), as files."""
    crl_urls: tuple[str, ...] = ()
    """Revocation lists to fetch by HTTP; the last good one is kept on disk below `data_dir`."""
    crl_refresh_seconds: float = Field(default=900.0, gt=0)
    require_revocation: bool = True
    """Without a fresh revocation list the verdict waits (true), or the certificate is taken as good (false)."""


class HubKeySettings(BaseModel):
    """`[hub_key]`: what the hub signs its receipts with (PEM). `truc init` makes both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Path = Path("hub/hub.key.pem")
    """The private key, unencrypted: RSA of 2048 bits or more, P-256 or P-384. Nobody else may read the file."""
    certificate: Path = Path("hub/hub.cert.pem")
    """Its certificate, and behind it those of the authorities that issued it; agents pin it."""


class LimitSettings(BaseModel):
    """`[limits]`: what one envelope may cost. The rest of the limits is fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    envelope_bytes: int = Field(default=Limits().envelope_bytes, gt=0)
    attachment_bytes: int = Field(default=Limits().attachment_bytes, gt=0)
    unzipped_bytes: int = Field(default=Limits().unzipped_bytes, gt=0)
    recipients: int = Field(default=Limits().recipients, gt=0)
    attachments: int = Field(default=Limits().attachments, gt=0)

    def as_limits(self) -> Limits:
        return Limits(**self.model_dump())


class BlobSettings(BaseModel):
    """`[blobs]`: room for large envelopes that agents upload before they submit them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    free_bytes: int = Field(default=2**30, ge=0)
    """Bytes that stay free on the disk: an upload that would take them is put off (507)."""
    unclaimed_bytes: int = Field(default=4 * 2**30, gt=0)
    """Most bytes that one agent may have uploaded and not submitted; further uploads are put off (507)."""
    unclaimed_hours: float = Field(default=168.0, gt=0)
    """What was uploaded and not submitted for so long is removed."""


class Settings(BaseSettings):
    """The hub's settings. `folder` is where the file is, and not a setting."""

    model_config = SettingsConfigDict(
        env_prefix="TRUC_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    folder: Path = Field(default=Path(), exclude=True)
    hub: str = "truc-lien-thong"
    """The hub's name, on receipts, in logs and on the status page."""
    amqp_url: str = Field(default="amqp://hub:hub@127.0.0.1:5672/", repr=False)
    database_url: str = Field(default="", repr=False)
    """Empty: SQLite at `data_dir`/truc.db. PostgreSQL: postgresql+psycopg://user:password@host/database."""
    data_dir: Path = Path("data")
    """Payload segments, blobs, fetched revocation lists, the SQLite database."""
    workers: int = Field(default=1, ge=1, le=64)
    prefetch: int = Field(default=100, ge=1, le=2000)
    """Messages one worker takes from each queue before it has settled the earlier ones."""
    batch_messages: int = Field(default=64, ge=1, le=1000)
    """Most messages in one database transaction."""
    batch_bytes: int = Field(default=16 * 2**20, ge=1)
    """Most bytes of envelopes in one database transaction (one message is always taken)."""
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8620, ge=0, le=65535)
    """Health, readiness and the blob door; 0 turns HTTP off."""
    require_user_id: bool = True
    """Refuse submissions on which the publisher left out AMQP's `user_id` (the broker checks it when it is there)."""
    lease_seconds: float = Field(default=60.0, gt=0)
    """How long an outbox item belongs to the worker that wrote it, before another may publish it."""
    upkeep_seconds: float = Field(default=5.0, gt=0)
    """Time between two looks for leftovers in the outbox, deferred verdicts, and new agents."""
    trust: TrustSettings = TrustSettings()
    hub_key: HubKeySettings = HubKeySettings()
    limits: LimitSettings = LimitSettings()
    blobs: BlobSettings = BlobSettings()
    deadlines: DeadlineSettings = DeadlineSettings()
    secrecy: SecrecySettings = SecrecySettings()
    seals: SealSettings = SealSettings()
    retry: RetrySettings = RetrySettings()
    alarms: AlarmSettings = AlarmSettings()
    console: ConsoleSettings = ConsoleSettings()
    oidc: OidcSettings = OidcSettings()
    metrics: MetricsSettings = MetricsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the names are pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose contents come in as arguments."""
        return env_settings, init_settings

    @field_validator("amqp_url")
    @classmethod
    def _is_amqp(cls, value: str) -> str:
        if not value.startswith(("amqp://", "amqps://")):
            raise ValueError("must start with amqp:// or amqps://")
        return value

    @property
    def data_path(self) -> Path:
        return self.folder / self.data_dir

    @property
    def payload_path(self) -> Path:
        return self.data_path / "payloads"

    @property
    def database(self) -> str:
        """The database URL, with an SQLite path made absolute."""
        url = self.database_url or f"{SQLITE}{self.data_dir / 'truc.db'}"
        if not url.startswith(SQLITE) or url in {SQLITE, f"{SQLITE}:memory:"}:
            return url
        return f"{SQLITE}{(self.folder / url.removeprefix(SQLITE)).absolute()}"

    def shown(self) -> dict[str, object]:
        """Settings without secrets, for logs and `truc status`."""
        return {
            **self.model_dump(mode="json"),
            "amqp_url": redacted(self.amqp_url),
            "database_url": redacted(self.database),
        }


def config_path(given: Path | None = None) -> Path:
    """Which file holds the settings."""
    if given is not None:
        return given
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else DEFAULT_CONFIG


def load_settings(given: Path | None = None) -> Settings:
    """Read the file and the environment. Raises UsageProblem naming every fault with its place.

    A missing file is a fault when it was named; without any file the defaults and the environment count.
    """
    path = config_path(given)
    named = given is not None or CONFIG_VARIABLE in os.environ
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise UsageProblem(
                f"Không có tệp cấu hình {path}",
                f"There is no configuration file {path}",
                remedy_vi="tạo bằng: truc init THƯ_MỤC",
                remedy_en="make one with: truc init FOLDER",
            ) from None
        content = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise UsageProblem(
            f"Không đọc được tệp cấu hình {path}: {problem}", f"Cannot read the configuration {path}: {problem}"
        ) from problem
    if "folder" in content:
        raise UsageProblem(f"{path}: folder không phải là cài đặt", f"{path}: folder is not a setting")
    try:
        return Settings(**{**content, "folder": path.absolute().parent})
    except ValidationError as problem:
        faults = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or '?'}: {each['msg']}"
            for each in problem.errors(include_url=False, include_input=False)
        )
        raise UsageProblem(
            f"Cấu hình sai trong {path} (hoặc biến TRUC_…): {faults}",
            f"Wrong configuration in {path} (or a TRUC_… variable): {faults}",
        ) from None
