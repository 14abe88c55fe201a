"""Signing in with a password, and out."""

import math
from datetime import timedelta
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from router.console.access.cookies import FORM, SESSION, drop_cookie, put_cookie
from router.console.shell.addresses import BASE, LOGIN, href, local
from router.console.shell.answers import Page
from router.console.shell.forms import read_form
from router.console.shell.page import OpenRoute
from router.console.shell.rooms import Rooms
from router.console.shell.serving import frame_of
from router.console.shell.words import Words
from router.core.accounts import neighbourhood
from router.services.accounts.sessions import From, NotLetIn, SignedIn, Why

FORM_BYTES: Final = 16 * 2**10
TITLE: Final = Words("Đăng nhập", "Sign in")
LOGOUT: Final = "/logout"
WRONG: Final = Words("Tên đăng nhập hoặc mật khẩu không đúng.", "Wrong name or password.")
TOO_MANY: Final = Words("Quá nhiều lần đăng nhập. Hãy chờ một phút.", "Too many sign-ins. Wait a minute.")
REFUSED_TEXT: Final = {
    Why.LOCKED: Words("Tài khoản đang bị khóa.", "The account is locked."),
    Why.ELSEWHERE: Words(
        "Tên tài khoản đã thuộc về một tài khoản khác của trục.", "The account's name belongs to another account here."
    ),
    Why.NO_ROLE: Words("Bạn chưa được giao vai trò trên trục.", "You have no role at this hub."),
    Why.NO_ROOT: Words("Không rõ bạn thuộc cơ quan nào.", "It is not known to which organ you belong."),
    Why.NO_NAME: Words(
        "Hệ thống đăng nhập một lần không cho biết tên tài khoản.", "Single sign-on gives no account name."
    ),
    Why.UNTRUE: Words("Đăng nhập một lần không thành công. Hãy thử lại.", "Single sign-on did not succeed. Try again."),
}


def origin_of(request: Request) -> From:
    return From(address=request.state.address, agent=request.headers.get("user-agent", ""))


async def login_page(request: Request, rooms: Rooms, *, says: Words | None, status: int = 200) -> Response:
    """The form; never says which part was wrong."""
    request.state.as_json = False
    given = request.query_params.get("next", "")
    nobody = status == 200 and await run_in_threadpool(rooms.accounts.keeping.is_empty)
    data = {
        "nobody": nobody,
        "says": says,
        "next": given if local(given) else "",
        "sso": rooms.settings.oidc.label if rooms.settings.oidc.enabled else "",
    }
    page = Page(template="shell/login.html", title=TITLE, data=data, status=status)
    return await frame_of(request).page(request, page, None)


def after(request: Request, signed_in: SignedIn, wanted: str) -> Response:
    """Into the console, with a session."""
    back = local(wanted)
    answer = RedirectResponse(f"{BASE}{back}" if back else href("/"), status_code=303)
    put_cookie(request, answer, SESSION, signed_in.token)
    drop_cookie(request, answer, FORM)
    return answer


def refusal(refused: NotLetIn) -> Words:
    if refused.why is Why.PAUSED:
        return _paused(refused.wait)
    return REFUSED_TEXT.get(refused.why, WRONG)


def login_routes(rooms: Rooms) -> list[BaseRoute]:
    limiter = MovingWindowRateLimiter(MemoryStorage())
    rate = RateLimitItemPerMinute(rooms.settings.console.sign_ins_per_minute)
    sessions = rooms.accounts.sessions

    async def show(request: Request) -> Response:
        if await frame_of(request).gate.admitted(request) is not None:
            return RedirectResponse(href("/"), status_code=303)
        return await login_page(request, rooms, says=None)

    async def sign_in(request: Request) -> Response:
        request.state.as_json = False
        async with read_form(request, most=FORM_BYTES) as form:
            if not frame_of(request).gate.is_own_form(request, form.token):
                return await frame_of(request).foreign_form(request)
            name, password, wanted = form.one("name"), form.one("password"), form.one("next")
        if not limiter.hit(rate, neighbourhood(request.state.address)):
            answer = await login_page(request, rooms, says=TOO_MANY, status=429)
            answer.headers["Retry-After"] = "60"
            return answer
        outcome = await run_in_threadpool(sessions.sign_in, name, password, origin=origin_of(request))
        if isinstance(outcome, SignedIn):
            return after(request, outcome, wanted)
        status = 429 if outcome.why is Why.PAUSED else 401
        answer = await login_page(request, rooms, says=refusal(outcome), status=status)
        if outcome.why is Why.PAUSED:
            answer.headers["Retry-After"] = str(_seconds(outcome.wait))
        return answer

    async def sign_out(request: Request) -> Response:
        request.state.as_json = False
        frame = frame_of(request)
        admitted = await frame.gate.admitted(request)
        async with read_form(request, most=FORM_BYTES) as form:
            if admitted is not None and not frame.gate.is_own_form(request, form.token):
                return await frame.foreign_form(request)
        if admitted is not None:
            await run_in_threadpool(sessions.sign_out, admitted.visitor, origin=origin_of(request))
        answer = RedirectResponse(href(LOGIN), status_code=303)
        drop_cookie(request, answer, SESSION)
        return answer

    return [
        OpenRoute(LOGIN, show, methods=["GET"]),
        OpenRoute(LOGIN, sign_in, methods=["POST"]),
        OpenRoute(LOGOUT, sign_out, methods=["POST"]),
    ]


def _paused(wait: timedelta) -> Words:
    seconds = _seconds(wait)
    return Words(
        f"Sai nhiều lần liên tiếp. Hãy thử lại sau {seconds} giây.",
        f"Too many failures in a row. Try again in {seconds} seconds.",
    )


def _seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
