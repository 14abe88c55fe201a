"""What keys may be called and bound to.

Names that travel in HTTP headers are plain ASCII, so that no two look alike.
"""

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from agents.gateway.access.errors import BadKey
from agents.gateway.callers import Right

SYSTEM_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}")
FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
SECRET_LIKE: Final = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
"""Hexadecimal or base64 as long as secrets are; a name with so much in one piece is not shown."""
NOBODY: Final = "-"
"""What can be no system id, user name or fingerprint is looked up as this, which nothing is called."""
MOST_NAME_CHARS: Final = 200
MOST_ORGANS: Final = 10_000
FASTEST: Final = 100_000
"""Requests per minute, at most."""


def known_name(text: str) -> str:
    """A presented system id or user name when it can be one, else NOBODY."""
    return text if SYSTEM_ID.fullmatch(text) else NOBODY


def loggable(text: str) -> str:
    """What a stranger presented as a name, for the log; its length alone when it may be a secret in the wrong place."""
    plain = SYSTEM_ID.fullmatch(text) and not SECRET_LIKE.search(text)
    return text if plain or not text else f"({len(text)} characters)"


def known_fingerprint(text: str) -> str:
    """SHA-256 in lower-case hexadecimal from the ways people and tools write it, else NOBODY."""
    plain = text[: 3 * 64].replace(":", "").casefold()
    return plain if FINGERPRINT.fullmatch(plain) else NOBODY


def checked_name(text: str) -> str:
    """Raises BadKey."""
    name = text.strip()
    if not name or len(name) > MOST_NAME_CHARS or not name.isprintable():
        raise BadKey(
            f"Tên khóa phải có từ 1 đến {MOST_NAME_CHARS} ký tự, không có ký tự điều khiển.",
            f"A key's name has 1 to {MOST_NAME_CHARS} characters and no control characters.",
        )
    return name


def checked_id(text: str, *, what: str) -> str:
    """A system id or user name. Raises BadKey."""
    if known_name(text) == NOBODY:
        raise BadKey(
            f"{what} {text[:120]!a} không hợp lệ: chỉ chữ không dấu, chữ số và . _ : @ -, bắt đầu bằng chữ hoặc số, "
            "tối đa 100 ký tự.",
            f"{what} {text[:120]!a} cannot be: unaccented letters, digits and . _ : @ - only, a letter or digit first, "
            "at most 100 characters.",
        )
    return text


def checked_organs(organs: Iterable[str]) -> frozenset[str]:
    """Raises BadKey."""
    codes = frozenset(organs)
    if not codes or len(codes) > MOST_ORGANS:
        raise BadKey(
            f"Khóa phải gắn với từ 1 đến {MOST_ORGANS} cơ quan.", f"A key is bound to 1 to {MOST_ORGANS} organs."
        )
    for code in codes:
        if not code or len(code) > MOST_NAME_CHARS or not code.isprintable() or code != code.strip():
            raise BadKey(f"Mã cơ quan {code[:120]!a} không hợp lệ.", f"The organ code {code[:120]!a} cannot be.")
    return codes


def checked_rights(rights: Iterable[Right]) -> frozenset[Right]:
    """With READ, which every other right implies. Raises BadKey."""
    given: Collection[Right] = frozenset(rights)
    if not given:
        raise BadKey("Khóa phải có ít nhất một quyền.", "A key has one right at least.")
    return frozenset({*given, Right.READ})


def checked_rate(per_minute: int) -> int:
    """Raises BadKey."""
    if not 1 <= per_minute <= FASTEST:
        raise BadKey(
            f"Số yêu cầu mỗi phút phải từ 1 đến {FASTEST}, không phải {per_minute}.",
            f"The requests per minute are 1 to {FASTEST}, not {per_minute}.",
        )
    return per_minute


def checked_fingerprint(text: str) -> str:
    """Empty for none. Raises BadKey."""
    plain = known_fingerprint(text) if text else ""
    if plain == NOBODY:
        raise BadKey(
            "Dấu vân tay chứng thư phải là SHA-256 dạng thập lục phân (64 chữ số).",
            "A certificate's fingerprint is a SHA-256 in hexadecimal (64 digits).",
        )
    return plain


def checked_expiry(expires_at: datetime | None, *, now: datetime) -> datetime | None:
    """Raises BadKey."""
    if expires_at is not None and expires_at <= now:
        raise BadKey("Ngày hết hạn đã qua.", "The key would have expired already.")
    return expires_at
