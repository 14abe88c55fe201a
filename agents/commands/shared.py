"""What every command of `truc-agent` shares: options, exit codes, how results and chatter are printed."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

if TYPE_CHECKING:  # what a command needs is imported when it runs: `--help` and a usage fault come at once
    from agents.desk import Desk
    from agents.packaging import Refusal


class Exit(IntEnum):
    """Exit codes of every command."""

    GOOD = 0
    NEGATIVE = 1
    USAGE = 2
    INFRASTRUCTURE = 3


EXIT_CODES: Final = (
    "Mã thoát / exit codes: 0 tốt / good · 1 kết quả xấu / negative verdict · "
    "2 sai cách dùng / usage · 3 sự cố hạ tầng / infrastructure."
)

Config = Annotated[
    Path,
    typer.Option(
        "--config",
        "-c",
        envvar="TRUC_AGENT_CONFIG",
        help="Tệp agent.toml hoặc thư mục chứa nó. / The agent.toml, or the folder that holds it.",
    ),
]
CONFIG: Final = Path("agent.toml")
AsJson = Annotated[bool, typer.Option("--json", help="In kết quả dạng JSON. / Print the result as JSON.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="In chi tiết khi có sự cố. / Show the traceback when something breaks.")
]


@contextmanager
def desk_of(config: Path) -> "Iterator[Desk]":
    """The desk of the agent that `config` describes. Raises UsageFault and SpoolUnavailable."""
    from agents.desk import Desk
    from agents.logs import configure_logs
    from agents.settings import load_settings
    from agents.spool import Spool

    configure_logs()  # what is logged goes to stderr; stdout is for results
    settings = load_settings(config)
    with Spool.open(settings.spool) as spool:
        yield Desk(settings, spool, quiet=True)


def say(vi: str, en: str) -> None:
    """Chatter: on stderr, Vietnamese first."""
    typer.echo(vi, err=True)
    typer.echo(en, err=True)


def print_json(value: object) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def refuse(refusal: "Refusal", *, as_json: bool) -> None:
    """Prints why something was not sent, and ends with 1."""
    from agents.packaging import refusal_as_dicts, refusal_lines

    if as_json:
        print_json({"state": "fault", "problems": refusal_as_dicts(refusal)})
    else:
        say("Chưa gửi được:", "Not sent:")
        for line in refusal_lines(refusal):
            typer.echo(line, err=True)
    raise typer.Exit(Exit.NEGATIVE)
