"""A country for the console's benchmark: a tree of many organs, their sums of some months, and legs in every state.

Sums are reckoned by the hub's own rules (`core.figures.tallied`) for some hundred organs, and every organ has those of
one of them; they are written straight into the table. The legs lie beside them in the same numbers.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy.engine import Engine

from router.adapters.sql.engine import WRITES, is_sqlite
from router.adapters.sql.figures_tables import FIGURES
from router.adapters.sql.raw import Raw
from router.adapters.sql.rows import Row, leg_row, message_row
from router.adapters.sql.tables import LEGS, MESSAGES
from router.core.event_names import EventName
from router.core.figures import HUB, Cell, Happening, Kind, tallied
from router.core.records import Leg, LegState, MessageRecord
from router.core.registry import AgentRecord, OrganRecord

HEADS: Final = 97
"""Provinces and ministries."""
MIDDLE: Final = 100
"""Departments and communes of each; the rest are below these."""
PORTION: Final = 20_000
STATES: Final = ((LegState.DELIVERED, 9750), (LegState.QUEUED, 100), (LegState.HELD, 50), (LegState.PARKED, 100))
LATE: Final = 0.005
PATTERNS: Final = 400


@dataclass(frozen=True, slots=True)
class Land:
    organs: tuple[OrganRecord, ...]
    agents: tuple[AgentRecord, ...]
    head: str
    """One province."""


def land_of(number: int) -> Land:
    """So many organs in three levels."""
    agents = tuple(AgentRecord(name=f"truc-{n:02d}") for n in range(HEADS))
    organs: list[OrganRecord] = []
    middle: list[tuple[str, str]] = []
    for n in range(HEADS):
        code = f"H{n:02d}"
        organs.append(OrganRecord(code=code, name=f"Tỉnh {n}", agent=agents[n].name))
        for m in range(MIDDLE):
            below = f"{code}.{m:03d}"
            middle.append((below, agents[n].name))
            organs.append(OrganRecord(code=below, name=f"Sở {m} tỉnh {n}", parent=code, agent=agents[n].name))
    for n in range(max(number - len(organs), 0)):
        parent, agent = middle[n % len(middle)]
        code = f"{parent}.{n // len(middle):02d}"
        organs.append(OrganRecord(code=code, name=f"Phòng {n} thuộc {parent}", parent=parent, agent=agent))
    return Land(tuple(organs[:number]), agents, "H41")


def put_sums(engine: Engine, land: Land, *, legs: int, now: datetime, months: int, chance: random.Random) -> int:
    """The sums of all organs, and those of the hub; how many rows."""
    hub: Counter[Cell] = Counter()
    rows = _written(engine, _rows_of(land, hub, legs // len(land.organs), now=now, months=months, chance=chance))
    return rows + _written(engine, (_row(cell, value) for cell, value in hub.items()))


def _rows_of(
    land: Land, hub: Counter[Cell], each: int, *, now: datetime, months: int, chance: random.Random
) -> Iterator[Row]:
    """Every organ has the sums of one of a few hundred: reckoning those of each would take most of the time."""
    known = [tallied(_happened("x", each, now=now, months=months, chance=chance)) for _ in range(PATTERNS)]
    for organ in land.organs:
        for cell, value in chance.choice(known).items():
            if cell.organ == HUB:
                hub[cell] += value
            else:
                yield (cell.period, organ.code, cell.kind, cell.measure, value)


def _happened(code: str, each: int, *, now: datetime, months: int, chance: random.Random) -> Iterator[Happening]:
    for number in range(each):
        at = now - timedelta(days=months * 29) * chance.random() ** 1.2
        sent = Happening(
            seq=0,
            name=EventName.MESSAGE_ACCEPTED.value,
            at=at,
            facts={"paper": "0" if chance.random() < 0.9 else "1"},
            sender=code,
            kind=Kind.NEW,
            received_at=at,
            promulgation_date=at.date(),
            arrived_on=at.date(),
        )
        if number % 3 == 0:
            yield sent
        copy = replace(sent, name=EventName.LEG_QUEUED.value, sender="", recipient=code, facts={})
        yield copy
        yield replace(copy, name=EventName.LEG_DELIVERED.value)
        for status, hours in (("01", 1), ("03", 9), ("06", 90)):
            said = at + timedelta(hours=chance.lognormvariate(0, 1) * hours)
            yield replace(copy, name=EventName.LEG_STATUS.value, at=said, facts={"code": status})
        if chance.random() < 0.05:
            yield replace(copy, name=EventName.LEG_OVERDUE.value, facts={"deadline": "not-received"})


def put_legs(engine: Engine, land: Land, *, legs: int, now: datetime, chance: random.Random) -> int:
    """Documents with three legs each."""
    from tests.support.records import leg, message

    def documents() -> Iterator[tuple[MessageRecord, Sequence[Leg]]]:
        for number in range(legs // 3):
            sender = chance.choice(land.organs)
            at = now - timedelta(minutes=number)
            sent = message(str(number), sender=sender.code, agent=sender.agent, received_at=at, decided_at=at)
            copies = []
            for place, organ in enumerate(chance.sample(land.organs, 3)):
                state = chance.choices([s for s, _ in STATES], [n for _, n in STATES])[0]
                raised = ("not-arrived",) if chance.random() < LATE else ()
                copies.append(
                    leg(
                        sent,
                        f"{number}-{place}",
                        ordinal=place,
                        recipient=organ.code,
                        agent=organ.agent,
                        state=state,
                        raised=raised,
                        created_at=at,
                    )
                )
            yield sent, copies

    made, written = documents(), 0
    while portion := list(islice(made, PORTION // 4)):
        _write(engine, MESSAGES, [message_row(sent) for sent, _ in portion])
        written += _write(engine, LEGS, [leg_row(each) for _, copies in portion for each in copies])
    return written


def _row(cell: Cell, value: int) -> Row:
    return (cell.period, cell.organ, cell.kind, cell.measure, value)


def _written(engine: Engine, rows: Iterable[Row]) -> int:
    left, written = iter(rows), 0
    while portion := list(islice(left, PORTION)):
        written += _write(engine, FIGURES, portion)
    return written


def _write(engine: Engine, table: Any, rows: Sequence[Row]) -> int:
    names = [each.name for each in table.c if each.name != "seq"]
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        raw = Raw(connection)
        if is_sqlite(engine):
            marks = ", ".join("?" for _ in names)
            raw.write(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608  our names
        else:
            raw.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN", rows)
    return len(rows)
