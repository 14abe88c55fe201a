"""`truc work`: the lists of what waits for somebody's hand, as the console shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from edxml_schemas.contract import Urgency
from edxml_schemas.visible import visible
from router.commands.acting import moment_of
from router.commands.opening import AsJson, ConfigPath, clock, console, opened_store, print_json, say, table
from router.commands.overdue import shortened
from router.core.deadlines import Deadline
from router.core.work_lists import LEG_KINDS, WORK_TEXT, Narrow, Place, WorkKind, place_of
from router.errors import UsageProblem

if TYPE_CHECKING:
    from router.core.records import Leg, MessageRecord
    from router.services.work_lists import WorkLists

LIMIT: Final = 100

List = Annotated[
    WorkKind | None, typer.Argument(metavar="[LIST]", help=f"{' | '.join(WorkKind)}; trống: đếm. / Empty: counts.")
]
OrganOption = Annotated[
    str, typer.Option("--organ", metavar="CODE", help="Cơ quan này và bên dưới. / This organ and those below it.")
]
After = Annotated[str, typer.Option("--after", metavar="PLACE", help="Trang sau, như in ở cuối. / The next page.")]


def work(
    kind: List = None,
    *,
    organ: OrganOption = "",
    urgency: Annotated[Urgency | None, typer.Option("--urgency", help="Độ khẩn. / Urgency.")] = None,
    since: Annotated[str, typer.Option("--since", metavar="MOMENT", help="Từ khi nào. / Since when.")] = "",
    agent: Annotated[str, typer.Option("--agent", metavar="NAME", help="Phần mềm kết nối. / Of this agent.")] = "",
    rule: Annotated[Deadline | None, typer.Option("--rule", help="Quá thời hạn này. / Over this deadline.")] = None,
    after: After = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Nhiều nhất. / At most so many.")] = LIMIT,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Việc cần xử lý, như trên bảng điều hành / What waits for somebody's hand, as on the console.

    Chặng và thông điệp trong danh sách dùng cho truc leg resend, truc dead return, truc dead discard. / The legs and
    letters listed are what truc leg resend, truc dead return and truc dead discard take.

    Mã thoát / exit codes: 0 · 2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    from router.app.parts import open_work_questions, policy_of
    from router.core.people import EVERYTHING
    from router.services.work_lists import WorkLists
    from router.settings import load_settings

    settings = load_settings(config)
    place = place_of(after) if after else None
    if after and place is None:
        raise UsageProblem(f"--after: không hiểu “{after}”", f"--after: “{after}” is no place of a page")
    begins = moment_of(since, option="--since")
    with opened_store(config) as store, open_work_questions(settings) as questions:
        lists = WorkLists(store, questions, policy_of(settings).clocks)
        narrow = lists.narrowed(EVERYTHING, organ=organ, urgency=urgency, since=begins, agent=agent, rule=rule)
        if kind is None:
            found = _counts(lists, narrow)
        elif kind in LEG_KINDS:
            found = _legs(lists, narrow, kind, after=place, limit=limit)
        elif kind is WorkKind.DEAD:
            found = _letters(lists, narrow, after=place, limit=limit)
        else:
            found = _refused(lists, narrow, after=place, limit=limit)
    if as_json:
        print_json({"rows": found.rows, "next": str(found.following) if found.following is not None else None})
    elif found.shown:
        title = " / ".join(WORK_TEXT[kind]) if kind is not None else "Việc cần xử lý / work"
        console().print(table(title, found.headings, found.shown))
    else:
        say("Không có gì trong danh sách này.", "There is nothing in this list.")
    if found.following is not None and not as_json:
        say(f"Trang sau / next page: --after {found.following}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One page: rows for JSON, the same for people, and where the next one begins."""

    rows: Sequence[dict[str, Any]]
    headings: Sequence[str]
    shown: Sequence[Sequence[str]]
    following: Place | None = None


def _counts(lists: "WorkLists", narrow: Narrow) -> _Found:
    counts = lists.counts(narrow)
    return _Found(
        rows=[{"list": key.value, "number": each.number, "more": each.more} for key, each in counts.items()],
        headings=("Danh sách / list", "", "Số / number"),
        shown=[(" / ".join(WORK_TEXT[key]), key.value, str(each)) for key, each in counts.items()],
    )


def _legs(lists: "WorkLists", narrow: Narrow, kind: WorkKind, *, after: Place | None, limit: int) -> _Found:
    page = lists.legs(kind, narrow, after=after, limit=limit, now=datetime.now(UTC))
    return _Found(
        rows=[_leg_dict(each.message, each.leg) for each in page.rows],
        headings=_LEG_HEADINGS,
        shown=[_leg_row(each.message, each.leg) for each in page.rows],
        following=page.following,
    )


def _letters(lists: "WorkLists", narrow: Narrow, *, after: Place | None, limit: int) -> _Found:
    from router.services.dead.dead_care import as_dict

    page = lists.letters(narrow, after=after, limit=limit)
    return _Found(
        rows=[as_dict(each) for each in page.rows],
        headings=("Lúc / at", "Loại / kind", "Kết nối / agent", "Vì sao / why", "Mã / id"),
        shown=[(clock(each.died_at), each.kind.value, each.agent, each.reason, each.id) for each in page.rows],
        following=page.following,
    )


def _refused(lists: "WorkLists", narrow: Narrow, *, after: Place | None, limit: int) -> _Found:
    page = lists.refused(narrow, after=after, limit=limit)
    return _Found(
        rows=[_refused_dict(each) for each in page.rows],
        headings=_REFUSED_HEADINGS,
        shown=[_refused_row(each) for each in page.rows],
        following=page.following,
    )


_LEG_HEADINGS: Final = (
    "Tiếp nhận / accepted",
    "Nơi gửi / sender",
    "Nơi nhận / recipient",
    "Số / code",
    "Mã chặng / leg",
)
_REFUSED_HEADINGS: Final = ("Lúc / at", "Kết nối / agent", "Nơi gửi / sender", "Số / code", "Vì sao / why", "Mã / id")


def _leg_dict(message: "MessageRecord", leg: "Leg") -> dict[str, Any]:
    return {
        "leg_id": leg.id,
        "message_id": message.id,
        "code": message.code or message.status_code,
        "subject": message.subject,
        "sender": message.sender,
        "recipient": leg.recipient,
        "forwarded_from": leg.forwarded_from,
        "state": leg.state.value,
        "status": leg.status,
        "urgency": leg.urgency.value,
        "created_at": leg.created_at,
        "raised": list(leg.raised),
    }


def _leg_row(message: "MessageRecord", leg: "Leg") -> tuple[str, ...]:
    document = f"{message.code or message.status_code}\n{shortened(message.subject)}"
    return clock(leg.created_at), message.sender, leg.recipient, document, leg.id


def _refused_dict(message: "MessageRecord") -> dict[str, Any]:
    return {
        "message_id": message.id,
        "agent": message.agent,
        "sender": message.sender,
        "code": message.code,
        "received_at": message.received_at,
        "codes": [each.code.value for each in message.findings],
    }


def _refused_row(message: "MessageRecord") -> tuple[str, ...]:
    why = "\n".join(each.code.value for each in message.findings)
    return clock(message.received_at), message.agent, message.sender, visible(message.code), why, message.id
