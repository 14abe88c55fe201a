"""Dead letters as people read them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from edxml_schemas.visible import visible
from router.commands.opening import clock, console, print_json, table

if TYPE_CHECKING:
    from router.core.dead import DeadLetter
    from router.services.dead.dead_care import Explanation

STATE_TEXT: Final = {
    "open": "chờ xử lý / open",
    "returning": "đang trả lại / returning",
    "returned": "đã trả lại / returned",
    "discarded": "đã bỏ / discarded",
}
KIND_TEXT: Final = {
    "submission": "bản gửi / submission",
    "report": "báo nhận / report",
    "delivery": "bản chuyển / delivery",
    "unreadable": "không đọc được / unreadable",
}
SHORT_ID: Final = 8


def print_list(found: "Sequence[DeadLetter]", *, errors: bool = False) -> None:
    """One line each; on stderr with `errors`."""
    headings = (
        "Mã / id",
        "Chết lúc / died",
        "Loại / kind",
        "Trạng thái / state",
        "Của / agent",
        "Hàng đợi / queue",
        "Lý do / reason",
        "Lần / times",
        "Cỡ / size",
    )
    rows = [
        (
            each.id[:SHORT_ID],
            clock(each.died_at),
            KIND_TEXT[each.kind.value],
            STATE_TEXT[each.state.value],
            each.agent,
            each.queue,
            each.reason,
            str(each.deaths),
            str(each.size),
        )
        for each in found
    ]
    out = console()
    out.stderr = errors
    out.print(table(f"{len(found)} thông điệp / letters", headings, rows))


def rows_of(letter: "DeadLetter") -> Sequence[tuple[str, str]]:
    """Everything that is known of one."""
    rows = (
        ("Loại / kind", KIND_TEXT[letter.kind.value]),
        ("Trạng thái / state", STATE_TEXT[letter.state.value]),
        ("Chết ở / queue", letter.queue),
        ("Lý do / reason", letter.reason),
        ("Chết lúc / died", clock(letter.died_at)),
        ("Số lần chết, số lần giao / deaths, attempts", f"{letter.deaths}, {letter.attempts}"),
        ("Của / agent", f"{letter.agent} ({letter.user_id or '–'})"),
        ("Mã lần gửi / submission", visible(letter.submission_id)),
        ("Chặng / leg", letter.leg_id),
        ("Khóa định tuyến / routing key", visible(letter.routing_key)),
        ("SHA-256", f"{letter.digest} ({letter.size} bytes)"),
        *((visible(name), visible(value)) for name, value in letter.properties.items()),
        ("Trả lại lúc / returns at", clock(letter.return_at)),
        ("Quyết định / decided", f"{clock(letter.decided_at)} {letter.decided_by}".strip()),
        ("Lý do quyết định / note", visible(letter.note)),
    )
    return [row for row in rows if row[1]]


def print_explanation(found: "Explanation", *, as_json: bool) -> None:
    """Why it died, what a return would do, and the findings of the examination."""
    from edxml_schemas.catalogue import explain as told_of
    from router.services.dead.dead_care import OUTCOMES

    vi, en = OUTCOMES[found.outcome]
    told = [told_of(each) for each in found.findings]
    if as_json:
        print_json(
            {
                "id": found.letter.id,
                "why_vi": found.why_vi,
                "why_en": found.why_en,
                "outcome": found.outcome,
                "outcome_vi": vi,
                "outcome_en": en,
                "detail": found.detail,
                "findings": [
                    {"code": each.code.value, "message_vi": each.message_vi, "message_en": each.message_en}
                    for each in told
                ],
            }
        )
        return
    rows = [
        ("Vì sao chết", found.why_vi),
        ("Why it died", found.why_en),
        ("Nếu trả lại bây giờ", vi),
        ("If it were returned now", en),
        *((("Chi tiết / detail", visible(found.detail)),) if found.detail else ()),
        *((each.code.value, f"{each.message_vi}\n{each.message_en}") for each in told),
    ]
    console().print(table(f"Thông điệp {found.letter.id}", ("", ""), rows))
