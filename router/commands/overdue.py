"""`truc overdue`: what should have been done by now, and has not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edxml_schemas.visible import visible
from router.commands.opening import AsJson, ConfigPath, clock, console, opened_store, print_json, say, table
from router.core.deadlines import DEADLINE_TEXT, Deadline
from router.errors import ExitCode

if TYPE_CHECKING:
    from router.services.carriage.deadlines import Alarm

SUBJECT_CHARS: Final = 40
"""Of a subject in the table; JSON has all of it."""
HEADINGS: Final = (
    "Việc / what",
    "Từ lúc / since",
    "Đã quá / late by",
    "Nơi nhận / recipient",
    "Kết nối / agent",
    "Nơi gửi / sender",
    "Số / code",
    "Trích yếu / subject",
    "Mã chặng / leg",
)


def overdue(
    *,
    organ: Annotated[
        str,
        typer.Option("--organ", metavar="CODE", help="Chỉ của cơ quan nhận hoặc gửi này. / Of this organ only."),
    ] = "",
    kind: Annotated[Deadline | None, typer.Option("--kind", help="Chỉ loại này. / Of this kind only.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="Xét nhiều nhất bao nhiêu chặng. / Legs looked at.")
    ] = 1000,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Việc quá hạn lúc này, nặng nhất trước / What is overdue now, worst first.

    Khẩn hơn đứng trước, rồi đến quá hạn lâu hơn. / The more urgent first, then the longer overdue.

    not-delivered: chưa vào hộp thư nơi nhận / in no inbox · not-acknowledged: phần mềm nơi nhận chưa báo / no report
    from the agent · not-arrived: chưa có 01 / no 01 · not-received: chưa có 03 / no 03 · not-finished: quá DueDate,
    chưa có 06 / DueDate is over, no 06 · recall-unanswered: chưa trả lời 15, 16 / recall not answered.

    Mã thoát / exit codes: 0 không có gì quá hạn / nothing · 1 có / something · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from router.app.parts import policy_of
    from router.core.routing import present_code
    from router.services.carriage.deadlines import alarms
    from router.settings import load_settings

    clocks = policy_of(load_settings(config)).clocks
    now = datetime.now(UTC)
    with opened_store(config) as store:
        wanted = present_code(store.registry(), organ) if organ else ""
        found = alarms(store, clocks, now=now, organ=wanted, kind=kind, limit=limit)
    if as_json:
        print_json([as_dict(each, now=now) for each in found])
    elif found:
        title = f"{len(found)} việc quá hạn / overdue"
        console().print(table(title, HEADINGS, [_row(each, now=now) for each in found]))
    else:
        say("Không có việc quá hạn.", "Nothing is overdue.")
    if len({each.leg.id for each in found}) >= limit:
        say(f"… chỉ xét {limit} chặng cũ nhất; dùng --limit.", f"… the oldest {limit} legs only; use --limit.")
    if found:
        raise typer.Exit(ExitCode.NEGATIVE)


def as_dict(alarm: "Alarm", *, now: datetime) -> dict[str, object]:
    """What `--json` prints of an alarm. Times are ISO 8601 with offset, durations whole seconds."""
    leg, message = alarm.leg, alarm.message
    vi, en = DEADLINE_TEXT[alarm.overdue.deadline]
    return {
        "kind": alarm.overdue.deadline.value,
        "text": {"vi": vi, "en": en},
        "since": alarm.overdue.since.isoformat(),
        "late_seconds": int((now - alarm.overdue.since).total_seconds()),
        "leg_id": leg.id,
        "state": leg.state.value,
        "status": leg.status,
        "recall": leg.recall.value,
        "recipient": leg.recipient,
        "forwarded_from": leg.forwarded_from,
        "agent": leg.agent,
        "sender": message.sender,
        "message_id": message.id,
        "type": message.type.value,
        "document_id": message.document_id,
        "code": message.code,
        "subject": message.subject,
        "priority": message.priority,
        "due_date": message.due_date.isoformat() if message.due_date is not None else None,
    }


def late_by(time: timedelta) -> str:
    """How long, in two units at most: 3 ngày 4 giờ, 25 phút."""
    minutes = int(time.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} ngày/d {hours} giờ/h" if hours else f"{days} ngày/d"
    if hours:
        return f"{hours} giờ/h {minutes} phút/min" if minutes else f"{hours} giờ/h"
    return f"{minutes} phút/min"


def shortened(subject: str) -> str:
    """A subject as it may stand in a table: nothing that a terminal obeys, and not too long."""
    shown = visible(subject)
    return shown if len(shown) <= SUBJECT_CHARS else f"{shown[: SUBJECT_CHARS - 1]}…"


def _row(alarm: "Alarm", *, now: datetime) -> Sequence[str]:
    leg, message = alarm.leg, alarm.message
    return (
        "\n".join(DEADLINE_TEXT[alarm.overdue.deadline]),
        clock(alarm.overdue.since),
        late_by(now - alarm.overdue.since),
        leg.recipient,
        leg.agent,
        message.sender,
        message.code or message.status_code,
        shortened(message.subject),
        leg.id,
    )
