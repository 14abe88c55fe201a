"""How fast the console's pages are with a hundred thousand organs and a million legs, on SQLite and on PostgreSQL.

    python -m tests.benchmarks.console [--organs N] [--legs N] [--months N] [--rounds N] [--goal MS]
                                       [--databases sqlite,postgresql] [--folder DIR]

Makes a country (`console_country`), and asks for whole pages as somebody who sees everything and as a province's
administrator does. Printed are the first answer, which nothing has been remembered for, and the median of the others;
exits 1 when a median is above `--goal` milliseconds. With `--folder` the SQLite database is kept there and used again.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from router.adapters.clock import SystemClock
from router.adapters.sql.engine import open_engine
from router.adapters.sql.figures import SqlFigures
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.store import SqlStore
from router.app.console import open_memories
from router.core.people import Role
from router.services.figures.counting import Counting
from router.services.figures.remembered import THREAD
from tests.benchmarks.console_country import Land, land_of, put_legs, put_sums
from tests.support.console import ConsoleHouse
from tests.support.postgres import fresh_database, running_cluster

GOAL: Final = 300.0  # milliseconds
Times = dict[str, list[float]]


def pages(land: Land) -> Sequence[tuple[str, str]]:
    """(root of who asks, path)."""
    head = land.head
    whole = ["/overview", "/statistics", f"/statistics?organ={head}", f"/statistics?organ={head}.001"]
    whole += ["/statistics/report", "/statistics/export.csv", f"/statistics/export.csv?organ={head}"]
    whole += ["/registry", f"/registry?below={head}", "/registry?q=phong 77", "/registry/agents", "/work"]
    part = ["/overview", "/statistics", "/statistics/export.csv", "/registry", "/registry?q=phong 77", "/work"]
    return [*(("", each) for each in whole), *((head, each) for each in part)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.console", description=__doc__)
    parser.add_argument("--organs", type=int, default=100_000, help="organs (default 100,000)")
    parser.add_argument("--legs", type=int, default=1_000_000, help="legs (default 1,000,000)")
    parser.add_argument("--months", type=int, default=2, help="months over which they are spread (default 2)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--goal", type=float, default=GOAL, help=f"median in ms (default {GOAL:g})")
    parser.add_argument("--databases", default="sqlite,postgresql", help="which (default both)")
    parser.add_argument("--folder", type=Path, default=None, help="where an SQLite database is kept")
    options = parser.parse_args(arguments)
    slow = []
    for name in options.databases.split(","):
        with DATABASES[name](options) as url:
            times = asyncio.run(_measured(url, options))
        sys.stdout.write(f"{name:<52}{'first':>10}{'median':>10}  ms\n")
        for what, found in times.items():
            later = statistics.median(found[1:])
            sys.stdout.write(f"{what:<52}{found[0]:>10.0f}{later:>10.0f}\n")
            slow += [f"{name} {what}"] if later > options.goal else []
    if slow:
        sys.stderr.write(f"above {options.goal:g} ms: {'; '.join(slow)}\n")
    return 1 if slow else 0


@contextlib.contextmanager
def _sqlite(options: argparse.Namespace) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="truc-bench-") as folder:
        yield f"sqlite:///{(options.folder or Path(folder)) / 'hub.db'}"


@contextlib.contextmanager
def _postgresql(_options: argparse.Namespace) -> Iterator[str]:
    with running_cluster() as cluster, fresh_database(cluster) as url:
        yield url


DATABASES: Final[Mapping[str, Callable[[argparse.Namespace], contextlib.AbstractContextManager[str]]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


async def _measured(url: str, options: argparse.Namespace) -> Times:
    upgrade(url)
    store, engine, now = SqlStore(url), open_engine(url), SystemClock().now()
    land = land_of(options.organs)
    if not store.registry().organs:
        chance = random.Random(1)  # noqa: S311  letters of nobody, no secret
        began = time.perf_counter()
        rows = put_sums(engine, land, legs=options.legs, now=now, months=options.months, chance=chance)
        legs = put_legs(engine, land, legs=options.legs, now=now - timedelta(hours=1), chance=chance)
        Counting(SqlFigures(engine)).tidy(now=now)
        store.put_agents(land.agents)
        store.put_organs(land.organs)
        if engine.dialect.name == "postgresql":  # what its autovacuum does by itself
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
        seconds = time.perf_counter() - began
        sys.stdout.write(f"{len(land.organs)} organs, {rows} sums, {legs} legs, made in {seconds:.0f} s\n")
    house = ConsoleHouse(open_memories(store, engine))
    house.clock.at = now
    times: Times = {}
    async with house.browser(Role.ADMINISTRATOR) as whole, house.browser(Role.ADMINISTRATOR, root=land.head) as part:
        for _ in range(options.rounds + 1):
            for root, path in pages(land):
                began = time.perf_counter()
                answer = await (part if root else whole).get(path)
                took = (time.perf_counter() - began) * 1000
                if answer.status_code != 200:
                    raise SystemExit(f"{path}: HTTP {answer.status_code}")
                times.setdefault(f"{path}{f' ({root})' if root else ''}", []).append(took)
            house.clock.pass_by(timedelta(seconds=6))
            for thread in threading.enumerate():  # what is reckoned anew behind the askers
                if thread.name == THREAD:
                    thread.join()
    engine.dispose()
    store.close()
    return times


if __name__ == "__main__":
    sys.exit(main())
