"""Logins of installations (dialect B) and the sessions they open. Both survive a restart."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.sqlite import insert

from agents.gateway.access.checking import HELD, CallerChecks, caller_of, is_live, matching
from agents.gateway.access.database import forget_ended
from agents.gateway.access.lockout import FORGOTTEN_AFTER, MOST_REMEMBERED, Failures, after_failure
from agents.gateway.access.naming import known_name
from agents.gateway.access.passwords import new_salt, slow_hash
from agents.gateway.access.peers import address_of
from agents.gateway.access.records import Login
from agents.gateway.access.schema import credentials, failures, keys, sessions
from agents.gateway.access.secrets import digest_of, new_session_token

SESSION_LIFE: Final = timedelta(minutes=30)
MOST_SESSIONS: Final = 1000
"""Sessions of one key; the oldest ends when one more is opened."""
_DECOY_SALT: Final = new_salt()
_OPENED: Final = HELD.add_columns(sessions.c.expires_at.label("session_ends_at")).join(
    sessions, (sessions.c.key_id == credentials.c.key_id) & (sessions.c.generation == credentials.c.generation)
)


class Logins(CallerChecks):
    """The part of the store that knows passwords and sessions."""

    def login(self, username: str, password: str, *, now: datetime, peer: str = "") -> Login | None:
        """Who a user name and password belong to. Takes the same slow hash whether the name exists or not.

        After several failures in a row the user name is locked for some minutes, known or not, right password or not;
        with `peer`, the client's address, only from there, so that a stranger cannot lock out a system. A locked name
        is refused before the hash. Waits some seconds when others log in. Raises LoginsBusy.
        """
        address = address_of(peer)
        who = digest_of(f"{address}\n{username}")
        if self._locked(who, now):
            return None
        with self._gate.entered(address, known=self._gate.knows(address, username, password)):
            if self._locked(who, now):  # by those that were before it in the queue
                return None
            rows = self._held(keys.c.username == known_name(username))
            given = slow_hash(password, rows[0].password_salt if rows else _DECOY_SALT)
            row = matching(rows, given, lambda each: each.password_hash, now)
            login = None if row is None else _login_of(row)
            passed = self._counted(who, good=login is not None, now=now)
        if login is None or not passed:
            return None
        self._gate.remember(address, username, password)
        self.used(login.caller, now=now)
        return login

    def open_session(self, login: Login, *, now: datetime) -> str:
        """A token for 30 minutes. It ends sooner when the key is revoked, or its password's overlap is over."""
        token = new_session_token()
        key_id, generation = login.caller.key_id, login.generation
        own = (credentials.c.key_id == key_id) & (credentials.c.generation == generation)
        with self._write() as connection:
            forget_ended(connection, now)
            if connection.execute(select(credentials.c.key_id).where(own)).first() is None:
                return token  # revoked since the login: the token opens nothing
            values = {"token_hash": digest_of(token), "key_id": key_id, "generation": generation}
            connection.execute(insert(sessions).values(values | {"expires_at": now + SESSION_LIFE}))
            newest = (
                select(sessions.c.seq)
                .where(sessions.c.key_id == key_id)
                .order_by(sessions.c.seq.desc())
                .limit(MOST_SESSIONS)
            )
            connection.execute(delete(sessions).where(sessions.c.key_id == key_id, sessions.c.seq.not_in(newest)))
        return token

    def session(self, token: str, *, now: datetime) -> Login | None:
        """Whose session a token is; None when it is over, or nobody's."""
        with self._read() as connection:
            row = connection.execute(_OPENED.where(sessions.c.token_hash == digest_of(token))).first()
        if row is None or not is_live(row, now) or now >= row.session_ends_at:
            return None
        login = _login_of(row)
        self.used(login.caller, now=now)
        return login

    def _locked(self, who: bytes, now: datetime) -> bool:
        with self._read() as connection:
            row = connection.execute(select(failures).where(failures.c.who == who)).first()
        return row is not None and _failures_of(row).locked(now)

    def _counted(self, who: bytes, *, good: bool, now: datetime) -> bool:
        """Remembers a failure, or forgets those before a success; whether the attempt counts at all.

        Decided in one transaction, so that many attempts at the same instant are not more than as many in a row.
        """
        with self._write() as connection:
            connection.execute(delete(failures).where(failures.c.last_at < now - FORGOTTEN_AFTER))
            row = connection.execute(select(failures).where(failures.c.who == who)).first()
            known = None if row is None else _failures_of(row)
            if known is not None and known.locked(now):
                return False
            if good:
                connection.execute(delete(failures).where(failures.c.who == who))
                return True
            _remember(connection, who, after_failure(known, now))
            return False


def _remember(connection: Connection, who: bytes, what: Failures) -> None:
    values = {"in_a_row": what.in_a_row, "last_at": what.last_at, "locked_until": what.locked_until}
    connection.execute(
        insert(failures).values(who=who, **values).on_conflict_do_update(index_elements=["who"], set_=values)
    )
    oldest = select(failures.c.who).order_by(failures.c.last_at.desc()).offset(MOST_REMEMBERED)
    connection.execute(delete(failures).where(failures.c.who.in_(oldest)))


def _failures_of(row: Row[Any]) -> Failures:
    return Failures(in_a_row=row.in_a_row, last_at=row.last_at, locked_until=row.locked_until)


def _login_of(row: Row[Any]) -> Login:
    return Login(username=row.username, name=row.name, caller=caller_of(row), generation=row.generation)
