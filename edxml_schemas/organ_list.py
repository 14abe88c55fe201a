"""What hub and agents tell each other about organs, over HTTP, beside the blob door.

    GET  /-/organs?since=VERSION      the organs that may be written to: a line of JSON as head, then a line for each
    POST /-/organs/applications       an agent applies for a new organ, or for the end of one that it carries
    GET  /-/organs/applications       what became of its applications

The list has a digest: the SHA-256 over the SHA-256 of every line (without its line feed), in the order of codes. The
head states the digest of the whole list, also when only differences follow, so who has applied them can tell whether
it has the list of the hub.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

ORGANS_PATH: Final = "/-/organs"
APPLICATIONS_PATH: Final = "/-/organs/applications"
LIST_TYPE: Final = "application/x-ndjson"

LINE_BYTES: Final = 16 * 2**10
"""Most bytes of one line."""
REFERENCE: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
"""How an agent names an application of its own."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOrgan:
    """A body that may be written to. `version` is that of the registry when this organ changed last.

    `connected` says whether some agent carries for it; what is sent to others waits on the hub.
    """

    code: str
    name: str
    parent: str = ""
    old_code: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    connected: bool = False
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneOrgan:
    """A body that may not be written to any more; among differences only."""

    code: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListHead:
    """The first line. `version` is to be given as `since` the next time, `count` are the lines that follow.

    `since` is None when these are all organs, else the version whose differences follow.
    """

    version: int
    digest: str
    since: int | None
    count: int


class ApplicationKind(StrEnum):
    REGISTER = "register"
    END = "end"


class ApplicationState(StrEnum):
    OPEN = "open"  # waits for the hub's administrator
    APPROVED = "approved"
    REJECTED = "rejected"
    ALREADY = "already"  # there was nothing to apply for: it is so. Never kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an agent applies for. For an end only `code` counts."""

    reference: str
    kind: ApplicationKind
    code: str
    name: str = ""
    parent: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WishAnswer:
    """What the hub says of an application. `note` is the administrator's.

    `reference` may be another than the one that was sent: that of an open application for the same.
    """

    reference: str
    state: ApplicationState
    note: str = ""


def line_of(what: ListHead | ListedOrgan | GoneOrgan) -> bytes:
    """The line without its line feed. The same value has the same bytes everywhere."""
    if isinstance(what, GoneOrgan):
        return orjson.dumps({"code": what.code, "gone": True, "version": what.version})
    return orjson.dumps(what)


def line_digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()


def list_digest(line_digests: Iterable[bytes]) -> str:
    """In hexadecimal; the lines' digests come in the order of codes (by code points)."""
    digest = hashlib.sha256()
    for each in line_digests:
        digest.update(each)
    return digest.hexdigest()


def read_head(line: bytes) -> ListHead:
    """Raises ValueError for what is none."""
    values = _object(line)
    since = values.get("since")
    head = ListHead(
        version=_number(values, "version"),
        digest=_text(values, "digest"),
        since=None if since is None else _number(values, "since"),
        count=_number(values, "count"),
    )
    if not _DIGEST.fullmatch(head.digest):
        raise ValueError("no digest")
    return head


def read_line(line: bytes) -> ListedOrgan | GoneOrgan:
    """An organ's line; members that are not known are left aside. Raises ValueError for what is none."""
    values = _object(line)
    code = _text(values, "code")
    if not code:
        raise ValueError("an organ without a code")
    if values.get("gone") is True:
        return GoneOrgan(code=code, version=_number(values, "version"))
    return ListedOrgan(
        code=code,
        name=_text(values, "name"),
        parent=_text(values, "parent"),
        old_code=_text(values, "old_code"),
        email=_text(values, "email"),
        phone=_text(values, "phone"),
        address=_text(values, "address"),
        connected=values.get("connected") is True,
        version=_number(values, "version"),
    )


def read_wish(body: bytes) -> Wish:
    """Raises ValueError for what is none."""
    values = _object(body)
    wish = Wish(
        kind=ApplicationKind(_text(values, "kind")),
        **{
            name: " ".join(_text(values, name).split())
            for name in ("reference", "code", "name", "parent", "email", "phone", "address")
        },
    )
    if not REFERENCE.fullmatch(wish.reference):
        raise ValueError("no reference")
    return wish


def read_answer(values: object) -> WishAnswer:
    """From a member of parsed JSON. Raises ValueError for what is none."""
    if isinstance(values, dict):
        return WishAnswer(
            reference=_text(values, "reference"),
            state=ApplicationState(_text(values, "state")),
            note=_text(values, "note"),
        )
    raise ValueError("no object")


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LINE_BYTES:
        raise ValueError(f"more than {LINE_BYTES} bytes")
    values = orjson.loads(line)
    if isinstance(values, dict):
        return values
    raise ValueError("no object")


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    if isinstance(value, str):
        return value
    raise ValueError(f"{name} is no text")


def _number(values: dict[str, Any], name: str) -> int:
    value = values.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    raise ValueError(f"{name} is no number")
