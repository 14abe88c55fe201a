"""The kinds of alarms: what each is called, what to do about it, and where to look."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class AlarmKind(StrEnum):
    """What an alarm is about. The values stand in the database, in settings and in addresses."""

    OVERDUE = "overdue"
    BACKLOG = "backlog"
    WAITING = "waiting"
    REFUSALS = "refusals"
    CERTIFICATE = "certificate"
    TROUBLE = "trouble"
    LOG = "log"
    DEAD = "dead"
    FORGED = "forged"
    FOREIGN = "foreign"
    SIGN_INS = "sign-ins"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """One row: what this kind is called, what to do about it, and where on the console (below /console)."""

    kind: AlarmKind
    vi: str
    en: str
    do_vi: str
    do_en: str
    path: str


ALARM_RULES: Final[Mapping[AlarmKind, AlarmRule]] = MappingProxyType(
    {
        rule.kind: rule
        for rule in (
            AlarmRule(
                kind=AlarmKind.OVERDUE,
                vi="Văn bản quá hạn",
                en="Documents are overdue",
                do_vi="xem truc overdue; gọi nơi nhận, hoặc chuyển lại (truc leg resend)",
                do_en="see truc overdue; call the recipient, or send once more (truc leg resend)",
                path="/work/overdue",
            ),
            AlarmRule(
                kind=AlarmKind.BACKLOG,
                vi="Hộp thư ứ đọng",
                en="An inbox fills up",
                do_vi="kiểm tra agent của điểm kết nối này có đang chạy và nhận được không",
                do_en="check that the agent of this connection runs and takes what comes",
                path="/overview",
            ),
            AlarmRule(
                kind=AlarmKind.WAITING,
                vi="Văn bản chờ lâu trong hộp thư",
                en="A document waits long in an inbox",
                do_vi="kiểm tra agent của điểm kết nối này; tạm giữ nếu đang bảo trì (truc agency hold)",
                do_en="check the agent of this connection; hold when it is in maintenance (truc agency hold)",
                path="/work/not-taken",
            ),
            AlarmRule(
                kind=AlarmKind.REFUSALS,
                vi="Tỷ lệ từ chối cao",
                en="Many documents are refused",
                do_vi="xem mã lỗi trong danh sách từ chối và báo nơi gửi",
                do_en="look at the codes of what was refused and tell the senders",
                path="/work/refused",
            ),
            AlarmRule(
                kind=AlarmKind.CERTIFICATE,
                vi="Chứng thư sắp hoặc đã hết hạn",
                en="A certificate ends",
                do_vi="xin cấp và đăng ký chứng thư mới trước ngày hết hạn (truc registry certificate, truc doctor)",
                do_en="get and register its successor in time (truc registry certificate, truc doctor)",
                path="/registry/certificates",
            ),
            AlarmRule(
                kind=AlarmKind.TROUBLE,
                vi="Thành phần của trục không hoạt động",
                en="A part of the hub is away",
                do_vi="chạy truc doctor; kiểm tra máy chủ, mạng và dung lượng đĩa",
                do_en="run truc doctor; check the server, the network and the free disk space",
                path="/overview",
            ),
            AlarmRule(
                kind=AlarmKind.LOG,
                vi="Nhật ký không khớp",
                en="The log does not hold",
                do_vi="giữ nguyên cơ sở dữ liệu, chạy truc log verify và báo người phụ trách an toàn thông tin",
                do_en="leave the database as it is, run truc log verify, and tell who is in charge of security",
                path="/audit",
            ),
            AlarmRule(
                kind=AlarmKind.DEAD,
                vi="Có thông điệp không xử lý được",
                en="Dead letters wait",
                do_vi="xem truc dead list; trả lại hoặc bỏ, kèm lý do",
                do_en="see truc dead list; return or discard them, with a reason",
                path="/work/dead",
            ),
            AlarmRule(
                kind=AlarmKind.FORGED,
                vi="Nhiều chữ ký sai từ một điểm kết nối",
                en="Many wrong signatures from one agent",
                do_vi="gọi đơn vị quản lý điểm kết nối; khóa nếu không giải thích được (truc registry lock)",
                do_en="call who runs this agent; lock it when there is no good reason (truc registry lock)",
                path="/work/refused",
            ),
            AlarmRule(
                kind=AlarmKind.FOREIGN,
                vi="Kết nối nói thay cơ quan khác",
                en="A connection speaks for others",
                do_vi="kiểm tra tài khoản RabbitMQ của kết nối này; đổi mật khẩu, khóa nếu cần",
                do_en="check this connection's account at the broker; change its password, lock it if needed",
                path="/work/refused",
            ),
            AlarmRule(
                kind=AlarmKind.SIGN_INS,
                vi="Nhiều lần đăng nhập sai",
                en="Many sign-ins fail",
                do_vi="xem nhật ký quản trị; khóa tài khoản hoặc chặn địa chỉ nếu cần (truc user lock)",
                do_en="see the audit pages; lock the account or block the address (truc user lock)",
                path="/audit",
            ),
        )
    }
)
