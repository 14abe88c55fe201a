"""`truc run`: worker processes that are kept alive, and what the world may ask over HTTP.

The workers compete for the same queues and share nothing but database and payload folder. A worker that ends is
started anew; all of them end when this process does, however it ends, because their standard input does.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from router.adapters.amqp import AmqpBroker
from router.adapters.blob_room import BlobRoom
from router.adapters.clock import SystemClock
from router.adapters.http import web_app
from router.adapters.listening import listening_socket
from router.adapters.organ_door import OrganDoor
from router.adapters.parent_process import STOP_GRACE
from router.adapters.sql.store import SqlStore
from router.app.alarms import diagnostics_door, guard_of, inbox_depths
from router.app.console import HttpServer, console_engine, open_console, server_config
from router.app.documents import keep_index
from router.app.figures import count_figures, metrics_door, open_figures, readings_of
from router.app.log_lag import lags_of
from router.app.parts import (
    CHECK_TIMEOUT,
    blob_door,
    blob_room,
    broker_problem,
    crl_fetcher,
    migrate,
    open_broker,
    open_store,
    queue_depths,
)
from router.core.alarm_signals import UNREACHABLE_JOINED, unreachable
from router.logs import logger
from router.ports import StoreUnavailable
from router.services.work.intake import Backoff, wait_for
from router.settings import Settings

STALE: Final = 5.0  # seconds without a sign of life after which a worker counts as away
HEALTHY: Final = 30.0  # seconds of life after which a worker's earlier ends are forgotten
SWEEP_EVERY: Final = 600.0  # seconds between two looks for uploads that nobody speaks of
THREADS: Final = 32
"""More than there are tasks here that wait for the database: one that hangs leaves threads to tell people of it."""


class WorkerProcess:
    """One worker: started, watched, started anew."""

    def __init__(self, index: int, *, config: Path | None, verbose: bool, stopping: asyncio.Event) -> None:
        self.index = index
        self._config = config
        self._verbose = verbose
        self._stopping = stopping
        self._process: asyncio.subprocess.Process | None = None
        self._seen = 0.0
        self._state: Mapping[str, object] = {}
        self._log = logger("supervisor", worker=index)

    def problem(self) -> str:
        """What is wrong with it; nothing when it lives and reaches broker and database."""
        if time.monotonic() - self._seen > STALE:
            return "no sign of life"
        return UNREACHABLE_JOINED.join(unreachable(name) for name, works in self._state.items() if not works)

    async def keep_alive(self) -> None:
        backoff = Backoff(self._stopping)
        while not self._stopping.is_set():
            began = time.monotonic()
            self._process = await self._start()
            self._log.info("worker-process", pid=self._process.pid)
            if self._stopping.is_set():
                self.signal(signal.SIGTERM)  # the word to stop came while it was being started, and met nobody
            await self._listen(self._process)
            code = await self._process.wait()
            self._seen = 0.0
            if self._stopping.is_set():
                return
            self._log.error("worker-ended", code=code)
            if time.monotonic() - began > HEALTHY:
                backoff.reset()
            await backoff.pause()

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _start(self) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "router.cli", "worker", "--index", str(self.index)]
        command += ["--config", str(self._config)] if self._config is not None else []
        command += ["--verbose"] if self._verbose else []
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then asks the workers
            env=dict(os.environ),
        )

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            with contextlib.suppress(ValueError):
                state = json.loads(line)
                if isinstance(state, dict):
                    self._state, self._seen = state, time.monotonic()


class DatabaseCheck:
    """Asks whether the database answers. A question that hangs is not asked a second time: each would keep a thread."""

    def __init__(self) -> None:
        self._asked: asyncio.Future[None] | None = None

    async def problem(self, store: SqlStore) -> str:
        """What is wrong; nothing when it answers in time."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(asyncio.to_thread(store.ping))
        asked = self._asked
        await asyncio.wait({asked}, timeout=CHECK_TIMEOUT)
        if not asked.done():
            return "no answer"
        try:
            asked.result()
        except StoreUnavailable as problem:
            return str(problem)
        return ""


