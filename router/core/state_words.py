"""What people read for states, wherever they read it: Vietnamese and English, in that order."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from edxml_schemas.contract import MessageType
from edxml_schemas.statuses import STATUS_TEXT
from router.core.records import LegState, MessageState, RecallState

Text = tuple[str, str]

MESSAGE_STATE_TEXT: Final[Mapping[MessageState, Text]] = MappingProxyType(
    {
        MessageState.ACCEPTED: ("đã tiếp nhận", "accepted"),
        MessageState.REFUSED: ("bị từ chối", "refused"),
        MessageState.DEFERRED: ("chờ xác minh", "deferred"),
    }
)
LEG_STATE_TEXT: Final[Mapping[LegState, Text]] = MappingProxyType(
    {
        LegState.QUEUED: ("chờ chuyển", "queued"),
        LegState.HELD: ("đang giữ trên trục", "held"),
        LegState.HANDED_OVER: ("đã vào hộp thư", "handed over"),
        LegState.DELIVERED: ("đã đến nơi nhận", "delivered"),
        LegState.PARKED: ("dừng, chờ quản trị", "parked"),
    }
)
RECALL_TEXT: Final[Mapping[RecallState, Text]] = MappingProxyType(
    {
        RecallState.NONE: ("", ""),
        RecallState.REQUESTED: ("đã yêu cầu thu hồi, thay đổi", "recall or change asked for"),
        RecallState.ACCEPTED: ("đồng ý thu hồi, thay đổi", "recall or change accepted"),
        RecallState.REFUSED: ("không đồng ý thu hồi, thay đổi", "recall or change refused"),
    }
)
TYPE_TEXT: Final[Mapping[MessageType, Text]] = MappingProxyType(
    {
        MessageType.DOCUMENT: ("Văn bản", "Document"),
        MessageType.STATUS: ("Thông điệp trạng thái", "Status"),
        MessageType.RECEIPT: ("Biên nhận", "Receipt"),
        MessageType.DELIVERED: ("Báo nhận", "Delivery report"),
    }
)

_STATUS: Final[Mapping[str, Text]] = MappingProxyType({code.value: text for code, text in STATUS_TEXT.items()})


def as_heading(text: Text) -> Text:
    """The same with a capital letter, as the name of a list or a column."""
    vi, en = text
    return vi[:1].upper() + vi[1:], en[:1].upper() + en[1:]


def status_text(code: str) -> Text:
    """The text of a status code; empty for none, the code itself when nobody knows it."""
    return _STATUS.get(code, (code, code))
