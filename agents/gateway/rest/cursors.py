"""Cursors of pages: opaque to who gets them, the place after which the next page starts, and for which filters.

A place is a row's sequence number, so a page stays what it is whatever is added meanwhile.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Final

from agents.gateway.rest.problems import Problem, ProblemCode

CURSOR_CHARS: Final = 100
_MOST: Final = 2**63 - 1
_MARK: Final = 8  # hexadecimal digits that tell one set of filters from another


def cursor_of(place: int, *filters: object) -> str:
    """The cursor after a place, for lists with these filters."""
    return urlsafe_b64encode(f"1.{place}.{_mark(filters)}".encode()).rstrip(b"=").decode()


def place_of(cursor: str | None, *filters: object) -> int:
    """The place a cursor names; 0 without one. Raises Problem for a cursor that is none, or of other filters."""
    if cursor is None:
        return 0
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except (Base64Error, ValueError) as error:
        raise Problem(ProblemCode.CURSOR) from error
    version, _, rest = text.partition(".")
    place, _, mark = rest.partition(".")
    if version != "1" or mark != _mark(filters) or not place.isdecimal() or int(place) > _MOST:
        raise Problem(ProblemCode.CURSOR)
    return int(place)


def _mark(filters: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(filters).encode()).hexdigest()[:_MARK]
