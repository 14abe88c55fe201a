"""The one place where the hub is put together: settings in, working parts out."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any, Final, TypeVar

from edxml_schemas.signed_receipts import ReceiptPen
from router.adapters.amqp import AmqpBroker
from router.adapters.blob_room import BlobLimits, BlobRoom
from router.adapters.clock import SystemClock
from router.adapters.crl_fetcher import CrlFetcher
from router.adapters.http import BlobDoor
from router.adapters.hub_key import load_hub_key
from router.adapters.parent_process import end_with_parent
from router.adapters.payloads import FilePayloads
from router.adapters.sql.engine import open_engine
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.registry_desk import SqlRegistryDesk
from router.adapters.sql.store import SqlStore
from router.adapters.sql.work_lists import SqlWorkQuestions
from router.adapters.stamp_authority import CommandAuthority, HttpAuthority
from router.adapters.trust_files import TrustFolders
from router.core.policy import Policy
from router.errors import UsageProblem, redacted
from router.logs import logger
from router.ports import Payloads, ReceiptSigner, StoreUnavailable, TrustSource
from router.ports.signing import StampAuthority, StampUnavailable
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

Result = TypeVar("Result")

STAMP_LOOK: Final = 20.0  # seconds between two looks for a seal to be stamped
TRUST_LOOK: Final = 5.0  # seconds between two looks at the trust folders
BEAT: Final = 1.0  # seconds between two signs of life of a worker
COLLECT: Final = (50_000, 20, 50)
"""Allocations and younger collections between two garbage collections. A batch allocates some 100,000 objects, nearly
all of which go without the collector."""


def run_async(main: Coroutine[Any, Any, Result]) -> Result:
    """On uvloop where there is one."""
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.run(main)
    return uvloop.run(main)


def open_store(settings: Settings) -> SqlStore:
    """The database as it is; `migrate` brings it up to date. Raises UsageProblem for a URL that is none."""
    try:
        return SqlStore(settings.database)
    except ValueError as problem:
        raise _bad_database(settings, problem) from problem


def migrate(settings: Settings) -> None:
    """Create the database or bring it up to date. Raises StoreUnavailable, UsageProblem."""
    settings.data_path.mkdir(parents=True, exist_ok=True, mode=0o750)
    try:
        upgrade(settings.database)
    except ValueError as problem:
        raise _bad_database(settings, problem) from problem


@contextlib.contextmanager
def open_registry_desk(settings: Settings) -> Iterator[SqlRegistryDesk]:
    """What changes the registry as somebody saw it, on the database as it is."""
    engine = open_engine(settings.database)
    try:
        yield SqlRegistryDesk(engine)
    finally:
        engine.dispose()


@contextlib.contextmanager
def open_work_questions(settings: Settings) -> Iterator[SqlWorkQuestions]:
    """What asks for the work lists, on the database as it is."""
    engine = open_engine(settings.database)
    try:
        yield SqlWorkQuestions(engine)
    finally:
        engine.dispose()


def open_payloads(settings: Settings, *, writer: str = "hub") -> FilePayloads:
    return FilePayloads(settings.payload_path, writer)


def open_broker(settings: Settings, *, name: str = "truc") -> AmqpBroker:
    """Not connected yet. Call inside the event loop."""
    return AmqpBroker(settings.amqp_url, clock=SystemClock(), name=name)


def open_hub_key(settings: Settings) -> ReceiptPen:
    """What the hub signs with. Raises UsageProblem when there is none, or none that can be used."""
    folder, named = settings.folder, settings.hub_key
    return load_hub_key(
        key=folder / named.key, certificate=folder / named.certificate, folder=folder, now=SystemClock().now()
    )


def sealing_of(settings: Settings, hub_key: ReceiptPen, *, every: timedelta | None = None) -> Sealing:
    """What seals the log with the hub's key; `every` overrides the setting."""
    return Sealing(hub_key.signer, every=settings.seals.every if every is None else every)


def stamping_of(settings: Settings, store: SqlStore) -> Stamping | None:
    """What has seals stamped; None when no authority is set."""
    named = settings.seals
    authority: StampAuthority
    if named.timestamp_command:
        authority = CommandAuthority(named.timestamp_command, patience=named.timestamp_seconds)
    elif named.timestamp_url:
        authority = HttpAuthority(named.timestamp_url, patience=named.timestamp_seconds)
    else:
        return None
    return Stamping(store, authority, clock=SystemClock(), every=named.stamp_every)


def open_trust(settings: Settings) -> TrustFolders:
    trust, folder = settings.trust, settings.folder
    return TrustFolders(
        anchors=folder / trust.anchors,
        intermediates=folder / trust.intermediates,
        crls=(folder / trust.crls, settings.data_path / "crls"),
        require_revocation=trust.require_revocation,
    )


def crl_fetcher(settings: Settings) -> CrlFetcher:
    trust, folder = settings.trust, settings.folder
    return CrlFetcher(
        trust.crl_urls,
        settings.data_path / "crls",
        authorities=(folder / trust.anchors, folder / trust.intermediates),
    )


def blob_room(settings: Settings, store: SqlStore) -> BlobRoom:
    blobs = settings.blobs
    limits = BlobLimits(
        free_bytes=blobs.free_bytes,
        unclaimed_bytes=blobs.unclaimed_bytes,
        unclaimed_for=timedelta(hours=blobs.unclaimed_hours),
    )
    return BlobRoom(open_payloads(settings, writer="door"), store, limits)


def blob_door(settings: Settings, store: SqlStore, room: BlobRoom) -> BlobDoor:
    return BlobDoor(store, open_payloads(settings, writer="door"), room=room, limit=settings.limits.envelope_bytes)


def policy_of(settings: Settings) -> Policy:
    return Policy(
        limits=settings.limits.as_limits(),
        require_user_id=settings.require_user_id,
        secrecy=settings.secrecy.as_rules(),
        clocks=settings.deadlines.as_clocks(),
        lease_for=timedelta(seconds=settings.lease_seconds),
        retry=settings.retry.as_policy(),
    )


def build_services(
    *, policy: Policy, payloads: Payloads, trust: TrustSource, signer: ReceiptSigner, sealing: Sealing | None = None
) -> Services:
    """The hub's services around its effects; the same for every kind of store and broker. Without `sealing` the log
    is left unsealed."""
    ingest = Ingest(payloads, trust, policy)
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
    worker = Worker(
        build_services(
            policy=policy_of(settings),
            payloads=payloads,
            trust=trust,
            signer=hub_key,
            sealing=sealing_of(settings, hub_key),
        ),
        store=store,
        broker=broker,
        clock=SystemClock(),
        options=options_of(settings),
        name=name,
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
            sys.stdout.write(json.dumps({"broker": broker.connected, "store": worker.store_works}) + "\n")
            sys.stdout.flush()
        await wait_for(stopping, BEAT)


def _bad_database(settings: Settings, problem: ValueError) -> UsageProblem:
    shown = redacted(settings.database)
    return UsageProblem(
        f"database_url sai ({shown}): {problem}",
        f"database_url is wrong ({shown}): {problem}",
        remedy_vi="dùng sqlite:///tệp hoặc postgresql://người-dùng:mật-khẩu@máy/cơ-sở-dữ-liệu",
        remedy_en="use sqlite:///file or postgresql://user:password@host/database",
    )
