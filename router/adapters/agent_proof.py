"""How agents prove themselves over HTTP: Basic, with the token that `truc registry` gave them."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from router.core.registry import AgentRecord, Registry

NOBODY: Final = AgentRecord(name="", active=False, token_hash=hashlib.sha256(b"").hexdigest())
CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="truc"'}


def proven_agent(request: Request, registry: Registry) -> str | None:
    """The name of the agent that a request proves; None when it proves none."""
    name, token = _basic(request.headers.get("authorization", ""))
    agent = registry.agents.get(name, NOBODY)
    given = hashlib.sha256(token.encode()).hexdigest()
    same = hmac.compare_digest(given.encode(), agent.token_hash.encode())
    return agent.name if same and agent.active and agent.token_hash and token else None


def problem_answer(status: int, vi: str, en: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"vi": vi, "en": en}, status_code=status, headers=headers)


def _basic(header: str) -> tuple[str, str]:
    """Name and password of an Authorization header; empty ones when it is another or malformed."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 1_000:
        return "", ""
    try:
        name, colon, token = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except ValueError:  # no base64, no ASCII, no UTF-8
        return "", ""
    return (name, token) if colon else ("", "")
