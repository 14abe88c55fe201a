"""`[alarms]`: from where on something is wrong, who is told by which way, daily digests, and the monitoring centre."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

from router.core.alarm_rules import AlarmKind
from router.core.alarm_signals import Thresholds
from router.core.alarms import Patience
from router.errors import UsageProblem

SECRET_SHAPE: Final = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)?")
ADDRESS_SHAPE: Final = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
SECRET_BYTES: Final = 4096
SYSLOG_PORTS: Final[Mapping[str, int]] = {"udp": 514, "tcp": 514, "tls": 6514}


def _says_where(value: str) -> str:
    if not SECRET_SHAPE.fullmatch(value):
        raise ValueError("must be env:NAME or file:PATH; the secret itself does not belong here")
    return value


SecretFrom = Annotated[str, AfterValidator(_says_where)]
"""Where a secret stands: `env:NAME` or `file:PATH`; empty for none."""


def secret_of(given: str, *, folder: Path) -> str:
    """The secret, read anew each time: it may have been changed. Raises UsageProblem when it is not there."""
    kind, _, where = given.partition(":")
    if not given:
        return ""
    if kind == "env":
        found = os.environ.get(where, "")
    else:
        try:
            with (folder / where).open("rb") as file:
                found = file.read(SECRET_BYTES).decode("utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise UsageProblem(
                f"Không đọc được tệp bí mật {where}: {type(problem).__name__}",
                f"The secret's file {where} cannot be read: {type(problem).__name__}",
            ) from None
    if not found:
        raise UsageProblem(f"{given} trống", f"{given} is empty")
    return found


class AlarmSettings(BaseModel):
    """A threshold of 0 turns its rule off. Passwords and keys stand in the environment or in files, never here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    """Whether `truc run` looks for alarms."""
    look_seconds: float = Field(default=30.0, gt=0, le=3600)
    repeat_hours: float = Field(default=6.0, gt=0, le=720)
    """What stands is told again so often."""
    calm_minutes: float = Field(default=2.0, ge=0, le=1440)
    """What was not seen for so long is over."""
    give_up_hours: float = Field(default=24.0, gt=0, le=720)
    """A notice that no channel took for so long is no news any more."""
    keep_days: float = Field(default=90.0, ge=1, le=3650)
    """How long past alarms and notices stay."""
    off: tuple[AlarmKind, ...] = ()
    """Kinds that are not looked for."""

    overdue_legs: int = Field(default=1, ge=0)
    backlog_messages: int = Field(default=1000, ge=0)
    """Messages in one inbox."""
    waiting_hours: float = Field(default=4.0, ge=0)
    """The oldest document in one inbox."""
    refusal_percent: float = Field(default=20.0, ge=0, le=100)
    refusal_least: int = Field(default=20, ge=1)
    """Fewer refusals than these within the window are no alarm."""
    window_minutes: float = Field(default=60.0, gt=0, le=1440)
    """The window of refusals, wrong signatures, foreign speakers and failed sign-ins."""
    certificate_days: tuple[int, ...] = (60, 30, 7)
    """Days before a certificate's end: notice, warning, critical."""
    behind_minutes: float = Field(default=5.0, ge=0)
    """How old may be what search and figures have not read of the log. Figures are a minute behind by design."""
    trouble_seconds: float = Field(default=60.0, ge=0, le=3600)
    """How long broker, database or a worker may be away."""
    log_check_hours: float = Field(default=24.0, ge=0, le=8760)
    """How often the whole log is checked; 0 turns it off."""
    log_check_share: float = Field(default=0.2, gt=0, le=1)
    """The share of its time that a check of the log works; the rest it sleeps."""
    dead_letters: int = Field(default=1, ge=0)
    forged_signatures: int = Field(default=5, ge=0)
    foreign_speakers: int = Field(default=1, ge=0)
    failed_sign_ins: int = Field(default=20, ge=0)

    mail_host: str = ""
    """SMTP server; empty turns e-mail off."""
    mail_port: int = Field(default=587, ge=1, le=65535)
    mail_tls: Literal["starttls", "tls", "none"] = "starttls"
    mail_ca_file: str = ""
    """Authorities of the server's certificate (PEM), when they are not those of the system."""
    mail_user: str = ""
    mail_password_from: SecretFrom = ""
    mail_sender: str = ""
    mail_to: tuple[str, ...] = ()
    webhook_urls: tuple[str, ...] = Field(default=(), repr=False)
    """Shown nowhere beyond the host: many carry their secret in the path."""
    webhook_secret_from: SecretFrom = ""
    """Signs what webhooks get (HMAC-SHA256)."""
    telegram_url: str = "https://api.telegram.org"
    telegram_token_from: SecretFrom = ""
    telegram_chats: tuple[str, ...] = ()
    """Chats to tell; none turns it off."""
    patience_seconds: float = Field(default=15.0, gt=0, le=60)
    """How long a mail server or webhook may take to answer."""

    digest_hour: int = Field(default=7, ge=0, le=23)
    """When digests go out, in Vietnam time."""
    digest_to: Mapping[str, tuple[str, ...]] = {}
    """From an organ's code to the addresses that get the digest of its subtree."""
    digest_empty: bool = False
    """Whether a digest goes out when there is nothing in it."""

    syslog: str = ""
    """Where security events go as CEF: udp://, tcp:// or tls://host[:port]; empty turns it off."""
    syslog_ca_file: str = ""

    @field_serializer("webhook_urls")
    def _hide_paths(self, value: tuple[str, ...]) -> tuple[str, ...]:
        parts = [urlsplit(each) for each in value]
        return tuple(f"{each.scheme}://{each.hostname}{f':{each.port}' if each.port else ''}/…" for each in parts)

    @field_validator("mail_to")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not ADDRESS_SHAPE.fullmatch(each):
                raise ValueError(f"no e-mail address: {each}")
        return value

    @field_validator("digest_to")
    @classmethod
    def _have_addresses(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for addresses in value.values():
            cls._are_addresses(addresses)
        return value

    @field_validator("webhook_urls", "telegram_url")
    @classmethod
    def _are_urls(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        for each in (value,) if isinstance(value, str) else value:
            parts = urlsplit(each)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("must be http:// or https://")
        return value

    @field_validator("syslog")
    @classmethod
    def _is_syslog(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in SYSLOG_PORTS or not parts.hostname or parts.path not in ("", "/")):
            raise ValueError("must be udp://, tcp:// or tls://host[:port]")
        _ = parts.port  # raises ValueError for what is no port
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if self.mail_host and not ADDRESS_SHAPE.fullmatch(self.mail_sender):
            raise ValueError("mail_sender must be an e-mail address")
        if self.mail_host and not (self.mail_to or self.digest_to):
            raise ValueError("mail_to is empty: nobody would be told")
        if self.digest_to and not self.mail_host:
            raise ValueError("digest_to needs mail_host")
        if self.mail_user and self.mail_tls == "none":
            raise ValueError("mail_user needs mail_tls: a password is not sent in the clear")
        if self.telegram_chats and not self.telegram_token_from:
            raise ValueError("telegram_chats needs telegram_token_from")
        return self

    @property
    def syslog_target(self) -> tuple[str, str, int] | None:
        """Transport, host, port."""
        if not self.syslog:
            return None
        parts = urlsplit(self.syslog)
        return parts.scheme, parts.hostname or "", parts.port or SYSLOG_PORTS[parts.scheme]

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_minutes)

    def as_patience(self) -> Patience:
        return Patience(repeat=timedelta(hours=self.repeat_hours), calm=timedelta(minutes=self.calm_minutes))

    def as_thresholds(self) -> Thresholds:
        return Thresholds(
            overdue_legs=self.overdue_legs,
            backlog_messages=self.backlog_messages,
            waiting=timedelta(hours=self.waiting_hours),
            refusal_percent=self.refusal_percent,
            refusal_least=self.refusal_least,
            certificate_days=self.certificate_days,
            behind=timedelta(minutes=self.behind_minutes),
            dead_letters=self.dead_letters,
            forged_signatures=self.forged_signatures,
            foreign_speakers=self.foreign_speakers,
            failed_sign_ins=self.failed_sign_ins,
        )
