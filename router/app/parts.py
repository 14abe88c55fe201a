"""Settings in, working parts out: store, payloads, broker, keys, trust, blobs, policy."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from edxml_schemas.signed_receipts import ReceiptPen
from router.adapters.amqp import AmqpBroker
from router.adapters.blob_room import BlobLimits, BlobRoom
from router.adapters.clock import SystemClock
from router.adapters.crl_fetcher import CrlFetcher
from router.adapters.http import BlobDoor
from router.adapters.hub_key import load_hub_key
from router.adapters.payloads import FilePayloads
from router.adapters.private_paths import PrivatePaths
from router.adapters.sql.engine import open_engine
from router.adapters.sql.registry_desk import SqlRegistryDesk
from router.adapters.sql.store import SqlStore
from router.adapters.sql.work_lists import SqlWorkQuestions
from router.adapters.stamp_authority import CommandAuthority, HttpAuthority
from router.adapters.trust_files import TrustFolders
from router.core.policy import Policy
from router.errors import UsageProblem, redacted
from router.ports import BrokerUnavailable, QueueDepth, Store
from router.ports.signing import StampAuthority
from router.services.figures.readings import Depths
from router.services.proof.sealing import Sealing
from router.services.proof.stamping import Stamping
from router.settings import Settings

Result = TypeVar("Result")

CHECK_TIMEOUT: Final = 3.0  # seconds for one readiness question


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
    from router.adapters.sql.migrate import upgrade  # Alembic: a worker never needs it

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


def queue_depths(broker: AmqpBroker, store: Store) -> Depths:
    """What asks for the queues of the hub and of all agents."""

    async def ask() -> Sequence[QueueDepth]:
        registry = await asyncio.to_thread(store.registry)
        return await broker.depths(sorted(registry.agents))

    return ask


async def broker_problem(broker: AmqpBroker) -> str:
    """What is wrong with the broker; nothing when it answers in time."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await broker.ping()
    except BrokerUnavailable as problem:
        return str(problem)
    except TimeoutError:
        return "no answer"
    return ""


def private_paths(settings: Settings) -> PrivatePaths:
    """Who may read what is for the hub's operators alone."""
    named = settings.metrics
    return PrivatePaths(named.admitted, token=named.token.get_secret_value())


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


def _bad_database(settings: Settings, problem: ValueError) -> UsageProblem:
    shown = redacted(settings.database)
    return UsageProblem(
        f"database_url sai ({shown}): {problem}",
        f"database_url is wrong ({shown}): {problem}",
        remedy_vi="dùng sqlite:///tệp hoặc postgresql://người-dùng:mật-khẩu@máy/cơ-sở-dữ-liệu",
        remedy_en="use sqlite:///file or postgresql://user:password@host/database",
    )
