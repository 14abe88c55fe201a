"""`edxml`: the format, offline. Commands live in `commands/`; what they need is imported when they run."""

import sys
from typing import Annotated

import typer

from edxml_schemas.commands.check import check
from edxml_schemas.commands.files import extract, pack, show
from edxml_schemas.commands.options import EXIT_CODES, AsJson, Language, Verbose
from edxml_schemas.commands.output import Exit, Lang, print_json, say
from edxml_schemas.commands.receipts import verify_receipt
from edxml_schemas.commands.signing import sign, verify
from edxml_schemas.commands.verify_evidence import verify_evidence

app = typer.Typer(
    name="edxml",
    help=(
        "Kiểm tra, xem, đóng gói, ký gói tin EDXML (QCVN 102:2016/BTTTT), không cần mạng.\n\n"
        "Check, show, pack and sign EDXML envelopes, offline."
    ),
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(check)
app.command()(show)
app.command()(pack)
app.command()(extract)
app.command()(sign)
app.command()(verify)
app.command("verify-evidence")(verify_evidence)
app.command("verify-receipt")(verify_receipt)


@app.command()
def codes(
    *,
    as_json: AsJson = False,
    lang: Language = Lang.BOTH,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Danh mục mã lỗi / The catalogue of codes.

    Mọi mã: mức độ, mã LGSP, có nên gửi lại hay không, nội dung, cách sửa. Every code with its severity, LGSP number,
    whether a retry helps, its text and its remedy.

    Ví dụ / example:  edxml codes --lang vi

    Mã thoát / exit codes: 0.
    """
    from edxml_schemas.catalogue import ENTRIES

    if as_json:
        print_json(
            [
                {
                    "code": each.code.value,
                    "severity": each.severity.value,
                    "lgsp": each.lgsp,
                    "retry": each.retry,
                    "message": {"vi": each.vi, "en": each.en},
                    "remedy": {"vi": each.remedy_vi, "en": each.remedy_en},
                }
                for each in ENTRIES.values()
            ]
        )
        return
    from edxml_schemas.commands.tables import print_codes

    print_codes(ENTRIES.values(), lang=lang)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("truc-lien-thong")
        except PackageNotFoundError:
            number = "(chạy từ mã nguồn, chưa cài đặt / run from source, not installed)"
        typer.echo(f"edxml {number}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="In phiên bản. / Print the version."),
    ] = False,
) -> None:
    """Options of `edxml` itself."""


def main() -> None:
    """Runs the command line and ends the process with one of the four exit codes."""
    try:
        app()
    except Exception as error:
        if "--verbose" in sys.argv:
            raise
        reason = f"{type(error).__name__}: {error}"
        say(
            Lang.BOTH,
            f"Sự cố: {reason} (thêm --verbose để xem chi tiết).",
            f"Something broke: {reason} (add --verbose for details).",
            err=True,
        )
        sys.exit(Exit.INFRASTRUCTURE)


if __name__ == "__main__":
    main()
