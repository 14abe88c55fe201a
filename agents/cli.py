"""`truc-agent`: the agency's side. Commands live in `commands/`; what they need is imported when they run."""

import sys
from typing import Annotated

import typer

from agents.commands.gateway import gateway
from agents.commands.inbox import inbox, take
from agents.commands.init import init
from agents.commands.keys import keys
from agents.commands.replay import replay
from agents.commands.robot import robot
from agents.commands.run import run
from agents.commands.selftest import selftest
from agents.commands.send import send
from agents.commands.shared import EXIT_CODES, Exit, say
from agents.commands.status import status
from agents.errors import AgentFault, UsageFault

app = typer.Typer(
    name="truc-agent",
    help=(
        "Gửi và nhận văn bản điện tử qua trục liên thông, phía cơ quan.\n\n"
        "Send and receive electronic documents through the hub, at the agency's side."
    ),
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (run, gateway, send, inbox, take, status, init, replay, selftest, robot):
    app.command()(command)
app.add_typer(keys, name="keys")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("truc-lien-thong")
        except PackageNotFoundError:
            number = "(chạy từ mã nguồn, chưa cài đặt / run from source, not installed)"
        typer.echo(f"truc-agent {number}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="In phiên bản. / Print the version."),
    ] = False,
) -> None:
    """Options of `truc-agent` itself."""


def main() -> None:
    """Runs the command line and ends the process with one of the four exit codes."""
    try:
        app()
    except AgentFault as fault:
        _trace()
        say(fault.vi, fault.en)
        sys.exit(Exit.USAGE if isinstance(fault, UsageFault) else Exit.INFRASTRUCTURE)
    except Exception as error:
        _trace()
        reason = f"{type(error).__name__}: {error}"
        say(
            f"Sự cố: {reason} (thêm --verbose để xem chi tiết).",
            f"Something broke: {reason} (add --verbose for details).",
        )
        sys.exit(Exit.INFRASTRUCTURE)


def _trace() -> None:
    """The traceback, for those who ask for it. The exit code stays what it is."""
    if "--verbose" in sys.argv:
        import traceback

        traceback.print_exc()


if __name__ == "__main__":
    main()
