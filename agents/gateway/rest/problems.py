"""What can go wrong in an answer, as RFC 9457 problem details: one row per problem, its `type` a URN that stays.

`title` and `detail` are Vietnamese, `title_en` and `detail_en` stand beside them. `findings` names every fault at
once; each has `message` and `remedy` in both languages, and most a `code` of the catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import orjson
from starlette.responses import Response

from agents.packaging import Refusal, refusal_as_dicts

PROBLEM_TYPE: Final = "application/problem+json"
PROBLEM_URN: Final = "urn:vn:truc-lien-thong:problem:"
MOST_FINDINGS: Final = 200
"""Faults told in one answer; who has more will ask again."""
FINDING_URN: Final = "urn:vn:truc-lien-thong:finding:"


class ProblemCode(StrEnum):
    """Every problem an answer can have. The value is stable; it ends the URN of `type`."""

    MALFORMED = "malformed"
    CURSOR = "cursor"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    METHOD = "method-not-allowed"
    TOO_SLOW = "too-slow"
    LEASED = "leased"
    TOO_LARGE = "too-large"
    MEDIA_TYPE = "media-type"
    INVALID = "invalid"
    REFUSED = "refused"
    KEY_REUSED = "idempotency-key-reused"
    WEBHOOK_TARGET = "webhook-target"
    TOO_MANY_WEBHOOKS = "too-many-webhooks"
    RATE = "rate-limited"
    TOO_MANY_LISTENERS = "too-many-listeners"
    HEADERS = "headers-too-large"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    NO_ROOM = "no-room"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    """A problem's HTTP status, and its title and usual detail in both languages."""

    status: int
    title: tuple[str, str]
    detail: tuple[str, str]


