"""Paths of the hub that are for its operators alone: who comes from some networks, or has the token."""

import secrets
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

FORWARDED: Final = ("x-forwarded-for", "forwarded", "x-real-ip")


class PrivatePaths:
    """The guard. A request that came through a proxy needs the token, wherever the proxy stands."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network], *, token: str) -> None:
        self._networks = tuple(networks)
        self._token = token

    def admits(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        wanted = f"Bearer {self._token}"
        if self._token and secrets.compare_digest(given.encode(), wanted.encode()):
            return True
        if request.client is None or any(each in request.headers for each in FORWARDED):
            return False
        try:
            address = ip_address(request.client.host)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)

    @staticmethod
    def refusal() -> Response:
        return PlainTextResponse("401\n", status_code=401, headers={"WWW-Authenticate": "Bearer"})
