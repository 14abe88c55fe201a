"""Accounts and sessions in this process: the in-memory twin of `sql.people`, held to the same contract tests."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from router.core.accounts import Misses, Pausing, Session, SessionRule, User, attempted
from router.ports import StoreConflict


class MemoryPeople:
    """`ports.People` without anything beneath it. Safe for several threads; forgets everything with the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._users: dict[str, User] = {}
        self._sessions: dict[str, Session] = {}
        self._misses: dict[str, Misses] = {}

    def users(self, *, limit: int = 1000) -> Sequence[User]:
        with self._lock:
            return tuple(self._users[name] for name in sorted(self._users)[:limit])

    def user(self, name: str) -> User | None:
        with self._lock:
            return self._users.get(name)

    def user_with_identity(self, identity: str) -> User | None:
        with self._lock:
            return next((each for each in self._users.values() if identity and each.identity == identity), None)

    def add_user(self, user: User) -> bool:
        with self._lock:
            if user.name in self._users or self.user_with_identity(user.identity) is not None:
                return False
            self._users[user.name] = user
            return True

    def change_user(self, user: User) -> bool:
        with self._lock:
            there = self._users.get(user.name)
            if there is None or there.version != user.version:
                return False
            changed = replace(user, identity=there.identity, created_at=there.created_at, version=user.version + 1)
            self._users[user.name] = changed
            return True

    def remove_user(self, name: str) -> bool:
        with self._lock:
            self.close_sessions_of(name)
            return self._users.pop(name, None) is not None

    def open_session(self, session: Session) -> None:
        with self._lock:
            if session.user not in self._users or session.digest in self._sessions:
                raise StoreConflict("no such user, or the session is there already")
            self._sessions[session.digest] = session

    def session(self, digest: str) -> tuple[Session, User] | None:
        with self._lock:
            found = self._sessions.get(digest)
            return (found, self._users[found.user]) if found is not None else None

    def see_session(self, digest: str, *, at: datetime) -> None:
        with self._lock:
            found = self._sessions.get(digest)
            if found is not None:
                self._sessions[digest] = replace(found, seen_at=at)

    def close_session(self, digest: str) -> bool:
        with self._lock:
            return self._sessions.pop(digest, None) is not None

    def close_sessions_of(self, user: str, *, but: str = "") -> int:
        with self._lock:
            ended = [each.digest for each in self._sessions.values() if each.user == user and each.digest != but]
            for digest in ended:
                del self._sessions[digest]
            return len(ended)

    def sessions_of(self, user: str) -> Sequence[Session]:
        with self._lock:
            mine = sorted((each for each in self._sessions.values() if each.user == user), key=lambda each: each.digest)
            return tuple(sorted(mine, key=lambda each: each.opened_at, reverse=True))

    def attempt(self, key: str, *, now: datetime, rule: Pausing) -> timedelta:
        with self._lock:
            self._misses[key], wait = attempted(self._misses.get(key), now=now, rule=rule)
            return wait

    def give_back(self, key: str) -> None:
        with self._lock:
            known = self._misses.get(key)
            if known is not None and known.failures > 1:
                self._misses[key] = replace(known, failures=known.failures - 1)
            elif known is not None:
                del self._misses[key]

    def forgive(self, key: str) -> None:
        with self._lock:
            self._misses.pop(key, None)

    def tidy(self, *, now: datetime, rule: SessionRule, forgotten_after: timedelta) -> int:
        with self._lock:
            ended = [each.digest for each in self._sessions.values() if rule.ended(each, now)]
            forgotten = [key for key, each in self._misses.items() if now - each.last_at >= forgotten_after]
            for digest in ended:
                del self._sessions[digest]
            for key in forgotten:
                del self._misses[key]
            return len(ended) + len(forgotten)
