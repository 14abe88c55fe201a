"""`make demo`: found a small country, start broker, hub and agents, play a day, check every outcome.

Exits 0 only when every outcome is as it must be, 1 when one is not, 3 when something could not be started.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from agents.desk import Desk
from agents.replay.message_set import Step, read_set
from agents.replay.outcome import Outcome, PlayReport
from agents.replay.playing import play
from agents.replay.reporting import VERDICT_TEXT
from agents.settings import load_settings
from agents.spool import Spool
from router.app.parts import open_store
from router.settings import load_settings as load_hub_settings
from tests.demo import receipts, verdict
from tests.demo.country import AGENTS, Papers, found
from tests.demo.gateway import VxpAccess, exchange, open_access
from tests.demo.in_process import InProcessStage
from tests.demo.link_check import check_the_link
from tests.demo.people import open_console
from tests.demo.stage import Access, Stage, StageFailed, docker_access, private_access
from tests.support.services import BrokerSource, broker_source

SET: Final = Path(__file__).parent / "set"
PAGE_WIDTH: Final = 120  # columns, when nobody's terminal says otherwise
FOLDER_PATIENCE: Final = 20.0  # seconds until the folder connectors have written everything down


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running and say what to try next")
    parser.add_argument("--folder", type=Path, default=Path(".demo"), help="where it lives (default .demo)")
    parser.add_argument("--in-process", action="store_true", help="use the in-process broker even if there is another")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    console = Console() if sys.stdout.isatty() else Console(width=PAGE_WIDTH)
    begun = time.monotonic()
    folder: Path = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    papers = found(folder, now=datetime.now(UTC))
    source = BrokerSource.IN_PROCESS if options.in_process else broker_source()
    try:
        with stage_of(source, papers, console) as stage:
            report = asyncio.run(play_the_day(papers, console))
            stage.check()
            good = judge(report, papers, console)
            access = open_access(papers, stage.gateway)
            good = exchange(access, console) and good
            good = check_the_link(papers, console) and good
            console.print(f"[dim]{time.monotonic() - begun:.0f} giây · seconds[/dim]")
            if options.keep:
                keep(stage, papers, report, access, console)
    except StageFailed as problem:
        Console(stderr=True).print(str(problem), markup=False)
        return 3
    return 0 if good else 1


@contextlib.contextmanager
def stage_of(source: BrokerSource, papers: Papers, console: Console) -> Iterator[Stage | InProcessStage]:
    """Broker, hub and agents, running; ended on leaving."""
    with ExitStack() as running:
        if source is BrokerSource.IN_PROCESS:
            console.rule("[bold red]KHÔNG CÓ RABBITMQ: môi giới chạy trong tiến trình này, tắt là mất hết")
            console.rule("[bold red]NO RABBITMQ: the broker lives in this process, and nothing outlives it")
            yield running.enter_context(InProcessStage(papers))
            return
        console.print(f"• môi giới thông điệp · broker: {source.value}")
        if source is BrokerSource.GIVEN:
            access = Access.shared(os.environ["TRUC_AMQP_URL"])
        elif source is BrokerSource.PRIVATE:
            access = running.enter_context(private_access(papers.folder))
        else:
            access = running.enter_context(docker_access())
        if not access.named:
            console.print("[yellow]  một tài khoản chung: broker không phân biệt agent · one account for all agents")
        stage = Stage(papers, access)
        stage.prepare()
        console.print(f"• trục (2 tiến trình xử lý) và {len(AGENTS)} agent · hub (2 workers) and {len(AGENTS)} agents")
        running.callback(stage.stop)
        stage.start()
        yield stage


async def play_the_day(papers: Papers, console: Console) -> PlayReport:
    """Plays the set through the running agents."""

    def tell(step: Step, outcome: Outcome) -> None:
        console.print(f"  {step.title or step.id}: {VERDICT_TEXT[outcome.verdict]}", markup=False)

    with ExitStack() as spools:
        desks = {}
        for name in AGENTS:
            settings = load_settings(papers.agent_settings(name))
            desks[name] = Desk(settings, spools.enter_context(Spool.open(settings.spool)))
        return await play(read_set(SET), desks, credentials=papers.pki, progress=tell)


def judge(report: PlayReport, papers: Papers, console: Console) -> bool:
    """Shows the matrix and the refusals; whether all is as it must be."""
    store = open_store(load_hub_settings(papers.folder / "hub" / "truc.toml"))
    deadline = time.monotonic() + FOLDER_PATIENCE
    while True:
        played = verdict.remembered(report, store)
        wrong = list(verdict.faults(report, played, papers))
        if not wrong or time.monotonic() > deadline:
            break
        time.sleep(0.2)  # acknowledgements and folders are a moment behind the last status
    store.close()
    verdict.show_matrix(played, console)
    verdict.show_refusals(played, console)
    copies = len(list(verdict.delivered_envelopes(papers)))
    good = sum(1 for step in report.steps if step.ok)
    console.print(f"{good}/{len(report.steps)} bước đúng như phải có · steps as they must be")
    for fault in wrong:
        console.print(f"✗ {fault}", style="red", markup=False)
    if not wrong:
        kept, _ = receipts.verified(papers)
        console.print(f"[green]✓ {kept} biên nhận, chữ ký của trục đều đúng · receipts, each signed by the hub")
        console.print(
            f"[green]✓ {copies} bản đã giao, SHA-256 của từng bản bằng bản đã gửi"
            f" · {copies} copies delivered, each with the SHA-256 of what was sent"
        )
    return not wrong


def keep(
    stage: Stage | InProcessStage, papers: Papers, report: PlayReport, access: VxpAccess, console: Console
) -> None:
    """Says what to try next, and waits for Ctrl-C."""
    config = papers.folder / "hub" / "truc.toml"
    office = papers.agent("van-phong")
    document = report.steps[0].outcome.document_id
    people = open_console(stage) if isinstance(stage, Stage) else None
    told = papers.folder / "demo.json"
    told.touch(mode=0o600)  # a secret is in it
    told.write_text(
        json.dumps(
            {
                "hub": {"config": str(config), "http": stage.http},
                "agents": {name: str(papers.agent_settings(name)) for name in AGENTS},
                "vxp": access.as_dict(),
                "console": people.as_dict() if people is not None else None,
            },
            indent=2,
        ),
        encoding="utf-8",
    )
    console.rule("Đang chạy; Ctrl-C để dừng · running; Ctrl-C ends it")
    console.print(
        f"""\
  truc trace {document} --config {config}      văn bản ở đâu · where is it
  truc status --config {config}
  truc-agent inbox --config {papers.agent_settings("bo-giao-thong")}
  cp -r {SET}/drafts/cong-van {office}/folder/outbox/      (sửa code_number, thêm [[to]] · set code_number, add [[to]])
  ls {papers.agent("bo-giao-thong")}/folder/inbox/*/*
  truc-agent selftest --config {papers.agent_settings("van-phong")}
  VXP: {access.endpoint}   systemid {access.system_id}   secret {access.secret}   {" ".join(access.organs)}
  truc-agent replay {SET} --agents {papers.folder}/agents --credentials {papers.pki}""",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if people is not None:
        for role in (people.viewer, people.operator):
            console.print(
                f"  {people.url}   {role['name']}   {role['password']}", markup=False, highlight=False, soft_wrap=True
            )
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(1.0):
        stage.check()


if __name__ == "__main__":
    sys.exit(main())
