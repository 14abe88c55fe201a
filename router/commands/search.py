"""`truc search`: the console's search in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from router.commands.acting import moment_of
from router.commands.opening import VIETNAM, AsJson, ConfigPath, clock, console, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from router.adapters.sql.store import SqlStore
    from router.core.search_question import Question
    from router.services.search.finding import Asker, Search
    from router.services.search.indexing import Indexing

HEADINGS: Final = (
    "Tiếp nhận / received",
    "Văn bản / document",
    "Từ / from",
    "Nơi nhận / recipients",
)
SHOWN: Final = 3
SUBJECT: Final = 80
Choice = TypeVar("Choice", bound=StrEnum)


def _option(*names: str, vi: str, en: str, metavar: str = "TEXT") -> Any:
    return typer.Option(*names, metavar=metavar, help=f"{vi} / {en}")


def search(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT…",
            help="Số, ký hiệu, DocumentId, cơ quan, từ trong trích yếu, ngày, mã lỗi. / Number, notation, DocumentId, "
            "organ, words of the subject, date, finding code.",
        ),
    ] = None,
    *,
    number: Annotated[str, _option("--number", vi="Số văn bản.", en="Document number.")] = "",
    notation: Annotated[str, _option("--notation", vi="Một phần ký hiệu.", en="Part of the notation.")] = "",
    document_id: Annotated[str, _option("--document-id", vi="DocumentId.", en="DocumentId.")] = "",
    subject: Annotated[str, _option("--subject", vi="Từ trong trích yếu.", en="Words of the subject.")] = "",
    organ: Annotated[str, _option("--organ", vi="Bên gửi hoặc nhận: mã, tên.", en="Sender or recipient.")] = "",
    sender: Annotated[str, _option("--from", vi="Bên gửi: mã, tên.", en="Sender: code or name.")] = "",
    recipient: Annotated[str, _option("--to", vi="Nơi nhận: mã, tên.", en="Recipient: code or name.")] = "",
    below: Annotated[bool, typer.Option("--below", help="Cả đơn vị dưới --organ. / Units below --organ, too.")] = False,
    status: Annotated[
        str, _option("--status", vi="Trạng thái: 01…16, none.", en="Status of a leg.", metavar="CODE")
    ] = "",
    delivery: Annotated[
        str,
        _option("--delivery", vi="queued, held, handed-over, delivered, parked.", en="Delivery.", metavar="STATE"),
    ] = "",
    state: Annotated[
        str, _option("--state", vi="accepted, refused, deferred.", en="The hub's verdict.", metavar="STATE")
    ] = "",
    finding: Annotated[str, _option("--finding", vi="Mã lỗi.", en="Finding code or its beginning.")] = "",
    urgency: Annotated[
        int | None, typer.Option("--urgency", min=0, max=4, metavar="0-4", help="Độ khẩn. / Priority.")
    ] = None,
    since: Annotated[str, _option("--since", vi="Tiếp nhận từ ngày.", en="Received since.", metavar="DAY")] = "",
    until: Annotated[str, _option("--until", vi="Tiếp nhận đến ngày.", en="Received until.", metavar="DAY")] = "",
    signed_since: Annotated[str, _option("--signed-since", vi="Ký từ ngày.", en="Signed.", metavar="DAY")] = "",
    signed_until: Annotated[str, _option("--signed-until", vi="Ký đến ngày.", en="Signed.", metavar="DAY")] = "",
    root: Annotated[
        str, _option("--root", vi="Chỉ những gì cơ quan này thấy.", en="Only what this organ's people see.")
    ] = "",
    start: Annotated[
        int | None, typer.Option("--after", min=0, help="Trang sau: số mà trang trước báo. / The next page.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="Một trang. / On a page.")] = 25,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Cập nhật chỉ mục trước khi tìm. / Bring the index up to date first.")
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Lập lại chỉ mục từ nhật ký. / Make the index anew from the log.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Tìm văn bản, cả văn bản bị từ chối / Find documents, refused ones too.

    Mọi điều kiện phải cùng đúng; gõ một phần cũng được, không cần dấu. Chỉ mục do truc run cập nhật.
    All conditions must hold; parts will do, and diacritics do not matter. truc run keeps the index.

    Ví dụ / example:  truc search 7816 so y te --since 2026-03-01

    Mã thoát / exit codes: 0 tìm thấy / found · 1 không thấy / nothing found · 2 sai cách dùng / usage · 3 sự cố hạ
    tầng / infrastructure.
    """
    from edxml_schemas.statuses import Priority
    from router.core.records import LegState, MessageState
    from router.core.search_question import Question

    question = Question(
        text=" ".join(text or ()),
        number=number,
        notation=notation,
        document_id=document_id,
        subject=subject,
        organ=organ,
        sender=sender,
        recipient=recipient,
        below=below,
        status=_status(status),
        delivery=_choice(LegState, delivery, "--delivery"),
        state=_choice(MessageState, state, "--state"),
        finding=finding,
        urgency=None if urgency is None else Priority(urgency),
        received_from=_day(since, "--since"),
        received_to=_day(until, "--until"),
        signed_from=_day(signed_since, "--signed-since"),
        signed_to=_day(signed_until, "--signed-until"),
    )
    with _opened(config) as (found_by, indexing, store):
        if rebuild:
            indexing.forget()
        if catch_up or rebuild:
            say(f"Đã đọc {indexing.catch_up()} văn bản vào chỉ mục.", "The index is up to date.")
        told = _told(found_by, question, _asker(store, root), start=start, limit=limit)
    if as_json:
        print_json(told)
    else:
        _print(told)
    if not told["documents"]:
        raise typer.Exit(ExitCode.NEGATIVE)


