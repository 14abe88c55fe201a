"""`[seals]`: how the log is sealed, and who puts time stamps on the seals."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SealSettings(BaseModel):
    """The log of events is sealed with the hub's key (`[hub_key]`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_seconds: float = Field(default=10.0, gt=0, le=86_400)
    """Least time between two seals; a full one is followed at once by the next."""
    former_certificates: Path = Path("hub/former")
    """Folder of certificates that the hub had before this one (PEM): older seals were signed with them."""
    timestamp_url: str = ""
    """An RFC 3161 authority (HTTP or HTTPS) that stamps the newest seal from time to time. Empty: none."""
    timestamp_command: tuple[str, ...] = ()
    """Instead of an address: a program and its arguments. It gets the request (DER) on standard input and writes the
    answer (DER) to standard output."""
    timestamp_minutes: float = Field(default=60.0, gt=0, le=525_600)
    """Least time between two time stamps."""
    timestamp_seconds: float = Field(default=15.0, gt=0, le=600)
    """How long an authority may take to answer."""

    @model_validator(mode="after")
    def _one_authority(self) -> Self:
        if self.timestamp_url and self.timestamp_command:
            raise ValueError("timestamp_url and timestamp_command exclude each other")
        if self.timestamp_url and not self.timestamp_url.startswith(("http://", "https://")):
            raise ValueError("timestamp_url must start with http:// or https://")
        return self

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=self.every_seconds)

    @property
    def stamp_every(self) -> timedelta:
        return timedelta(minutes=self.timestamp_minutes)
