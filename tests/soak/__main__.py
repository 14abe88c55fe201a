"""`make soak`: hub, agents and a real RabbitMQ under load, while everything that can break does, by seed.

Exits 0 when every document is accounted for, 1 when one is not (with its timeline), 3 when the stage could not be
built.
"""

import argparse
import asyncio
import random
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.soak import report
from tests.soak.chronicle import Chronicle
from tests.soak.country import AGENTS
from tests.soak.evidence import gathered
from tests.soak.judgement import judge
from tests.soak.ledger import Ledger
from tests.soak.load import Load
from tests.soak.misfortunes import Misfortunes
from tests.soak.plan import planned
from tests.soak.players import LOOK, Players
from tests.soak.quiet import Quiet, until_quiet
from tests.soak.stage import Setting, Stage, StageFailed, built
from tests.support.broker import BrokerDidNotStart
from tests.support.services import ensure

DOCUMENTS: Final = 10_000
DOCUMENTS_PER_KILL: Final = 80
FEWEST_KILLS: Final = 16
STALLED: Final = 120.0  # seconds in which no document is answered, after which the load is given up
LATE_LISTS: Final = 1000
"""Documents from which on a run is long enough for a hub that begins without revocation lists: the first verdicts wait
for a minute."""
LISTS_COME_AFTER: Final = 3.0  # seconds
SHOWN_CHARACTERS: Final = 20_000
"""Of timelines, on stderr; all of them are in the folder of the run."""
PAGE_WIDTH: Final = 120  # columns, when nobody's terminal says otherwise


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--docs", type=int, default=DOCUMENTS, help=f"documents (default {DOCUMENTS})")
    parser.add_argument("--minutes", type=float, default=None, help="spread the load over so many minutes")
    parser.add_argument("--seed", type=int, default=None, help="of load and misfortunes (default: a new one)")
    parser.add_argument("--cluster", type=int, default=1, help="RabbitMQ nodes (default 1)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workers", type=int, default=3, help="worker processes of the hub (default 3)")
    parser.add_argument("--kills", type=int, default=None, help="processes to kill (default: one per 80 documents)")
    parser.add_argument("--window", type=int, default=None, help="documents without an answer at any time")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds without any change before it is given up")
    parser.add_argument("--folder", type=Path, default=Path(".soak"), help="where it lives (default .soak)")
    parser.add_argument("--json", type=Path, default=None, help="write the report as JSON, too")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a good run")
    parser.add_argument("--quiet", action="store_true", help="no line per misfortune on stderr")
    options = parser.parse_args(given)
    if options.docs < 1 or options.cluster < 1 or options.workers < 1:
        parser.error("--docs, --cluster and --workers are at least 1")
    return options


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    errors = Console(stderr=True)
    for service in ("rabbitmq", *(("postgresql",) if options.database == "postgresql" else ())):
        if not ensure(service):
            return 3
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**6)
    folder: Path = options.folder.absolute() / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{options.seed}"
    folder.mkdir(parents=True)
    try:
        good = asyncio.run(soak(options, folder))
    except (StageFailed, BrokerDidNotStart) as problem:
        errors.print(str(problem), markup=False)
        return 3
    if good and not options.keep:
        shutil.rmtree(folder)
    else:
        errors.print(f"Thư mục của lần chạy · folder of this run: {folder}", markup=False)
    return 0 if good else 1


async def soak(options: argparse.Namespace, folder: Path) -> bool:
    """One run; whether all is well."""
    chronicle = Chronicle(folder / "misfortunes.log", quiet=options.quiet)
    chronicle.tell(f"seed {options.seed}, {options.docs} documents")
    setting = Setting(
        folder=folder, workers=options.workers, nodes=options.cluster, postgresql=options.database == "postgresql"
    )
    async with built(setting) as stage:
        with ExitStack() as spools:
            ledger = Ledger(folder / "ledger.jsonl")
            players = Players.opened(stage.country, ledger, seed=options.seed, until=spools)
            late = options.docs >= LATE_LISTS
            if late:
                stage.crls.hang()
            await stage.start()
            chronicle.tell("the hub is ready, the agents are started")
            lists = asyncio.create_task(_lists_come(stage, chronicle)) if late else None
            try:
                return await _play(options, stage, players, chronicle)
            finally:
                if lists is not None:
                    lists.cancel()


async def _lists_come(stage: Stage, chronicle: Chronicle) -> None:
    """Until now the hub had no revocation list, and deferred its verdicts."""
    await asyncio.sleep(LISTS_COME_AFTER)
    stage.crls.answer()
    chronicle.happened("late-lists", "the first revocation lists come")


