"""Whose words about a client are believed: its address, its scheme and its certificate.

X-Forwarded-For and X-Forwarded-Proto count from `trusted_proxies` alone; from anybody else they are nobody's word.
What a dialect may rely on stands in the scope: `client`, `scheme`, and `client_certificate(request)`.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from agents.gateway.settings import GatewaySettings

STATE: Final = "client_certificate"
"""Name in the scope's `state`, where the connection puts the fingerprint of a client certificate that TLS verified."""

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_CERTIFICATE_CHARS: Final = 32_768


def client_certificate(request: HTTPConnection) -> str:
    """The SHA-256 of the client's certificate (DER, lower-case hexadecimal) that TLS verified; empty without one."""
    return str(request.scope.get("state", {}).get(STATE, ""))


def behind_proxies(app: ASGIApp, settings: GatewaySettings) -> ASGIApp:
    """The application, told by trusted proxies who the client is."""
    if not settings.trusted_proxies:
        return app
    trusted = list(settings.trusted_proxies)
    told = ProxyHeadersMiddleware(app, trusted_hosts=trusted)  # type: ignore[arg-type]  # its own names for the types
    if not settings.client_certificate_header:
        return told  # type: ignore[return-value]  # as above
    return _PassedCertificate(
        told,  # type: ignore[arg-type]  # as above
        trusted=ProxyHeadersMiddleware(app, trusted_hosts=trusted),  # type: ignore[arg-type]  # as above
        header=settings.client_certificate_header.lower().encode("latin-1"),
    )


class _PassedCertificate:
    """Takes the client's certificate from a trusted proxy, which verified it."""

    def __init__(self, app: ASGIApp, *, trusted: ProxyHeadersMiddleware, header: bytes) -> None:
        self._app = app
        self._trusted = trusted.trusted_hosts
        self._header = header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if scope["type"] == "http" and client is not None and client[0] in self._trusted:
            values = [value for name, value in scope["headers"] if name == self._header]
            # Two of them: one is the client's own, and which one cannot be told.
            scope.setdefault("state", {})[STATE] = fingerprint_in(values[0]) if len(values) == 1 else ""
        await self._app(scope, receive, send)


def fingerprint_in(value: bytes) -> str:
    """The fingerprint that a proxy passes on: as it is, or of the certificate (PEM, percent-encoded). Empty if none."""
    text = value.decode("latin-1").strip()
    plain = text.replace(":", "").lower()
    if _HEX.fullmatch(plain):
        return plain
    if not text or len(text) > _CERTIFICATE_CHARS:
        return ""
    try:
        return x509.load_pem_x509_certificate(unquote_to_bytes(text)).fingerprint(SHA256()).hex()
    except ValueError:
        return ""
