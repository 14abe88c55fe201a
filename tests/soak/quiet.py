"""Waiting until nothing moves: queues and outboxes empty, every verdict final, every submission answered."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import aio_pika
import aiormq
from sqlalchemy import Engine, text

from agents.spool import Spool
from router.adapters import topology
from router.adapters.sql.engine import open_engine
from tests.soak.country import AGENTS
from tests.soak.stage import Stage

LOOK: Final = 0.5  # seconds
LOOKS: Final = 2  # in a row that must find nothing
HUB_QUESTIONS: Final = {
    "hub outbox": "SELECT count(*) FROM outbox WHERE agent <> ''",
    "deferred verdicts": "SELECT count(*) FROM messages WHERE state = 'deferred'",
    "legs on their way": "SELECT count(*) FROM legs WHERE state IN ('queued', 'handed-over')",
}
SPOOL_QUESTIONS: Final = {
    "unanswered": "SELECT count(*) FROM outbox WHERE state <> 'answered'",
    "unreported": "SELECT count(*) FROM inbox WHERE reported_at IS NULL",
}
MOVED: Final = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM events)"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Whether it came, and what was still there at the last look, by name (only what is not zero)."""

    reached: bool
    left: Mapping[str, int]


async def until_quiet(
    stage: Stage, spools: Mapping[str, Spool], *, patience: float, tell: Callable[[str], None]
) -> Quiet:
    """Wait as long as something changes; give up after `patience` seconds without any change."""
    engine = open_engine(stage.database)
    clock = asyncio.get_running_loop()
    seen: tuple[dict[str, int], int] | None = None
    moved = told = clock.time()
    empty = 0
    try:
        while True:
            left = await _left(stage, engine, spools)
            state = (left, await asyncio.to_thread(_number, engine, MOVED))
            empty = empty + 1 if not left else 0
            if empty == LOOKS:
                return Quiet(True, left)
            if state != seen:
                seen, moved = state, clock.time()
            if clock.time() - moved > patience:
                return Quiet(False, left)
            if clock.time() - told > 10:
                told = clock.time()
                tell("waiting: " + ", ".join(f"{name} {count}" for name, count in left.items()))
            await asyncio.sleep(LOOK)
    finally:
        engine.dispose()


async def _left(stage: Stage, engine: Engine, spools: Mapping[str, Spool]) -> dict[str, int]:
    counts = {name: await asyncio.to_thread(_number, engine, question) for name, question in HUB_QUESTIONS.items()}
    for agent, spool in spools.items():
        for name, question in SPOOL_QUESTIONS.items():
            counts[f"{name} at {agent}"] = await asyncio.to_thread(_asked, spool, question)
    counts |= await depths(stage)
    return {name: count for name, count in counts.items() if count}


async def depths(stage: Stage) -> dict[str, int]:
    """Messages in every queue that has some."""
    try:
        async with asyncio.timeout(10), await aio_pika.connect(stage.broker_url(topology.HUB_USER)) as connection:
            amqp = await (await connection.channel()).get_underlay_channel()
            found = {name: await amqp.queue_declare(name, passive=True) for name in topology.queues(AGENTS)}
    except (aiormq.AMQPError, OSError, TimeoutError) as problem:
        return {f"the broker does not answer ({type(problem).__name__})": 1}
    return {name: int(each.message_count or 0) for name, each in found.items() if each.message_count}


def _number(engine: Engine, question: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(question)) or 0)


def _asked(spool: Spool, question: str) -> int:
    with spool._read() as connection:
        return int(connection.scalar(text(question)) or 0)
