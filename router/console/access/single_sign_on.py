"""Signing in with a provider: out to it, and back with its answer."""

import hmac
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import httpx
import orjson
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from router.console.access.claims import identity_of
from router.console.access.cookies import FLOW, cookie_of, drop_cookie, put_cookie
from router.console.access.login import TOO_MANY, after, login_page, origin_of, refusal
from router.console.access.oidc import Flow, Provider, ProviderAway, Untrue, new_flow
from router.console.shell.addresses import BASE, local
from router.console.shell.page import OpenRoute
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.core.accounts import neighbourhood
from router.core.registry import Registry
from router.logs import logger
from router.services.accounts.sessions import SignedIn, Why

START: Final = "/oidc/start"
CALLBACK: Final = "/oidc/callback"
FLOW_FOR: Final = 600  # seconds that a sign-in at the provider may take
CODE_CHARS: Final = 2048
AWAY: Final = Words(
    "Hệ thống đăng nhập một lần tạm thời không trả lời.", "The single sign-on does not answer at the moment."
)


def single_sign_on_routes(rooms: Rooms, *, transport: httpx.AsyncBaseTransport | None = None) -> list[BaseRoute]:
    """None while no provider is set."""
    settings = rooms.settings.oidc
    if not settings.enabled:
        return []
    provider = Provider(settings, clock=rooms.clock, transport=transport)
    sessions = rooms.accounts.sessions
    limiter = MovingWindowRateLimiter(MemoryStorage())
    rate = RateLimitItemPerMinute(rooms.settings.console.sign_ins_per_minute)
    log = logger("console")

    async def start(request: Request) -> Response:
        if not limiter.hit(rate, "start", neighbourhood(request.state.address)):
            return await login_page(request, rooms, says=TOO_MANY, status=429)
        flow = new_flow()
        try:
            address = await provider.authorization_address(flow, redirect=_redirect(request, rooms))
        except ProviderAway as problem:
            log.warning("single-sign-on-away", reason=str(problem))
            return await login_page(request, rooms, says=AWAY, status=503)
        wanted = request.query_params.get("next", "")
        content = {**asdict(flow), "next": wanted if local(wanted) else ""}
        answer = RedirectResponse(address, status_code=303)
        put_cookie(request, answer, FLOW, orjson.dumps(content).hex(), max_age=FLOW_FOR)
        return answer

    async def back(request: Request) -> Response:
        if not limiter.hit(rate, "back", neighbourhood(request.state.address)):
            return await login_page(request, rooms, says=TOO_MANY, status=429)
        answer = await _came_back(request)
        drop_cookie(request, answer, FLOW)
        return answer

    async def _came_back(request: Request) -> Response:
        origin = origin_of(request)
        try:
            flow, wanted = _flow_of(request)
            claims = await provider.claims(
                _code_of(request),
                flow,
                redirect=_redirect(request, rooms),
                issuer=request.query_params.get("iss", ""),
            )
        except Untrue as problem:
            log.warning("single-sign-on-untrue", reason=str(problem), address=origin.address)
            refused = await run_in_threadpool(sessions.refuse, Why.UNTRUE, origin=origin)
            return await login_page(request, rooms, says=refusal(refused), status=403)
        except ProviderAway as problem:
            log.warning("single-sign-on-away", reason=str(problem))
            return await login_page(request, rooms, says=AWAY, status=503)
        registry = await run_in_threadpool(rooms.store.registry)
        identity = identity_of(claims, settings, _codes(registry))
        outcome = await run_in_threadpool(sessions.sign_in_with, identity, origin=origin)
        if isinstance(outcome, SignedIn):
            return after(request, outcome, wanted)
        return await login_page(request, rooms, says=refusal(outcome), status=403)

    return [OpenRoute(START, start, methods=["GET"]), OpenRoute(CALLBACK, back, methods=["GET"])]


def _redirect(request: Request, rooms: Rooms) -> str:
    """Where the provider sends the browser back to; it has to be registered there."""
    scheme = "https" if request.state.secure else "http"
    base = rooms.settings.console.public_url or f"{scheme}://{request.headers['host']}"
    return f"{base}{BASE}{CALLBACK}"


def _flow_of(request: Request) -> tuple[Flow, str]:
    """The sign-in that this browser began. Raises Untrue when it began none, or another."""
    try:
        kept = orjson.loads(bytes.fromhex(cookie_of(request, FLOW)))
        flow = Flow(state=kept["state"], nonce=kept["nonce"], verifier=kept["verifier"])
        wanted = str(kept["next"])
    except (ValueError, KeyError, TypeError) as problem:
        raise Untrue("this browser began no sign-in") from problem
    if not all(isinstance(each, str) and each for each in (flow.state, flow.nonce, flow.verifier)):
        raise Untrue("this browser began no sign-in")
    if not hmac.compare_digest(flow.state.encode(), request.query_params.get("state", "").encode()):
        raise Untrue("the answer belongs to another sign-in")
    return flow, wanted


def _code_of(request: Request) -> str:
    code = request.query_params.get("code", "")
    if not code or len(code) > CODE_CHARS or "error" in request.query_params:
        raise Untrue("the provider gives no code")
    return code


def _codes(registry: Registry) -> Mapping[str, str]:
    present = {code: code for code in registry.organs}
    return {**registry.aliases, **present}
