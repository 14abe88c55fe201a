"""`truc-agent status`: look at what was sent, or say something about what came."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agents.commands.shared import CONFIG, AsJson, Config, Exit, Verbose, desk_of, print_json, refuse, say
from edxml_schemas.model import StaffInfo
from edxml_schemas.statuses import STATUS_TEXT, StatusCode

if TYPE_CHECKING:
    from agents.desk import Desk, Sent

SAFE_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,100}")
COLUMNS: Final = (
    "Mã lần gửi / submission",
    "Văn bản / document",
    "Nơi nhận / to",
    "Trục / hub",
    "Trạng thái / statuses",
)


def status(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[DOCUMENT|LEG]",
            help="Để xem: mã lần gửi, DocumentId hoặc số/ký hiệu. Để báo trạng thái: mã văn bản đến. / "
            "To look: submission id, DocumentId or number/notation. To report: the leg id.",
        ),
    ] = "",
    code: Annotated[str, typer.Argument(metavar="[CODE]", help="02 03 04 05 06 15 16, hoặc/or 13 với/with --to.")] = "",
    *,
    config: Config = CONFIG,
    reason: Annotated[str, typer.Option(help="Lý do (bắt buộc với 02, 13). / Reason (02 and 13 need one).")] = "",
    to: Annotated[
        str, typer.Option(help="Với 13: cơ quan nhận bị yêu cầu trả lại. / With 13: the recipient asked.")
    ] = "",
    receipts: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Ghi biên nhận có chữ ký của trục, và bản gốc nếu tác nhân ký thay, ra thư mục này. / "
            "Write the hub's signed receipts, and the original where the agent vouched, into this folder.",
        ),
    ] = None,
    self_tests: Annotated[
        bool,
        typer.Option("--self-tests", help="Chỉ các lần tự kiểm tra đường truyền. / Only self-tests of the link."),
    ] = False,
    staff: Annotated[str, typer.Option(help="Người xử lý. / Who handles it.")] = "",
    department: Annotated[str, typer.Option(help="Đơn vị xử lý. / Which department.")] = "",
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Xem văn bản đã gửi và trạng thái của chúng, hoặc báo trạng thái / Look at what was sent, or report a status.

    Ví dụ / examples:

      truc-agent status                                    mọi văn bản đã gửi / everything sent

      truc-agent status "000.00.00.G22,2026/09/30,7816/VPCP-TTĐT"

      truc-agent status 7816/VPCP-TTĐT --receipts bien-nhan    biên nhận thành tệp / receipts as files

      truc-agent status --self-tests                       các lần tự kiểm tra / self-tests of the link

      truc-agent status 6f0c… 03 --staff "Nguyễn Văn A"    báo đã tiếp nhận / report reception

      truc-agent status 6f0c… 02 --reason "Gửi nhầm nơi nhận"

      truc-agent status 7816/VPCP-TTĐT 13 --to 000.00.00.H41 --reason "Sai số liệu"

    Mã thoát / exit codes: 0 · 1 trạng thái không hợp lệ / not a legal status · 2 không có văn bản này / unknown
    document, usage · 3 sự cố / infrastructure.
    """
    with desk_of(config) as desk:
        if code:
            _report(desk, name, code, reason=reason, to=to, staff=staff, department=department, as_json=as_json)
        else:
            _show(desk, name, self_tests=self_tests, as_json=as_json)
            if receipts is not None:
                _write_receipts(desk, name, receipts)


def _report(
    desk: "Desk", name: str, code: str, *, reason: str, to: str, staff: str, department: str, as_json: bool
) -> None:
    if code not in set(StatusCode):
        say(f"Không có trạng thái {code}.", f"There is no status {code}.")
        raise typer.Exit(Exit.USAGE)
    known = StatusCode(code)
    if known is StatusCode.RECALL_REQUESTED and to:
        result = desk.recall(name, to, reason=reason)
    else:
        who = StaffInfo(staff=staff, department=department) if staff or department else None
        result = desk.report(name, known, reason=reason, staff=who)
    if not isinstance(result, str):
        refuse(result, as_json=as_json)
        return
    if as_json:
        print_json({"submission_id": result, "status_code": code})
    else:
        typer.echo(result)
        vi, en = STATUS_TEXT[known]
        say(f"Đã ghi trạng thái {code} ({vi}), chờ gửi.", f"Status {code} ({en}) is kept and waits to be sent.")


