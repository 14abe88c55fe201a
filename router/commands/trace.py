"""`truc trace`: where is my document?"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from edxml_schemas.visible import visible
from router.commands.opening import (
    VIETNAM,
    AsJson,
    ConfigPath,
    both,
    clock,
    console,
    opened_store,
    print_json,
    say,
    table,
)
from router.core.state_words import LEG_STATE_TEXT, MESSAGE_STATE_TEXT, RECALL_TEXT, TYPE_TEXT
from router.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from router.core.records import Event, Leg, MessageRecord
    from router.services.tracing import LegTrace, Trace

K = TypeVar("K", bound=int)

TIMELINE: Final = ("Lúc / at", "Diễn biến / event", "Nơi nhận / recipient", "Ai / who", "Chi tiết / facts")
FULL_TRACES: Final = 3
"""More messages than this are listed instead of told in full."""

USUAL_CODES: Final = ("01", "03", "04", "05", "06")
"""Columns of the matrix that are always there; others appear when somebody said them."""


def trace(
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY",
            help="DocumentId, số hoặc số/ký hiệu, mã cơ quan, mã thông điệp, mã lần gửi, mã vết. / DocumentId, "
            "code or its number, organ code, message id, submission id or trace id.",
        ),
    ],
    *,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="Nhiều nhất bao nhiêu. / At most so many.")
    ] = 50,
    full: Annotated[bool, typer.Option("--full", help="Luôn hiện chi tiết. / Details of every message found.")] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Văn bản đang ở đâu: bảng nơi nhận × trạng thái và diễn biến / Matrix of recipients and statuses, and timeline.

    Tìm được nhiều hơn 3 thì liệt kê; --full để xem chi tiết. Giờ Việt Nam. / More than 3 are listed; --full tells all.
    Times are Vietnam time; in JSON they carry their offset.

    Mã thoát / exit codes: 0 tìm thấy / found · 1 không thấy / nothing found · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from edxml_schemas.traces import is_trace_id
    from router.commands.search import messages_of_trace
    from router.services import tracing

    with opened_store(config) as store:
        found = tracing.trace(store, query, limit=limit)
        if not found and is_trace_id(query.strip().lower()):
            named = messages_of_trace(config, query.strip())
            found = [each for name in named for each in tracing.trace(store, name)]
    if as_json:
        print_json([tracing.as_dict(each) for each in found])
    if not found:
        say(f"Không tìm thấy “{query}” trên trục.", f"Nothing on the hub is known by “{query}”.")
        raise typer.Exit(ExitCode.NEGATIVE)
    if as_json:
        return
    out = console()
    if len(found) > FULL_TRACES and not full:
        out.print(table(f"{len(found)} thông điệp / messages", OVERVIEW, [_overview_row(each) for each in found]))
        say("Xem chi tiết: truc trace <mã thông điệp>, hoặc --full.", "Details: truc trace <message id>, or --full.")
        return
    for each in found:
        _print_trace(out, each)


OVERVIEW: Final = (
    "Nhận lúc / received",
    "Mã thông điệp / message",
    "Loại / type",
    "Số / code",
    "Từ / from",
    "Kết quả / state",
    "Nơi nhận / recipients",
)


def _overview_row(each: "Trace") -> tuple[str, ...]:
    message = each.message
    states = [row.leg.state for row in each.legs]
    counts = ", ".join(f"{states.count(state)} {both(LEG_STATE_TEXT[state])}" for state in dict.fromkeys(states))
    return (
        clock(message.received_at),
        message.id,
        both(TYPE_TEXT[message.type]),
        message.code,
        message.sender,
        both(MESSAGE_STATE_TEXT[message.state]),
        counts,
    )


def _print_trace(out: "Console", each: "Trace") -> None:
    out.print(table(_title(each.message), ("", ""), _headline(each)))
    if each.message.findings:
        out.print(
            table("Lỗi và lưu ý / findings", ("Mã / code", "Chỗ / place", "Nội dung / what"), _findings(each.message))
        )
    if each.legs:
        codes = _codes(each.legs)
        headings = ("Nơi nhận / recipient", "Chuyển / delivery", *codes, "Thu hồi / recall", "Lý do / reason")
        out.print(
            table("Nơi nhận × trạng thái / recipients × statuses", headings, [_matrix_row(r, codes) for r in each.legs])
        )
        out.print(_legend(codes), markup=False)
    if each.events:
        recipients = {row.leg.id: row.leg.recipient for row in each.legs}
        rows = [event_row(event, recipients) for event in each.events]
        out.print(table("Diễn biến / timeline", TIMELINE, rows))
    if each.related:
        rows = [
            (
                clock(m.received_at),
                both(TYPE_TEXT[m.type]),
                m.status_code or m.code,
                m.sender,
                both(MESSAGE_STATE_TEXT[m.state]),
                m.id,
            )
            for m in each.related
        ]
        headings = (
            "Lúc / at",
            "Loại / type",
            "Mã, số / code",
            "Từ / from",
            "Kết quả / state",
            "Mã thông điệp / message",
        )
        out.print(table("Liên quan / what speaks of it", headings, rows))


def _title(message: "MessageRecord") -> str:
    kind = both(TYPE_TEXT[message.type])
    name = message.code or message.status_code or message.document_id or message.id
    return f"{kind}: {name} — {both(MESSAGE_STATE_TEXT[message.state])}"


def _headline(each: "Trace") -> "Sequence[tuple[str, str]]":
    from edxml_schemas.statuses import DOC_TYPE_TEXT, PRIORITY_TEXT

    message = each.message
    original = each.original
    rows = (
        ("Trích yếu / subject", visible(message.subject)),
        ("DocumentId", message.document_id),
        ("Từ / from", f"{message.sender} ({message.agent})"),
        ("Nghiệp vụ / does", _named(DOC_TYPE_TEXT, message.doc_type) if message.code else ""),
        ("Độ khẩn / urgency", _named(PRIORITY_TEXT, message.priority)),
        ("Nói về / about", f"{original.code} {original.id}" if original is not None else message.about),
        ("Trùng với / duplicate of", message.duplicate_of),
        ("Ký ngày / signed on", _promptness(message)),
        ("Nhận lúc / received", clock(message.received_at)),
        ("Kết luận lúc / decided", clock(message.decided_at)),
        ("Thử lại lúc / next try", clock(message.retry_at)),
        ("Mã thông điệp / message", message.id),
        ("Mã lần gửi / submission", message.submission_id),
        ("Mã vết / trace id", each.trace_id),
        ("SHA-256", f"{message.digest} ({message.size} bytes)"),
        *_vouched(message),
    )
    return [row for row in rows if row[1]]


def _vouched(message: "MessageRecord") -> "Sequence[tuple[str, str]]":
    """The agent's word for a document system that cannot sign, and what it did to the original."""
    from edxml_schemas.vouched import repair_text

    note = message.vouched
    if note is None:
        return ()
    return (
        ("Ký thay cho / vouched for", f"{visible(note.system)} ({message.agent})"),
        ("Bản gốc / original", f"{note.digest} ({note.size} bytes)"),
        ("Đã làm / done to it", "\n".join(" / ".join(repair_text(each)) for each in note.repairs)),
    )


