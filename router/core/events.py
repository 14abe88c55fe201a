"""The catalogue of events: everything the hub writes into its log, one row each.

Names are stable: the database, the log, `truc trace` and the README use them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from router.core.console_events import CONSOLE_EVENTS
from router.core.event_names import EventName, EventRow

__all__ = ["EVENTS", "EventName", "EventRow", "table"]


def _row(name: EventName, vi: str, en: str, *facts: str) -> EventRow:
    return EventRow(name=name, vi=vi, en=en, facts=facts)


_E: Final = EventName
EVENTS: Final[Mapping[str, EventRow]] = MappingProxyType(
    {
        row.name.value: row
        for row in (
            _row(
                _E.MESSAGE_ACCEPTED,
                "Trục đã tiếp nhận thông điệp",
                "accepted by the hub",
                "recipients",
                "paper",
                "digest",
                "record",
                "codes",
            ),
            _row(_E.MESSAGE_REFUSED, "Trục từ chối thông điệp", "refused by the hub", "digest", "record", "codes"),
            _row(
                _E.MESSAGE_DEFERRED,
                "Trục tạm hoãn kết luận, sẽ kiểm tra lại",
                "the verdict is deferred and will be tried again",
                "codes",
                "retry_at",
                "attempt",
                "digest",
                "record",
            ),
            _row(
                _E.MESSAGE_DUPLICATE,
                "Nội dung đã được tiếp nhận trước đó, không chuyển lại",
                "the same content was accepted before; not delivered again",
                "first",
                "digest",
                "record",
                "codes",
            ),
            _row(
                _E.SUBMISSION_ID_REUSED,
                "Mã lần gửi đã dùng cho một thông điệp khác; bỏ qua thông điệp sau",
                "the submission id belongs to another message; the later one is left aside",
                "digest",
            ),
            _row(_E.LEG_QUEUED, "Chờ chuyển đến nơi nhận", "queued for the recipient", "recipient", "agent"),
            _row(
                _E.LEG_HELD,
                "Giữ lại trên trục: nơi nhận chưa nhận được",
                "held at the hub: the recipient cannot take it now",
                "recipient",
            ),
            _row(
                _E.LEG_RELEASED,
                "Nơi nhận đã sẵn sàng, bắt đầu chuyển",
                "the recipient can take it now; delivery begins",
                "recipient",
                "agent",
            ),
            _row(
                _E.LEG_HANDED_OVER,
                "Đã chuyển vào hộp thư của nơi nhận",
                "handed over to the recipient's inbox",
                "recipient",
                "agent",
            ),
            _row(
                _E.LEG_DELIVERED,
                "Phần mềm của nơi nhận đã lưu thông điệp",
                "durable at the recipient's agent",
                "recipient",
                "said_at",
            ),
            _row(
                _E.LEG_PARKED,
                "Quá hạn chuyển, chờ quản trị xử lý",
                "not delivered in time; waits for an administrator",
                "recipient",
                "attempts",
                "already_at",
            ),
            _row(
                _E.LEG_STATUS,
                "Cập nhật trạng thái xử lý",
                "status reported",
                "code",
                "sender",
                "by",
                "stands",
                "record",
            ),
            _row(
                _E.LEG_RECALL,
                "Có yêu cầu hoặc trả lời thu hồi, cập nhật, thay thế",
                "a recall or change was asked for or answered",
                "code",
                "sender",
                "by",
                "state",
                "record",
            ),
            _row(
                _E.RECEIPT_SENT,
                "Đã gửi biên nhận cho nơi gửi",
                "receipt sent to the submitting agent",
                "agent",
                "receipt",
                "kind",
                "digest",
            ),
            _row(
                _E.RECEIPT_DROPPED,
                "Không gửi được biên nhận trong thời hạn",
                "a receipt could not be sent in time",
                "attempts",
            ),
            _row(
                _E.LEG_OVERDUE,
                "Quá hạn: việc phải xong mà chưa xong",
                "a deadline has passed",
                "recipient",
                "deadline",
                "since",
            ),
            _row(
                _E.LEG_IN_TIME,
                "Việc quá hạn nay đã xong",
                "what was overdue has been done",
                "recipient",
                "deadline",
            ),
            _row(
                _E.LEG_RESENT,
                "Quản trị cho chuyển lại",
                "sent once more by an administrator",
                "recipient",
                "reason",
            ),
            _row(
                _E.LEG_FORWARDED,
                "Chuyển tiếp đến cơ quan nhận thay",
                "forwarded to the organ that receives instead",
                "recipient",
                "forwarded_from",
            ),
            _row(
                _E.DEAD_BURIED,
                "Thông điệp không xử lý được, chờ quản trị",
                "a message died on the broker and waits for an administrator",
                "dead_letter",
                "queue",
                "reason",
                "digest",
            ),
            _row(
                _E.DEAD_RETURNED,
                "Quản trị cho xử lý lại thông điệp",
                "an administrator sent a dead letter back",
                "dead_letter",
                "reason",
            ),
            _row(
                _E.DEAD_TAKEN_UP,
                "Thông điệp được xử lý lại",
                "a dead letter took its way again",
                "dead_letter",
                "outcome",
            ),
            _row(
                _E.DEAD_DISCARDED,
                "Quản trị bỏ thông điệp không xử lý được",
                "an administrator discarded a dead letter",
                "dead_letter",
                "reason",
            ),
            _row(
                _E.HOLD_SET,
                "Tạm giữ hoặc chuyển tiếp văn bản của cơ quan",
                "an organ's deliveries are held or forwarded",
                "organ",
                "kind",
                "to",
                "since",
                "until",
                "reason",
            ),
            _row(
                _E.HOLD_RELEASED,
                "Thôi giữ, thôi chuyển tiếp văn bản của cơ quan",
                "an organ's deliveries go their usual way again",
                "organ",
                "released",
                "reason",
            ),
            _row(_E.LOG_SEALED, "Nhật ký được niêm phong", "the log was sealed", "seal", "digest"),
            _row(
                _E.SEAL_STAMPED,
                "Dấu niêm phong nhật ký được đóng dấu thời gian",
                "an authority put its time stamp on a seal of the log",
                "seal",
                "digest",
            ),
            _row(
                _E.REPORT_FOREIGN,
                "Bỏ qua báo nhận từ kết nối không phụ trách nơi nhận",
                "a delivery report from an agent that does not carry this leg was ignored",
                "agent",
                "digest",
            ),
            _row(
                _E.REPORT_UNKNOWN,
                "Bỏ qua báo nhận về một chặng không tồn tại",
                "a delivery report about an unknown leg was ignored",
                "agent",
                "digest",
            ),
            _row(
                _E.REPORT_DIGEST,
                "Báo nhận có giá trị băm không khớp; chưa coi là đã nhận",
                "a delivery report with another digest was ignored",
                "agent",
                "digest",
            ),
            *CONSOLE_EVENTS,
        )
    }
)
"""Every row by its name, in the order of a document's life."""


def table() -> str:
    """The catalogue as a Markdown table, as it stands in the README."""
    head = "| event | Vietnamese | English | facts |\n|---|---|---|---|"
    rows = (
        f"| `{row.name.value}` | {row.vi} | {row.en} | {', '.join(f'`{each}`' for each in row.facts)} |"
        for row in EVENTS.values()
    )
    return "\n".join((head, *rows))
