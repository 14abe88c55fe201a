"""`truc-agent inbox` and `truc-agent take`."""

from pathlib import Path
from typing import Annotated

import typer

from agents.commands.shared import CONFIG, AsJson, Config, Verbose, desk_of, print_json, say


def inbox(
    *,
    config: Config = CONFIG,
    everything: Annotated[
        bool, typer.Option("--all", help="Cả văn bản đã lấy. / Documents that were taken, too.")
    ] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Văn bản đến chưa lấy / Documents that came and were not taken yet.

    Ví dụ / example:  truc-agent inbox --all --json

    Mã thoát / exit codes: 0 · 2 sai cách dùng / usage · 3 sự cố / infrastructure.
    """
    from rich.console import Console
    from rich.table import Table

    from agents.sent_view import item_as_dict

    with desk_of(config) as desk:
        items = desk.receive(everything=everything)
        if as_json:
            print_json([item_as_dict(each) for each in items])
            return
        if not items:
            say("Không có văn bản đến nào chờ lấy.", "No document waits to be taken.")
            return
        table = Table(title="Văn bản đến / documents that came")
        for column in ("Mã / leg", "Nơi gửi / from", "Nơi nhận / to", "Văn bản / document", "Trích yếu / subject"):
            table.add_column(column, overflow="fold")
        for each in items:
            table.add_row(each.leg_id, each.sender, each.recipient, each.document_id, each.subject)
        Console().print(table)


def take(
    leg: Annotated[str, typer.Argument(metavar="LEG", help="Mã văn bản đến (xem inbox). / Its leg id (see inbox).")],
    *,
    config: Config = CONFIG,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="Thư mục ghi vào. / Folder to write into.")
    ] = Path(),
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  as above
) -> None:
    """Lấy một văn bản đến: gói tin, các tệp, document.json / Take a document: envelope, files, document.json.

    Ví dụ / example:  truc-agent take 6f0c… -o den/

    Mã thoát / exit codes: 0 · 2 không có mã này / no such leg · 3 sự cố / infrastructure.
    """
    from agents.connectors.folder_layout import write_delivery

    with desk_of(config) as desk:
        taken = desk.look(leg)
        shown = write_delivery(output, taken.item, taken.envelope)
        desk.take(leg)  # only now: a full disk must not hide the document from the next `inbox`
        if as_json:
            print_json(shown)
        else:
            typer.echo(output / "envelope.edxml")
            say(f"Đã lấy văn bản {taken.item.document_id}.", f"Took the document {taken.item.document_id}.")
