"""`truc`: the hub and its administration.

Exit codes: 0 good, 1 negative verdict, 2 usage, 3 infrastructure. Data on stdout, chatter on stderr, no traceback
without --verbose.
"""

import sys
from typing import Annotated

import typer

from router.commands import (
    agency,
    alarms,
    audit,
    backup,
    broker,
    console,
    dead,
    doctor,
    document,
    evidence,
    init,
    keys,
    leg,
    log,
    overdue,
    registry,
    run,
    search,
    stats,
    status,
    top,
    trace,
    user,
    work,
)
from router.errors import ExitCode, problem_of

VERBOSE = "--verbose"

app = typer.Typer(
    name="truc",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Trục liên thông văn bản: chạy và quản trị. / The document hub: running and administering it.",
    epilog="Mã thoát / exit codes: 0 tốt / good, 1 kết quả xấu / negative, 2 sai cách dùng / usage, "
    "3 hạ tầng / infrastructure.",
)


@app.callback()
def root(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option(VERBOSE, help="Nói nhiều hơn, kèm traceback. / Say more.")] = False,
) -> None:
    """Trục liên thông văn bản: chạy và quản trị. / The document hub: running and administering it."""
    from router import logs

    context.obj = verbose
    logs.configure(verbose=verbose)


app.command("init")(init.init)
app.command("run")(run.run)
app.command("worker", hidden=True)(run.worker)
app.command("status")(status.status)
app.command("trace")(trace.trace)
app.command("search")(search.search)
app.command("document")(document.document)
app.command("doctor")(doctor.doctor)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("overdue")(overdue.overdue)
app.command("stats")(stats.stats)
app.command("top")(top.top)
app.command("work")(work.work)
app.command("console")(console.console)
app.command("audit")(audit.audit)
app.command("keys")(keys.keys)
app.add_typer(registry.app, name="registry")
app.add_typer(agency.app, name="agency")
app.add_typer(alarms.app, name="alarms")
app.add_typer(broker.app, name="broker")
app.add_typer(dead.app, name="dead")
app.add_typer(leg.app, name="leg")
app.add_typer(log.app, name="log")
app.add_typer(evidence.app, name="evidence")
app.add_typer(user.app, name="user")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; ends the process with an exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    verbose = VERBOSE in given  # wherever it stands: people add it to the end of what just failed
    placed = [VERBOSE, *(each for each in given if each != VERBOSE)] if verbose else given
    try:
        app(args=placed, prog_name="truc")
    except Exception as error:
        if verbose:
            raise
        problem = problem_of(error)
        if problem is None:
            sys.stderr.write(
                f"Lỗi không ngờ tới / unexpected error: {type(error).__name__}: {error}\n"
                f"  → chạy lại với {VERBOSE} để xem chi tiết / run again with {VERBOSE} to see where\n"
            )
            sys.exit(ExitCode.INFRASTRUCTURE)
        sys.stderr.write(problem.text() + "\n")
        sys.exit(problem.exit_code)


if __name__ == "__main__":
    main()
