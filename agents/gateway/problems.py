"""What goes wrong outside a dialect's own operations, in words. Each dialect says it in its own shape (`rooms`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from agents.errors import Unavailable
from agents.gateway.bodies import TooLarge, TooSlow
from agents.gateway.uploads import NoRoom

RETRY_AFTER: Final = 30  # seconds; what is away is rarely back sooner


class ProblemKind(StrEnum):
    """What is wrong with a request, or with the gateway."""

    NOT_FOUND = "not-found"
    METHOD = "method-not-allowed"
    BAD_REQUEST = "bad-request"
    HEADERS = "headers-too-large"
    TOO_LARGE = "body-too-large"
    TOO_SLOW = "body-too-slow"
    THROTTLED = "too-many-requests"
    UNAVAILABLE = "unavailable"
    NO_ROOM = "no-room"
    DISK_FULL = "disk-full"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A fault with a text for people. `lgsp` is its LGSP error number, `incident` the id under which the log has it.

    `retry_after` is in seconds; None when trying again makes no difference.
    """

    kind: ProblemKind
    status: int
    lgsp: int
    vi: str
    en: str
    incident: str = ""
    retry_after: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return f"{self.vi} / {self.en}"


def _words(fault: Unavailable) -> tuple[str, str]:
    return fault.vi, fault.en


_TEXTS: Final[Mapping[ProblemKind, tuple[int, int, str, str]]] = MappingProxyType(
    {
        ProblemKind.NOT_FOUND: (
            404,
            21,
            "Không có địa chỉ này. Đề nghị kiểm tra đường dẫn trong cấu hình phần mềm.",
            "There is no such address. Check the path in the document system's settings.",
        ),
        ProblemKind.METHOD: (
            405,
            21,
            "Địa chỉ này không nhận phương thức HTTP đó. Đề nghị xem tài liệu của giao diện.",
            "This address does not take that HTTP method. See the interface's documentation.",
        ),
        ProblemKind.BAD_REQUEST: (
            400,
            21,
            "Yêu cầu HTTP không đúng. Đề nghị kiểm tra phần mềm gửi hoặc máy chủ trung gian.",
            "This is no proper HTTP request. Check the client, or the proxy in between.",
        ),
        ProblemKind.HEADERS: (
            431,
            21,
            "Phần đầu (header) của yêu cầu quá lớn hoặc quá nhiều dòng. Đề nghị bớt header rồi gửi lại.",
            "The request's headers are too large or too many. Send fewer.",
        ),
        ProblemKind.TOO_LARGE: (
            413,
            10,
            "Nội dung gửi lên lớn quá mức cho phép. Đề nghị giảm dung lượng tệp đính kèm rồi gửi lại.",
            "What was sent is larger than allowed. Make the attachments smaller and send it again.",
        ),
        ProblemKind.TOO_SLOW: (
            408,
            21,
            "Đường truyền ngừng giữa chừng hoặc quá chậm, chưa nhận đủ nội dung. Đề nghị gửi lại.",
            "The body stopped coming, or came too slowly, and is not whole. Send it again.",
        ),
        ProblemKind.THROTTLED: (
            429,
            20,
            "Gửi yêu cầu quá dày. Đề nghị chờ rồi gửi lại.",
            "Too many requests. Wait, then try again.",
        ),
        ProblemKind.UNAVAILABLE: (
            503,
            20,
            "Agent tạm thời chưa phục vụ được, chưa nhận gì của yêu cầu này. Đề nghị gửi lại sau.",
            "The agent cannot serve at the moment; nothing of this request was kept. Try again later.",
        ),
        ProblemKind.NO_ROOM: (503, 20, *_words(NoRoom(disk=False))),
        ProblemKind.DISK_FULL: (507, 20, *_words(NoRoom(disk=True))),
        ProblemKind.UNEXPECTED: (
            500,
            20,
            "Agent gặp lỗi không lường trước. Đề nghị thử lại; nếu vẫn lỗi, báo quản trị kèm mã sự cố.",
            "Something unexpected went wrong in the agent. Try again, or tell its administrator the incident id.",
        ),
    }
)
_TRY_AGAIN: Final = frozenset(
    {
        ProblemKind.TOO_SLOW,
        ProblemKind.UNAVAILABLE,
        ProblemKind.NO_ROOM,
        ProblemKind.DISK_FULL,
        ProblemKind.UNEXPECTED,
    }
)
_OF_ERROR: Final = (
    (TooLarge, ProblemKind.TOO_LARGE),
    (TooSlow, ProblemKind.TOO_SLOW),
    (ClientDisconnect, ProblemKind.BAD_REQUEST),
    ((Unavailable, OSError), ProblemKind.UNAVAILABLE),
)
_IN_THE_LOG: Final = frozenset(
    {ProblemKind.UNAVAILABLE, ProblemKind.NO_ROOM, ProblemKind.DISK_FULL, ProblemKind.UNEXPECTED}
)
"""Which have an incident id."""
_OF_STATUS: Final = MappingProxyType({404: ProblemKind.NOT_FOUND, 405: ProblemKind.METHOD, 413: ProblemKind.TOO_LARGE})


def problem(kind: ProblemKind, *, incident: str = "", headers: Mapping[str, str] | None = None) -> Problem:
    """The problem with its usual status and text."""
    status, lgsp, vi, en = _TEXTS[kind]
    return Problem(
        kind=kind,
        status=status,
        lgsp=lgsp,
        vi=vi,
        en=en,
        incident=incident,
        retry_after=RETRY_AFTER if kind in _TRY_AGAIN else None,
        headers=headers or {},
    )


def problem_of(error: Exception, *, incident: str) -> Problem:
    """What an exception is to the client: never its words, which belong into the log."""
    kind = _kind_of(error)
    if isinstance(error, HTTPException):
        return problem(kind, headers=error.headers)
    return problem(kind, incident=incident if kind in _IN_THE_LOG else "")


def _kind_of(error: Exception) -> ProblemKind:
    if isinstance(error, HTTPException):
        return _OF_STATUS.get(error.status_code, ProblemKind.BAD_REQUEST)
    if isinstance(error, NoRoom):
        return ProblemKind.DISK_FULL if error.disk else ProblemKind.NO_ROOM
    return next((kind for kinds, kind in _OF_ERROR if isinstance(error, kinds)), ProblemKind.UNEXPECTED)


def plain_answer(told: Problem) -> Response:
    """The answer where no dialect is spoken, with the names that each of them would look for."""
    shown: dict[str, object] = {
        "success": False,
        "message": told.text,
        "status": "FAIL",
        "ErrorCode": str(told.lgsp),
        "ErrorDesc": told.text,
        "kind": told.kind.value,
    }
    if told.incident:
        shown["incident"] = told.incident
    headers = dict(told.headers)
    if told.retry_after is not None:
        headers["Retry-After"] = str(told.retry_after)
    return JSONResponse(shown, status_code=told.status, headers=headers)
