"""Turns what views give back into answers: HTML in the frame of the console, or JSON."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from router.console.shell.addresses import BASE, href
from router.console.shell.answers import Done, Page, Plan, Refused
from router.console.shell.assets import Assets
from router.console.shell.formats import ago, brief
from router.console.shell.gate import Admitted, Gate
from router.console.shell.looks import looks_of
from router.console.shell.rooms import NavEntry, Part, Rooms
from router.console.shell.serving import sign_in_address
from router.console.shell.templating import language_tools, template_environment
from router.console.shell.words import Words
from router.core.people import ROLE_TEXT, Person, Right, Scope
from router.core.work_lists import Count

COUNTS_FOR: Final = timedelta(seconds=5)  # numbers in the navigation may be so old
SCOPES_COUNTED: Final = 500
NOTHING: Final = Count(0)

NOT_THERE: Final = Page(template="shell/problem.html", title=Words("Không có trang này", "Not found"), data={})


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the navigation as it is drawn."""

    path: str
    words: Words
    count: Count
    here: bool


class Frame:
    """Everything around the pages of one console."""

    def __init__(self, rooms: Rooms, parts: Sequence[Part], *, gate: Gate, assets: Assets) -> None:
        self.rooms = rooms
        self.gate = gate
        self.assets = assets
        self._parts = tuple(parts)
        self._entries = sorted((each for part in parts for each in part.navigation), key=lambda each: each.place)
        self._templates = template_environment(parts)
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str], tuple[datetime, Mapping[str, Count]]] = {}

    def now(self) -> datetime:
        return self.rooms.clock.now()

    # ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def page(self, request: Request, page: Page, admitted: Admitted | None) -> Response:
        """A page, or its data when the twin was asked for."""
        if request.state.as_json:
            return await run_in_threadpool(json_answer, page.data, page.status)
        html = await run_in_threadpool(self.render, request, page, admitted)
        answer = HTMLResponse(html, status_code=page.status)
        self.gate.finish(request, answer)
        return answer

    async def plan(self, request: Request, plan: Plan, admitted: Admitted, *, reason: str) -> Response:
        data = {
            "says": plan.says,
            "columns": [{"key": key, "heading": heading} for key, heading in plan.columns],
            "rows": plan.rows,
            "carry": plan.carry,
            "possible": plan.possible,
            "danger": plan.danger,
            "confirm": plan.confirm,
            "back": plan.back,
            "notes": plan.notes,
            "reason": reason,
            "action": request.url.path.removeprefix(BASE),
        }
        return await self.page(request, Page(template="shell/plan.html", title=plan.title, data=data), admitted)

    def done(self, request: Request, done: Done) -> Response:
        if request.state.as_json:
            return json_answer({"done": done.says, "to": href(*_split(done.to))})
        answer = RedirectResponse(href(*_split(done.to)), status_code=303)
        self.gate.put_flash(request, answer, done.says.say(looks_of(request).language))
        return answer

    async def not_done(self, request: Request, refused: Refused, admitted: Admitted) -> Response:
        title = Words("Không thực hiện được", "Not done")
        return await self.problem(request, refused.status, title, refused.says, admitted, back=refused.back)

    async def not_there(self, request: Request) -> Response:
        """The one answer for what is not there and for what is not theirs."""
        says = Words(
            "Không có trang hoặc dữ liệu này trong phạm vi của bạn.", "There is no such thing within your scope."
        )
        return await self.problem(request, 404, NOT_THERE.title, says, await self.gate.admitted(request))

    async def refused(self, request: Request, right: Right, admitted: Admitted) -> Response:
        if admitted.visitor.must_change:
            says = Words("Trước hết hãy đặt mật khẩu mới.", "First set a new password.")
        else:
            vi, en = ROLE_TEXT[admitted.person.role]
            says = Words(
                f"Vai trò của bạn ({vi}) không được làm việc này (cần quyền “{right.value}”).",
                f"Your role ({en}) may not do this (it takes the right “{right.value}”).",
            )
        return await self.problem(request, 403, Words("Không có quyền", "Not allowed"), says, admitted)

    async def foreign_form(self, request: Request) -> Response:
        says = Words(
            "Biểu mẫu đã cũ hoặc không đến từ trang này. Hãy tải lại trang và làm lại.",
            "The form is old or came from elsewhere. Load the page again and repeat what you did.",
        )
        return await self.problem(request, 403, Words("Không nhận biểu mẫu", "Form not taken"), says, None)

    async def sign_in_first(self, request: Request) -> Response:
        if request.state.as_json or request.method not in ("GET", "HEAD"):
            says = Words("Hãy đăng nhập.", "Sign in first.")
            return await self.problem(request, 401, Words("Chưa đăng nhập", "Not signed in"), says, None)
        return RedirectResponse(sign_in_address(request), status_code=303)

    async def problem(
        self, request: Request, status: int, title: Words, says: Words, admitted: Admitted | None, *, back: str = ""
    ) -> Response:
        """A page that says what is wrong; as JSON {"status", "says": {vi, en}}."""
        data = {"status": status, "says": says, "back": back}
        if request.state.as_json:
            return json_answer({"status": status, "says": says}, status)
        page = Page(template="shell/problem.html", title=title, data=data, status=status)
        return await self.page(request, page, admitted)

    def first_page(self, person: Person) -> str:
        """The first entry of the navigation that somebody may see; empty when there is none."""
        return next((each.path for each in self._entries if person.may(each.right)), "")

    # ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def render(self, request: Request, page: Page, admitted: Admitted | None) -> str:
        """The page as HTML. Asks for the navigation's numbers: call it in a thread."""
        looks, now = looks_of(request), self.now()
        tools = language_tools(looks.language)
        return self._templates.get_template(page.template).render(
            **tools,
            data=page.data,
            title=page.title,
            person=admitted.person if admitted is not None else None,
            session=admitted.visitor.session if admitted is not None else None,
            whole=admitted is not None and admitted.scope.everything,
            may=_asked(admitted),
            language=looks.language.value,
            look=looks.look.value,
            again=_again(request),
            twin=self._twin(request, page),
            form_token=self.gate.form_token(request),
            flash=self.gate.take_flash(request) if admitted is not None else "",
            navigation=self._navigation(request, admitted) if admitted is not None else (),
            sought=request.query_params.get("q", "")[:200],
            brand=self.rooms.settings.hub,
            assets=self.assets,
            now=now,
            role_text=ROLE_TEXT,
            ago=lambda given: ago(given, now, looks.language),
            brief=lambda given: brief(given, now),
        )

    def _twin(self, request: Request, page: Page) -> str:
        """The address of the page's data; empty where there is none."""
        if request.method != "GET" or page.status != 200 or not getattr(request.state, "has_twin", False):
            return ""
        return f"{request.url.path}.json" + (f"?{request.url.query}" if request.url.query else "")

    def _navigation(self, request: Request, admitted: Admitted) -> list[_Entry]:
        counts = self._counts(admitted.person, admitted.scope)
        shown = [each for each in self._entries if admitted.person.may(each.right)]
        here = _nearest(request.url.path.removeprefix(BASE), shown)
        return [_Entry(each.path, each.words, counts.get(each.path, NOTHING), each is here) for each in shown]

    def _counts(self, person: Person, scope: Scope) -> Mapping[str, Count]:
        key, now = (person.root, person.role.value), self.now()
        with self._lock:
            known = self._counted.get(key)
            if known is not None and timedelta(0) <= now - known[0] < COUNTS_FOR:
                return known[1]
        counted = {
            path: number if isinstance(number, Count) else Count(number)
            for part in self._parts
            for path, number in part.counts(person, scope).items()
        }
        with self._lock:
            if len(self._counted) >= SCOPES_COUNTED:
                self._counted.clear()
            self._counted[key] = (now, counted)
        return counted


def json_answer(data: Any, status: int = 200) -> Response:
    """Data as JSON, as the twin answers it."""
    return Response(orjson.dumps(data, default=_plain), status_code=status, media_type="application/json")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): each for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _split(address: str) -> tuple[str, Mapping[str, object]]:
    path, _, query = address.partition("?")
    return path, dict(parse_qs(query))


def _again(request: Request) -> str:
    """The address of this page, for what leads back to it; empty when it is the answer to a form."""
    if request.method not in ("GET", "HEAD"):
        return ""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _asked(admitted: Admitted | None) -> Any:
    """`may("act")` in templates."""

    def may(right: str) -> bool:
        return admitted is not None and admitted.person.may(Right(right))

    return may


def _nearest(path: str, entries: Sequence[NavEntry]) -> NavEntry | None:
    """The entry whose path leads to this one; the longest when there are several."""
    fits = [each for each in entries if path == each.path or path.startswith(f"{each.path}/")]
    return max(fits, key=lambda each: len(each.path), default=None)
