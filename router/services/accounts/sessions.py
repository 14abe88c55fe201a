"""Signing in and out: who is at the other end of a request, and who is not let in."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from edxml_schemas.visible import visible
from router.core.accounts import (
    DISPLAY_CHARS,
    NAME_SHAPE,
    How,
    Pausing,
    Session,
    SessionRule,
    User,
    neighbourhood,
    session_digest,
    subject_key,
)
from router.core.event_names import EventName
from router.core.people import Person, Role
from router.core.records import Event, PutEvent
from router.ports import Clock, Store
from router.ports.people import People
from router.services.accounts.passwords import Passwords

TOKEN_BYTES: Final = 32
TOKEN_CHARS: Final = 64  # more is none of ours
SEEN_STEP: Final = timedelta(seconds=30)  # a session's last request is written down so coarsely
AGENT_CHARS: Final = 200
ADDRESS_FACTOR: Final = 10  # an address may fail so many times as often as an account: many people may share one


class Why(StrEnum):
    """Why somebody is not let in. What they are told is less."""

    WRONG = "wrong"  # name or password
    PAUSED = "paused"  # too many failures
    LOCKED = "locked"
    ELSEWHERE = "elsewhere"  # the name belongs to an account of another kind
    NO_ROLE = "no-role"  # single sign-on names no role of ours
    UNTRUE = "untrue"  # what came from the provider cannot be believed
    NO_ROOT = "no-root"  # single sign-on names no organ of ours
    NO_NAME = "no-name"  # single sign-on gives no name that could be an account's


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How long sessions last, and what failures cost."""

    session: SessionRule = field(default_factory=SessionRule)
    pausing: Pausing = field(default_factory=Pausing)

    @property
    def address_pausing(self) -> Pausing:
        return replace(self.pausing, free=self.pausing.free * ADDRESS_FACTOR)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` goes into the browser's cookie and nowhere else."""

    token: str
    user: User


@dataclass(frozen=True, slots=True)
class NotLetIn:
    """`wait` is how long further attempts are not listened to."""

    why: Why
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a request comes from."""

    person: Person
    session: Session
    must_change: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class From:
    """Where a request comes from: address and browser."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody as single sign-on names them. `subject` is issuer and subject there; `root` None is no root of ours."""

    subject: str
    name: str
    display: str
    role: Role | None
    root: str | None


class Sessions:
    """Sign-in, visits, sign-out. Every outcome is an event."""

    def __init__(self, people: People, store: Store, *, passwords: Passwords, clock: Clock, rules: Rules) -> None:
        self._people = people
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._rules = rules

    def sign_in(self, name: str, password: str, *, origin: From) -> SignedIn | NotLetIn:
        """With a password. Who is not there costs what a wrong password costs."""
        now, name = self._clock.now(), name.strip().lower()
        account, address = subject_key("user", name), subject_key("address", neighbourhood(origin.address))
        wait = max(
            self._people.attempt(account, now=now, rule=self._rules.pausing),
            self._people.attempt(address, now=now, rule=self._rules.address_pausing),
        )
        if wait > timedelta(0):
            return NotLetIn(Why.PAUSED, wait)
        user = self._people.user(name)
        kept = user.password_hash if user is not None else ""
        checked = self._passwords.check(password, kept)
        if user is None or not checked.right or user.locked:
            why = Why.LOCKED if user is not None and checked.right else Why.WRONG
            known = user.name if user is not None else ""  # what was typed may be a password
            self._log(EventName.SESSION_REFUSED, {"user": known, "why": why.value, "how": How.PASSWORD.value}, origin)
            return NotLetIn(Why.WRONG)
        self._people.forgive(account)
        self._people.give_back(address)
        renewed = replace(user, signed_in_at=now, password_hash=checked.new_hash or user.password_hash)
        self._people.change_user(renewed)  # lost against another change, it is no loss
        return self._open(renewed, How.PASSWORD, origin, now)

    def sign_in_with(self, identity: Identity, *, origin: From) -> SignedIn | NotLetIn:
        """By single sign-on, whose word about role and root counts each time. The first time makes the account."""
        now = self._clock.now()
        if identity.role is None or identity.root is None:
            return self.refuse(Why.NO_ROLE if identity.role is None else Why.NO_ROOT, origin=origin)
        user = self._people.user_with_identity(identity.subject)
        if user is None:
            user = User(
                name=identity.name.strip().lower(),
                display=visible(identity.display)[:DISPLAY_CHARS] or identity.name,
                role=identity.role,
                root=identity.root,
                identity=identity.subject,
                created_at=now,
            )
            refused = self._added(user)
            if refused is not None:
                return self.refuse(refused, origin=origin)
        if user.locked:
            return self.refuse(Why.LOCKED, origin=origin, user=user.name)
        display = visible(identity.display)[:DISPLAY_CHARS] or user.display
        told = replace(user, display=display, role=identity.role, root=identity.root)
        if told.person != user.person:
            self._changed(user, told, origin)
        self._people.change_user(replace(told, signed_in_at=now))
        return self._open(told, How.OIDC, origin, now)

    def refuse(self, why: Why, *, origin: From, user: str = "") -> NotLetIn:
        """Write down that single sign-on came to nothing."""
        self._log(EventName.SESSION_REFUSED, {"user": user, "why": why.value, "how": How.OIDC.value}, origin)
        return NotLetIn(why)

    def visitor(self, token: str) -> Visitor | None:
        """Who has this session; None when it has ended, was ended, or never was."""
        if not token or len(token) > TOKEN_CHARS:
            return None
        now, digest = self._clock.now(), session_digest(token)
        found = self._people.session(digest)
        if found is None:
            return None
        session, user = found
        former = user.password_at is not None and session.opened_at < user.password_at
        if user.locked or former or self._rules.session.ended(session, now):
            self._people.close_session(digest)
            return None
        if now - session.seen_at >= min(SEEN_STEP, self._rules.session.idle / 4):
            self._people.see_session(digest, at=now)
        must_change = user.must_change and session.how is How.PASSWORD
        return Visitor(person=user.person, session=session, must_change=must_change)

    def sign_out(self, visitor: Visitor, *, origin: From) -> None:
        if self._people.close_session(visitor.session.digest):
            facts = {"user": visitor.person.name, "why": "asked"}
            self._log(EventName.SESSION_CLOSED, facts, origin, actor=visitor.person.actor)

    def of(self, person: Person) -> list[Session]:
        """Somebody's sessions that have not ended, the newest first."""
        now = self._clock.now()
        return [each for each in self._people.sessions_of(person.name) if not self._rules.session.ended(each, now)]

    def end_others(self, visitor: Visitor, *, origin: From) -> int:
        """End somebody's sessions except the one they speak from; how many."""
        ended = self._people.close_sessions_of(visitor.person.name, but=visitor.session.digest)
        if ended:
            facts = {"user": visitor.person.name, "why": "others"}
            self._log(EventName.SESSION_CLOSED, facts, origin, actor=visitor.person.actor)
        return ended

    def tidy(self) -> int:
        """Remove what is over; how many rows."""
        return self._people.tidy(
            now=self._clock.now(), rule=self._rules.session, forgotten_after=self._rules.pausing.forgotten_after
        )

    def renew(self, visitor: Visitor, *, origin: From) -> SignedIn | None:
        """A new session for who has just set a new password, which ends all former ones."""
        user = self._people.user(visitor.person.name)
        return self._open(user, visitor.session.how, origin, self._clock.now()) if user is not None else None

    def _added(self, user: User) -> Why | None:
        """Why an account cannot be made; None when it is made."""
        if not NAME_SHAPE.fullmatch(user.name):
            return Why.NO_NAME
        if self._people.user(user.name) is not None:
            return Why.ELSEWHERE
        facts = {"user": user.name, "role": user.role.value, "root": user.root, "reason": How.OIDC.value}
        self._log(EventName.USER_ADDED, facts, From(), actor=user.person.actor)
        return None if self._people.add_user(user) else Why.ELSEWHERE

    def _open(self, user: User, how: How, origin: From, now: datetime) -> SignedIn:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(
            digest=session_digest(token),
            user=user.name,
            how=how,
            opened_at=now,
            seen_at=now,
            address=origin.address,
            agent=origin.agent[:AGENT_CHARS],
        )
        facts = {"user": user.name, "role": user.role.value, "root": user.root, "how": how.value}
        self._log(EventName.SESSION_OPENED, facts, origin, actor=user.person.actor)
        self._people.open_session(session)
        self.tidy()
        return SignedIn(token, user)

    def _changed(self, before: User, after: User, origin: From) -> None:
        facts = {
            "user": after.name,
            "role": after.role.value,
            "root": after.root,
            "before": f"{before.role.value} {before.root}".strip(),
            "reason": How.OIDC.value,
        }
        self._log(EventName.USER_CHANGED, facts, origin, actor=after.person.actor)

    def _log(self, name: EventName, facts: dict[str, str], origin: From, *, actor: str = "hub") -> None:
        told = {**facts, "address": origin.address} if "reason" not in facts else facts
        with self._store.begin() as tx:
            tx.apply([PutEvent(Event(name=name.value, at=self._clock.now(), actor=actor, facts=told))])
