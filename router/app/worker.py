"""A worker of the hub, put together and run until it is told to stop."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import time
from datetime import timedelta
from typing import Final

from edxml_schemas.telemetry import NO_SPANS, Spans
from router.adapters.amqp import AmqpBroker
from router.adapters.clock import SystemClock
from router.adapters.otel import open_spans
from router.adapters.parent_process import end_with_parent
from router.adapters.trust_files import TrustFolders
from router.app.parts import (
    open_broker,
    open_hub_key,
    open_payloads,
    open_store,
    open_trust,
    policy_of,
    sealing_of,
    stamping_of,
)
from router.core.policy import Policy
from router.logs import logger
from router.ports import Payloads, ReceiptSigner, StoreUnavailable, TrustSource
from router.ports.signing import StampUnavailable
from router.services.carriage.deadlines import Deadlines
from router.services.carriage.relay import Relay
from router.services.carriage.tracking import Tracking
from router.services.dead.dead_letters import DeadLetters
from router.services.proof.sealing import Sealing
from router.services.proof.stamping import Stamping
from router.services.verdicts.ingest import Ingest
from router.services.verdicts.upkeep import Upkeep
from router.services.work.batch import Services, WorkerOptions
from router.services.work.intake import wait_for
from router.services.work.worker import Worker
from router.settings import Settings

STAMP_LOOK: Final = 20.0  # seconds between two looks for a seal to be stamped
TRUST_LOOK: Final = 5.0  # seconds between two looks at the trust folders
BEAT: Final = 1.0  # seconds between two signs of life of a worker
COLLECT: Final = (50_000, 20, 50)
"""Allocations and younger collections between two garbage collections. A batch allocates some 100,000 objects, nearly
all of which go without the collector."""


def build_services(
    *,
    policy: Policy,
    payloads: Payloads,
    trust: TrustSource,
    signer: ReceiptSigner,
    sealing: Sealing | None = None,
    spans: Spans = NO_SPANS,
) -> Services:
    """The hub's services around its effects; the same for every kind of store and broker. Without `sealing` the log
    is left unsealed. Stages are timed when somebody listens to `spans`."""
    ingest = Ingest(payloads, trust, policy, tick=time.time_ns if spans.on else None)
    relay, tracking = Relay(payloads, policy, signer=signer), Tracking(policy)
    dead = DeadLetters(ingest, relay, tracking, payloads)
    return Services(
        ingest=ingest,
        relay=relay,
        tracking=tracking,
        upkeep=Upkeep(ingest, payloads),
        dead=dead,
        chores=(
            Deadlines(policy),
            dead,
            *((sealing,) if sealing is not None else ()),
        ),
    )


def options_of(settings: Settings) -> WorkerOptions:
    return WorkerOptions(
        prefetch=settings.prefetch,
        batch_messages=settings.batch_messages,
        batch_bytes=settings.batch_bytes,
        lease_for=timedelta(seconds=settings.lease_seconds),
        upkeep_every=timedelta(seconds=settings.upkeep_seconds),
    )


async def run_worker(settings: Settings, *, index: int, supervised: bool = False) -> None:
    """One worker until SIGTERM, SIGINT, or (supervised) the end of standard input. A second signal ends it at once.

    Supervised, it writes a line of JSON to standard output every second: what it can reach.
    """
    name = f"{settings.hub}-{index}"
    hub_key = open_hub_key(settings)
    store = open_store(settings)
    payloads = open_payloads(settings, writer=f"w{index}-{os.getpid()}")
    trust = await asyncio.to_thread(open_trust, settings)
    broker = open_broker(settings, name=name)
    spans = open_spans(settings.telemetry, hub=settings.hub, name=name)
    worker = Worker(
        build_services(
            policy=policy_of(settings),
            payloads=payloads,
            trust=trust,
            signer=hub_key,
            sealing=sealing_of(settings, hub_key),
            spans=spans,
        ),
        store=store,
        broker=broker,
        clock=SystemClock(),
        options=options_of(settings),
        name=name,
        spans=spans,
    )
    stopping = asyncio.Event()
    _heed_signals(worker, stopping, watch_input=supervised)
    side = [asyncio.create_task(_look_at_trust(trust, stopping))]
    stamping = stamping_of(settings, store) if index == 1 else None
    if stamping is not None:
        side.append(asyncio.create_task(_stamp_seals(stamping, stopping)))
    if supervised:
        side.append(asyncio.create_task(_beat(worker, broker, stopping)))
    gc.collect()
    gc.freeze()  # what is here now stays: the collector need not look at it again
    gc.set_threshold(*COLLECT)
    try:
        await worker.run()
    finally:
        stopping.set()
        await asyncio.gather(*side, return_exceptions=True)
        await broker.close()
        await asyncio.to_thread(spans.close)
        payloads.close()
        store.close()


def _heed_signals(worker: Worker, stopping: asyncio.Event, *, watch_input: bool) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)  # asked twice: nothing is lost, the broker and the outbox have it
        stopping.set()
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)

    def orphaned() -> None:
        if not stopping.is_set():
            stop()

    def tell_loop() -> None:
        with contextlib.suppress(RuntimeError):  # it is closed: the process is about to end
            loop.call_soon_threadsafe(orphaned)

    if watch_input:
        end_with_parent(sys.stdin.fileno(), tell_loop)


async def _look_at_trust(trust: TrustFolders, stopping: asyncio.Event) -> None:
    log = logger("trust")
    while not await wait_for(stopping, TRUST_LOOK):
        if await asyncio.to_thread(trust.refresh):
            material = trust.material()
            log.info("trust-changed", anchors=len(material.anchors), crls=len(material.crls))


async def _stamp_seals(stamping: Stamping, stopping: asyncio.Event) -> None:
    log = logger("seals")
    while not await wait_for(stopping, STAMP_LOOK):
        try:
            stamped = await asyncio.to_thread(stamping.run)
        except (StampUnavailable, StoreUnavailable) as problem:
            log.warning("stamp-unavailable", reason=str(problem))
        else:
            if stamped is not None:
                log.info("seal-stamped", seal=stamped.number)


async def _beat(worker: Worker, broker: AmqpBroker, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        with contextlib.suppress(OSError):  # the supervisor is gone, and this process will be soon
            sys.stdout.write(json.dumps({"broker": broker.connected, "database": worker.store_works}) + "\n")
            sys.stdout.flush()
        await wait_for(stopping, BEAT)
