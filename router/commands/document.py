"""`truc document`: the console's page of a document in the terminal, and its files."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from edxml_schemas.attachments import safe_file_name
from router.commands.acting import By, actor_of
from router.commands.opening import AsJson, ConfigPath, clock, console, print_json, say, table
from router.errors import ExitCode, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.adapters.sql.store import SqlStore
    from router.core.records import MessageRecord
    from router.services.documents.content import File
    from router.services.documents.room import DocumentRoom

FILES: Final = ("Tệp / file", "Loại / type", "Cỡ / size", "SHA-256")


def document(
    query: Annotated[
        str,
        typer.Argument(
            metavar="DOCUMENT", help="DocumentId, số/ký hiệu hoặc mã thông điệp. / DocumentId, code or message id."
        ),
    ],
    *,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Ghi tệp đính kèm vào thư mục. / Write the attachments into a folder."),
    ] = None,
    envelope: Annotated[
        bool, typer.Option("--envelope", help="Cùng --save: cả gói tin gốc. / With --save: the envelope, too.")
    ] = False,
    by: By = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Nội dung một văn bản: phần đầu, tệp, chữ ký, liên quan / What stands in a document: header, files, signature.

    Việc lấy tệp được ghi vào nhật ký. Nơi nhận và diễn biến: truc trace. / That files were taken stands in the log.
    Recipients and timeline: truc trace.

    Mã thoát / exit codes: 0 tốt / good · 1 không thấy, có nhiều, hoặc tệp không lấy được / nothing or several found,
    or a file cannot be had · 2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure.
    """
    if save is None and envelope:
        raise UsageProblem("--envelope cần --save", "--envelope needs --save")
    with _opened(config) as (room, store):
        message = _found(store, query)
        told = _told(room, message)
        saved, missing = ([], 0) if save is None else _saved(room, message, told, save, envelope=envelope, by=by)
    if as_json:
        print_json({**told, "saved": saved})
    else:
        _print(told)
        for each in saved:
            typer.echo(each)
    if missing:
        say(f"{missing} tệp không lấy được.", f"{missing} files cannot be had.")
        raise typer.Exit(ExitCode.NEGATIVE)


@contextmanager
def _opened(config: Path | None) -> "Iterator[tuple[DocumentRoom, SqlStore]]":
    from router.adapters.clock import SystemClock
    from router.app.documents import document_room
    from router.app.parts import open_store
    from router.settings import load_settings

    settings = load_settings(config)
    store = open_store(settings)
    try:
        yield document_room(settings, store, clock=SystemClock()), store
    finally:
        store.close()


def _found(store: "SqlStore", query: str) -> "MessageRecord":
    from router.services import tracing

    found = [each.message for each in tracing.trace(store, query)]
    if len(found) == 1:
        return found[0]
    if not found:
        say(f"Không tìm thấy “{query}” trên trục.", f"Nothing on the hub is known by “{query}”.")
    else:
        say(f"“{query}” là {len(found)} thông điệp; hãy chọn một mã:", f"“{query}” is several messages; choose an id:")
        for each in found[:20]:
            say(f"  {each.id}  {each.code}  {each.document_id}")
    raise typer.Exit(ExitCode.NEGATIVE)


def _told(room: "DocumentRoom", message: "MessageRecord") -> dict[str, Any]:
    from router.adapters.clock import SystemClock
    from router.core.people import EVERYTHING
    from router.services.documents.telling import dossier_as_dict

    dossier = room.dossiers.of(message.id, EVERYTHING, audits=True)
    if dossier is None:
        raise typer.Exit(ExitCode.NEGATIVE)
    return dossier_as_dict(dossier, room.dossiers.book(), now=SystemClock().now())


def _saved(
    room: "DocumentRoom", message: "MessageRecord", told: "Mapping[str, Any]", folder: Path, *, envelope: bool, by: str
) -> tuple[list[str], int]:
    """The paths that were written, and how many files could not be had. Never over an existing file."""
    from router.services.documents.content import Reader

    reader = Reader(actor_of(by))
    folder.mkdir(parents=True, exist_ok=True)
    wanted: list[File | None] = [room.contents.attachment(message, each["place"], reader) for each in told["files"]]
    if envelope:
        wanted.append(room.contents.envelope(message, reader))
    paths: list[str] = []
    for file in wanted:
        if file is not None:
            taken = {each.name.casefold() for each in folder.iterdir()}
            path = folder / safe_file_name(file.name, taken=taken)
            with path.open("xb") as out:
                out.write(file.content)
            paths.append(str(path))
    return paths, sum(each is None for each in wanted)


def _print(told: "Mapping[str, Any]") -> None:
    out, message = console(), told["message"]
    standing = " / ".join(told["standing"]["text"].values())
    signature = told["signature"] or {}
    head = [
        ("Trích yếu / subject", message["subject"]),
        ("Chữ ký / signature", standing),
        ("Người ký / signed by", signature.get("subject", "")),
        ("Nơi cấp / issuer", signature.get("issuer", "")),
        ("Hiệu lực đến / valid to", _moment(signature.get("valid_to"))),
        ("Mã vết / trace id", told["trace_id"]),
        ("Nội dung / content", " / ".join(each for each in told["reading"]["text"].values() if each)),
    ]
    out.print(table(message["code"] or message["message_id"], ("", ""), [row for row in head if row[1]]))
    if told["header"]:
        rows = [(" / ".join(dict.fromkeys(each["text"].values())), each["value"]) for each in told["header"]]
        out.print(table("Phần đầu / header", ("", ""), rows))
    if told["files"]:
        out.print(table("Tệp đính kèm / attachments", FILES, [_file(each) for each in told["files"]]))
    if told["related"]:
        others = [
            (" / ".join(each["relation_text"].values()), each["code"] or each["document_id"], each["message_id"])
            for each in told["related"]
        ]
        out.print(table("Liên quan / related", ("", "", ""), others))


def _file(file: "Mapping[str, Any]") -> tuple[str, ...]:
    faults = "\n".join(each["message"]["vi"] for each in file["findings"])
    return file["name"], file["type"], str(file["size"] if file["size"] is not None else ""), file["digest"] or faults


def _moment(text: str | None) -> str:
    from datetime import datetime

    return clock(datetime.fromisoformat(text)) if text else ""
