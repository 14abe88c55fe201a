"""The stage without a broker: hub and agents as tasks of one event loop, on the in-process broker.

The database, the agents' spools and folders are real; messages under way end with the process.
"""

import asyncio
import threading
from types import TracebackType
from typing import Final, Self, TextIO

import structlog

from agents.memory_link import MemoryLink
from agents.runner import run_agent, run_gateway
from agents.settings import load_settings
from router.adapters.clock import SystemClock
from router.adapters.memory_broker import MemoryBroker
from router.app.parts import open_hub_key, open_payloads, open_store, open_trust, policy_of
from router.app.worker import build_services, options_of
from router.services.work.worker import Worker
from router.settings import load_settings as load_hub_settings
from tests.demo.country import AGENTS, GATEWAY, Papers
from tests.demo.stage import Access, Stage, StageFailed

STOP_TIMEOUT: Final = 30.0  # seconds


class InProcessStage:
    """Runs hub and agents in a thread of its own between entering and leaving."""

    def __init__(self, papers: Papers) -> None:
        self._papers = papers
        # Every agent is named: the in-process broker knows who speaks.
        urls = dict.fromkeys(AGENTS, "amqp://localhost/")
        self._stage = Stage(papers, Access(hub_url="amqp://localhost/", agent_urls=urls, named=True))
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._log: TextIO
        self._thread = threading.Thread(target=self._run, name="in-process-hub")

    @property
    def http(self) -> str:
        """The hub has no HTTP in this process."""
        return ""

    @property
    def gateway(self) -> str:
        """Where document systems call."""
        return self._stage.gateway

    def __enter__(self) -> Self:
        self._stage.prepare()
        self._log = self._papers.log("in-process").open("w", encoding="utf-8")
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(self._log))
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_TIMEOUT)
        structlog.reset_defaults()
        self._log.close()

    def check(self) -> None:
        """Raises StageFailed when hub or agents have ended."""
        if self._failure is not None:
            raise StageFailed(f"in-process hub: {self._failure!r}") from self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as failure:
            self._failure = failure
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        settings = load_hub_settings(self._stage.config)
        store, payloads = open_store(settings), open_payloads(settings, writer="in-process")
        broker = MemoryBroker(clock=SystemClock(), agents=AGENTS)
        worker = Worker(
            build_services(
                policy=policy_of(settings),
                payloads=payloads,
                trust=open_trust(settings),
                signer=open_hub_key(settings),
            ),
            store=store,
            broker=broker,
            clock=SystemClock(),
            options=options_of(settings),
        )
        stop_agents = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(worker.run())
                for name in AGENTS:
                    link = MemoryLink(broker, agent=name, user_id=name)
                    agent = load_settings(self._papers.agent_settings(name))
                    run = run_gateway if name == GATEWAY else run_agent
                    tasks.create_task(run(agent, stop=stop_agents, link=link))
                self._ready.set()
                await self._stop.wait()
                stop_agents.set()
                worker.stop()
        finally:
            payloads.close()
            store.close()
