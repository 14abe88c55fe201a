"""The kinds of alarms: what each is called, what to do about it, and where to look."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from urllib.parse import quote


class AlarmKind(StrEnum):
    """What an alarm is about. The values stand in the database, in settings and in addresses."""

    OVERDUE = "overdue"
    BACKLOG = "backlog"
    WAITING = "waiting"
    REFUSALS = "refusals"
    CERTIFICATE = "certificate"
    TROUBLE = "trouble"
    LOG = "log"
    BEHIND = "behind"
    DEAD = "dead"
    FORGED = "forged"
    FOREIGN = "foreign"
    SIGN_INS = "sign-ins"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """One row: what this kind is called, and what to do about it.

    `command` shows more in the terminal, `path` on the console (below /console). `{subject}` in them stands for what
    the alarm is about; `where_of` puts it in.
    """

    kind: AlarmKind
    vi: str
    en: str
    do_vi: str
    do_en: str
    command: str
    path: str


@dataclass(frozen=True, slots=True)
class Where:
    """Where to look: a command, and a page of the console (below /console, with its filters)."""

    command: str
    path: str


def _row(kind: AlarmKind, name: tuple[str, str], do: tuple[str, str], where: Where) -> AlarmRule:
    return AlarmRule(
        kind=kind, vi=name[0], en=name[1], do_vi=do[0], do_en=do[1], command=where.command, path=where.path
    )


ALARM_RULES: Final[Mapping[AlarmKind, AlarmRule]] = MappingProxyType(
    {
        rule.kind: rule
        for rule in (
            _row(
                AlarmKind.OVERDUE,
                ("Văn bản quá hạn", "Documents are overdue"),
                (
                    "gọi nơi nhận; chuyển lại những gì đã dừng (truc leg resend)",
                    "call the recipients; send once more what is parked (truc leg resend)",
                ),
                Where("truc overdue --kind {subject}", "/work/overdue?rule={subject}"),
            ),
            _row(
                AlarmKind.BACKLOG,
                ("Hộp thư ứ đọng", "An inbox fills up"),
                (
                    "kiểm tra phần mềm của kết nối này có đang chạy và nhận được không",
                    "check that the agent of this connection runs and takes what comes",
                ),
                Where("truc work overdue --agent {subject}", "/work/overdue?agent={subject}"),
            ),
            _row(
                AlarmKind.WAITING,
                ("Văn bản chờ lâu trong hộp thư", "A document waits long in an inbox"),
                (
                    "kiểm tra phần mềm của kết nối này; tạm giữ nếu đang bảo trì (truc agency hold)",
                    "check the agent of this connection; hold when it is in maintenance (truc agency hold)",
                ),
                Where("truc work overdue --agent {subject}", "/work/overdue?agent={subject}"),
            ),
            _row(
                AlarmKind.REFUSALS,
                ("Tỷ lệ từ chối cao", "Many documents are refused"),
                (
                    "xem mã lỗi của những gì bị từ chối và báo nơi gửi",
                    "look at the codes of what was refused and tell the senders",
                ),
                Where("truc work refused", "/work/refused"),
            ),
            _row(
                AlarmKind.CERTIFICATE,
                ("Chứng thư sắp hoặc đã hết hạn", "A certificate ends"),
                (
                    "xin cấp chứng thư mới và đăng ký trước ngày hết hạn (truc registry import)",
                    "get its successor and register it in time (truc registry import)",
                ),
                Where("truc registry show {subject}", "/registry/organs/{subject}"),
            ),
            _row(
                AlarmKind.TROUBLE,
                ("Thành phần của trục không hoạt động", "A part of the hub is away"),
                (
                    "kiểm tra máy chủ, mạng và dung lượng đĩa",
                    "check the server, the network and the free disk space",
                ),
                Where("truc doctor", "/overview"),
            ),
            _row(
                AlarmKind.LOG,
                ("Nhật ký không khớp", "The log does not hold"),
                (
                    "giữ nguyên cơ sở dữ liệu và báo người phụ trách an toàn thông tin",
                    "leave the database as it is, and tell who is in charge of security",
                ),
                Where("truc log verify", "/audit"),
            ),
            _row(
                AlarmKind.BEHIND,
                ("Tìm kiếm hoặc số liệu chậm sau nhật ký", "Search or figures are behind the log"),
                (
                    "văn bản vẫn được chuyển; xem tải của máy chủ và các lỗi trong log của truc run",
                    "documents travel on; see the server's load and the errors in the log of truc run",
                ),
                Where("truc search --catch-up", "/search"),
            ),
            _row(
                AlarmKind.DEAD,
                ("Có thông điệp không xử lý được", "Dead letters wait"),
                (
                    "trả lại hoặc bỏ, kèm lý do (truc dead return, truc dead discard)",
                    "return or discard them, with a reason (truc dead return, truc dead discard)",
                ),
                Where("truc dead list", "/work/dead"),
            ),
            _row(
                AlarmKind.FORGED,
                ("Nhiều chữ ký sai từ một điểm kết nối", "Many wrong signatures from one agent"),
                (
                    "gọi đơn vị quản lý kết nối này; khóa cơ quan nếu không giải thích được (truc registry lock)",
                    "call who runs this agent; lock its organs when there is no good reason (truc registry lock)",
                ),
                Where("truc work refused --agent {subject}", "/work/refused?agent={subject}"),
            ),
            _row(
                AlarmKind.FOREIGN,
                ("Kết nối nói thay cơ quan khác", "A connection speaks for others"),
                (
                    "kiểm tra tài khoản RabbitMQ của kết nối này; đổi mật khẩu, khóa nếu cần",
                    "check this connection's account at the broker; change its password, lock it if needed",
                ),
                Where("truc work refused --agent {subject}", "/work/refused?agent={subject}"),
            ),
            _row(
                AlarmKind.SIGN_INS,
                ("Nhiều lần đăng nhập sai", "Many sign-ins fail"),
                (
                    "khóa tài khoản hoặc chặn địa chỉ nếu cần (truc user lock)",
                    "lock the account or block the address if needed (truc user lock)",
                ),
                Where("truc audit --subject session", "/audit?subject=session"),
            ),
        )
    }
)

OWN: Final = Where("truc doctor", "/overview")
"""Where the hub's own certificate and those it trusts are seen: their subjects are no organs."""
FIGURES: Final = Where("truc stats", "/statistics")
_OTHERWISE: Final[Mapping[tuple[AlarmKind, str], Where]] = MappingProxyType(
    {
        (AlarmKind.CERTIFICATE, "hub"): OWN,
        (AlarmKind.CERTIFICATE, "anchor"): OWN,
        (AlarmKind.CERTIFICATE, "intermediate"): OWN,
        (AlarmKind.BEHIND, "figures"): FIGURES,
    }
)
"""By kind and what the subject begins with, up to a colon."""


def where_of(kind: AlarmKind, subject: str) -> Where:
    """Where to look at what an alarm is about. A subject is quoted: it may be somebody else's word."""
    rule = ALARM_RULES[kind]
    found = _OTHERWISE.get((kind, subject.partition(":")[0]), Where(rule.command, rule.path))
    path, _, query = found.path.partition("?")
    path = path.replace("{subject}", quote(subject, safe=""))
    query = query.replace("{subject}", quote(subject, safe=""))
    command = found.command.replace("{subject}", shlex.quote(subject))
    return Where(command, f"{path}?{query}" if query else path)
