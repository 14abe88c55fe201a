"""Who a caller is, by what it presents. Reads the database every time, so that a revocation counts at once.

Every refusal takes the same way: one look-up, the same comparisons (against decoys when there is nothing to compare
with), and None. Nothing tells whether a name exists, is revoked, expired, or was shown with a wrong secret.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Engine, Row, or_, select, update

from agents.gateway.access.database import AccessDatabase, forget_ended
from agents.gateway.access.errors import AccessUnavailable
from agents.gateway.access.naming import known_fingerprint, known_name
from agents.gateway.access.schema import credentials, keys
from agents.gateway.access.secrets import Vault, digest_of, key_id_of
from agents.gateway.callers import Caller, Right

USE_WRITTEN: Final = timedelta(minutes=1)
"""How coarse "last used" is."""
_DECOY: Final = secrets.token_bytes(32)
_SECRETS: Final = tuple(column for column in credentials.c if column.name != "key_id")
HELD: Final = select(keys, *_SECRETS).join(credentials, credentials.c.key_id == keys.c.key_id)
"""Keys with their secrets: one row per generation."""


class CallerChecks(AccessDatabase):
    """The half of the store that requests use."""

    def __init__(self, folder: Path, engine: Engine, vault: Vault) -> None:
        super().__init__(folder, engine, vault)
        self._used: dict[str, datetime] = {}

    def by_token(self, token: str, *, now: datetime) -> Caller | None:
        """The owner of a native API key."""
        rows = self._held(keys.c.key_id == key_id_of(token))
        return self._admitted(matching(rows, digest_of(token), lambda row: row.token_hash, now), now)

    def by_system(self, system_id: str, secret: str, *, now: datetime) -> Caller | None:
        """Dialect B: X-SystemId with X-SecretKey."""
        rows = self._held(keys.c.system_id == known_name(system_id))
        return self._admitted(matching(rows, digest_of(secret), lambda row: row.secret_hash, now), now)

    def by_certificate(self, fingerprint: str, *, now: datetime) -> Caller | None:
        """`fingerprint` is the SHA-256 of a client certificate's DER, in hexadecimal. Whoever calls this has seen the
        TLS handshake prove the private key."""
        rows = self._held(credentials.c.certificate == known_fingerprint(fingerprint))
        return self._admitted(next((row for row in rows if is_live(row, now)), None), now)

    def hmac_secrets(self, system_id: str, *, now: datetime) -> tuple[Caller, tuple[bytes, ...]] | None:
        """Dialect A: what may have signed for a system id, newest first. Say `used` when the signature is good."""
        rows = self._held(keys.c.system_id == known_name(system_id))
        opened = [self.unseal(row.secret_sealed) for row in rows] or [self.unseal(self._vault.decoy)]
        live = tuple(secret for row, secret in zip(rows, opened, strict=False) if is_live(row, now))
        return (caller_of(rows[0]), live) if live else None

    def used(self, caller: Caller, *, now: datetime) -> None:
        """Notes that a key was used, once a minute at most. When it cannot be written, the request goes on."""
        last = self._used.get(caller.key_id)
        if last is not None and abs(now - last) < USE_WRITTEN:
            return
        self._used[caller.key_id] = now
        due = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at <= now - USE_WRITTEN)
        try:
            with self._write() as connection:
                forget_ended(connection, now)
                connection.execute(update(keys).where(keys.c.key_id == caller.key_id, due).values(last_used_at=now))
        except AccessUnavailable as error:
            structlog.get_logger().warning("access.use-not-noted", key_id=caller.key_id, vi=error.vi, en=error.en)

    def _admitted(self, row: Row[Any] | None, now: datetime) -> Caller | None:
        if row is None:
            return None
        caller = caller_of(row)
        self.used(caller, now=now)
        return caller

    def _held(self, where: ColumnElement[bool]) -> Sequence[Row[Any]]:
        """Newest generation first."""
        with self._read() as connection:
            return connection.execute(HELD.where(where).order_by(credentials.c.generation.desc())).all()


def matching(
    rows: Sequence[Row[Any]], given: bytes, kept: Callable[[Row[Any]], bytes], now: datetime
) -> Row[Any] | None:
    """The row whose hash is the one given, when it is live. Compares with all of them, or with a decoy, in any case."""
    equal = [hmac.compare_digest(kept(row), given) for row in rows] or [hmac.compare_digest(_DECOY, given)]
    return next((row for row, same in zip(rows, equal, strict=False) if same and is_live(row, now)), None)


def is_live(row: Row[Any], now: datetime) -> bool:
    """Whether the key and this generation of its secrets count at `now`."""
    return (
        row.revoked_at is None
        and (row.expires_at is None or now < row.expires_at)
        and (row.ends_at is None or now < row.ends_at)
    )


def caller_of(row: Row[Any]) -> Caller:
    return Caller(
        key_id=row.key_id,
        system_id=row.system_id,
        organs=frozenset(row.organs.split("\n")),
        rights=frozenset(map(Right, row.rights.split("\n"))),
        per_minute=row.per_minute,
    )
