"""GET /-/versions and /-/settings: what runs here, and how it is set, for the hub's operators.

    /-/versions   the hub's version, Python's, the database's and its tables', and those of the libraries
    /-/settings   every setting without its secrets

Both as JSON, to who may read /-/metrics.
"""

import asyncio
import platform
import re
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.adapters.private_paths import PrivatePaths
from router.errors import redacted
from router.ports import StoreUnavailable

PACKAGE: Final = "truc-lien-thong"
LIBRARIES: Final = (
    "aio-pika",
    "aiosmtplib",
    "alembic",
    "cryptography",
    "httpx",
    "lxml",
    "orjson",
    "psycopg",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
)
HIDDEN: Final = "…"
SECRET_NAME: Final = re.compile(r"password|secret|token|credential|private_key", re.IGNORECASE)
ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.\-]*://", re.IGNORECASE)
NO_SECRETS: Final = re.compile(r"(env:[A-Za-z0-9_]+|file:.+)")
NO_STORE: Final = {"Cache-Control": "no-store"}

Facts = Callable[[], Mapping[str, str]]


class DiagnosticsDoor:
    """`settings` are shown as they are given, redacted once more; `database` is asked in a thread."""

    def __init__(self, guard: PrivatePaths, *, settings: Mapping[str, Any], database: Facts) -> None:
        self._guard = guard
        self._settings = redacted_settings(settings)
        self._database = database

    def routes(self) -> list[Route]:
        return [Route("/-/versions", self._versions), Route("/-/settings", self._shown)]

    async def _versions(self, request: Request) -> Response:
        if not self._guard.admits(request):
            return self._guard.refusal()
        try:
            database = dict(await asyncio.to_thread(self._database))
        except StoreUnavailable as problem:
            database = {"problem": str(problem)}
        return JSONResponse({**versions(), "database": database}, headers=NO_STORE)

    async def _shown(self, request: Request) -> Response:
        if not self._guard.admits(request):
            return self._guard.refusal()
        return JSONResponse(self._settings, headers=NO_STORE)


def versions() -> dict[str, Any]:
    """Of the hub and of what it stands on."""
    return {
        "hub": _version(PACKAGE),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def redacted_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without what nobody may read: values under names of secrets, and passwords and paths in addresses.

    Where a secret stands (`env:NAME`, `file:PATH`) is shown: that is no secret.
    """
    return {name: _redacted(name, value) for name, value in settings.items()}


def _redacted(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _redacted(f"{name}.{key}", each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(name, each) for each in value]
    if isinstance(value, str) and value:
        if SECRET_NAME.search(name) and not NO_SECRETS.fullmatch(value):
            return HIDDEN
        if ADDRESS.match(value):
            # Webhooks often carry their secret in the path.
            return _origin(value) if "webhook" in name else redacted(value)
    return value


def _origin(url: str) -> str:
    scheme, _, rest = redacted(url).partition("://")
    host, slash, _ = rest.partition("/")
    return f"{scheme}://{host}{'/' + HIDDEN if slash else ''}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
