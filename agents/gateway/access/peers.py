"""What counts as one address, where something is bounded per address."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

_PEER_CHARS: Final = 64
_IPV6_PREFIX: Final = 64
"""Whoever has one IPv6 address has all that share so many bits with it."""


def address_of(peer: str) -> str:
    """An IPv4 address as it is, the network of an IPv6 address, other text as it is; empty for none."""
    try:
        address = ip_address(peer[:_PEER_CHARS])
    except ValueError:
        return peer[:_PEER_CHARS]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), _IPV6_PREFIX), strict=False))
