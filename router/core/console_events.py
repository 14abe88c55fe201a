"""The catalogue's rows about people at the console: most of them are about no message."""

from typing import Final

from router.core.event_names import EventName, EventRow


def _row(name: EventName, vi: str, en: str, *facts: str) -> EventRow:
    return EventRow(name=name, vi=vi, en=en, facts=facts)


CONSOLE_EVENTS: Final[tuple[EventRow, ...]] = (
    _row(
        EventName.REGISTRY_CHANGED,
        "Thay đổi sổ đăng ký",
        "the registry was changed",
        "what",
        "organ",
        "agent",
        "added",
        "changed",
        "ended",
        "digest",
        "reason",
    ),
    _row(
        EventName.USER_ADDED,
        "Thêm tài khoản quản trị",
        "an account was added",
        "user",
        "role",
        "root",
        "reason",
    ),
    _row(
        EventName.USER_CHANGED,
        "Đổi vai trò, phạm vi hoặc tên của tài khoản",
        "an account's role, scope or name was changed",
        "user",
        "role",
        "root",
        "before",
        "reason",
    ),
    _row(
        EventName.USER_PASSWORD,
        "Đặt mật khẩu mới cho tài khoản",
        "an account got a new password",
        "user",
        "must_change",
        "reason",
    ),
    _row(EventName.USER_LOCKED, "Khóa tài khoản", "an account was locked", "user", "reason"),
    _row(EventName.USER_UNLOCKED, "Mở khóa tài khoản", "an account was unlocked", "user", "reason"),
    _row(EventName.USER_REMOVED, "Xóa tài khoản", "an account was removed", "user", "role", "root", "reason"),
    _row(EventName.SESSION_OPENED, "Đăng nhập", "signed in", "user", "role", "root", "how", "address"),
    _row(
        EventName.SESSION_REFUSED,
        "Từ chối đăng nhập",
        "a sign-in was refused",
        "user",
        "why",
        "how",
        "address",
    ),
    _row(EventName.SESSION_CLOSED, "Đăng xuất", "signed out", "user", "address", "why"),
    _row(
        EventName.ACCESS_REFUSED,
        "Từ chối truy cập trang không có quyền",
        "a page was refused for lack of rights",
        "user",
        "right",
        "path",
        "address",
    ),
    _row(
        EventName.ALARM_QUIETED,
        "Tạm ngừng báo một cảnh báo",
        "an alarm was quieted",
        "alarm",
        "kind",
        "subject",
        "until",
        "reason",
    ),
    _row(
        EventName.ALARM_UNQUIETED,
        "Báo lại một cảnh báo",
        "an alarm is told again",
        "alarm",
        "kind",
        "subject",
        "reason",
    ),
    _row(
        EventName.NOTICE_SENT,
        "Quản trị gửi tin thử hoặc bản tin",
        "an administrator sent a test or a digest",
        "channel",
        "what",
        "reason",
    ),
    _row(
        EventName.CONTENT_OPENED,
        "Mở nội dung văn bản",
        "what stands in a document was opened",
        "what",
        "digest",
        "address",
    ),
    _row(
        EventName.EVIDENCE_EXPORTED,
        "Xuất hồ sơ chứng cứ",
        "the evidence of a document was exported",
        "digest",
        "address",
    ),
)
"""In the order of `EventName`."""
