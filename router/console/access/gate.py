"""Sessions in cookies, tokens in forms: what `shell.gate` asks for."""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from router.console.access.cookies import FLASH, FORM, SESSION, cookie_of, drop_cookie, put_cookie
from router.console.shell.gate import Admitted
from router.console.shell.rooms import Rooms
from router.core.event_names import EventName
from router.core.people import Person, Right
from router.core.records import Event, PutEvent

FORM_FOR: Final = 12 * 3600  # seconds that a form before the sign-in may lie open
SEED_BYTES: Final = 32
SEED_CHARS: Final = 64
FLASH_BYTES: Final = 1500
REFUSALS_PER_MINUTE: Final = 30  # of one person that are written down
PATH_CHARS: Final = 200


class SessionGate:
    """`shell.gate.Gate` on the accounts' sessions."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._refusals = RateLimitItemPerMinute(REFUSALS_PER_MINUTE)

    async def admitted(self, request: Request) -> Admitted | None:
        if not hasattr(request.state, "admitted"):
            request.state.admitted = await run_in_threadpool(self._admitted, cookie_of(request, SESSION))
        found: Admitted | None = request.state.admitted
        return found

    def _admitted(self, token: str) -> Admitted | None:
        visitor = self._rooms.accounts.sessions.visitor(token)
        if visitor is None:
            return None
        scope = self._rooms.accounts.scopes.of(self._rooms.store.registry(), visitor.person)
        return Admitted(visitor=visitor, scope=scope)

    def form_token(self, request: Request) -> str:
        return _signed(self._secret(request), "form")

    def is_own_form(self, request: Request, given: str) -> bool:
        known = cookie_of(request, SESSION if self._known(request) is not None else FORM)
        if not known or len(known) > SEED_CHARS or not _same_origin(request):
            return False
        return hmac.compare_digest(_signed(known, "form").encode(), given.encode())

    async def refused(self, request: Request, person: Person, right: Right) -> None:
        if not self._limiter.hit(self._refusals, person.name):
            return
        facts = {
            "user": person.name,
            "right": right.value,
            "path": request.url.path[:PATH_CHARS],
            "address": request.state.address,
        }
        event = Event(name=EventName.ACCESS_REFUSED.value, at=self._rooms.clock.now(), actor=person.actor, facts=facts)
        await run_in_threadpool(self._log, event)

    def _log(self, event: Event) -> None:
        with self._rooms.store.begin() as tx:
            tx.apply([PutEvent(event)])

    def put_flash(self, request: Request, response: Response, text: str) -> None:
        content = base64.urlsafe_b64encode(text.encode()[:FLASH_BYTES]).decode()
        put_cookie(request, response, FLASH, f"{content}.{_signed(self._secret(request), content)}", max_age=60)

    def take_flash(self, request: Request) -> str:
        content, _, signature = cookie_of(request, FLASH).partition(".")
        if not content or not hmac.compare_digest(_signed(self._secret(request), content).encode(), signature.encode()):
            return ""
        try:
            return base64.urlsafe_b64decode(content).decode(errors="ignore")
        except (binascii.Error, ValueError):
            return ""

    def finish(self, request: Request, response: Response) -> None:
        if cookie_of(request, FLASH):
            drop_cookie(request, response, FLASH)
        seed = getattr(request.state, "form_seed", "")
        if seed and seed != cookie_of(request, FORM):
            put_cookie(request, response, FORM, seed, max_age=FORM_FOR)

    def _known(self, request: Request) -> Admitted | None:
        found: Admitted | None = getattr(request.state, "admitted", None)
        return found

    def _secret(self, request: Request) -> str:
        """What only this browser has: its session, or before the sign-in a random seed."""
        if self._known(request) is not None:
            return cookie_of(request, SESSION)
        if not hasattr(request.state, "form_seed"):
            given = cookie_of(request, FORM)
            fits = SEED_BYTES <= len(given) <= SEED_CHARS
            request.state.form_seed = given if fits else secrets.token_urlsafe(SEED_BYTES)
        seed: str = request.state.form_seed
        return seed


def _signed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _same_origin(request: Request) -> bool:
    """Whether the browser says nothing of another site."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin", "")
    return not origin or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
