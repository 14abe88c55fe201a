"""`ports.People` on SQLite or PostgreSQL."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from router.adapters.sql.engine import WRITES, is_sqlite, told_as_ports
from router.adapters.sql.people_tables import SESSIONS, SIGN_IN_MISSES, USERS
from router.adapters.sql.rows import Row, from_time, maybe_from_time, maybe_to_time, to_time
from router.core.accounts import How, Misses, Pausing, Session, SessionRule, User, attempted
from router.core.people import Role

T = TypeVar("T")

SESSION_COLUMNS: Final = len(SESSIONS.c)


class SqlPeople:
    """Accounts and sessions in a database that `migrate.upgrade` has brought up to date. Safe for several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def users(self, *, limit: int = 1000) -> Sequence[User]:
        question = select(USERS).order_by(USERS.c.name).limit(limit)
        return self._ask(lambda connection: tuple(_user_of(tuple(row)) for row in connection.execute(question)))

    def user(self, name: str) -> User | None:
        return self._ask(lambda connection: _one_user(connection, USERS.c.name == name))

    def user_with_identity(self, identity: str) -> User | None:
        if not identity:
            return None
        wanted = (USERS.c.identity != "") & (USERS.c.identity == identity)  # as the partial index has it
        return self._ask(lambda connection: _one_user(connection, wanted))

    def add_user(self, user: User) -> bool:
        with self._writing() as connection:
            put = sqlite.insert(USERS) if is_sqlite(self._engine) else postgresql.insert(USERS)
            added = put.values(_values_of(user)).on_conflict_do_nothing().returning(USERS.c.name)
            return connection.execute(added).first() is not None

    def change_user(self, user: User) -> bool:
        kept = ("name", "identity", "created_at")
        values = {name: value for name, value in _values_of(user).items() if name not in kept}
        there = (USERS.c.name == user.name) & (USERS.c.version == user.version)
        with self._writing() as connection:
            changed = update(USERS).where(there).values({**values, "version": user.version + 1})
            return connection.execute(changed).rowcount > 0

    def remove_user(self, name: str) -> bool:
        with self._writing() as connection:
            connection.execute(select(USERS.c.name).where(USERS.c.name == name).with_for_update())
            connection.execute(delete(SESSIONS).where(SESSIONS.c.user == name))
            return connection.execute(delete(USERS).where(USERS.c.name == name)).rowcount > 0

    def open_session(self, session: Session) -> None:
        with self._writing() as connection:
            connection.execute(
                insert(SESSIONS).values(
                    digest=session.digest,
                    user=session.user,
                    how=session.how.value,
                    opened_at=to_time(session.opened_at),
                    seen_at=to_time(session.seen_at),
                    address=session.address,
                    agent=session.agent,
                )
            )

    def session(self, digest: str) -> tuple[Session, User] | None:
        question = select(SESSIONS, USERS).join(USERS, USERS.c.name == SESSIONS.c.user)
        found = self._ask(lambda connection: connection.execute(question.where(SESSIONS.c.digest == digest)).first())
        if found is None:
            return None
        row = tuple(found)
        return _session_of(row[:SESSION_COLUMNS]), _user_of(row[SESSION_COLUMNS:])

    def see_session(self, digest: str, *, at: datetime) -> None:
        with self._writing() as connection:
            connection.execute(update(SESSIONS).where(SESSIONS.c.digest == digest).values(seen_at=to_time(at)))

    def close_session(self, digest: str) -> bool:
        with self._writing() as connection:
            return connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == digest)).rowcount > 0

    def close_sessions_of(self, user: str, *, but: str = "") -> int:
        closed = delete(SESSIONS).where(SESSIONS.c.user == user, SESSIONS.c.digest != but)
        with self._writing() as connection:
            return connection.execute(closed).rowcount

    def sessions_of(self, user: str) -> Sequence[Session]:
        question = select(SESSIONS).where(SESSIONS.c.user == user)
        ordered = question.order_by(SESSIONS.c.opened_at.desc(), SESSIONS.c.digest)
        return self._ask(lambda connection: tuple(_session_of(tuple(row)) for row in connection.execute(ordered)))

    def attempt(self, key: str, *, now: datetime, rule: Pausing) -> timedelta:
        put = sqlite.insert(SIGN_IN_MISSES) if is_sqlite(self._engine) else postgresql.insert(SIGN_IN_MISSES)
        mine = SIGN_IN_MISSES.c.key == key
        with self._writing() as connection:
            # A row with no failure, so that there is one to lock: attempts under one key come one after the other.
            connection.execute(put.values(key=key, failures=0, last_at=to_time(now)).on_conflict_do_nothing())
            failures, last_at = connection.execute(
                select(SIGN_IN_MISSES.c.failures, SIGN_IN_MISSES.c.last_at).where(mine).with_for_update()
            ).one()
            known = Misses(failures=failures, last_at=from_time(last_at)) if failures else None
            misses, wait = attempted(known, now=now, rule=rule)
            kept = {"failures": misses.failures, "last_at": to_time(misses.last_at)}
            connection.execute(update(SIGN_IN_MISSES).where(mine).values(kept))
        return wait

    def give_back(self, key: str) -> None:
        there = (SIGN_IN_MISSES.c.key == key) & (SIGN_IN_MISSES.c.failures > 0)
        with self._writing() as connection:
            connection.execute(update(SIGN_IN_MISSES).where(there).values(failures=SIGN_IN_MISSES.c.failures - 1))

    def forgive(self, key: str) -> None:
        with self._writing() as connection:
            connection.execute(delete(SIGN_IN_MISSES).where(SIGN_IN_MISSES.c.key == key))

    def tidy(self, *, now: datetime, rule: SessionRule, forgotten_after: timedelta) -> int:
        ended = or_(SESSIONS.c.opened_at <= to_time(now - rule.longest), SESSIONS.c.seen_at <= to_time(now - rule.idle))
        forgotten = SIGN_IN_MISSES.c.last_at <= to_time(now - forgotten_after)
        with self._writing() as connection:
            sessions = connection.execute(delete(SESSIONS).where(ended)).rowcount
            return sessions + connection.execute(delete(SIGN_IN_MISSES).where(forgotten)).rowcount

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            told_as_ports(),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with told_as_ports(), self._engine.connect() as connection, connection.begin():
            return question(connection)


def _one_user(connection: Connection, condition: Any) -> User | None:
    found = connection.execute(select(USERS).where(condition)).first()
    return _user_of(tuple(found)) if found is not None else None


def _values_of(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "display": user.display,
        "role": user.role.value,
        "root": user.root,
        "password_hash": user.password_hash,
        "must_change": user.must_change,
        "locked": user.locked,
        "identity": user.identity,
        "created_at": to_time(user.created_at),
        "password_at": maybe_to_time(user.password_at),
        "signed_in_at": maybe_to_time(user.signed_in_at),
        "version": user.version,
    }


def _user_of(row: Row) -> User:
    return User(
        name=row[0],
        display=row[1],
        role=Role(row[2]),
        root=row[3],
        password_hash=row[4],
        must_change=row[5],
        locked=row[6],
        identity=row[7],
        created_at=from_time(row[8]),
        password_at=maybe_from_time(row[9]),
        signed_in_at=maybe_from_time(row[10]),
        version=row[11],
    )


def _session_of(row: Row) -> Session:
    return Session(
        digest=row[0],
        user=row[1],
        how=How(row[2]),
        opened_at=from_time(row[3]),
        seen_at=from_time(row[4]),
        address=row[5],
        agent=row[6],
    )
