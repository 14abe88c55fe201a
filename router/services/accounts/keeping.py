"""Keeping accounts: add, change, lock, unlock, new passwords, remove. Console and `truc user` do it here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from edxml_schemas.visible import visible
from router.core.accounts import DISPLAY_CHARS, NAME_SHAPE, WEAKNESS_TEXT, Pausing, User, subject_key, weakness_of
from router.core.event_names import EventName
from router.core.people import EVERYTHING, Role, Scope
from router.core.records import Event, PutEvent
from router.ports import Clock, Store
from router.ports.people import People
from router.services.accounts.passwords import Passwords
from router.services.registration.registrar import organ_called

MOST_LISTED: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who changes accounts, how far they reach, and why. Whoever sees a subtree keeps its accounts and no others."""

    actor: str
    reason: str
    scope: Scope = EVERYTHING


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something was not done. `unknown` says that there is no such account, or none for who asks."""

    vi: str
    en: str
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """What an account begins with. With an empty password nobody can sign in until one is set."""

    name: str
    display: str = ""
    role: Role
    root: str = ""
    password: str = ""
    must_change: bool = True


OTHERS: Final = Trouble("Tài khoản vừa được người khác sửa. Hãy xem lại.", "Somebody else has just changed it.")


class Keeping:
    """Accounts are kept here. Every change is an event, written before the change."""

    def __init__(self, people: People, store: Store, *, passwords: Passwords, clock: Clock) -> None:
        self._people = people
        self._store = store
        self._passwords = passwords
        self._clock = clock

    def listed(self, scope: Scope = EVERYTHING) -> Sequence[User]:
        """By name."""
        return [each for each in self._people.users(limit=MOST_LISTED) if _reaches(scope, each.root)]

    def is_empty(self) -> bool:
        """Whether there is no account at all."""
        return not self._people.users(limit=1)

    def user(self, name: str, scope: Scope = EVERYTHING) -> User | None:
        found = self._people.user(name.strip().lower())
        return found if found is not None and _reaches(scope, found.root) else None

    def check_new(self, new: NewUser, *, scope: Scope = EVERYTHING) -> Trouble | None:
        """Why an account cannot be added; None when it can. Writes nothing."""
        name = new.name.strip().lower()
        if not NAME_SHAPE.fullmatch(name):
            return Trouble(
                "Tên tài khoản gồm chữ thường không dấu, chữ số và . _ @ - (tối đa 64 ký tự).",
                "An account's name has small letters a to z, digits and . _ @ - (at most 64 characters).",
            )
        if self._people.user(name) is not None:
            return Trouble(f"Tên “{name}” đã có.", f"The name “{name}” is taken.")
        return self._bad_root(new.root, scope) or self._weak(new.password, name)

    def add(self, new: NewUser, *, by: By) -> User | Trouble:
        trouble = self.check_new(new, scope=by.scope)
        if trouble is not None:
            return trouble
        name, now = new.name.strip().lower(), self._clock.now()
        user = User(
            name=name,
            display=_shown(new.display) or name,
            role=new.role,
            root=self._root(new.root),
            password_hash=self._passwords.hashed(new.password) if new.password else "",
            must_change=new.must_change,
            created_at=now,
            password_at=now if new.password else None,
        )
        self._log(EventName.USER_ADDED, user, by, role=user.role.value, root=user.root)
        if not self._people.add_user(user):
            return Trouble(f"Tên “{name}” đã có.", f"The name “{name}” is taken.")
        return user

    def change(self, name: str, *, display: str, role: Role, root: str, by: By) -> User | Trouble:
        """Another display name, role or subtree. Counts from the person's next request on."""
        user = self._known(name, by)
        if isinstance(user, Trouble):
            return user
        if user.identity:
            return Trouble(
                "Vai trò và phạm vi của tài khoản này do hệ thống đăng nhập một lần quyết định.",
                "Single sign-on decides about role and subtree of this account.",
            )
        trouble = self._bad_root(root, by.scope)
        if trouble is not None:
            return trouble
        changed = replace(user, display=_shown(display) or user.name, role=role, root=self._root(root))
        if changed == user:
            return user
        before = f"{user.role.value} {user.root}".strip()
        return self._write(EventName.USER_CHANGED, changed, by, role=role.value, root=changed.root, before=before)

    def set_password(self, name: str, password: str, *, must_change: bool, by: By) -> User | Trouble:
        """A new password by an administrator's hand; ends the account's sessions."""
        user = self._known(name, by)
        if isinstance(user, Trouble):
            return user
        if user.identity:
            return Trouble(
                "Tài khoản này đăng nhập một lần (OIDC), không có mật khẩu ở đây.",
                "This account signs in by single sign-on and has no password here.",
            )
        trouble = self._weak(password, user.name)
        if trouble is not None:
            return trouble
        return self._with_password(user, password, must_change=must_change, by=by)

    def change_own_password(self, name: str, *, old: str, new: str, actor: str) -> User | Trouble:
        """By who has the account and knows its password. Ends all its sessions."""
        key = subject_key("change", name)  # whoever found an open browser does not find the password, too
        wait = self._people.attempt(key, now=self._clock.now(), rule=Pausing())
        if wait > timedelta(0):
            seconds = int(wait.total_seconds()) + 1
            return Trouble(f"Sai nhiều lần. Thử lại sau {seconds} giây.", f"Too many failures. Wait {seconds} seconds.")
        user = self._people.user(name)
        if user is None or user.locked or not self._passwords.check(old, user.password_hash).right:
            return Trouble("Mật khẩu hiện tại không đúng.", "The present password is wrong.")
        self._people.forgive(key)
        if old == new:
            return Trouble("Mật khẩu mới phải khác mật khẩu cũ.", "The new password must be another one.")
        trouble = self._weak(new, user.name)
        if trouble is not None:
            return trouble
        return self._with_password(user, new, must_change=False, by=By(actor=actor, reason="own"))

    def lock(self, name: str, *, by: By) -> User | Trouble:
        """Nobody signs in with it; its sessions end."""
        user = self._known(name, by)
        if isinstance(user, Trouble) or user.locked:
            return user
        locked = self._write(EventName.USER_LOCKED, replace(user, locked=True), by)
        self._people.close_sessions_of(user.name)
        return locked

    def unlock(self, name: str, *, by: By) -> User | Trouble:
        user = self._known(name, by)
        if isinstance(user, Trouble) or not user.locked:
            return user
        return self._write(EventName.USER_UNLOCKED, replace(user, locked=False), by)

    def remove(self, name: str, *, by: By) -> User | Trouble:
        """What they did stays in the log under their name."""
        user = self._known(name, by)
        if isinstance(user, Trouble):
            return user
        self._log(EventName.USER_REMOVED, user, by, role=user.role.value, root=user.root)
        return user if self._people.remove_user(user.name) else _unknown(name)

    def _known(self, name: str, by: By) -> User | Trouble:
        return self.user(name, by.scope) or _unknown(name)

    def _with_password(self, user: User, password: str, *, must_change: bool, by: By) -> User | Trouble:
        changed = replace(
            user,
            password_hash=self._passwords.hashed(password),
            must_change=must_change,
            password_at=self._clock.now(),
        )
        written = self._write(EventName.USER_PASSWORD, changed, by, must_change="yes" if must_change else "no")
        self._people.close_sessions_of(user.name)
        return written

    def _write(self, name: EventName, user: User, by: By, **facts: str) -> User | Trouble:
        self._log(name, user, by, **facts)
        return replace(user, version=user.version + 1) if self._people.change_user(user) else OTHERS

    def _log(self, name: EventName, user: User, by: By, **facts: str) -> None:
        told: Mapping[str, str] = {"user": user.name, **facts, "reason": by.reason}
        with self._store.begin() as tx:
            tx.apply([PutEvent(Event(name=name.value, at=self._clock.now(), actor=by.actor, facts=told))])

    def _root(self, code: str) -> str:
        """The present code of a subtree's root."""
        organ = organ_called(self._store.registry(), code) if code.strip() else None
        return organ.code if organ is not None else ""

    def _bad_root(self, code: str, scope: Scope) -> Trouble | None:
        wanted = code.strip()
        if not wanted:
            if scope.everything:
                return None
            return Trouble("Hãy chọn cơ quan trong phạm vi của bạn.", "Choose an organ within your own subtree.")
        organ = organ_called(self._store.registry(), wanted)
        if organ is None or not scope.sees(organ.code):
            return Trouble(f"Không có cơ quan “{wanted}”.", f"There is no organ “{wanted}”.")
        return None

    @staticmethod
    def _weak(password: str, name: str) -> Trouble | None:
        weakness = weakness_of(password, name=name) if password else None
        return Trouble(*WEAKNESS_TEXT[weakness]) if weakness is not None else None


def _reaches(scope: Scope, root: str) -> bool:
    return scope.everything or bool(root and scope.sees(root))


def _shown(display: str) -> str:
    return visible(" ".join(display.split()))[:DISPLAY_CHARS]


def _unknown(name: str) -> Trouble:
    return Trouble(f"Không có tài khoản “{name}”.", f"There is no account “{name}”.", unknown=True)
