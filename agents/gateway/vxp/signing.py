"""Whose call is it, and what does it say? The signature of the VXP dialect, checked. Pure: no I/O, no clock.

A call carries its arguments in headers `XroadVnpt-<name>`, the same arguments as a JSON object in
`XroadVnpt-sign-header`, their names in `XroadVnpt-sign-header-key`, and the HMAC-SHA256 of that JSON, byte for byte,
in `XroadVnpt-hash-header`. Only the JSON is covered by the HMAC, so arguments are read from nowhere else; every header
of a name in it must say the same, or the call is refused.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NoReturn

from agents.gateway.callers import Caller
from agents.gateway.vxp.timestamps import StampFault, stamp_fault

PREFIX: Final = "XroadVnpt-"
SYSTEM: Final = "systemid"
STAMP: Final = "timestamp"
SIGNED_BYTES: Final = 128 * 1024
"""Longest `XroadVnpt-sign-header`: as many recipients in `to` as a letter may have."""
SIGNED_NAMES: Final = 64
SYSTEM_CHARS: Final = 200

_SIGNED_JSON: Final = b"xroadvnpt-sign-header"
_SIGNED_KEYS: Final = b"xroadvnpt-sign-header-key"
_HASH: Final = b"xroadvnpt-hash-header"
_SYSTEM_HEADER: Final = b"xroadvnpt-systemid"
_NO_SECRET: Final = b"\x00" * 32
"""Stands in for the secret of a system that is not there, so that its absence takes as long to find out."""

Headers = Mapping[bytes, tuple[bytes, ...]]
"""By name in lower case, every value in the order of arrival, as raw bytes."""


class Unsigned(StrEnum):
    """Why a call is not believed."""

    HEADER_MISSING = "header-missing"
    HEADER_TWICE = "header-twice"
    HEADER_LONG = "header-long"
    UNKNOWN = "unknown"  # no such system, or not its secret: one answer for both
    JSON = "json"
    NAMES = "names"
    DIFFERS = "differs"
    SYSTEM = "system"
    STAMP_MISSING = "stamp-missing"
    STAMP_MALFORMED = "stamp-malformed"
    STAMP_OLD = "stamp-old"
    STAMP_AHEAD = "stamp-ahead"


@dataclass(frozen=True, slots=True)
class NotBelieved:
    """A call that is refused. `name` is the header or argument that it is about."""

    why: Unsigned
    name: str = ""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The signed arguments by name, as the client spelled them, less the prefix."""

    values: Mapping[str, str] = field(repr=False)

    def read(self, name: str, *others: str) -> str:
        """The argument, or the first of other names for it that is there; empty when none is.

        The exact spelling goes first: a client's service object keeps the arguments of earlier calls, so that `docId`
        and `docid` may both be there and name different documents. Then any letter case will do.
        """
        for wanted in (name, *others):
            if wanted in self.values:
                return self.values[wanted].strip()
        folded = {key.lower(): value for key, value in self.values.items()}
        return folded.get(name.lower(), "").strip()


