"""Status codes, document kinds and urgency of Decision 28/2018/QĐ-TTg and QCVN 102:2016."""

from enum import IntEnum, StrEnum
from typing import Final


class StatusCode(StrEnum):
    """What the holder of a document says of it. 13 alone goes from the original sender to the recipient."""

    ARRIVED = "01"
    RECEPTION_REFUSED = "02"
    RECEIVED = "03"
    ASSIGNED = "04"
    PROCESSING = "05"
    FINISHED = "06"
    RECALL_REQUESTED = "13"
    CHANGE_ACCEPTED = "15"
    CHANGE_REFUSED = "16"


STATUS_TEXT: Final[dict[StatusCode, tuple[str, str]]] = {
    StatusCode.ARRIVED: ("Đã đến", "arrived"),
    StatusCode.RECEPTION_REFUSED: ("Từ chối tiếp nhận", "reception refused"),
    StatusCode.RECEIVED: ("Đã tiếp nhận", "received"),
    StatusCode.ASSIGNED: ("Phân công", "assigned"),
    StatusCode.PROCESSING: ("Đang xử lý", "being processed"),
    StatusCode.FINISHED: ("Hoàn thành", "finished"),
    StatusCode.RECALL_REQUESTED: ("Yêu cầu lấy lại", "recall requested"),
    StatusCode.CHANGE_ACCEPTED: ("Đồng ý cập nhật, lấy lại", "change accepted"),
    StatusCode.CHANGE_REFUSED: ("Từ chối cập nhật, lấy lại", "change refused"),
}
"""Vietnamese and English, in that order."""

REASON_REQUIRED: Final = frozenset({StatusCode.RECEPTION_REFUSED, StatusCode.RECALL_REQUESTED})
"""Statuses whose Description must say why."""


class BussinessDocType(IntEnum):
    """What a document does (the norm spells it so)."""

    NEW = 0
    REVOKE = 1
    UPDATE = 2
    REPLACE = 3


DOC_TYPE_TEXT: Final[dict[BussinessDocType, tuple[str, str]]] = {
    BussinessDocType.NEW: ("Văn bản mới", "new document"),
    BussinessDocType.REVOKE: ("Thu hồi", "revocation"),
    BussinessDocType.UPDATE: ("Cập nhật", "update"),
    BussinessDocType.REPLACE: ("Thay thế", "replacement"),
}


class Priority(IntEnum):
    """Urgency of a document (OtherInfo/Priority)."""

    NORMAL = 0
    URGENT = 1
    VERY_URGENT = 2
    FLASH = 3
    FLASH_TIMED = 4


PRIORITY_TEXT: Final[dict[Priority, tuple[str, str]]] = {
    Priority.NORMAL: ("Thường", "normal"),
    Priority.URGENT: ("Khẩn", "urgent"),
    Priority.VERY_URGENT: ("Thượng khẩn", "very urgent"),
    Priority.FLASH: ("Hỏa tốc", "flash"),
    Priority.FLASH_TIMED: ("Hỏa tốc hẹn giờ", "flash at a set hour"),
}


def overtakes(priority: int) -> bool:
    """Whether a document of this priority travels in the urgent queues (Khẩn and above, Decision 28)."""
    return priority >= Priority.URGENT
