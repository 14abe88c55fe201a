"""Where a request comes from, as far as it can be believed. Pure."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """The address of who asks. What a header says counts only as far as trusted proxies have written it.

    `forwarded` is X-Forwarded-For: each proxy appends who asked it, so it is read from its end.
    """
    here = _read(peer)
    if here is None or not _among(here, proxies):
        return peer
    for part in reversed(forwarded.split(",")):
        told = _read(part.strip())
        if told is None:
            break
        here = told
        if not _among(told, proxies):
            break
    return str(here)


def is_secure(peer: str, scheme: str, forwarded_proto: str, proxies: Sequence[Network], *, public: bool) -> bool:
    """Whether the browser speaks https: `public` says so of the hub as a whole, else a trusted proxy's word counts."""
    here = _read(peer)
    told = forwarded_proto.rpartition(",")[2].strip().lower()
    return public or scheme == "https" or (here is not None and _among(here, proxies) and told == "https")


def host_name(header: str) -> str:
    """The host of a Host header without its port, in small letters; empty when it is none."""
    text = header.strip().lower()
    if text.startswith("["):
        inner, bracket, rest = text[1:].partition("]")
        return f"[{inner}]" if bracket and _is_port(rest) else ""
    name, colon, port = text.partition(":")
    if colon and not port.isdigit():
        return ""
    return name if name and all(char.isascii() and (char.isalnum() or char in ".-") for char in name) else ""


def _is_port(rest: str) -> bool:
    return not rest or (rest.startswith(":") and rest[1:].isdigit())


def _read(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _among(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)
