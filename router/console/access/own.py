"""What somebody does with their own account: look at it, end other sessions, set a new password."""

from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from router.console.access.login import FORM_BYTES, after, origin_of
from router.console.shell.addresses import PASSWORD
from router.console.shell.answers import Ask, Done, Page
from router.console.shell.forms import read_form
from router.console.shell.gate import Admitted
from router.console.shell.page import GuardedRoute, action_route, page_route
from router.console.shell.rooms import Rooms
from router.console.shell.serving import admit, frame_of
from router.console.shell.words import Words
from router.core.accounts import PASSPHRASE_LEAST, PASSPHRASE_WORDS, PASSWORD_LEAST, How, Session
from router.core.people import RIGHTS, ROLE_TEXT, Person, Right, Scope
from router.services.accounts.keeping import Trouble

OWN: Final = "/me"
TITLE: Final = Words("Tài khoản của tôi", "My account")
NEW_PASSWORD: Final = Words("Đặt mật khẩu mới", "Set a new password")
MISTYPED: Final = Words("Hai lần nhập mật khẩu mới không giống nhau.", "The two new passwords differ.")


def own_routes(rooms: Rooms) -> list[BaseRoute]:
    accounts = rooms.accounts

    def mine(request: Request, person: Person, scope: Scope) -> Page:
        present = request.state.admitted.visitor.session
        data = {
            "name": person.name,
            "display": person.display,
            "role": person.role,
            "role_text": Words(*ROLE_TEXT[person.role]),
            "rights": [each for each in Right if each in RIGHTS[person.role]],
            "root": _root(rooms, person),
            "organs": None if scope.organs is None else len(scope.organs),
            "by_password": present.how is How.PASSWORD,
            "sessions": [_shape(each, present=present) for each in accounts.sessions.of(person)],
        }
        return Page(template="access/own.html", title=TITLE, data=data)

    def end_others(ask: Ask) -> Done:
        visitor = ask.request.state.admitted.visitor
        ended = accounts.sessions.end_others(visitor, origin=origin_of(ask.request))
        return Done(says=Words(f"Đã kết thúc {ended} phiên khác.", f"Ended {ended} other sessions."), to=OWN)

    async def show_password(request: Request) -> Response:
        request.state.as_json = False
        admitted = await admit(request, Right.SEE)
        return admitted if isinstance(admitted, Response) else await _password_page(request, admitted, None)

    async def set_password(request: Request) -> Response:
        request.state.as_json = False
        admitted = await admit(request, Right.SEE)
        if isinstance(admitted, Response):
            return admitted
        async with read_form(request, most=FORM_BYTES) as form:
            if not frame_of(request).gate.is_own_form(request, form.token):
                return await frame_of(request).foreign_form(request)
            old, new, again = form.one("old"), form.one("new"), form.one("again")
        if new != again or not new:
            return await _password_page(request, admitted, MISTYPED)
        person = admitted.person
        changed = await run_in_threadpool(
            accounts.keeping.change_own_password, person.name, old=old, new=new, actor=person.actor
        )
        if isinstance(changed, Trouble):
            return await _password_page(request, admitted, Words(changed.vi, changed.en))
        opened = await run_in_threadpool(accounts.sessions.renew, admitted.visitor, origin=origin_of(request))
        return after(request, opened, "") if opened is not None else await frame_of(request).sign_in_first(request)

    return [
        *page_route(OWN, mine, right=Right.SEE),
        action_route(f"{OWN}/sessions/end", end_others, right=Right.SEE, needs_reason=False),
        GuardedRoute(PASSWORD, show_password, method="GET", right=Right.SEE, twin=False),
        GuardedRoute(PASSWORD, set_password, method="POST", right=Right.SEE, twin=False),
    ]


async def _password_page(request: Request, admitted: Admitted, says: Words | None) -> Response:
    data = {
        "says": says,
        "must": admitted.visitor.must_change,
        "by_password": admitted.visitor.session.how is How.PASSWORD,
        "name": admitted.person.name,
        "least": PASSWORD_LEAST,
        "phrase_least": PASSPHRASE_LEAST,
        "phrase_words": PASSPHRASE_WORDS,
    }
    page = Page(template="access/password.html", title=NEW_PASSWORD, data=data, status=200 if says is None else 422)
    return await frame_of(request).page(request, page, admitted)


def _root(rooms: Rooms, person: Person) -> dict[str, str] | None:
    if not person.root:
        return None
    organ = rooms.store.registry().organ(person.root)
    return {"code": person.root, "name": organ.name if organ is not None else ""}


def _shape(session: Session, *, present: Session) -> dict[str, Any]:
    return {
        "how": session.how,
        "opened_at": session.opened_at,
        "seen_at": session.seen_at,
        "address": session.address,
        "agent": session.agent,
        "present": session.digest == present.digest,
    }