@dataclass(frozen=True, slots=True)
class Secrets:
    """Who has a system id, and the secrets that count for it (two while one replaces the other)."""

    caller: Caller
    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A call that is believed."""

    caller: Caller
    arguments: Arguments


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a request by name; the same value twice counts once."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in raw:
        known = found.setdefault(name.lower(), [])
        if value not in known:
            known.append(value)
    return {name: tuple(values) for name, values in found.items()}


def system_of(headers: Headers) -> str | NotBelieved:
    """The system id a call claims; nothing is proven by it."""
    value = _single(headers, _SYSTEM_HEADER, longest=SYSTEM_CHARS)
    return value if isinstance(value, NotBelieved) else _text(value)


def believe(headers: Headers, known: Secrets | None, *, now: datetime, age: timedelta) -> SignedCall | NotBelieved:
    """The call, when its signature is right and its arguments are what was signed.

    `known` belongs to the system of `system_of`; None when there is no such system. `age` is how old the time stamp
    may be.
    """
    seal = _sealed(headers)
    if isinstance(seal, NotBelieved):
        return seal
    good = _is_sealed(seal, known.secrets if known is not None else (_NO_SECRET,))
    if known is None or not good:
        return NotBelieved(Unsigned.UNKNOWN)
    members = _members(seal.signed)
    if members is None:
        return NotBelieved(Unsigned.JSON)
    fault = _names_fault(seal.names, members) or _differing(headers, members)
    if fault is not None:
        return fault
    arguments = Arguments({name[len(PREFIX) :]: value for name, value in members.items()})
    return _in_time(headers, arguments, now=now, age=age) or SignedCall(known.caller, arguments)


@dataclass(frozen=True, slots=True)
class _Seal:
    """The signed JSON as it came, the names it is said to have, and the stated HMAC."""

    signed: bytes = field(repr=False)
    names: str
    stated: bytes


def _sealed(headers: Headers) -> _Seal | NotBelieved:
    """Each part there once and not too long."""
    found: list[bytes] = []
    for name in (_SIGNED_JSON, _SIGNED_KEYS, _HASH):
        value = _single(headers, name, longest=SIGNED_BYTES)
        if isinstance(value, NotBelieved):
            return value
        found.append(value)
    signed, names, stated = found
    return _Seal(signed, _text(names), stated)


def _single(headers: Headers, name: bytes, *, longest: int) -> bytes | NotBelieved:
    values = headers.get(name, ())
    shown = PREFIX + name.decode("ascii").removeprefix(PREFIX.lower())
    if not values or not values[0]:
        return NotBelieved(Unsigned.HEADER_MISSING, shown)
    if len(values) > 1:
        return NotBelieved(Unsigned.HEADER_TWICE, shown)
    return values[0] if len(values[0]) <= longest else NotBelieved(Unsigned.HEADER_LONG, shown)


def _is_sealed(seal: _Seal, secrets: tuple[bytes, ...]) -> bool:
    """Whether the HMAC is one of these secrets'. Every secret is tried, whatever the first says."""
    stated = seal.stated.lower()
    return any([hmac.compare_digest(_hmac(secret, seal.signed), stated) for secret in secrets])  # noqa: C419  all of them


def _hmac(secret: bytes, signed: bytes) -> bytes:
    return hmac.new(secret, signed, hashlib.sha256).hexdigest().encode("ascii")


def _members(signed: bytes) -> dict[str, str] | None:
    """The object in the signed JSON: names with the prefix, values that are strings. None for anything else."""
    try:
        members = json.loads(_text(signed), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict) or len(members) > SIGNED_NAMES:
        return None
    sound = all(name.startswith(PREFIX) and isinstance(value, str) for name, value in members.items())
    return members if sound else None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _names_fault(names: str, members: Mapping[str, str]) -> NotBelieved | None:
    """Every name in `sign-header-key` must be among the signed; a semicolon at its end names nothing."""
    listed = [name.strip() for name in names.rstrip("; ").split(";")]
    if len(listed) > SIGNED_NAMES:
        return NotBelieved(Unsigned.NAMES)
    return next((NotBelieved(Unsigned.NAMES, name) for name in listed if PREFIX + name not in members), None)


def _differing(headers: Headers, members: Mapping[str, str]) -> NotBelieved | None:
    """Every signed argument must be carried by its header, and no header of that name may say what was not signed.

    Two spellings of one name, `docId` and `docid`, are one name to HTTP: some clients then send both values, some the
    later one alone.
    """
    signed: dict[str, set[str]] = {}
    for name, value in members.items():
        signed.setdefault(name.lower(), set()).add(value.strip(" \t"))
    for name, values in signed.items():
        carried = {_text(value) for value in headers.get(name.encode("utf-8"), ())}
        if not carried or not carried <= values:
            return NotBelieved(Unsigned.DIFFERS, name[len(PREFIX) :])
    return None


def _in_time(headers: Headers, arguments: Arguments, *, now: datetime, age: timedelta) -> NotBelieved | None:
    if system_of(headers) != arguments.values.get(SYSTEM):
        return NotBelieved(Unsigned.SYSTEM, SYSTEM)
    if STAMP not in arguments.values:
        return NotBelieved(Unsigned.STAMP_MISSING, STAMP)
    match stamp_fault(arguments.values[STAMP], now=now, age=age):
        case StampFault.MALFORMED:
            return NotBelieved(Unsigned.STAMP_MALFORMED, STAMP)
        case StampFault.OLD:
            return NotBelieved(Unsigned.STAMP_OLD, STAMP)
        case StampFault.AHEAD:
            return NotBelieved(Unsigned.STAMP_AHEAD, STAMP)
    return None


def _text(raw: bytes) -> str:
    """UTF-8 where it is, the bytes one by one elsewhere; the same rule for headers and the JSON that repeats them."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