def messages_of_trace(config: Path | None, trace_id: str) -> list[str]:
    """Ids of the documents with a trace id, as far as the index knows them; newest first."""
    from router.core.people import EVERYTHING
    from router.core.search_question import Question
    from router.services.search.finding import Asker

    with _opened(config) as (found_by, _, _):
        return [each.message.id for each in found_by.find(Question(text=trace_id), Asker(EVERYTHING)).found]


@contextmanager
def _opened(config: Path | None) -> "Iterator[tuple[Search, Indexing, SqlStore]]":
    from router.adapters.clock import SystemClock
    from router.adapters.sql.engine import open_engine
    from router.adapters.sql.search import SqlSearch
    from router.app.parts import open_store
    from router.services.search.finding import Search
    from router.services.search.indexing import Indexing
    from router.settings import load_settings

    settings = load_settings(config)
    store = open_store(settings)
    index, now = SqlSearch(open_engine(settings.database)), SystemClock()
    try:
        yield Search(index, store, clock=now), Indexing(index, store, clock=now), store
    finally:
        index.close()
        store.close()


def _told(found_by: "Search", question: "Question", asker: "Asker", **page: Any) -> dict[str, Any]:
    from router.services.search.telling import answer_as_dict

    return answer_as_dict(found_by.find(question, asker, **page), found_by.book())


def _asker(store: "SqlStore", root: str) -> "Asker":
    from router.core.people import Person, Role
    from router.services.accounts import scope_of
    from router.services.search.finding import Asker

    person = Person(name="terminal", display="", role=Role.VIEWER, root=root.strip())
    return Asker(scope_of(store.registry(), person), person.root)


def _print(told: dict[str, Any]) -> None:
    if told["documents"]:
        out = console()
        out.print(table(f"{told['count']['text']} văn bản / documents", HEADINGS, [_row(e) for e in told["documents"]]))
    else:
        say("Không tìm thấy văn bản nào.", "Nothing was found.")
    if told["older"] is not None:
        say(f"Còn nữa / more: --after {told['older']}")
    if told["too_many"]:
        names = ", ".join(told["too_many"])
        say(f"“{names}” là quá nhiều cơ quan; hãy viết rõ hơn.", f"“{names}” means too many organs; say more.")
    if told["behind"]["events"]:
        say(
            f"Chỉ mục chậm {told['behind']['events']} dòng nhật ký; thêm --catch-up để cập nhật.",
            f"The index is {told['behind']['events']} events behind; --catch-up brings it up to date.",
        )


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    from datetime import datetime

    to = row["recipients"]
    named = [f"{leg['code']} {leg['state_text']['vi']} {leg['status']}".strip() for leg in to["shown"][:SHOWN]]
    more = to["count"] - len(named)
    state = "" if row["state"] == "accepted" else " / ".join(row["state_text"].values())
    about = (row["code"] or row["document_id"], row["subject"][:SUBJECT], state, *row["findings"], row["message_id"])
    return (
        clock(datetime.fromisoformat(row["received_at"])),
        "\n".join(each for each in about if each),
        "\n".join(each for each in row["sender"].values() if each),
        "\n".join((*named, *((f"+ {more}",) if more else ()))),
    )


def _status(given: str) -> Any:
    from edxml_schemas.statuses import StatusCode
    from router.core.search_question import Awaited

    if given == Awaited.NONE.value:
        return Awaited.NONE
    return _choice(StatusCode, given, "--status")


def _choice(kind: type[Choice], given: str, option: str) -> Choice | None:
    if not given:
        return None
    found = next((each for each in kind if each.value == given), None)
    if found is None:
        values = ", ".join(each.value for each in kind)
        raise UsageProblem(f"{option}: phải là {values}", f"{option}: must be {values}")
    return found


def _day(given: str, option: str) -> date | None:
    moment = moment_of(given, option=option)
    return None if moment is None else moment.astimezone(VIETNAM).date()
