"""One round: fill a queue, let somebody empty it into the recipient's inbox, and watch how fast the inbox fills."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel

from edxml_schemas.contract import (
    DELIVER_EXCHANGE,
    SUBMIT_EXCHANGE,
    Header,
    MessageType,
    Urgency,
    deliver_key,
    inbox_queue,
    ingest_queue,
    submit_key,
)
from router.adapters import topology
from tests.benchmarks.load import RECEIVING_AGENT, SENDING_AGENT, World
from tests.support.broker import PrivateBroker

INBOX: Final = inbox_queue(RECEIVING_AGENT, Urgency.NORMAL)
PERIOD: Final = 0.02  # seconds between two looks at the inbox
PATIENCE: Final = 120.0  # seconds without progress, after which a round has failed
WARM: Final = 0.25  # share of documents that pass before the watch starts: processes start, caches fill
COLD: Final = 0.95  # share at which the watch stops


class RoundFailed(RuntimeError):
    """The inbox stopped filling; the message says at which count, and the end of the log."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who empties the queue: the raw relay (`workers` 0) or the hub with so many worker processes."""

    name: str
    workers: int


RAW: Final = Contestant("raw relay", 0)
ONE: Final = Contestant("hub, 1 worker", 1)
TWO: Final = Contestant("hub, 2 workers", 2)


def console(name: str) -> str:
    """The console script of this environment."""
    return str(Path(sys.executable).parent / name)


async def run_round(
    contestant: Contestant, broker: PrivateBroker, world: World, documents: Sequence[bytes], folder: Path
) -> float:
    """Messages per second through `contestant`, all of them the same documents, on empty queues and an empty hub."""
    connection = await aio_pika.connect(broker.hub_url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        await _empty(channel, broker)
        await _fill(broker, documents)
        command, environment = _command(contestant, broker, world, folder)
        log = folder / "round.log"
        async with _process(command, environment, log):
            return await _watch(channel, len(documents), log)


def _command(
    contestant: Contestant, broker: PrivateBroker, world: World, folder: Path
) -> tuple[list[str], dict[str, str]]:
    if contestant is RAW:
        source = ingest_queue(Urgency.NORMAL)
        key = deliver_key(RECEIVING_AGENT, Urgency.NORMAL)
        relay = [sys.executable, "-m", "tests.benchmarks.raw_relay", broker.hub_url, source, DELIVER_EXCHANGE, key]
        return relay, dict(os.environ)
    home = folder / "hub"
    shutil.rmtree(home, ignore_errors=True)
    environment = {**os.environ, "TRUC_AMQP_URL": broker.hub_url, "TRUC_HTTP_PORT": "0"}
    subprocess.run([console("truc"), "init", str(home)], check=True, capture_output=True, env=environment)
    shutil.copytree(world.trust, home / "trust", dirs_exist_ok=True)
    environment["TRUC_CONFIG"] = str(home / "truc.toml")
    subprocess.run(
        [console("truc"), "registry", "import", str(world.registry)], check=True, capture_output=True, env=environment
    )
    return [console("truc"), "run", "--workers", str(contestant.workers)], environment


async def _empty(channel: AbstractChannel, broker: PrivateBroker) -> None:
    amqp = await channel.get_underlay_channel()
    for queue in topology.queues(broker.agents):
        await amqp.queue_delete(queue)
    await topology.declare(channel)
    await topology.declare_inboxes(channel, broker.agents)


async def _fill(broker: PrivateBroker, documents: Sequence[bytes]) -> None:
    connection = await aio_pika.connect(broker.agent_url(SENDING_AGENT))
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(SUBMIT_EXCHANGE, ensure=False)
        key = submit_key(SENDING_AGENT, Urgency.NORMAL)
        window = asyncio.Semaphore(100)

        async def publish(number: int, document: bytes) -> None:
            message = aio_pika.Message(
                document,
                message_id=f"{number:012d}",
                type=MessageType.DOCUMENT.value,
                user_id=SENDING_AGENT,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                headers={
                    Header.DIGEST.value: hashlib.sha256(document).hexdigest(),
                    Header.SIZE.value: len(document),
                },
            )
            async with window:
                await exchange.publish(message, key, mandatory=True)

        await asyncio.gather(*(publish(number, document) for number, document in enumerate(documents)))


@contextlib.asynccontextmanager
async def _process(command: list[str], environment: dict[str, str], log: Path) -> AsyncIterator[None]:
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(*command, stdout=sink, stderr=sink, env=environment)
    try:
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 30.0)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _watch(channel: AbstractChannel, total: int, log: Path) -> float:
    """Documents per second between the first quarter and the last twentieth."""
    first, last = int(total * WARM), int(total * COLD)
    amqp = await channel.get_underlay_channel()
    started: tuple[float, int] | None = None
    seen, moved = 0, time.monotonic()
    while True:
        answer = await amqp.queue_declare(INBOX, passive=True)
        now, count = time.monotonic(), _messages(answer)
        if count > seen:
            seen, moved = count, now
        if now - moved > PATIENCE:
            raise RoundFailed(f"{seen} of {total} documents: {_end_of(log)}")
        if started is None and count >= first:
            started = (now, count)
        if started is not None and count >= last and now > started[0]:
            return (count - started[1]) / (now - started[0])
        await asyncio.sleep(PERIOD)


def _messages(answer: object) -> int:
    return int(getattr(answer, "message_count", None) or 0)


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-2_000:]
