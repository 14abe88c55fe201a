"""The style sheet and the little script: read once, named by their digest, kept by browsers for good."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from router.console.shell.addresses import href
from router.console.shell.page import OpenRoute
from router.console.shell.rooms import Part

STATIC: Final = Path(__file__).with_name("static")
KEPT: Final = "public, max-age=31536000, immutable"
ASKED_ANEW: Final = "no-cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file. `version` is the beginning of its SHA-256."""

    name: str
    media_type: str
    content: bytes
    version: str


class Assets:
    """All files that pages load; all of them are ours."""

    def __init__(self, parts: Sequence[Part]) -> None:
        styles = [STATIC / "console.css", *(each.styles for each in parts if each.styles)]
        sheet = b"\n".join(path.read_bytes() for path in styles)
        self._files = {
            each.name: each
            for each in (
                _asset("console.css", "text/css", sheet),
                _asset("console.js", "text/javascript", (STATIC / "console.js").read_bytes()),
                _asset("mark.svg", "image/svg+xml", (STATIC / "mark.svg").read_bytes()),
            )
        }

    def address(self, name: str) -> str:
        """For a link in a page."""
        return href(f"/-/static/{name}", {"v": self._files[name].version})

    def route(self) -> BaseRoute:
        async def give(request: Request) -> Response:
            asset = self._files.get(request.path_params["name"])
            if asset is None:
                return Response(status_code=404)
            kept = KEPT if request.query_params.get("v") == asset.version else ASKED_ANEW
            return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": kept})

        return OpenRoute("/-/static/{name}", give, methods=["GET"])


def _asset(name: str, media_type: str, content: bytes) -> Asset:
    return Asset(name=name, media_type=media_type, content=content, version=hashlib.sha256(content).hexdigest()[:16])