def _show(desk: "Desk", name: str, *, self_tests: bool, as_json: bool) -> None:
    from agents.sent_view import sent_as_dict

    tests = desk.spool.find_submissions(self_tests=True) if self_tests or not name else []
    found = [desk.told(each) for each in tests] if self_tests else desk.sent(name)
    if name and not found:
        from agents.errors import UnknownDocument

        raise UnknownDocument(name)
    _tell_doubtful(desk)
    if as_json:
        print_json([sent_as_dict(each) for each in found])
        return
    if found:
        _print_table(found)
    else:
        say("Chưa gửi văn bản nào.", "Nothing was sent yet.")
    if tests and not self_tests:
        say(
            "Các lần tự kiểm tra đường truyền để riêng: truc-agent status --self-tests",
            "Self-tests of the link are kept apart: truc-agent status --self-tests",
        )


def _tell_doubtful(desk: "Desk") -> None:
    doubtful = desk.spool.doubtful_receipts()
    if doubtful:
        why = ", ".join(sorted({code for each in doubtful for code in each.findings.split("\n")}))
        say(
            f"CẢNH BÁO: {len(doubtful)} biên nhận không tin được, không được tính ({why}).",
            f"WARNING: {len(doubtful)} receipts are not the hub's word and do not count ({why}).",
        )


def _write_receipts(desk: "Desk", name: str, folder: Path) -> None:
    """Every receipt byte for byte, as `<submission>/<number>-<kind>-<start of its digest>.xml`.

    What a document system handed in, where the agent vouched for it, lies beside them as `original.edxml`.
    """
    from agents.spool.bodies import write_durably

    written = 0
    for sent in desk.sent(name):
        home = folder / file_name(sent.submission.submission_id)
        if sent.submission.original:
            write_durably(home / "original.edxml", desk.spool.envelope(sent.submission.original))
        for number, each in enumerate(sent.receipts, start=1):
            home.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256(each.body).hexdigest()
            write_durably(home / f"{number:04d}-{each.kind}-{digest[:16]}.xml", each.body)
            written += 1
    say(f"Đã ghi {written} biên nhận vào {folder}.", f"{written} receipts written to {folder}.")
    say(
        "Kiểm tra: edxml verify-receipt TỆP --hub-cert CHỨNG-THƯ-TRỤC",
        "Check them with: edxml verify-receipt FILE --hub-cert HUB-CERTIFICATE",
    )


def file_name(name: str) -> str:
    """The name when it can be a file's, else its digest: submission ids may be chosen by others."""
    return name if SAFE_NAME.fullmatch(name) else hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


def _print_table(found: "Sequence[Sent]") -> None:
    from rich.console import Console
    from rich.table import Table

    from agents.sent_view import RECEIPT_TEXT, STATE_TEXT, progress_of, state_of

    table = Table(title="Đã gửi / sent")
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for each in found:
        submission = each.submission
        said = [f"{item.sender}: {item.status_code} {item.description}".strip() for item in each.statuses]
        legs = [f"{to}: {' / '.join(RECEIPT_TEXT[kind])}" for to, kind in progress_of(each.receipts).items()]
        document = submission.document_id + (f" [{submission.status_code}]" if submission.status_code else "")
        table.add_row(
            submission.submission_id,
            document,
            "\n".join(submission.recipients),
            "\n".join(filter(None, (" / ".join(STATE_TEXT[state_of(submission)]), submission.problem, *legs))),
            "\n".join(said),
        )
    Console().print(table)
