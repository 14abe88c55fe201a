"""What the registry's and the trace's commands share: options, the opened store, and how they speak."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from router.ports import Store

VIETNAM: Final = timezone(timedelta(hours=7))
PIPE_COLUMNS: Final = 140  # width of tables that nobody watches

ConfigPath = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Tệp cấu hình (mặc định: TRUC_CONFIG, rồi ./truc.toml). / Configuration."),
]
AsJson = Annotated[bool, typer.Option("--json", help="In kết quả dạng JSON ra stdout. / Print the result as JSON.")]


@contextmanager
def opened_store(config: Path | None, *, create: bool = False) -> Iterator["Store"]:
    """The store of the configuration, closed afterwards. Raises `HubProblem` or `StoreUnavailable`.

    With `create`, a database that is not there yet is created: a registry is often the first thing that a hub gets.
    """
    from router.app.parts import migrate, open_store
    from router.settings import load_settings

    settings = load_settings(config)
    if create:
        migrate(settings)
    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


def print_json(value: object) -> None:
    """A result on stdout."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def console() -> "Console":
    """Where results are printed. A pipe gets tables of a fixed width, so that nothing is cut at 80 columns."""
    from rich.console import Console

    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=PIPE_COLUMNS)


def say(*lines: str) -> None:
    """Chatter on stderr, Vietnamese first."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def both(text: tuple[str, str]) -> str:
    """A text in both languages, Vietnamese first; in one when that is enough."""
    return " / ".join(dict.fromkeys(text)).strip(" /")


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> "RenderableType":
    """A table of plain texts: what stands in a document is never taken for markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_header=any(headings),
    )
    for heading in headings:
        made.add_column(Text(heading), overflow="fold")  # a code that is cut short is no code
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def clock(moment: datetime | None) -> str:
    """Vietnam time, to the second; empty for none."""
    return "" if moment is None else f"{moment.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
