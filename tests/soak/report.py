"""The conservation report: a table for people, JSON for machines, and the timelines of what went wrong."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.soak.chronicle import Chronicle
from tests.soak.judgement import Judgement, Wrong
from tests.soak.quiet import Quiet
from tests.soak.stage import Stage, StageFailed

SHOWN: Final = 20
"""Faults in the table's foot, and timelines; all of them are in the JSON and in the folder of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, as it was asked for and as it went: seconds from the first document until the last of the load was
    answered (`loaded_in`), and until it was quiet."""

    seed: int
    documents: int
    nodes: int
    workers: int
    agents: int
    database: str
    seconds: float
    loaded_in: float
    statuses_said: int
    copies: int


def as_dict(run: Run, judgement: Judgement, chronicle: Chronicle, quiet: Quiet) -> dict[str, object]:
    return {
        **asdict(run),
        "good": judgement.good and quiet.reached,
        "kills": sum(chronicle.killed.values()),
        "killed": dict(chronicle.killed),
        "misfortunes": dict(chronicle.done),
        "documents_per_second": round(run.documents / run.loaded_in, 1),
        "counts": {name.strip(): count for name, count in judgement.counts.items()},
        "wrong": {wrong.value: count for wrong, count in judgement.tally.items()},
        "quiet": quiet.reached,
        "left": dict(quiet.left),
        "faults": [asdict(each) for each in judgement.faults],
    }


def show(run: Run, judgement: Judgement, chronicle: Chronicle, quiet: Quiet, console: Console) -> None:
    """Vietnamese and English, one line per figure."""
    nodes = f"RabbitMQ × {run.nodes}, {run.database}, {run.workers} worker, {run.agents} agent"
    table = Table(title=f"Bảo toàn văn bản · conservation · seed {run.seed} · {nodes}", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for name, count in judgement.counts.items():
        table.add_row(name, f"{count:,}")
    table.add_section()
    for wrong, count in judgement.tally.items():
        table.add_row(WORDS[wrong], f"{count:,}", style="green" if not count else "bold red")
    table.add_section()
    killed = ", ".join(f"{count} {who}" for who, count in sorted(chronicle.killed.items()))
    others = ", ".join(f"{count} {name}" for name, count in sorted(chronicle.done.items()) if "kill-" not in name)
    table.add_row("tiến trình bị giết · kills (-9)", f"{sum(chronicle.killed.values())}")
    table.add_row(f"  {killed}", "")
    table.add_row("sự cố khác · other misfortunes", f"{sum(chronicle.done.values()) - sum(chronicle.killed.values())}")
    table.add_row(f"  {others}", "")
    table.add_row("bản sao gửi thêm · messages published twice", f"{run.copies:,}")
    table.add_row("giây cho đến khi yên · seconds until it was quiet", f"{run.seconds:.0f}")
    table.add_row(
        "văn bản/giây trong lúc gian nan · documents/s under misfortune", f"{run.documents / run.loaded_in:.0f}"
    )
    console.print(table)
    for fault in judgement.faults[:SHOWN]:
        console.print(f"✗ {fault.wrong.value}: {fault.message_id} {fault.words}", style="red", markup=False)
    if len(judgement.faults) > SHOWN:
        console.print(f"… {len(judgement.faults) - SHOWN} more", style="red")
    if not quiet.reached:
        left = ", ".join(f"{name}: {count}" for name, count in quiet.left.items())
        console.print(f"✗ it did not become quiet: {left}", style="red", markup=False)
    if judgement.good and quiet.reached:
        console.print("[green]✓ không mất, không trùng, không sai · nothing lost, doubled, altered or stuck")


WORDS: Final = {
    Wrong.LOST: "mất · lost",
    Wrong.DOUBLED: "trùng · doubled",
    Wrong.ALTERED: "bị sửa · altered",
    Wrong.STUCK: "kẹt không báo · stuck without alarm",
    Wrong.LATE: "kẹt có báo · late, with an alarm",
    Wrong.ILLEGAL: "trái luật · illegal",
}


def write_timelines(stage: Stage, judgement: Judgement, path: Path) -> None:
    """`truc trace` of what is wrong, one after the other."""
    named = dict.fromkeys(each.message_id for each in judgement.faults if each.message_id)
    with path.open("w", encoding="utf-8") as file:
        for message_id in list(named)[:SHOWN]:
            for fault in judgement.faults:
                if fault.message_id == message_id:
                    file.write(f"✗ {fault.wrong.value}: {fault.words}\n")
            try:
                file.write(stage.truc("trace", message_id) + "\n")
            except StageFailed as problem:
                file.write(f"{problem}\n")


def write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
