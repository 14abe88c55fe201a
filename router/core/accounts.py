"""Accounts and sessions as values, and what is decided about them: ends, pauses after failures, weak passwords."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from router.core.people import Person, Role

NAME_SHAPE: Final = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")
DISPLAY_CHARS: Final = 120

PASSWORD_LEAST: Final = 12  # characters
PASSWORD_MOST: Final = 256  # characters; more is work for an attacker to give us
PASSPHRASE_LEAST: Final = 20  # characters, in PASSPHRASE_WORDS words: then any letters do
PASSPHRASE_WORDS: Final = 4
KINDS_LEAST: Final = 3  # of small letters, capitals, digits, others
DIFFERENT_LEAST: Final = 6  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. `password_hash` is empty for who signs in elsewhere only; `identity` then names them there.

    `version` grows with every change. `password_at` is when the password was set last.
    """

    name: str
    display: str
    role: Role
    root: str = ""
    password_hash: str = field(default="", repr=False)
    must_change: bool = False
    locked: bool = False
    identity: str = ""
    created_at: datetime
    password_at: datetime | None = None
    signed_in_at: datetime | None = None
    version: int = 0

    @property
    def person(self) -> Person:
        return Person(name=self.name, display=self.display, role=self.role, root=self.root)


class How(StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105  a kind, no password
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in. `digest` is the SHA-256 of the random id, which only the browser has.

    `agent` is what the browser calls itself, for people who look at their own sessions.
    """

    digest: str = field(repr=False)
    user: str
    how: How
    opened_at: datetime
    seen_at: datetime
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRule:
    """When sessions end: so long after the last request, and so long after the sign-in."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)

    def ended(self, session: Session, now: datetime) -> bool:
        return now - session.seen_at >= self.idle or now - session.opened_at >= self.longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """Sign-ins of one subject (an account's name, an address) that did not succeed, and when the last one was."""

    failures: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pausing:
    """After `free` failures comes a pause of `first`, after each further one twice as long, at most `longest`.

    Failures are forgotten `forgotten_after` the last one.
    """

    free: int = 5
    first: timedelta = timedelta(seconds=15)
    longest: timedelta = timedelta(minutes=30)
    forgotten_after: timedelta = timedelta(hours=24)

    def pause(self, failures: int) -> timedelta:
        """How long nobody is listened to after so many failures."""
        if failures < self.free:
            return timedelta(0)
        doubled: int = 2 ** min(failures - self.free, 30)
        return min(self.longest, self.first * doubled)


def attempted(misses: Misses | None, *, now: datetime, rule: Pausing) -> tuple[Misses, timedelta]:
    """One more attempt: what is remembered from now on, and how long the subject has still to wait.

    Every attempt counts as failed until it has succeeded, so that many at once are no way around the pauses. One that
    comes within a pause is not listened to and changes nothing.
    """
    if misses is None or not timedelta(0) <= now - misses.last_at < rule.forgotten_after:
        return Misses(failures=1, last_at=now), timedelta(0)
    left = misses.last_at + rule.pause(misses.failures) - now
    if left > timedelta(0):
        return misses, left
    return Misses(failures=misses.failures + 1, last_at=now), timedelta(0)


def subject_key(kind: str, name: str) -> str:
    """Under which key attempts are counted. A digest: people type passwords into the field for the name."""
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()


def neighbourhood(address: str) -> str:
    """What counts as one address: of IPv6 the network of 64 bits, because its owner has all of it."""
    try:
        given = ip_address(address)
    except ValueError:
        return address
    if isinstance(given, IPv6Address):
        return str(given.ipv4_mapped or ip_network((given, 64), strict=False))
    return str(given)


def session_digest(token: str) -> str:
    """What the database knows of a session's id."""
    return hashlib.sha256(token.encode()).hexdigest()


class Weakness(StrEnum):
    """Why a password is not taken."""

    SHORT = "short"
    LONG = "long"
    PLAIN = "plain"
    UNIFORM = "uniform"
    NAMED = "named"
    KNOWN = "known"


WEAKNESS_TEXT: Final = {
    Weakness.SHORT: (
        f"Mật khẩu phải có ít nhất {PASSWORD_LEAST} ký tự.",
        f"A password needs at least {PASSWORD_LEAST} characters.",
    ),
    Weakness.LONG: (
        f"Mật khẩu không quá {PASSWORD_MOST} ký tự.",
        f"A password has at most {PASSWORD_MOST} characters.",
    ),
    Weakness.PLAIN: (
        f"Hãy dùng ít nhất {KINDS_LEAST} loại ký tự (chữ thường, chữ hoa, chữ số, ký hiệu), hoặc một câu "
        f"{PASSPHRASE_WORDS} từ trở lên, dài từ {PASSPHRASE_LEAST} ký tự.",
        f"Use at least {KINDS_LEAST} kinds of characters (small letters, capitals, digits, others), or a phrase of "
        f"{PASSPHRASE_WORDS} words or more with at least {PASSPHRASE_LEAST} characters.",
    ),
    Weakness.UNIFORM: (
        f"Mật khẩu phải có ít nhất {DIFFERENT_LEAST} ký tự khác nhau.",
        f"A password needs at least {DIFFERENT_LEAST} different characters.",
    ),
    Weakness.NAMED: ("Mật khẩu không được chứa tên tài khoản.", "A password must not contain the account's name."),
    Weakness.KNOWN: ("Mật khẩu này ai cũng đoán được.", "Everybody guesses this password first."),
}

GUESSED_FIRST: Final = ("password", "matkhau", "qwerty", "123456", "abcdef", "admin", "iloveyou", "letmein", "welcome")
"""A password is known when little is left of it without these."""
LEFT_LEAST: Final = 6  # characters
LOOKALIKES: Final = str.maketrans({"@": "a", "0": "o", "1": "i", "3": "e", "$": "s", "5": "s", "đ": "d"})


def same_password(password: str) -> str:
    """One form for what looks the same: keyboards differ in how they write “ế”."""
    return unicodedata.normalize("NFKC", password)


def weakness_of(password: str, *, name: str) -> Weakness | None:
    """Why a password is not taken for this account; None when it is."""
    text = same_password(password)
    low = text.lower()
    faults = (
        (len(text) > PASSWORD_MOST, Weakness.LONG),
        (len(text) < PASSWORD_LEAST, Weakness.SHORT),
        (len(set(low)) < DIFFERENT_LEAST, Weakness.UNIFORM),
        (len(name) > 2 and name in low, Weakness.NAMED),
        (_is_known(low), Weakness.KNOWN),
        (not _is_phrase(text) and _kinds(text) < KINDS_LEAST, Weakness.PLAIN),
    )
    return next((weakness for found, weakness in faults if found), None)


def _is_phrase(text: str) -> bool:
    words = [word for word in re.split(r"[\s\-_.]+", text) if word]
    return len(text) >= PASSPHRASE_LEAST and len(words) >= PASSPHRASE_WORDS


def _is_known(low: str) -> bool:
    bare = "".join(char for char in unicodedata.normalize("NFD", low) if not unicodedata.combining(char))
    left = bare.translate(LOOKALIKES)
    for each in GUESSED_FIRST:
        left = left.replace(each.translate(LOOKALIKES), "")
    return left != bare.translate(LOOKALIKES) and len(re.sub(r"[\W_]+", "", left)) < LEFT_LEAST


def _kinds(text: str) -> int:
    return sum(
        (
            any(char.islower() for char in text),
            any(char.isupper() for char in text),
            any(char.isdigit() for char in text),
            any(not char.isalnum() for char in text),
        )
    )