async def _play(options: argparse.Namespace, stage: Stage, players: Players, chronicle: Chronicle) -> bool:
    begun = chronicle.seconds
    answered = Answered(players)
    misfortunes = Misfortunes(stage, players, chronicle, seed=options.seed, answered=lambda: answered.count)
    kills = options.kills if options.kills is not None else max(FEWEST_KILLS, options.docs // DOCUMENTS_PER_KILL)
    plan = planned(options.seed, documents=options.docs, kills=kills)
    per_second = options.docs / (options.minutes * 60) if options.minutes else None
    window = options.window or min(600, max(50, options.docs // 8))
    load = Load(stage.country, seed=options.seed, count=options.docs)
    reading = asyncio.create_task(players.read())
    watching = asyncio.create_task(answered.watch())
    acting = asyncio.create_task(misfortunes.play(plan))
    feeding = asyncio.create_task(players.feed(load, window=window, per_second=per_second))
    moving = asyncio.create_task(answered.stalled(STALLED + (0 if per_second is None else 1 / per_second)))
    try:
        done, _ = await asyncio.wait(
            {asyncio.ensure_future(_all(feeding, acting)), moving, reading, watching},
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in done:
            task.result()
        loaded = chronicle.seconds
        stalled = moving in done
        chronicle.tell("the load does not move" if stalled else "everything is lifted and started again")
        for task in (feeding, acting):
            task.cancel()
        await asyncio.gather(feeding, acting, return_exceptions=True)
        await misfortunes.end()
        await asyncio.to_thread(stage.stop)
        await stage.start()
        quieted = await until_quiet(
            stage,
            {name: desk.spool for name, desk in players.desks.items()},
            patience=options.patience,
            tell=chronicle.tell,
        )
        if stalled:
            left = {**quieted.left, f"documents answered when it stopped moving, of {options.docs}": answered.count}
            quieted = Quiet(False, left)
    finally:
        for task in (reading, watching, acting, feeding, moving):
            task.cancel()
        await asyncio.gather(reading, watching, acting, feeding, moving, return_exceptions=True)
    run = report.Run(
        seed=options.seed,
        documents=options.docs,
        nodes=options.cluster,
        workers=options.workers,
        agents=len(AGENTS),
        database=options.database,
        seconds=chronicle.seconds - begun,
        loaded_in=loaded - begun,
        statuses_said=players.statuses,
        copies=players.ledger.copies,
    )
    await asyncio.to_thread(stage.stop)
    return await asyncio.to_thread(_judge, run, Actors(stage, players, chronicle), quieted, also=options.json)


async def _all(*tasks: "asyncio.Task[None]") -> None:
    await asyncio.gather(*tasks)


class Answered:
    """How many documents have the hub's verdict."""

    def __init__(self, players: Players) -> None:
        self._players = players
        self.count = 0

    async def watch(self) -> None:
        while True:
            self.count = self._players.fed - await asyncio.to_thread(self._players.unanswered)
            await asyncio.sleep(LOOK)

    async def stalled(self, patience: float) -> None:
        """Returns when nothing more was answered for so many seconds."""
        clock = asyncio.get_running_loop()
        seen, since = -1, clock.time()
        while clock.time() - since < patience:
            if self.count != seen:
                seen, since = self.count, clock.time()
            await asyncio.sleep(LOOK)


@dataclass(frozen=True, slots=True)
class Actors:
    """Who played."""

    stage: Stage
    players: Players
    chronicle: Chronicle


def _judge(run: report.Run, actors: Actors, quieted: Quiet, *, also: Path | None) -> bool:
    stage, players, chronicle = actors.stage, actors.players, actors.chronicle
    evidence = gathered(stage.database, {name: desk.spool for name, desk in players.desks.items()})
    judgement = judge(evidence, players.ledger)
    console = Console() if sys.stdout.isatty() else Console(width=PAGE_WIDTH)
    report.show(run, judgement, chronicle, quieted, console)
    content = report.as_dict(run, judgement, chronicle, quieted)
    for path in (stage.setting.folder / "report.json", *((also,) if also is not None else ())):
        report.write_json(path, content)
    if judgement.faults:
        timelines = stage.setting.folder / "timelines.txt"
        report.write_timelines(stage, judgement, timelines)
        sys.stderr.write(timelines.read_text("utf-8")[:SHOWN_CHARACTERS])
    return judgement.good and quieted.reached


if __name__ == "__main__":
    sys.exit(main())