_ROWS: Final[dict[ProblemCode, ProblemRow]] = {
    ProblemCode.MALFORMED: ProblemRow(
        status=400,
        title=("Không đọc được yêu cầu", "The request cannot be read"),
        detail=(
            "Thân yêu cầu không đúng dạng đã khai. Đề nghị kiểm tra JSON hoặc multipart rồi gửi lại.",
            "The body is not what it says it is. Check the JSON or multipart and send it again.",
        ),
    ),
    ProblemCode.CURSOR: ProblemRow(
        status=400,
        title=("Con trỏ trang không dùng được", "The page cursor cannot be used"),
        detail=(
            "Con trỏ không do danh sách này cấp với cùng bộ lọc. Đề nghị đọc lại từ trang đầu, bỏ tham số cursor.",
            "This list did not give that cursor for these filters. Read from the first page, without cursor.",
        ),
    ),
    ProblemCode.UNAUTHENTICATED: ProblemRow(
        status=401,
        title=("Chưa xác thực", "Not authenticated"),
        detail=(
            "Thiếu khóa API, hoặc khóa sai, đã bị thu hồi. Đề nghị gửi Authorization: Bearer tlk_… hoặc X-API-Key, "
            "hoặc dùng chứng thư máy khách đã đăng ký.",
            "The API key is missing, wrong or revoked. Send Authorization: Bearer tlk_… or X-API-Key, or use a "
            "registered client certificate.",
        ),
    ),
    ProblemCode.FORBIDDEN: ProblemRow(
        status=403,
        title=("Khóa không có quyền này", "The key has no right to this"),
        detail=(
            "Đề nghị quản trị tác nhân cấp quyền hoặc cơ quan còn thiếu cho khóa; GET /whoami cho biết khóa có gì.",
            "Ask the agent's administrator for the missing right or organ; GET /whoami tells what the key has.",
        ),
    ),
    ProblemCode.NOT_FOUND: ProblemRow(
        status=404,
        title=("Không tìm thấy", "Not found"),
        detail=(
            "Không có thao tác hoặc văn bản nào ở địa chỉ này mà khóa được xem. Đề nghị kiểm tra mã và đường dẫn.",
            "There is no operation and no document at this address that the key may see. Check the id and the path.",
        ),
    ),
    ProblemCode.METHOD: ProblemRow(
        status=405,
        title=("Phương thức không được phép", "Method not allowed"),
        detail=(
            "Địa chỉ này không nhận phương thức đã dùng; tiêu đề Allow nêu phương thức được phép.",
            "This address does not take the method used; the Allow header names those that it takes.",
        ),
    ),
    ProblemCode.TOO_SLOW: ProblemRow(
        status=408,
        title=("Gửi thân yêu cầu quá chậm", "The body came too slowly"),
        detail=(
            "Kết nối ngừng gửi giữa chừng; chưa có gì được nhận. Đề nghị gửi lại cùng Idempotency-Key.",
            "The connection fell silent half-way; nothing was taken. Send it again under the same Idempotency-Key.",
        ),
    ),
    ProblemCode.LEASED: ProblemRow(
        status=409,
        title=("Khóa khác đang xử lý", "Another key is working on it"),
        detail=(
            "Văn bản đang được giữ bởi khóa khác. Đề nghị thử lại khi hết hạn giữ.",
            "Another key holds a lease on this document. Try again when it has ended.",
        ),
    ),
    ProblemCode.TOO_LARGE: ProblemRow(
        status=413,
        title=("Thân yêu cầu quá lớn", "The body is too large"),
        detail=(
            "Thân yêu cầu vượt giới hạn. Văn bản lớn: đề nghị gửi multipart/form-data thay cho JSON, nén, tách tệp.",
            "The body is above the limit. For large documents send multipart/form-data instead of JSON, compress or "
            "split the files.",
        ),
    ),
    ProblemCode.MEDIA_TYPE: ProblemRow(
        status=415,
        title=("Kiểu nội dung không được nhận", "Content type not taken"),
        detail=(
            "Đề nghị đặt Content-Type đúng một trong các kiểu mà mô tả OpenAPI nêu cho thao tác này.",
            "Set Content-Type to one of the types that the OpenAPI names for this operation.",
        ),
    ),
    ProblemCode.INVALID: ProblemRow(
        status=422,
        title=("Yêu cầu có giá trị sai", "The request has wrong values"),
        detail=(
            "Chưa có gì được thực hiện. Mỗi lỗi nêu trong findings kèm chỗ sai và cách sửa.",
            "Nothing was done. Every fault is named in findings, with its place and how to mend it.",
        ),
    ),
    ProblemCode.REFUSED: ProblemRow(
        status=422,
        title=("Không nhận: văn bản có lỗi", "Not taken: the document has faults"),
        detail=(
            "Chưa gửi gì lên trục. Đề nghị sửa mọi lỗi nêu trong findings rồi gửi lại.",
            "Nothing was sent to the hub. Mend every fault named in findings and send again.",
        ),
    ),
    ProblemCode.KEY_REUSED: ProblemRow(
        status=422,
        title=("Idempotency-Key đã dùng cho nội dung khác", "The Idempotency-Key belongs to other content"),
        detail=(
            "Khóa này đã gắn với một lần gửi có nội dung khác. Đề nghị dùng Idempotency-Key mới cho nội dung mới.",
            "This key belongs to a submission of other content. Use a new Idempotency-Key for new content.",
        ),
    ),
    ProblemCode.WEBHOOK_TARGET: ProblemRow(
        status=422,
        title=("Không gọi được tới địa chỉ webhook này", "This webhook address is not called"),
        detail=(
            "Chỉ gọi https tới máy chủ có địa chỉ thường. Máy nội bộ dùng http, loopback hoặc link-local phải được nêu "
            "trong webhook_hosts của agent.toml.",
            "Only https to hosts with ordinary addresses is called. Hosts with http, loopback or link-local addresses "
            "must be named in webhook_hosts of agent.toml.",
        ),
    ),
    ProblemCode.TOO_MANY_WEBHOOKS: ProblemRow(
        status=422,
        title=("Khóa đã có đủ số webhook", "The key has all the webhooks it may have"),
        detail=(
            "Đề nghị xóa webhook không dùng (DELETE /webhooks/{webhook_id}) rồi tạo lại.",
            "Delete one that is not used (DELETE /webhooks/{webhook_id}) and try again.",
        ),
    ),
    ProblemCode.RATE: ProblemRow(
        status=429,
        title=("Gọi quá nhanh", "Too many requests"),
        detail=(
            "Khóa đã dùng hết số lần gọi mỗi phút. Đề nghị chờ số giây nêu trong Retry-After.",
            "The key has used up its calls per minute. Wait the seconds that Retry-After names.",
        ),
    ),
    ProblemCode.TOO_MANY_LISTENERS: ProblemRow(
        status=429,
        title=("Khóa mở quá nhiều luồng sự kiện", "The key has too many event streams"),
        detail=(
            "Đề nghị đóng luồng GET /events không dùng, hoặc chờ rồi mở lại.",
            "Close a stream of GET /events that is not used, or wait and open it again.",
        ),
    ),
    ProblemCode.HEADERS: ProblemRow(
        status=431,
        title=("Tiêu đề quá lớn", "The headers are too large"),
        detail=(
            "Tiêu đề (header) của yêu cầu quá lớn hoặc quá nhiều. Đề nghị bớt đi rồi gửi lại.",
            "The headers of the request are too large or too many. Send fewer.",
        ),
    ),
    ProblemCode.INTERNAL: ProblemRow(
        status=500,
        title=("Tác nhân gặp lỗi", "The agent failed"),
        detail=(
            "Yêu cầu không sai. Đề nghị gửi lại sau ít phút (cùng Idempotency-Key); nếu lặp lại, báo quản trị kèm mã "
            "ở instance.",
            "The request is not at fault. Send it again in a few minutes (under the same Idempotency-Key); if it "
            "happens again, tell the administrator the id in instance.",
        ),
    ),
    ProblemCode.UNAVAILABLE: ProblemRow(
        status=503,
        title=("Tạm thời chưa phục vụ được", "Not available now"),
        detail=(
            "Kho tạm hoặc hạ tầng của tác nhân đang bận hay hỏng. Chưa có gì mất; đề nghị thử lại.",
            "The agent's spool or infrastructure is busy or broken. Nothing is lost; try again.",
        ),
    ),
    ProblemCode.NO_ROOM: ProblemRow(
        status=507,
        title=("Ổ đĩa gần đầy", "The disk is nearly full"),
        detail=(
            "Ổ đĩa của tác nhân gần đầy, chưa nhận gì. Đề nghị quản trị tác nhân dọn ổ đĩa, rồi gửi lại.",
            "The agent's disk is nearly full; nothing was kept. Its administrator must make room; then send it again.",
        ),
    ),
}
PROBLEMS: Final[Mapping[ProblemCode, ProblemRow]] = MappingProxyType(_ROWS)
"""Every problem by its code, in the order of the documentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Words in both languages that replace a row's usual detail."""

    vi: str
    en: str


