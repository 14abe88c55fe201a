"""The other half of the one place where the hub is put together: what the console stands on.

A part that needs a port adds it to `Memories`, opens it in `open_memories`, and puts its service into `rooms_of`.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx
import uvicorn
from sqlalchemy import Engine
from starlette.types import ASGIApp

from router.adapters.clock import SystemClock
from router.adapters.http import web_app
from router.adapters.memory_payloads import MemoryPayloads
from router.adapters.sql.alarms import SqlAlarmBook
from router.adapters.sql.audit import SqlAudit
from router.adapters.sql.engine import open_engine
from router.adapters.sql.figures import SqlFigures
from router.adapters.sql.people import SqlPeople
from router.adapters.sql.registry_desk import SqlRegistryDesk
from router.adapters.sql.search import SqlSearch
from router.adapters.sql.work_lists import SqlWorkQuestions
from router.app.documents import document_room
from router.app.figures import readings_of
from router.app.keys import own_keys
from router.app.parts import broker_problem, open_broker, open_trust, policy_of, queue_depths
from router.console.house import console_of
from router.console.shell.rooms import Rooms
from router.core.accounts import Pausing, SessionRule
from router.ports import Clock, Store, StoreUnavailable
from router.ports.alarms import AlarmBook
from router.ports.audit import Audit
from router.ports.figures import Figures
from router.ports.people import People
from router.ports.registry_desk import RegistryDesk
from router.ports.search import SearchIndex
from router.ports.work_lists import WorkQuestions
from router.services.accounts import Accounts, HashCost, Rules, accounts_of
from router.services.alarms.desk import AlarmDesk
from router.services.audit import AuditBook
from router.services.carriage.relay import Relay
from router.services.figures.readings import Readings
from router.services.figures.room import FigureRoom
from router.services.registration.bureau import Bureau
from router.services.search.finding import Search
from router.services.work_lists import work_desk_of
from router.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Memories:
    """The ports beneath the console: all on one database, or all in memory."""

    store: Store
    people: People
    audit: Audit
    figures: Figures
    work: WorkQuestions
    registry_desk: RegistryDesk
    search: SearchIndex
    alarms: AlarmBook


def open_memories(store: Store, engine: Engine) -> Memories:
    """On the database that `store` is in."""
    return Memories(
        store=store,
        people=SqlPeople(engine),
        audit=SqlAudit(engine),
        figures=SqlFigures(engine),
        work=SqlWorkQuestions(engine),
        registry_desk=SqlRegistryDesk(engine),
        search=SqlSearch(engine),
        alarms=SqlAlarmBook(engine),
    )


def console_engine(settings: Settings) -> Engine:
    """Connections of the console's own, so that many readers do not keep the hub waiting for one."""
    return open_engine(settings.database)


def open_accounts(settings: Settings, memories: Memories, *, clock: Clock) -> Accounts:
    console = settings.console
    return accounts_of(
        memories.people,
        memories.store,
        clock=clock,
        cost=HashCost(memory_kib=console.argon2_memory_kib, rounds=console.argon2_rounds, lanes=console.argon2_lanes),
        rules=Rules(
            session=SessionRule(idle=console.idle, longest=console.longest),
            pausing=Pausing(
                free=console.free_failures,
                first=timedelta(seconds=console.first_pause_seconds),
                longest=timedelta(minutes=console.longest_pause_minutes),
            ),
        ),
    )


def open_audit(memories: Memories) -> AuditBook:
    return AuditBook(memories.audit, memories.store, memories.people)


def rooms_of(settings: Settings, memories: Memories, *, clock: Clock, readings: Readings | None = None) -> Rooms:
    """The services around their memories. Without `readings` nothing is known of processes and the broker."""
    policy = policy_of(settings)
    return Rooms(
        store=memories.store,
        settings=settings,
        clock=clock,
        accounts=open_accounts(settings, memories, clock=clock),
        audit=open_audit(memories),
        figures=FigureRoom(
            figures=memories.figures,
            readings=readings or Readings(memories.figures, clock=clock),
            store=memories.store,
        ),
        # The console publishes nothing: workers read what is carried.
        work=work_desk_of(memories.store, memories.work, Relay(MemoryPayloads(), policy), policy.clocks),
        alarms=AlarmDesk(memories.alarms, memories.store, clock=clock),
        bureau=Bureau(memories.store, memories.registry_desk, open_trust(settings)),
        own_keys=lambda: own_keys(settings),
        search=Search(memories.search, memories.store, clock=clock),
        documents=document_room(settings, memories.store, clock=clock),
    )


def open_console(settings: Settings, store: Store, engine: Engine, *, readings: Readings | None = None) -> ASGIApp:
    """The console of a hub, to be mounted at /console."""
    memories = open_memories(store, engine)
    return console_of(rooms_of(settings, memories, clock=SystemClock(), readings=readings))


async def serve_console(settings: Settings, store: Store, door: socket.socket) -> None:
    """The console alone, with /-/health and /-/ready, until SIGTERM or SIGINT."""

    async def ready() -> Mapping[str, str]:
        try:
            await asyncio.to_thread(store.ping)
        except StoreUnavailable as problem:
            return {"database": str(problem)}
        return {"database": ""}

    engine, broker = console_engine(settings), open_broker(settings, name=f"{settings.hub}-console")

    async def seen() -> Mapping[str, str]:
        return {"broker": await broker_problem(broker), **await ready()}

    readings = readings_of(settings, SqlFigures(engine), probe=seen, depths=queue_depths(broker, store))
    application = web_app(ready=ready, door=None, console=open_console(settings, store, engine, readings=readings))
    try:
        server = HttpServer(server_config(application))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.end)
        await server.serve(sockets=[door])
    finally:
        await broker.close()
        engine.dispose()


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers, which end the process by the signal that they got."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        """Answer what has been asked, and no more; asked twice, not even that."""
        self.force_exit = self.should_exit
        self.should_exit = True


def server_config(application: ASGIApp) -> uvicorn.Config:
    """How HTTP is served. Whose word about who asks is believed, is the console's decision, not uvicorn's."""
    return uvicorn.Config(
        application, log_config=None, access_log=False, lifespan="off", server_header=False, proxy_headers=False
    )


def console_around(rooms: Rooms, *, provider: httpx.AsyncBaseTransport | None = None) -> ASGIApp:
    """The console around other rooms; `provider` is another way to the single sign-on."""
    return console_of(rooms, provider=provider)
