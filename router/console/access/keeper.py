"""The outermost wall of the console: whom it answers at all, and the headers of every answer."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from router.console.access.origin import client_address, host_name, is_secure
from router.settings import Settings

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"
NOT_KEPT: Final = "no-store"
QUERY_BYTES: Final = 8192
HERE: Final = ("localhost", "127.0.0.1", "[::1]")


class Keeper:
    """Wraps the console. Puts into the request's state: `secure` (https), `address` (of who asks)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        console = settings.console
        self._proxies = console.proxies
        self._public = console.https
        self._hosts = frozenset((*HERE, *console.hosts, *_named(settings)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        secure = is_secure(
            peer,
            scope.get("scheme", "http"),
            headers.get("x-forwarded-proto", ""),
            self._proxies,
            public=self._public,
        )
        scope["state"] = {
            **scope.get("state", {}),
            "secure": secure,
            "address": client_address(peer, headers.get("x-forwarded-for", ""), self._proxies),
        }
        complete = False

        async def send_guarded(message: Message) -> None:
            nonlocal complete
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    told[name] = value
                told.setdefault("Cache-Control", NOT_KEPT)
                if secure:
                    told["Strict-Transport-Security"] = STRICT_TRANSPORT
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        if host_name(headers.get("host", "")) not in self._hosts:
            await _unknown_host()(scope, receive, send_guarded)
            return
        if len(scope.get("query_string", b"")) > QUERY_BYTES:
            await _too_long()(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except Exception:
            if not complete:  # otherwise it is logged under its number, and the reader has an answer
                raise


def _named(settings: Settings) -> tuple[str, ...]:
    """The names by which the settings know the hub."""
    public = urlsplit(settings.console.public_url).hostname or ""
    bound = settings.http_host
    return tuple(f"[{each}]" if ":" in each else each.lower() for each in (public, bound) if each)


def _unknown_host() -> JSONResponse:
    return JSONResponse(
        {
            "vi": "Tên máy này không được phục vụ; thêm vào public_url hoặc hosts trong [console] của truc.toml",
            "en": "this host name is not served; add it to public_url or hosts in [console] of truc.toml",
        },
        status_code=400,
    )


def _too_long() -> JSONResponse:
    return JSONResponse({"vi": "địa chỉ quá dài", "en": "the address is too long"}, status_code=414)
