"""The way of a request: session, right, token, view, answer. Nothing of a part is called before the first three."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from edxml_schemas.visible import visible
from router.console.shell.addresses import BASE, LOGIN, PASSWORD, href, local
from router.console.shell.answers import (
    Act,
    ActionAnswer,
    Ask,
    Done,
    Download,
    NotThere,
    Page,
    PageAnswer,
    Plan,
    Refused,
    View,
)
from router.console.shell.asking import AskedWrong
from router.console.shell.forms import read_form
from router.console.shell.gate import Admitted
from router.console.shell.words import Words
from router.core.people import Right

if TYPE_CHECKING:
    from router.console.shell.frame import Frame

Endpoint = Callable[[Request], Awaitable[Response]]

REASON_CHARS: Final = 500
DRY: Final = "dry"
PIECE_BYTES: Final = 2**18


def frame_of(request: Request) -> "Frame":
    """The frame of the console that a request came to."""
    frame: Frame = request.app.state.frame
    return frame


def serve_page(view: View, *, right: Right, twin: bool, has_twin: bool = True) -> Endpoint:
    """GET of a page or, with `twin`, of its data."""

    async def endpoint(request: Request) -> Response:
        request.state.as_json = twin
        request.state.has_twin = has_twin
        frame = frame_of(request)
        admitted = await admit(request, right)
        if isinstance(admitted, Response):
            return admitted
        answer: PageAnswer = await called(view, request, admitted.person, admitted.scope)
        if isinstance(answer, Page):
            return await frame.page(request, answer, admitted)
        if isinstance(answer, NotThere):
            return await frame.not_there(request)
        return _download(answer)

    return endpoint


def serve_action(act: Act, *, right: Right, form_bytes: int, needs_reason: bool = True) -> Endpoint:
    """POST of an action: the plan with `?dry=1`, else the deed."""

    async def endpoint(request: Request) -> Response:
        request.state.as_json = "application/json" in request.headers.get("accept", "")
        frame = frame_of(request)
        admitted = await admit(request, right)
        if isinstance(admitted, Response):
            return admitted
        async with read_form(request, most=form_bytes) as form:
            if not frame.gate.is_own_form(request, form.token):
                return await frame.foreign_form(request)
            dry = request.query_params.get(DRY) == "1"
            reason = visible(" ".join(form.reason.split()))[:REASON_CHARS]
            if needs_reason and not reason and not dry:
                raise AskedWrong(Words("Cần ghi lý do.", "A reason is needed."))
            ask = Ask(
                request=request,
                person=admitted.person,
                scope=admitted.scope,
                fields=form.fields,
                files=form.files,
                reason=reason,
                dry=dry,
                now=frame.now(),
            )
            answer: ActionAnswer = await called(act, ask)
        return await _acted(request, answer, admitted, reason=reason)

    return endpoint


async def admit(request: Request, right: Right) -> Admitted | Response:
    """Who may go on; else the answer: the way to the sign-in, to a new password, or a refusal."""
    frame = frame_of(request)
    admitted = await frame.gate.admitted(request)
    if admitted is None:
        return await frame.sign_in_first(request)
    if admitted.visitor.must_change and not request.url.path.startswith(f"{BASE}{PASSWORD}"):
        if request.state.as_json:
            return await frame.refused(request, right, admitted)
        return RedirectResponse(href(PASSWORD), status_code=303)
    if not admitted.person.may(right):
        await frame.gate.refused(request, admitted.person, right)
        return await frame.refused(request, right, admitted)
    return admitted


async def called(function: Callable[..., Any], *given: Any) -> Any:
    """What a view or an action answers: awaited when it is async, else from a thread, because it waits for disks."""
    if inspect.iscoroutinefunction(function):
        return await function(*given)
    answer = await run_in_threadpool(function, *given)
    return await answer if inspect.isawaitable(answer) else answer


def sign_in_address(request: Request) -> str:
    """The sign-in, which leads back to the page that was asked for."""
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = f"{request.url.path}{query}" if request.method in ("GET", "HEAD") else ""
    return href(LOGIN, {"next": wanted if local(wanted) else ""})


async def _acted(request: Request, answer: ActionAnswer, admitted: Admitted, *, reason: str) -> Response:
    frame = frame_of(request)
    match answer:
        case Plan():
            return await frame.plan(request, answer, admitted, reason=reason)
        case Page():
            return await frame.page(request, answer, admitted)
        case Done():
            return frame.done(request, answer)
        case Refused():
            return await frame.not_done(request, answer, admitted)
        case NotThere():
            return await frame.not_there(request)


def _download(answer: Download) -> Response:
    """In pieces, so that nobody waits for the last byte of a large file before the first one."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in answer.name)
    named = f'attachment; filename="{plain or "file"}"'
    if plain != answer.name:
        named += f"; filename*=UTF-8''{quote(answer.name, safe='')}"
    headers = {"Content-Disposition": named, "Content-Length": str(len(answer.content))}
    return StreamingResponse(_pieces(answer.content), media_type=answer.media_type, headers=headers)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
