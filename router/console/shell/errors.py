"""What the console answers when something goes wrong: each with words, none with insides."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from router.console.shell.asking import AskedWrong
from router.console.shell.serving import frame_of
from router.console.shell.words import Words
from router.logs import logger
from router.ports import BrokerUnavailable, PayloadUnavailable, StoreUnavailable
from router.services.accounts.passwords import PasswordsBusy

AWAY: Final = (StoreUnavailable, BrokerUnavailable, PayloadUnavailable, PasswordsBusy)
RETRY: Final = "5"  # seconds
WRONG: Final = Words("Yêu cầu không đúng", "Wrong request")


async def asked_wrong(request: Request, problem: Exception) -> Response:
    if not isinstance(problem, AskedWrong):
        raise problem
    return await _shown(request, problem.status, WRONG, problem.says)


async def http_problem(request: Request, problem: Exception) -> Response:
    """Unknown addresses, wrong methods, malformed forms."""
    if not isinstance(problem, HTTPException):
        raise problem
    if problem.status_code == 404:
        _mark(request)
        return await frame_of(request).not_there(request)
    says = Words("Máy chủ không hiểu yêu cầu này.", "The server does not understand this request.")
    return await _shown(request, problem.status_code, WRONG, says)


async def away(request: Request, problem: Exception) -> Response:
    logger("console").warning("infrastructure-away", reason=str(problem), path=request.url.path)
    says = Words("Tạm thời không phục vụ được, hãy thử lại sau ít giây.", "Temporarily away, try again in a moment.")
    answer = await _shown(request, 503, Words("Tạm thời không phục vụ", "Temporarily away"), says)
    answer.headers["Retry-After"] = RETRY
    return answer


async def broken(request: Request, problem: Exception) -> Response:
    """A mistake of ours: the reader gets a number, the log gets the number and the rest."""
    number = secrets.token_hex(6)
    logger("console").error("console-broken", error_id=number, path=request.url.path, exc_info=problem)
    says = Words(
        f"Trang này bị lỗi. Khi báo quản trị hệ thống, hãy nêu mã {number}.",
        f"This page failed. When you report it, name the number {number}.",
    )
    return await _shown(request, 500, Words("Lỗi máy chủ", "Server error"), says)


async def gone(_request: Request, _problem: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it


def handlers() -> Mapping[Any, Callable[[Request, Exception], Any]]:
    return {
        AskedWrong: asked_wrong,
        HTTPException: http_problem,
        ClientDisconnect: gone,
        Exception: broken,
        **dict.fromkeys(AWAY, away),
    }


async def _shown(request: Request, status: int, title: Words, says: Words) -> Response:
    _mark(request)
    return await frame_of(request).problem(request, status, title, says, None)


def _mark(request: Request) -> None:
    """What is wrong before a route was found was asked for by its address."""
    if not hasattr(request.state, "as_json"):
        request.state.as_json = request.url.path.endswith(".json")
