"""`truc-agent replay`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from agents.commands.shared import AsJson, Exit, Verbose, print_json, say


def replay(
    place: Annotated[
        Path, typer.Argument(metavar="SET", exists=True, help="Thư mục có set.toml. / A folder with set.toml.")
    ],
    *,
    agents: Annotated[
        Path,
        typer.Option(
            "--agents",
            metavar="DIR",
            exists=True,
            help="Thư mục chứa các agent.toml của tác nhân đang chạy. / Folder with the running agents' agent.toml.",
        ),
    ],
    credentials: Annotated[
        Path | None,
        typer.Option(help="Thư mục có NAME.key.pem và NAME.cert.pem. / Folder of further keys and certificates."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Ghi kết quả JUnit XML. / Write JUnit XML.")] = None,
    timeout: Annotated[float, typer.Option(help="Giây chờ mỗi bước. / Seconds to wait for each step.")] = 30.0,
    as_json: AsJson = False,
    verbose: Verbose = False,  # noqa: ARG001  read by main(), named here for the help
) -> None:
    """Phát lại một bộ thông điệp qua các tác nhân đang chạy / Play a message set through running agents.

    So từng kết quả với mong đợi ghi trong bộ. Compares every outcome with what the set expects. Cách viết bộ thông
    điệp / how to write one: agents/replay/README.md.

    Ví dụ / example:  truc-agent replay bo-thong-diep/ --agents may-thu/agents --junit ket-qua.xml

    Mã thoát / exit codes: 0 mọi bước đúng / all as expected · 1 có khác biệt / differences · 2 bộ thông điệp hoặc cấu
    hình sai / a bad set or bad settings · 3 tác nhân chưa chạy hoặc trục không trả lời / agents not running, no answer.
    """
    from contextlib import ExitStack

    from rich.console import Console

    from agents.desk import Desk
    from agents.logs import configure_logs
    from agents.replay.message_set import Step, read_set
    from agents.replay.outcome import Outcome
    from agents.replay.playing import play
    from agents.replay.reporting import print_report, report_as_dict, write_junit
    from agents.settings import load_folder
    from agents.spool import Spool, is_running

    configure_logs()  # what is logged goes to stderr; stdout is for results
    message_set = read_set(place)
    settings = [each for _, each in load_folder(agents)]
    wanted = {who.agent for who in message_set.who.values()} - {""}
    idle = sorted(each.name for each in settings if each.name in wanted and not is_running(each.spool))
    if idle:
        say(f"Tác nhân chưa chạy: {', '.join(idle)}.", f"These agents do not run: {', '.join(idle)}.")
        raise typer.Exit(Exit.INFRASTRUCTURE)
    console = Console(stderr=True)

    def tell(step: Step, outcome: Outcome) -> None:
        console.print(f"• {step.title or step.id}: {outcome.verdict or '…'}", markup=False)

    with ExitStack() as open_spools:
        desks = {
            each.name: Desk(each, open_spools.enter_context(Spool.open(each.spool)), quiet=True)
            for each in settings
            if each.name in wanted
        }
        report = asyncio.run(play(message_set, desks, credentials=credentials, timeout=timeout, progress=tell))
    if junit is not None:
        write_junit(report, junit)
    if as_json:
        print_json(report_as_dict(report))
    else:
        print_report(report, Console())
    if not report.ok:
        silent = all(not each.outcome.verdict for each in report.steps)
        raise typer.Exit(Exit.INFRASTRUCTURE if silent else Exit.NEGATIVE)
