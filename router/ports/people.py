"""The memory of accounts and sessions: users, who is signed in, and sign-ins that failed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from router.core.accounts import Pausing, Session, SessionRule, User


class People(Protocol):
    """Accounts and sessions. Each call is a transaction of its own. Raises StoreUnavailable."""

    def users(self, *, limit: int = 1000) -> Sequence[User]:
        """By name."""
        ...

    def user(self, name: str) -> User | None: ...

    def user_with_identity(self, identity: str) -> User | None:
        """Who is called so by the provider of single sign-on."""
        ...

    def add_user(self, user: User) -> bool:
        """Whether it was added: not when its name or its identity is taken."""
        ...

    def change_user(self, user: User) -> bool:
        """Replace an account, whose version grows by one; whether it was there with `user.version`. Its name, identity
        and `created_at` stay."""
        ...

    def remove_user(self, name: str) -> bool:
        """Take an account and its sessions away; whether it was there."""
        ...

    def open_session(self, session: Session) -> None: ...

    def session(self, digest: str) -> tuple[Session, User] | None: ...

    def see_session(self, digest: str, *, at: datetime) -> None:
        """Its last request was at this moment."""
        ...

    def close_session(self, digest: str) -> bool: ...

    def close_sessions_of(self, user: str, *, but: str = "") -> int:
        """End all sessions of an account except the one with the digest `but`; how many."""
        ...

    def sessions_of(self, user: str) -> Sequence[Session]:
        """The newest first."""
        ...

    def attempt(self, key: str, *, now: datetime, rule: Pausing) -> timedelta:
        """Count one more sign-in under a key, as `core.accounts.attempted` says; how long it has still to wait.

        Attempts under one key are counted one after the other, whoever makes them.
        """
        ...

    def give_back(self, key: str) -> None:
        """One attempt under a key was none."""
        ...

    def forgive(self, key: str) -> None:
        """Forget the attempts under a key."""
        ...

    def tidy(self, *, now: datetime, rule: SessionRule, forgotten_after: timedelta) -> int:
        """Remove sessions that have ended, and attempts that are forgotten; how many rows."""
        ...
