"""How fast the search answers among a million legs, on SQLite and on PostgreSQL.

    python -m tests.benchmarks.search [--legs N] [--rounds N] [--goal MS] [--databases sqlite,postgresql] [--json]

Generates a country's documents straight into the tables, has the hub's own indexing read them, and then asks what
administrators ask, each question with its first three pages, as somebody who sees everything or a province. A page is
everything that the console needs for it: the documents with their recipients, the count, and how far the index is.
Printed are 50th and 95th percentiles per question and database; exits 1 when a database's 95th percentile over all
pages is above `--goal` milliseconds.
"""

import argparse
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from edxml_schemas.statuses import Priority, StatusCode
from router.adapters.clock import SystemClock
from router.adapters.sql.engine import open_engine
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.search import SqlSearch
from router.adapters.sql.store import SqlStore
from router.core.people import Person, Role
from router.core.records import LegState, MessageState
from router.core.search_question import Awaited, Question
from router.services.accounts import scope_of
from router.services.search.finding import Asker, Search
from router.services.search.indexing import Indexing
from tests.benchmarks.search_country import country, documents, fill
from tests.support.postgres import fresh_database, running_cluster

LEGS: Final = 1_000_000
PAGES: Final = 3
GOAL: Final = 200.0  # milliseconds
PROVINCE: Final = "H14"
WHOLE, PART = "", PROVINCE
EVENTS_AT_ONCE: Final = 20_000
"""The first filling takes large portions: nobody else is there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and who asks: the root of what they see."""

    name: str
    question: Question
    root: str = WHOLE


@dataclass(slots=True)
class Figures:
    filled: str = ""
    indexed_seconds: float = 0.0
    times: dict[str, list[float]] = field(default_factory=dict)


QUESTIONS: Final = (
    Asked("newest, everything", Question()),
    Asked("newest, a province", Question(), PART),
    Asked("number: 7816", Question(text="7816")),
    Asked("beginning of a number: 78", Question(text="78"), PART),
    Asked("code: 12/VPCP-TT", Question(text="12/VPCP-TT")),
    Asked("part of a notation: TTĐT", Question(notation="TTĐT")),
    Asked("words: chuyen doi so", Question(text="chuyen doi so")),
    Asked("words and a year: an ninh mang 2025", Question(text="an ninh mang 2025"), PART),
    Asked("organ by name: so y te", Question(organ="so y te")),
    Asked("recipient, no status, a province", Question(recipient="H14.02", status=Awaited.NONE), PART),
    Asked("parked and urgent", Question(delivery=LegState.PARKED, urgency=Priority.FLASH)),
    Asked("refused, by finding", Question(state=MessageState.REFUSED, finding="signature")),
    Asked(
        "refused reception in a month",
        Question(status=StatusCode.RECEPTION_REFUSED, received_from=date(2025, 3, 1), received_to=date(2025, 3, 31)),
        PART,
    ),
    Asked("nothing has both", Question(text="khieu nai 7816 VPCP"), PART),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.search", description=__doc__)
    parser.add_argument("--legs", type=int, default=LEGS, help=f"legs (default {LEGS})")
    parser.add_argument("--rounds", type=int, default=15, help="rounds (default 15)")
    parser.add_argument("--goal", type=float, default=GOAL, help=f"95th percentile in ms (default {GOAL:g})")
    parser.add_argument("--databases", default="sqlite,postgresql", help="which (default both)")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON instead")
    options = parser.parse_args(arguments)
    found: dict[str, Figures] = {}
    for name in options.databases.split(","):
        with DATABASES[name]() as url:
            found[name] = measured(url, legs=options.legs, rounds=options.rounds)
    return told(found, options)


@contextlib.contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="truc-bench-") as folder:
        yield f"sqlite:///{Path(folder) / 'hub.db'}"


@contextlib.contextmanager
def _postgresql() -> Iterator[str]:
    with running_cluster() as cluster, fresh_database(cluster) as url:
        yield url


DATABASES: Final[Mapping[str, Callable[[], contextlib.AbstractContextManager[str]]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
}


def measured(url: str, *, legs: int, rounds: int) -> Figures:
    chance = random.Random(1)  # noqa: S311  letters of nobody, no secret
    figures = Figures()
    upgrade(url)
    store, engine, clock = SqlStore(url), open_engine(url), SystemClock()
    land = country(chance)
    store.put_agents(land.agents)
    store.put_organs(land.organs)
    made = fill(engine, documents(land, legs, chance))
    figures.filled = f"{made[0]} documents, {made[1]} legs, {len(land.organs)} organs"
    if engine.dialect.name == "postgresql":  # what its autovacuum does by itself
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    index = SqlSearch(engine)
    began = time.perf_counter()
    Indexing(index, store, clock=clock, portion=EVENTS_AT_ONCE).catch_up()
    figures.indexed_seconds = time.perf_counter() - began
    search = Search(index, store, clock=clock)
    registry = store.registry()
    askers = {
        root: Asker(scope_of(registry, Person(name="b", display="B", role=Role.VIEWER, root=root)), root)
        for root in (WHOLE, PART)
    }
    for turn in range(rounds + 1):
        for asked in chance.sample(QUESTIONS, len(QUESTIONS)):
            times = _pages(search, asked, askers[asked.root])
            if turn:  # the first round warms the caches
                figures.times.setdefault(asked.name, []).extend(times)
    engine.dispose()
    store.close()
    return figures


def _pages(search: Search, asked: Asked, asker: Asker) -> Sequence[float]:
    """Milliseconds of the first pages."""
    times: list[float] = []
    start: int | None = None
    for _ in range(PAGES):
        began = time.perf_counter()
        answer = search.find(asked.question, asker, start=start)
        times.append((time.perf_counter() - began) * 1000)
        start = answer.older
        if start is None:
            break
    return times


def percentile(times: Sequence[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def told(found: Mapping[str, Figures], options: argparse.Namespace) -> int:
    worst = {
        name: percentile([t for times in each.times.values() for t in times], 0.95) for name, each in found.items()
    }
    if options.json:
        shown = {
            name: {"filled": e.filled, "indexed_seconds": e.indexed_seconds, "ms": e.times} for name, e in found.items()
        }
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    else:
        for name, each in found.items():
            sys.stdout.write(f"{name}: {each.filled}; indexed in {each.indexed_seconds:.0f} s\n")
        sys.stdout.write(f"{'p50 / p95 in ms':<42}" + "".join(f"{name:>22}" for name in found) + "\n")
        for asked in QUESTIONS:
            cells = (each.times[asked.name] for each in found.values())
            row = "".join(f"{f'{statistics.median(t):.1f} / {percentile(t, 0.95):.1f}':>22}" for t in cells)
            sys.stdout.write(f"{asked.name:<42}{row}\n")
        everything = ([t for times in each.times.values() for t in times] for each in found.values())
        row = "".join(f"{f'{statistics.median(t):.1f} / {percentile(t, 0.95):.1f}':>22}" for t in everything)
        sys.stdout.write(f"{'all pages':<42}{row}\n")
    slow = [name for name, each in worst.items() if each > options.goal]
    if slow:
        sys.stderr.write(f"above {options.goal:g} ms: {', '.join(slow)}\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
