"""What the gateway knows of document systems that may call it, as values. All times are aware datetimes in UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from agents.gateway.callers import Caller, Right


class KeyState(StrEnum):
    """Whether a key opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What a document system needs to call, in plain text. It exists once, here: the store cannot tell it again.

    `token` is the key of the native interface, `secret` signs (dialect A) or accompanies (dialect B) the system id,
    `password` belongs to the login and is empty for a key without one.
    """

    key_id: str
    system_id: str
    token: str = field(repr=False)
    secret: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key as administrators see it: everything but its secrets.

    `certificates` are SHA-256 fingerprints in hexadecimal. `last_used_at` is coarse: written once a minute at most.
    `overlap_until` is the end of the last rotation's overlap, in which the former secrets work, too.
    """

    key_id: str
    name: str
    system_id: str
    organs: frozenset[str]
    rights: frozenset[Right]
    per_minute: int
    username: str
    certificates: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    overlap_until: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        return KeyState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A document system that has proved its user name and password.

    `generation` numbers the password that was proved: sessions end with it.
    """

    username: str
    name: str
    caller: Caller
    generation: int
