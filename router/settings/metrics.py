"""`[metrics]`: who may read /-/metrics."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class MetricsSettings(BaseModel):
    """Figures of the hub for Prometheus. Whoever comes from one of the networks, or has the token, may read them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    networks: tuple[str, ...] = ("127.0.0.1/32", "::1/128")
    """Networks that need no token. A request that came through a proxy needs it wherever the proxy stands."""
    token: SecretStr = SecretStr("")
    """For `Authorization: Bearer …`, at least 16 characters; empty: there is none."""
    agents: int = Field(default=1000, ge=0, le=100_000)
    """Most agents that have figures of their own, those with the longest backlog first."""

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each)
        return value

    @field_validator("token")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 16:
            raise ValueError("must have at least 16 characters")
        return value

    @property
    def admitted(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(each) for each in self.networks)
