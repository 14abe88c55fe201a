"""`truc-agent send`."""

import time
from pathlib import Path
from typing import Annotated, Final

import typer

from agents.commands.shared import CONFIG, AsJson, Config, Exit, Verbose, desk_of, print_json, refuse, say

LOOK: Final = 0.1  # seconds between two looks for the answer


def send(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|FOLDER",
            exists=True,
            help="Gói .edxml, tệp mô tả (.toml, .json), hoặc thư mục có document.toml và các tệp. / "
            "An .edxml envelope, a metadata file, or a folder with document.toml and files.",
        ),
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(exists=True, help="Tệp đính kèm. / Files to attach to a metadata file.")
    ] = None,
    *,
    config: Config = CONFIG,
    wait: Annotated[bool, typer.Option("--wait", help="Chờ trục trả lời. / Wait for the hub's answer.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Chờ tối đa (giây). / Longest wait in seconds.")] = 60.0,
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Đóng gói, ký và gửi một văn bản / Package, sign and send a document.

    Văn bản nằm chắc trong kho tạm khi lệnh kết thúc; `truc-agent run` chuyển đi. The document is durable in the spool
    when the command ends; `truc-agent run` moves it.

    Ví dụ / examples:

      truc-agent send cong-van-7816/ --wait

      truc-agent send goi-tin.edxml --json

    Mã thoát / exit codes: 0 đã nhận (với --wait: trục tiếp nhận) / kept (with --wait: accepted) · 1 có lỗi hoặc trục
    từ chối / faults, or refused by the hub · 2 sai cách dùng / usage · 3 hết giờ chờ hoặc sự cố / no answer in time.
    """
    from agents.packaging import read_envelope
    from agents.sent_view import result_as_dict, state_of
    from agents.spool.records import SubmissionState

    with desk_of(config) as desk:
        if place.suffix.casefold() == ".edxml" and place.is_file():
            sent = desk.send(read_envelope(place))
        else:
            sent = desk.send_draft(place, files or ())
        if not isinstance(sent, str):
            refuse(sent, as_json=as_json)
            return
        submission = desk.spool.submission(sent)
        until = time.monotonic() + (timeout if wait else 0)
        while submission and submission.state is not SubmissionState.ANSWERED and time.monotonic() < until:
            time.sleep(LOOK)
            submission = desk.spool.submission(sent)
        if submission is None:
            raise typer.Exit(Exit.INFRASTRUCTURE)
        result = result_as_dict(submission, desk.spool.receipts_of(sent))
        if as_json:
            print_json(result)
        else:
            typer.echo(sent)
            _tell(result)
        if wait and submission.state is not SubmissionState.ANSWERED:
            say("Hết giờ chờ; văn bản vẫn nằm trong kho tạm.", "No answer in time; the document stays in the spool.")
            raise typer.Exit(Exit.INFRASTRUCTURE)
        if state_of(submission) == "refused":
            raise typer.Exit(Exit.NEGATIVE)


def _tell(result: dict[str, object]) -> None:
    text = result["state_text"]
    if isinstance(text, dict):
        say(text["vi"], text["en"])
    if result["problem"]:
        typer.echo(f"✗ {result['problem']}", err=True)
    findings = result.get("findings")
    for each in findings if isinstance(findings, list) else ():
        say(f"✗ {each['code']}: {each['message']['vi']}", f"  {each['message']['en']}")
        say(f"  → {each['remedy']['vi']}", f"  → {each['remedy']['en']}")
