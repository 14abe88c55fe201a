"""What the registry's pages call things."""

from collections.abc import Mapping
from typing import Final

from router.console.shell.words import Words
from router.core.applications import ApplicationKind, ApplicationState
from router.core.registry import OrganState
from router.services.registration.certificate_shelf import Standing

REGISTRY: Final = "/registry"
TITLE: Final = Words("Sổ đăng ký", "Registry")
ORGAN_STATE: Final[Mapping[OrganState, Words]] = {
    OrganState.ACTIVE: Words("hoạt động", "active"),
    OrganState.LOCKED: Words("khóa", "locked"),
}
STANDING: Final[Mapping[Standing, Words]] = {
    Standing.GOOD: Words("còn hạn", "good"),
    Standing.SOON: Words("sắp hết hạn", "ends soon"),
    Standing.EXPIRED: Words("hết hạn", "expired"),
    Standing.REVOKED: Words("đã thu hồi", "revoked"),
    Standing.BAD: Words("không tin cậy", "not trusted"),
    Standing.UNKNOWN: Words("chưa biết đã thu hồi hay chưa", "revocation not known"),
}
FIELDS: Final[Mapping[str, Words]] = {
    "name": Words("tên", "name"),
    "parent": Words("cấp trên", "parent"),
    "old_code": Words("mã cũ", "former code"),
    "agent": Words("kết nối", "agent"),
    "email": Words("thư", "e-mail"),
    "phone": Words("điện thoại", "phone"),
    "address": Words("địa chỉ", "address"),
    "state": Words("trạng thái", "state"),
    "reason": Words("lý do", "reason"),
}
APPLICATION_KIND: Final[Mapping[ApplicationKind, Words]] = {
    kind: Words("kết thúc cơ quan", "end of an organ")
    if kind is ApplicationKind.END
    else Words("cơ quan mới", "new organ")
    for kind in ApplicationKind
}
APPLICATION_STATE: Final[Mapping[ApplicationState, Words]] = {
    ApplicationState.OPEN: Words("chờ duyệt", "open"),
    ApplicationState.APPROVED: Words("đã duyệt", "approved"),
    ApplicationState.REJECTED: Words("đã từ chối", "rejected"),
}
MOVED_ON: Final = Words(
    "Sổ đăng ký đã thay đổi từ khi xem trước. Không có gì được ghi; hãy xem lại.",
    "The registry has changed since the preview. Nothing was written; look again.",
)
