"""The bodies of dialect B, success and failure, with every member that the dialect has and no other.

Clients bind answers to classes: a member too few ends in a null where none is expected, one too many is refused by
the usual JSON libraries. A failure with an error code is final to them; with `number` None it says "not now".
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import orjson
from starlette.responses import Response

MEDIA_TYPE: Final = "application/json; charset=utf-8"
"""The charset is told because old clients take anything else for ISO-8859-1."""

OK: Final = 200
UNAUTHORISED: Final = 401
UNAVAILABLE: Final = 503
DONE: Final = "Thành công"
FAILED: Final = "FAIL"

Body = dict[str, object]


class Operation(StrEnum):
    """A call, by the end of its path below `/v1`."""

    LOGIN = "auth/login"
    SEND = "sendEdoc"
    LIST = "syncReceivedEdocList"
    FETCH = "getEdoc"
    MARK = "updateStatus"
    AGENCIES = "getAgenciesList"


class Number:
    """LGSP error numbers, as document systems know them."""

    BAD_FILE: Final = 10
    BAD_PAIR: Final = 15
    PROCESSING: Final = 21


def operation_of(path: str) -> Operation | None:
    """The call that a request's path means, known or not by its prefix; None for other paths."""
    return next((each for each in Operation if path.rstrip("/").endswith(f"/{each.value}")), None)


def json_answer(body: object, *, status: int = OK, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def failure(operation: Operation | None, text: str, *, number: int | None, status: int = OK) -> Body:
    """What a failed call answers. `number` is the LGSP number of a final fault, None for one that will pass.

    Only sending has a place for the number; elsewhere it stands in the message. `status` is the HTTP status, which
    two of the calls repeat as `code`, with 400 for a final fault.
    """
    if operation is Operation.SEND:
        error: Body = {
            "docId": None,
            "status": FAILED,
            "errorCode": None if number is None else str(number),
            "errorDesc": text,
        }
        return {"success": False, "message": text, "data": error}
    told = text if number is None else f"{text} (mã lỗi {number})"
    if operation is Operation.LIST:
        return {"success": False, "message": told, "count": 0, "data": []}
    if operation is Operation.FETCH:
        return {"success": False, "message": told, "data": _NO_DOCUMENT}
    code = 400 if status == OK else status
    if operation is Operation.LOGIN:
        return {"code": code, "message": told, "data": _NO_LOGIN}
    if operation is Operation.AGENCIES:
        return {"code": code, "message": told, "data": []}
    return {"success": False, "message": told}


def refused(operation: Operation, text: str, *, number: int) -> Response:
    """A final fault: HTTP 200, because such clients try anything else again."""
    return json_answer(failure(operation, text, number=number))


def unauthorised(operation: Operation, text: str) -> Response:
    """The token is missing, over or unknown: log in again. It says nothing about the document, so no error code."""
    body = failure(operation, text, number=None, status=UNAUTHORISED)
    return json_answer(body, status=UNAUTHORISED, headers={"WWW-Authenticate": "Bearer"})


def not_now(operation: Operation | None, text: str, *, retry_after: int, status: int = UNAVAILABLE) -> Response:
    """Trouble that passes; the client tries again. `retry_after` in seconds."""
    body = failure(operation, text, number=None, status=status)
    return json_answer(body, status=status, headers={"Retry-After": str(max(retry_after, 1))})


def logged_in(*, token: str, key_id: str, username: str, name: str) -> Body:
    return {
        "code": OK,
        "message": DONE,
        "data": {"token": token, "id": key_id, "username": username, "name": name},
    }


def wrong_login(text: str) -> Response:
    """HTTP 200: the verdict is in `code`, and the client's own text is lost to those that raise on 401."""
    return json_answer(failure(Operation.LOGIN, text, number=None, status=UNAUTHORISED))


def sent(submission_id: str) -> Body:
    return {"success": True, "message": DONE, "docId": submission_id}


def marked() -> Body:
    return {"success": True, "message": DONE}


_NO_DOCUMENT: Final[Mapping[str, object]] = {
    "docId": None,
    "from": None,
    "fromName": None,
    "edocCode": None,
    "edocAbstract": None,
    "edxml": None,
    "attachments": [],
}
_NO_LOGIN: Final[Mapping[str, object]] = {"token": None, "id": None, "username": None, "name": None}