def _promptness(message: "MessageRecord") -> str:
    from router.core.promptness import days_on_the_way

    if message.promulgation_date is None:
        return ""
    days = days_on_the_way(message)
    told = "" if days is None else "gửi trong ngày / same day" if days == 0 else f"gửi sau {days} ngày / days later"
    return f"{message.promulgation_date:%d/%m/%Y}{f' ({told})' if told else ''}"


def _named(texts: Mapping[K, tuple[str, str]], number: int) -> str:
    """The text of a numbered kind; the number itself when nobody knows it."""
    found = next((text for kind, text in texts.items() if kind == number), None)
    return " / ".join(found) if found is not None else str(number)


def _findings(message: "MessageRecord") -> "Sequence[tuple[str, str, str]]":
    from edxml_schemas.catalogue import explain

    rows = []
    for each in message.findings:
        told = explain(each)
        place = f"{told.line or ''} {told.xpath}".strip()
        rows.append(
            (told.code.value, place, f"{told.message_vi}\n{told.message_en}\n→ {told.remedy_vi}\n→ {told.remedy_en}")
        )
    return rows


def _codes(legs: "Sequence[LegTrace]") -> tuple[str, ...]:
    said = {status.code for row in legs for status in row.statuses}
    return tuple(sorted({*USUAL_CODES, *said}))


def _legend(codes: tuple[str, ...]) -> str:
    from edxml_schemas.statuses import STATUS_TEXT

    texts = {code.value: text for code, text in STATUS_TEXT.items()}
    named = "; ".join(f"{code} {' / '.join(texts[code])}" for code in codes if code in texts)
    return f"  ● hiện tại / stands · ✓ đã báo / was said · {named}\n"


def _matrix_row(row: "LegTrace", codes: tuple[str, ...]) -> tuple[str, ...]:
    said = {status.code: status.said_at or status.accepted_at for status in row.statuses}
    cells = (
        f"{'●' if code == row.leg.status else '✓'} {_short(said[code])}" if code in said else "·" for code in codes
    )
    return (
        row.leg.recipient,
        "\n".join((both(LEG_STATE_TEXT[row.leg.state]), *_alarms(row.leg))),
        *cells,
        both(RECALL_TEXT[row.leg.recall]),
        row.leg.reason,
    )


def _alarms(leg: "Leg") -> "Sequence[str]":
    """Deadlines that have passed, in words; a name that nobody knows any more as it is."""
    from router.core.deadlines import DEADLINE_TEXT

    texts = {name.value: text for name, text in DEADLINE_TEXT.items()}
    return [f"⚠ {' / '.join(texts[each]) if each in texts else each}" for each in leg.raised]


def _short(moment: datetime) -> str:
    """Vietnam time to the minute, without the year: a matrix has many cells."""
    return f"{moment.astimezone(VIETNAM):%d/%m %H:%M}"


def event_row(event: "Event", recipients: dict[str, str]) -> tuple[str, ...]:
    """An event under the headings of `TIMELINE`; `recipients` are organs by leg id."""
    from router.core.events import EVENTS

    known = EVENTS.get(event.name)
    text = f"{known.vi}\n{known.en}" if known is not None else event.name
    facts = ", ".join(f"{name}: {value}" for name, value in event.facts.items())
    return clock(event.at), text, recipients.get(event.leg_id, ""), event.actor, facts