class Supervisor:
    """Runs until SIGTERM or SIGINT; a second one ends everything at once."""

    def __init__(self, settings: Settings, *, config: Path | None, workers: int, verbose: bool = False) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._database = DatabaseCheck()
        self._log = logger("supervisor")
        self._workers = [
            WorkerProcess(index, config=config, verbose=verbose, stopping=self._stopping)
            for index in range(1, workers + 1)
        ]

    async def run(self) -> None:
        """Raises StoreUnavailable when the database cannot be prepared, InfrastructureProblem for a taken port."""
        await asyncio.to_thread(migrate, self._settings)
        door = self._listen()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="supervisor"))
        store = open_store(self._settings)
        await asyncio.to_thread(self._drive_on, store)
        broker = open_broker(self._settings, name=f"{self._settings.hub}-supervisor")
        self._log.info("hub-started", processes=len(self._workers), settings=self._settings.shown())
        tasks = [asyncio.create_task(each.keep_alive()) for each in self._workers]
        tasks.append(asyncio.create_task(self._fetch_crls()))
        room = blob_room(self._settings, store)
        tasks.append(asyncio.create_task(self._sweep(room)))
        tasks.append(asyncio.create_task(keep_index(store, store.engine, self._stopping)))
        tasks.append(asyncio.create_task(count_figures(open_figures(store.engine), self._stopping)))
        if self._settings.alarms.enabled:
            tasks.append(asyncio.create_task(self._guard(broker, store)))
        if door is not None:
            tasks.append(asyncio.create_task(self._serve(door, store, broker, room)))
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            self._stopping.set()
            await self._end(tasks[: len(self._workers)])
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.result()  # a bug here ends the hub with its own words
        finally:
            for each in self._workers:
                each.signal(signal.SIGKILL)
            stopped.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(stopped, *tasks, return_exceptions=True)
            await broker.close()
            store.close()
            self._log.info("hub-stopped")

    def _drive_on(self, store: SqlStore) -> None:
        """What a former run had in its hands when it ended is published at once, not when its leases have run out."""
        with store.begin() as tx:
            freed = tx.free_leases(now=SystemClock().now())
        if freed:
            self._log.info("driven-on", items=freed)

    def _stop(self) -> None:
        if self._stopping.is_set():
            for each in self._workers:
                each.signal(signal.SIGKILL)
            os._exit(1)
        self._log.info("hub-stopping")
        self._stopping.set()

    async def _end(self, tasks: list["asyncio.Task[None]"]) -> None:
        for each in self._workers:
            each.signal(signal.SIGTERM)
        _, late = await asyncio.wait(tasks, timeout=STOP_GRACE)
        if late:
            self._log.warning("workers-killed", count=len(late), grace_seconds=STOP_GRACE)

    def _listen(self) -> socket.socket | None:
        host, port = self._settings.http_host, self._settings.http_port
        return listening_socket(host, port) if port else None

    async def _serve(self, door: socket.socket, store: SqlStore, broker: AmqpBroker, room: BlobRoom) -> None:
        async def ready() -> Mapping[str, str]:
            return await self._problems(broker, store)

        organs = OrganDoor(store, clock=SystemClock())
        engine = console_engine(self._settings)
        depths, lags = queue_depths(broker, store), lags_of(store, engine)
        readings = readings_of(self._settings, open_figures(engine), probe=ready, depths=depths, lags=lags)
        metrics = metrics_door(self._settings, readings)
        shown = self._settings.console.enabled
        console = open_console(self._settings, store, engine, readings=readings) if shown else None
        blobs = blob_door(self._settings, store, room)
        more = [metrics.route(), *diagnostics_door(self._settings, engine).routes()]
        application = web_app(ready=ready, door=blobs, organs=organs, console=console, more=more)
        try:
            await HttpServer(server_config(application)).serve(sockets=[door])
        finally:
            engine.dispose()

    async def _guard(self, broker: AmqpBroker, store: SqlStore) -> None:
        """Looks after alarms."""
        engine = console_engine(self._settings)

        async def probe() -> Mapping[str, str]:
            return await self._problems(broker, store)

        try:
            depths = inbox_depths(queue_depths(broker, store), store)
            await guard_of(self._settings, store, engine, probe=probe, depths=depths).run(self._stopping)
        finally:
            engine.dispose()

    async def _problems(self, broker: AmqpBroker, store: SqlStore) -> Mapping[str, str]:
        """What is wrong with each part of the hub; nothing when it works."""
        return {
            "broker": await broker_problem(broker),
            "database": await self._database.problem(store),
            **{f"worker-{each.index}": each.problem() for each in self._workers},
        }

    async def _sweep(self, room: BlobRoom) -> None:
        while not self._stopping.is_set():
            try:
                swept = await asyncio.to_thread(room.sweep, now=SystemClock().now())
                if swept.partial or swept.unclaimed:
                    self._log.info("blobs-swept", partial=swept.partial, unclaimed=swept.unclaimed)
            except (StoreUnavailable, OSError) as problem:
                self._log.warning("blobs-not-swept", reason=str(problem))
            await wait_for(self._stopping, SWEEP_EVERY)

    async def _fetch_crls(self) -> None:
        fetcher = crl_fetcher(self._settings)
        while not self._stopping.is_set():
            await fetcher.fetch_all()
            await wait_for(self._stopping, self._settings.trust.crl_refresh_seconds)
