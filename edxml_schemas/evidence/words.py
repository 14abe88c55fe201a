"""Vietnamese words for what a summary tells: states of messages and legs, receipts, events."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TYPE_WORDS: Final[Mapping[str, str]] = MappingProxyType({"edoc": "Văn bản", "status": "Thông điệp trạng thái"})
STATE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accepted": "đã tiếp nhận",
        "refused": "bị từ chối",
        "deferred": "chờ xác minh",
        "queued": "chờ chuyển",
        "held": "giữ lại trên trục",
        "handed-over": "đã vào hộp thư của nơi nhận",
        "delivered": "phần mềm nơi nhận đã lưu",
        "parked": "không chuyển được, chờ xử lý",
    }
)
RECALL_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"none": "", "requested": "đã yêu cầu", "accepted": "nơi nhận đồng ý", "refused": "nơi nhận không đồng ý"}
)
RECEIPT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accepted": "tiếp nhận",
        "refused": "từ chối",
        "handed-over": "đã vào hộp thư của nơi nhận",
        "delivered": "nơi nhận đã lưu",
        "not-delivered": "không chuyển được",
    }
)
EVENT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "message.accepted": "Trục đã tiếp nhận thông điệp",
        "message.refused": "Trục từ chối thông điệp",
        "message.deferred": "Trục tạm hoãn kết luận, sẽ kiểm tra lại",
        "message.duplicate": "Nội dung đã được tiếp nhận trước đó, không chuyển lại",
        "submission.id-reused": "Mã lần gửi đã dùng cho một thông điệp khác; bỏ qua thông điệp sau",
        "leg.queued": "Chờ chuyển đến nơi nhận",
        "leg.held": "Giữ lại trên trục",
        "leg.released": "Thôi giữ, bắt đầu chuyển",
        "leg.handed-over": "Đã chuyển vào hộp thư của nơi nhận",
        "leg.delivered": "Phần mềm của nơi nhận đã lưu thông điệp",
        "leg.parked": "Quá hạn chuyển, chờ quản trị xử lý",
        "leg.status": "Cập nhật trạng thái xử lý",
        "leg.recall": "Có yêu cầu hoặc trả lời thu hồi, cập nhật, thay thế",
        "receipt.sent": "Đã gửi biên nhận cho nơi gửi",
        "receipt.dropped": "Không gửi được biên nhận trong thời hạn",
        "leg.overdue": "Quá hạn: việc phải xong mà chưa xong",
        "leg.back-in-time": "Việc quá hạn nay đã xong",
        "leg.resent": "Quản trị cho chuyển lại",
        "leg.forwarded": "Chuyển tiếp đến cơ quan nhận thay",
        "dead.buried": "Thông điệp không xử lý được, chờ quản trị",
        "dead.returned": "Quản trị cho xử lý lại thông điệp",
        "dead.taken-up": "Thông điệp được xử lý lại",
        "dead.discarded": "Quản trị bỏ thông điệp không xử lý được",
        "report.foreign": "Bỏ qua báo nhận từ kết nối không phụ trách nơi nhận",
        "report.unknown": "Bỏ qua báo nhận về một chặng không tồn tại",
        "report.digest-mismatch": "Báo nhận có giá trị băm không khớp; chưa coi là đã nhận",
        "content.opened": "Mở nội dung văn bản",
        "evidence.exported": "Xuất hồ sơ chứng cứ",
    }
)
"""By name. A name that is not here is told as it is."""
