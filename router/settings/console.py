"""`[console]` and `[oidc]`: the pages of the administrators, and how people sign in to them."""

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from router.core.people import Role

HOST_SHAPE: Final = re.compile(r"[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\]")


class ConsoleSettings(BaseModel):
    """The console below /console of the hub's HTTP port."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    """Whether `truc run` serves it."""
    public_url: str = ""
    """How people reach the hub, for example https://truc.bo.gov.vn. With https, cookies are for https only."""
    hosts: tuple[str, ...] = ()
    """Further names by which the hub may be asked for, besides those of `public_url`, `http_host` and localhost."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, for example 127.0.0.1/32."""
    session_idle_minutes: float = Field(default=30.0, gt=0, le=1440)
    """A session ends so long after its last request …"""
    session_hours: float = Field(default=12.0, gt=0, le=168)
    """… and so long after the sign-in."""
    sign_ins_per_minute: int = Field(default=20, ge=1, le=10_000)
    """Most attempts to sign in from one address."""
    free_failures: int = Field(default=5, ge=1, le=100)
    """After so many failures of one account comes a pause, twice as long after each further one …"""
    first_pause_seconds: float = Field(default=15.0, gt=0, le=86_400)
    longest_pause_minutes: float = Field(default=30.0, gt=0, le=1440)
    """… at most so long."""
    argon2_memory_kib: int = Field(default=65_536, ge=8, le=4 * 2**20)
    """What one check of a password costs: memory, rounds, lanes. Changed values count from the next sign-in on."""
    argon2_rounds: int = Field(default=3, ge=1, le=100)
    argon2_lanes: int = Field(default=4, ge=1, le=64)
    upload_bytes: int = Field(default=16 * 2**20, ge=2**16)
    """Most bytes of a form with a file, for example a registry."""

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise ValueError("must be http(s)://host[:port] without a path")
        return value.rstrip("/")

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not HOST_SHAPE.fullmatch(each):
                raise ValueError(f"no host name: {each}")
        return tuple(each.lower() for each in value)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each)
        return value

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(each) for each in self.trusted_proxies)

    @property
    def https(self) -> bool:
        """Whether people reach the hub by https, whatever the last hop speaks."""
        return self.public_url.startswith("https://")

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.session_idle_minutes)

    @property
    def longest(self) -> timedelta:
        return timedelta(hours=self.session_hours)


class OidcSettings(BaseModel):
    """Single sign-on with an OpenID Connect provider. Off while `issuer` is empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = ""
    """The provider's address; its /.well-known/openid-configuration says the rest."""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    scopes: tuple[str, ...] = ("openid", "profile")
    label: str = "SSO"
    """What stands on the button."""
    name_claim: str = "preferred_username"
    """The claim with the account's name; a dot leads into an object (`realm_access.roles`)."""
    display_claim: str = "name"
    role_claim: str = "roles"
    """The claim with the person's roles there: a text or a list of texts."""
    roles: Mapping[str, Role] = {}
    """From a role there to the role here. Of several the first in this order counts; who has none stays outside."""
    root_claim: str = ""
    """The claim with the organ's code whose subtree the person sees. Empty: everybody sees what `root` says."""
    roots: Mapping[str, str] = {}
    """From a value of that claim to an organ's code, where it is not the code itself. "" as code means everything."""
    root: str = ""
    """The subtree for everybody, when `root_claim` is empty: an organ's code, or empty for everything."""
    patience_seconds: float = Field(default=10.0, gt=0, le=120)
    """How long the provider may take to answer."""

    @property
    def enabled(self) -> bool:
        return bool(self.issuer)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.issuer:
            return self
        parts = urlsplit(self.issuer)
        here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and here):
            raise ValueError("issuer must be https:// (http:// only on this machine)")
        if not self.client_id:
            raise ValueError("client_id is missing")
        if "openid" not in self.scopes:
            raise ValueError("scopes must name openid")
        if not self.roles:
            raise ValueError("roles is empty: nobody could sign in")
        return self
