"""Where webhooks may go, so that nobody makes the agent knock on doors that only it can reach.

https to hosts with ordinary addresses, private networks among them: document systems live there. Hosts that the
administrator names in `webhook_hosts` may be called over http, too, and at this machine's own or link-local addresses.
Every address of a host must be allowed, and the one that was looked at is the one that is called.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

import httpx

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text. Raises OSError."""

RESOLVE_TIMEOUT: Final = 5.0  # seconds
HOST_CHARS: Final = 253
LAST_PORT: Final = 65535
_NEVER: Final = (
    ip_network("0.0.0.0/8"),  # this machine, on many systems
    ip_network("192.0.0.0/24"),  # protocol assignments
    # Where clouds tell machines their secrets and orders.
    ip_network("fd00:ec2::/32"),
    ip_network("fd20:ce::254/128"),
    ip_network("100.100.100.200/32"),
    ip_network("168.63.129.16/32"),
)
_NAT64: Final = ip_network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""What stands before a v4 address in the second half of a v6 one of a tunnel, under any prefix (RFC 5214)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address that may be called. `url` names the `address`, not the host; `host` is for Host and for TLS."""

    url: httpx.URL
    host: str
    authority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """Why an address is not called."""

    vi: str
    en: str


async def resolved(host: str, port: int) -> Sequence[str]:
    """The machine's own resolver."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(RESOLVE_TIMEOUT):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


async def target_of(url: str, *, trusted: Collection[str], resolve: Resolve = resolved) -> Target | Barred:
    """Where to call for a URL, or why not. `trusted` are hosts (`host` or `host:port`, lower case)."""
    parsed = url_of(url, trusted=trusted)
    if isinstance(parsed, Barred):
        return parsed
    host, port = parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80)
    try:
        addresses = await resolve(host, port)
    except (OSError, TimeoutError, UnicodeError):
        return Barred(vi=f"Không tìm được địa chỉ của máy {host}.", en=f"The host {host} has no address.")
    known = _is_trusted(host, port, trusted)
    if not addresses or not (known or all(map(is_ordinary, addresses))):
        return Barred(
            vi=f"Máy {host} có địa chỉ không được gọi (loopback, link-local hoặc dành riêng).",
            en=f"The host {host} has an address that is not called (loopback, link-local or reserved).",
        )
    authority = parsed.netloc.decode("ascii")
    return Target(url=parsed.copy_with(host=addresses[0].partition("%")[0]), host=host, authority=authority)


def url_of(url: str, *, trusted: Collection[str]) -> httpx.URL | Barred:
    """The URL, when its form alone does not bar it."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return Barred(vi="Không phải URL.", en="This is no URL.")
    if not parsed.host or len(parsed.host) > HOST_CHARS or parsed.scheme not in {"http", "https"}:
        return Barred(vi="URL phải là https://máy/đường-dẫn.", en="The URL must be https://host/path.")
    if parsed.userinfo or parsed.fragment:
        return Barred(
            vi="URL không được chứa tên, mật khẩu hay phần sau dấu #.",
            en="The URL must not hold a name, a password, or a part behind #.",
        )
    if parsed.port is not None and not 1 <= parsed.port <= LAST_PORT:
        return Barred(vi="Cổng phải từ 1 đến 65535.", en="The port must be 1 to 65535.")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    if parsed.scheme == "http" and not _is_trusted(parsed.host, port, trusted):
        return Barred(
            vi="Chỉ gọi https; máy dùng http phải có trong webhook_hosts của agent.toml.",
            en="Only https is called; hosts with http must be named in webhook_hosts of agent.toml.",
        )
    return parsed


def is_ordinary(address: str) -> bool:
    """Whether an address is that of some other machine, in the public or a private network."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_plain(each) for each in _meant(found))


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and those that it wraps: a v4 address in v6 clothes is still the same machine."""
    found: list[IPv4Address | IPv6Address] = [address]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return [address.ipv4_mapped]
        if address.sixtofour is not None:
            found.append(address.sixtofour)
        if address.teredo is not None:
            found.extend(address.teredo)
        if address in _NAT64:
            found.append(IPv4Address(int(address) & 0xFFFFFFFF))
        if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
            found.append(IPv4Address(int(address) & 0xFFFFFFFF))
        if int(address) >> 32 == 0:
            found.append(IPv4Address(int(address)))
    return found


def _is_plain(address: IPv4Address | IPv6Address) -> bool:
    barred = (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not (isinstance(address, IPv6Address) and address in _NAT64))
        or (isinstance(address, IPv6Address) and address.is_site_local)
    )
    return not barred and not any(address.version == each.version and address in each for each in _NEVER)


def _is_trusted(host: str, port: int, trusted: Collection[str]) -> bool:
    named = {each.lower() for each in trusted}
    return host.lower() in named or f"{host.lower()}:{port}" in named
