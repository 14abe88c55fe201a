"""Addresses of the console: what is below it, and what may be sent back to a browser as one of ours."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

BASE: Final = "/console"
LOGIN: Final = "/login"
PASSWORD: Final = "/me/password"  # noqa: S105  an address, no password
ADDRESS_CHARS: Final = 2000


def href(path: str, query: Mapping[str, object] | None = None) -> str:
    """The address of a path below the console. Values that are empty are left out of the query."""
    given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
    return f"{BASE}{quote(path, safe='/:@!$&()*+,;=~-._')}" + (f"?{urlencode(given, doseq=True)}" if given else "")


def local(address: str) -> str:
    """A path with query below the console, without its base; empty for every other address.

    Browsers take `//host`, `/\\host` and control characters for addresses elsewhere.
    """
    if not address.startswith(f"{BASE}/") or len(address) > ADDRESS_CHARS or "\\" in address:
        return ""
    if any(ord(char) < 0x21 for char in address):
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or "//" in parts.path or "/../" in f"{parts.path}/":
        return ""
    return parts.path.removeprefix(BASE) + (f"?{parts.query}" if parts.query else "")
