"""Why a call failed: an LGSP number and a Vietnamese text that says what is wrong and how to mend it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from agents.gateway.vxp.signing import PREFIX, NotBelieved, Unsigned
from agents.gateway.vxp.timestamps import CLOCK_TOLERANCE, VIETNAM
from agents.packaging import Refusal
from edxml_schemas import catalogue
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.findings import Finding
from edxml_schemas.visible import visible

SUCCESS: Final = "Thành công"
SHOWN: Final = 60
"""Characters of a value that are quoted."""
TOLD: Final = 10
"""Faults of an envelope that are told one by one; of more, the number."""


class ErrorCode(IntEnum):
    """The numbers that document systems know (LGSP)."""

    SUCCESS = 0
    FILE = 10
    CREDENTIALS = 15
    RECIPIENT = 18
    SENDER = 19
    SYSTEM = 20
    PROCESSING = 21
    FORMAT = 22
    RECIPIENT_LOCKED = 23


@dataclass(frozen=True, slots=True)
class Fault:
    """A call that failed. `code` is an LGSP number, not always one of `ErrorCode`: findings bring their own."""

    code: int
    text: str


_BELIEF: Final[Mapping[Unsigned, str]] = MappingProxyType(
    {
        Unsigned.HEADER_MISSING: "Thiếu tiêu đề {name}. Đề nghị gọi bằng bộ thư viện VXP SDK, hoặc ký đủ các tiêu đề.",
        Unsigned.HEADER_TWICE: "Tiêu đề {name} có hai giá trị khác nhau. Đề nghị chỉ gửi một.",
        Unsigned.HEADER_LONG: "Tiêu đề {name} quá dài. Đề nghị bớt tham số, hoặc chia danh sách nơi nhận.",
        Unsigned.UNKNOWN: (
            "Sai SystemId hoặc SecretKey. Đề nghị kiểm tra systemid, secret trong cấu hình và trạng thái khóa "
            "(truc-agent keys); tham số có dấu tiếng Việt, ví dụ filePath, cũng làm chữ ký sai: đề nghị bỏ dấu."
        ),
        Unsigned.JSON: (
            "XroadVnpt-sign-header không phải một đối tượng JSON gồm các chuỗi, mỗi tên một lần. Đề nghị ký lại."
        ),
        Unsigned.NAMES: (
            "XroadVnpt-sign-header-key nêu tên không có trong XroadVnpt-sign-header: {name}. Đề nghị ký mọi tham số."
        ),
        Unsigned.DIFFERS: (
            "Tiêu đề XroadVnpt-{name} khác giá trị đã ký. Đề nghị kiểm tra máy chủ trung gian (proxy) có sửa tiêu đề."
        ),
        Unsigned.SYSTEM: "systemid chưa được ký, hoặc khác giá trị đã ký. Đề nghị ký systemid như tiêu đề đã gửi.",
        Unsigned.STAMP_MISSING: "Chưa ký timestamp. Đề nghị thêm timestamp vào các tham số được ký.",
        Unsigned.STAMP_MALFORMED: "timestamp không đúng dạng ddMMyyyyTHHmmss+SSSS. Đề nghị kiểm tra bộ thư viện.",
        Unsigned.STAMP_OLD: (
            "timestamp đã quá hạn {age}. Đề nghị khởi động lại hệ thống quản lý văn bản (SDK lấy giờ khi tạo đối "
            "tượng dịch vụ), kiểm tra đồng hồ, hoặc tăng timestamp_age trong [gateway.vxp]."
        ),
        Unsigned.STAMP_AHEAD: (
            "timestamp nhanh hơn giờ máy chủ quá {ahead} phút. Đề nghị chỉnh đồng hồ và múi giờ (giờ Việt Nam)."
        ),
    }
)


def not_believed(why: NotBelieved, *, age: timedelta) -> Fault:
    """A call whose signature, system or time does not hold."""
    days = age / timedelta(days=1)
    told = f"{days:g} ngày" if days >= 1 else f"{age.total_seconds():g} giây"
    ahead = int(CLOCK_TOLERANCE.total_seconds() // 60)
    name = why.name if why.why not in {Unsigned.DIFFERS, Unsigned.NAMES} else _visible(why.name)
    return Fault(ErrorCode.CREDENTIALS, _BELIEF[why.why].format(name=name, age=told, ahead=ahead))


def _visible(name: str) -> str:
    return visible(name[:SHOWN])


def refused(refusal: Refusal) -> Fault:
    """Every reason why an envelope was not taken: what is wrong, where, how to mend it."""
    told = [_told(each) for each in refusal[:TOLD]]
    if len(refusal) > TOLD:
        told.append(f"Còn {len(refusal) - TOLD} lỗi khác.")
    number = catalogue.lgsp_of([each for each in refusal if isinstance(each, Finding)])
    return Fault(number or ErrorCode.FORMAT, " | ".join(told))


def _told(each: Finding | DraftProblem) -> str:
    if isinstance(each, DraftProblem):
        return f"{each.vi} {each.remedy_vi}".strip()
    words = catalogue.explain(each)
    place = f"Dòng {words.line}: " if words.line is not None else ""
    return f"{place}{words.message_vi} {words.remedy_vi}".strip()


def missing(argument: str) -> Fault:
    return Fault(
        ErrorCode.PROCESSING, f"Thiếu tham số {PREFIX}{argument}. Đề nghị truyền {argument} trong lời gọi và ký nó."
    )


def not_there(doc_id: str) -> Fault:
    """One answer for what does not exist, is another's, or is beyond the key's rights."""
    return Fault(
        ErrorCode.PROCESSING,
        f"Không có văn bản {_visible(doc_id)} cho hệ thống này. Đề nghị lấy docId từ getReceivedEdocList "
        "và kiểm tra quyền nhận của khóa.",
    )


def in_other_hands(until: datetime) -> Fault:
    at = f"{until.astimezone(VIETNAM):%H:%M:%S}"
    return Fault(
        ErrorCode.PROCESSING,
        f"Hệ thống khác của cùng cơ quan đang xử lý văn bản này đến {at}. Đề nghị thử lại sau giờ đó.",
    )


def two_ids(*, docid: str, doc_id: str) -> Fault:
    """A mark that may be about either of two documents that are open."""
    one, other = _visible(docid), _visible(doc_id)
    return Fault(
        ErrorCode.PROCESSING,
        f"Lời gọi mang hai mã văn bản còn mở: {PREFIX}docid là {one}, {PREFIX}docId là {other}; không rõ đánh dấu văn "
        f"bản nào nên chưa đánh dấu gì. Đề nghị truyền cả docid và docId cùng một mã rồi gọi lại.",
    )


def bad_value(argument: str, value: str, allowed: str) -> Fault:
    return Fault(
        ErrorCode.PROCESSING,
        f"{PREFIX}{argument} không nhận giá trị “{_visible(value)}”. Đề nghị dùng {allowed}.",
    )


NO_HASH: Final = Fault(
    ErrorCode.FILE,
    "Thiếu XroadVnpt-hash-file (SHA-256 của tệp). Đề nghị gửi bằng SDK 2.0.1 trở lên và ký hash-file, hoặc đặt "
    "hash_file_required = false trong [gateway.vxp].",
)
WRONG_HASH: Final = Fault(
    ErrorCode.FILE,
    "Tệp nhận được khác tệp đã ký: hash-file không khớp. Đề nghị gửi lại; nếu lặp lại, kiểm tra máy chủ trung gian.",
)
EMPTY: Final = Fault(ErrorCode.FILE, "Không có nội dung. Đề nghị gửi tệp EDXML trong thân yêu cầu.")
NOT_YOUR_SENDER: Final = Fault(
    ErrorCode.SENDER,
    "Khóa này không được gửi thay mặt cơ quan nêu ở XroadVnpt-from. Đề nghị kiểm tra mã cơ quan, hoặc gắn cơ quan "
    "vào khóa (truc-agent keys).",
)
NO_RIGHT: Final = Fault(
    ErrorCode.CREDENTIALS, "Khóa không có quyền làm việc này. Đề nghị cấp quyền send hoặc receive (truc-agent keys)."
)
CANNOT_SIGN: Final = Fault(
    ErrorCode.SYSTEM,
    "Chưa ký được: khóa hoặc chứng thư của cơ quan không dùng được. Văn bản không sai, chưa mất gì; đề nghị người quản "
    "trị kiểm tra key và cert trong agent.toml rồi gọi lại.",
)