class Problem(Exception):
    """Ends a request with a problem. `findings` are JSON objects; `headers` go with the answer."""

    def __init__(
        self,
        code: ProblemCode,
        said: Said | None = None,
        *,
        findings: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.said = said
        self.findings = tuple(findings)
        self.headers = dict(headers or {})
        self.status = status or PROBLEMS[code].status


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One wrong value of a request: where, what, and how to mend it."""

    where: str
    vi: str
    en: str
    remedy: Said = field(default_factory=lambda: Said(vi="Đề nghị sửa rồi gửi lại.", en="Mend it and send it again."))

    def as_dict(self) -> dict[str, object]:
        return {
            "where": self.where,
            "message": {"vi": self.vi, "en": self.en},
            "remedy": {"vi": self.remedy.vi, "en": self.remedy.en},
        }


def problem_body(problem: Problem, *, instance: str = "") -> dict[str, object]:
    """The members of a problem details object."""
    row = PROBLEMS[problem.code]
    vi, en = (problem.said.vi, problem.said.en) if problem.said else row.detail
    return {
        "type": f"{PROBLEM_URN}{problem.code.value}",
        "title": row.title[0],
        "status": problem.status,
        "detail": vi,
        "title_en": row.title[1],
        "detail_en": en,
        **({"instance": instance} if instance else {}),
        "findings": [dict(each) for each in problem.findings],
    }


def problem_response(problem: Problem, *, instance: str = "") -> Response:
    """The answer that tells a problem."""
    return Response(
        orjson.dumps(problem_body(problem, instance=instance)),
        status_code=problem.status,
        media_type=PROBLEM_TYPE,
        headers=problem.headers,
    )


def refused(refusal: Refusal) -> Problem:
    """A document that was not taken, with everything that is wrong with it."""
    return Problem(ProblemCode.REFUSED, findings=findings_of(refusal))


def findings_of(refusal: Refusal) -> list[dict[str, object]]:
    """Findings and draft problems as JSON. A finding of the catalogue has its URN as `type`."""
    shaped = refusal_as_dicts(refusal[:MOST_FINDINGS])
    return [{"type": f"{FINDING_URN}{each['code']}", **each} if "code" in each else each for each in shaped]


def invalid(*faults: Fault) -> Problem:
    """A request with wrong values."""
    return Problem(ProblemCode.INVALID, findings=[each.as_dict() for each in faults])
