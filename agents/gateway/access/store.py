"""The whole store of keys: who may call, as `checking` and `logins` have it, and what administrators do to keys.

One SQLite file, `access.db`, in the agent's spool folder. Several processes may use it at once: the gateway asks, the
commands `truc-agent keys` change, and the gateway sees it with its next request. Methods are synchronous and safe in
threads; all raise AccessUnavailable when the disk does not play along, and then nothing has happened.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from agents.gateway.access.checking import caller_of, is_live
from agents.gateway.access.database import forget_ended
from agents.gateway.access.errors import BadKey
from agents.gateway.access.logins import Logins
from agents.gateway.access.naming import (
    checked_expiry,
    checked_fingerprint,
    checked_id,
    checked_name,
    checked_organs,
    checked_rate,
    checked_rights,
)
from agents.gateway.access.passwords import new_salt, slow_hash
from agents.gateway.access.records import KeyRecord, NewKey
from agents.gateway.access.schema import credentials, keys
from agents.gateway.access.secrets import digest_of, new_key_id, new_password, new_secret, new_token
from agents.gateway.callers import Right

PER_MINUTE: Final = 600
LONGEST_OVERLAP: Final = timedelta(days=90)
_WITH_SECRETS: Final = (
    select(keys, credentials.c.generation, credentials.c.certificate, credentials.c.ends_at)
    .outerjoin(credentials, credentials.c.key_id == keys.c.key_id)
    .order_by(keys.c.seq, credentials.c.generation.desc())
)


class AccessStore(Logins):
    """Open one with `AccessStore.open(folder)`; close it after use."""

    def add(
        self,
        *,
        name: str,
        system_id: str,
        organs: Iterable[str],
        rights: Iterable[Right],
        per_minute: int = PER_MINUTE,
        username: str = "",
        certificate: str = "",
        expires_at: datetime | None = None,
        now: datetime,
    ) -> NewKey:
        """Makes a key. System id, user name and certificate are each of one key that is not revoked.

        `certificate` is the SHA-256 fingerprint of a client certificate. Raises BadKey.
        """
        key_id, salt = new_key_id(), new_salt()
        row = {
            "key_id": key_id,
            "name": checked_name(name),
            "system_id": checked_id(system_id, what="system id"),
            "organs": "\n".join(sorted(checked_organs(organs))),
            "rights": "\n".join(sorted(checked_rights(rights))),
            "per_minute": checked_rate(per_minute),
            "username": checked_id(username, what="login") if username else "",
            "password_salt": salt,
            "created_at": now,
            "expires_at": checked_expiry(expires_at, now=now),
        }
        certificate = checked_fingerprint(certificate)
        new, hashes = self._minted(key_id, system_id, username, salt)
        with self._write() as connection:
            forget_ended(connection, now)
            _claim_name(connection, "system_id", system_id)
            if username:
                _claim_name(connection, "username", username)
            _claim_certificate(connection, certificate, own=key_id)
            connection.execute(insert(keys).values(row))
            connection.execute(insert(credentials).values(hashes | {"generation": 1, "certificate": certificate}))
        return new

    def keys(self) -> Sequence[KeyRecord]:
        """All of them, revoked ones, too, oldest first."""
        with self._read() as connection:
            rows = connection.execute(_WITH_SECRETS).all()
        return [_record_of(list(each)) for _, each in groupby(rows, key=lambda row: row.key_id)]

    def revoke(self, key_id: str, *, now: datetime) -> bool:
        """Ends a key, its secrets and its sessions at once; False when there is nothing to end."""
        with self._write() as connection:
            forget_ended(connection, now)
            open_one = (keys.c.key_id == key_id) & keys.c.revoked_at.is_(None)
            ended = connection.execute(update(keys).where(open_one).values(revoked_at=now)).rowcount == 1
            connection.execute(delete(credentials).where(credentials.c.key_id == key_id))  # its sessions with it
            return ended

    def rotate(self, key_id: str, *, overlap: timedelta, now: datetime, certificate: str = "") -> NewKey | None:
        """New token, secret and password; the former ones work until `overlap` is over. None: no such live key.

        Those before the former ones, and with no overlap the former, end at once, with their sessions. A new
        `certificate` replaces the former one likewise; without it, that stays. Raises BadKey.
        """
        if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
            most = LONGEST_OVERLAP.days
            raise BadKey(f"Thời gian dùng song song phải từ 0 đến {most} ngày.", f"The overlap is 0 to {most} days.")
        certificate = checked_fingerprint(certificate)
        found = self._held(keys.c.key_id == key_id)
        if not found:
            return None
        new, hashes = self._minted(key_id, found[0].system_id, found[0].username, found[0].password_salt)
        with self._write() as connection:
            forget_ended(connection, now)
            former = connection.execute(
                _WITH_SECRETS.where(keys.c.key_id == key_id, credentials.c.generation.is_not(None))
            ).first()
            if former is None or not is_live(former, now):
                return None
            _claim_certificate(connection, certificate, own=key_id)
            own = credentials.c.key_id == key_id
            kept = (credentials.c.generation == former.generation) if overlap else credentials.c.generation.is_(None)
            connection.execute(delete(credentials).where(own, ~kept))
            connection.execute(update(credentials).where(own).values(ends_at=now + overlap))
            number = {"generation": former.generation + 1, "certificate": certificate or former.certificate}
            connection.execute(insert(credentials).values(hashes | number))
        return new

    def _minted(self, key_id: str, system_id: str, username: str, salt: bytes) -> tuple[NewKey, dict[str, Any]]:
        """New secrets in plain text, and what is kept of them."""
        password = new_password() if username else ""
        new = NewKey(
            key_id=key_id, system_id=system_id, token=new_token(key_id), secret=new_secret(), password=password
        )
        return new, {
            "key_id": key_id,
            "token_hash": digest_of(new.token),
            "secret_hash": digest_of(new.secret),
            "secret_sealed": self._vault.seal(new.secret.encode()),
            "password_hash": slow_hash(password, salt) if password else b"",
        }


def _claim_name(connection: Connection, column: str, name: str) -> None:
    """Raises BadKey when a key that is not revoked has it, in upper or lower case."""
    same = func.lower(keys.c[column]) == name.lower()
    held = connection.execute(select(keys).where(same, keys.c.revoked_at.is_(None))).first()
    if held is not None:
        raise BadKey(
            f"“{name}” đã được khóa {held.key_id} ({held.name}) dùng; hãy thu hồi khóa đó hoặc chọn tên khác.",
            f"“{name}” is in use by the key {held.key_id} ({held.name}); revoke that or choose another.",
        )


def _claim_certificate(connection: Connection, certificate: str, *, own: str) -> None:
    """Raises BadKey when another key that is not revoked has it."""
    if not certificate:
        return
    other = (credentials.c.certificate == certificate) & (credentials.c.key_id != own)
    held = connection.execute(select(credentials.c.key_id).where(other)).first()
    if held is not None:
        raise BadKey(
            f"Chứng thư này đã gắn với khóa {held.key_id}; hãy thu hồi khóa đó trước.",
            f"This certificate belongs to the key {held.key_id}; revoke that first.",
        )


def _record_of(rows: Sequence[Row[Any]]) -> KeyRecord:
    """From the rows of one key, newest generation first."""
    first = rows[0]
    caller = caller_of(first)
    return KeyRecord(
        key_id=first.key_id,
        name=first.name,
        system_id=first.system_id,
        organs=caller.organs,
        rights=caller.rights,
        per_minute=first.per_minute,
        username=first.username,
        certificates=tuple(dict.fromkeys(row.certificate for row in rows if row.certificate)),
        created_at=first.created_at,
        expires_at=first.expires_at,
        last_used_at=first.last_used_at,
        overlap_until=next((row.ends_at for row in rows if row.ends_at is not None), None),
        revoked_at=first.revoked_at,
    )
