"""The stage: broker or cluster, database, hub and agents as real processes, and what stands between them."""

import asyncio
import contextlib
import json
import shutil
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aio_pika

from router.adapters import topology
from tests.soak.actors import ROOT, Actor
from tests.soak.country import AGENTS, Country, found, write_agent
from tests.soak.proxy import Gate
from tests.soak.revocation import CrlServer
from tests.support.broker import HUB_PASSWORD, PrivateBroker, free_port
from tests.support.cluster import Cluster
from tests.support.postgres import fresh_database, running_cluster
from tests.support.waiting import until

START_PATIENCE: Final = 90.0  # seconds
UPKEEP: Final = "1"  # seconds between two looks of a worker for leftovers
LEASE: Final = "5"  # seconds


class StageFailed(RuntimeError):
    """Something could not be started; the message carries the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is played where. `resend_after` is the agents' patience with the hub, in seconds."""

    folder: Path
    workers: int = 3
    nodes: int = 1
    postgresql: bool = False
    resend_after: float = 60.0


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that runs, by name. `hub_gate` and `agent_gate` lead to the broker."""

    setting: Setting
    country: Country
    cluster: Cluster
    crls: CrlServer
    hub_gate: Gate
    agent_gate: Gate
    database: str
    postgres: str = ""
    """URL of the maintenance database, empty on SQLite."""
    hub: Actor = field(init=False)
    agents: Mapping[str, Actor] = field(init=False)
    http_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        folder = self.setting.folder
        clock = {"SOAK_CLOCK": str(self.clock)}
        hub = {"TRUC_UPKEEP_SECONDS": UPKEEP, "TRUC_LEASE_SECONDS": LEASE, "TRUC_CONFIG": str(self.config), **clock}
        count = str(self.setting.workers)
        log = folder / "logs"
        self.hub = Actor("hub", "router.cli", "run", "--workers", count, environment=hub, log=log / "hub.log")
        self.agents = {
            name: Actor(
                name,
                "agents.cli",
                *("run", "--json-logs", "--config", str(self.country.settings(name))),
                environment=clock,
                log=log / f"{name}.log",
            )
            for name in AGENTS
        }

    @property
    def config(self) -> Path:
        return self.setting.folder / "hub" / "truc.toml"

    @property
    def clock(self) -> Path:
        """The file that says how many seconds the clocks of hub and agents are ahead."""
        return self.setting.folder / "clock"

    @property
    def payloads(self) -> Path:
        return self.setting.folder / "hub" / "data" / "payloads"

    def broker_url(self, user: str, *, port: int | None = None) -> str:
        """Straight to a node, unless a gate's port is given."""
        password = HUB_PASSWORD if user == topology.HUB_USER else PrivateBroker.agent_password(user)
        where = port if port is not None else self.cluster.ports()[0]
        return f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{where}/"

    def truc(self, *arguments: str) -> str:
        """Run `truc` to its end; what it printed. Raises StageFailed."""
        actor = Actor("truc", "router.cli", *arguments, environment={"TRUC_CONFIG": str(self.config)}, log=Path())
        done = subprocess.run(
            actor.command, capture_output=True, text=True, env=actor.environment, cwd=ROOT, check=False, timeout=120
        )
        if done.returncode:
            raise StageFailed(f"truc {' '.join(arguments[:2])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def prepare(self) -> None:
        """Configure the hub, import the registry, write the agents' settings."""
        hub = self.config.parent
        url = self.broker_url(topology.HUB_USER, port=self.hub_gate.port)
        arguments = ("--database-url", self.database) if self.postgres else ()
        self.truc("init", str(hub), "--amqp-url", url, *arguments)
        written = self.config.read_text(encoding="utf-8")
        for before, after in (
            ("http_port = 8620", f"http_port = {self.http_port}"),
            ("crl_urls = []", f"crl_urls = {json.dumps(list(self.crls.urls))}\ncrl_refresh_seconds = 5.0"),
        ):
            if before not in written:
                raise StageFailed(f"truc init wrote no line {before}")
            written = written.replace(before, after)
        self.config.write_text(written, encoding="utf-8")
        for kind in ("anchors", "intermediates"):  # revocation lists come by HTTP alone
            shutil.copytree(self.country.pki / kind, hub / "trust" / kind, dirs_exist_ok=True)
        self.truc("registry", "import", str(self.country.registry))
        for name in AGENTS:
            write_agent(
                self.country,
                name,
                amqp_url=self.broker_url(name, port=self.agent_gate.port),
                blob_url=f"http://127.0.0.1:{self.http_port}/-/blobs",
                blob_token=json.loads(self.truc("registry", "agent", "add", name, "--json"))["token"],
                resend_after=self.setting.resend_after,
            )

    async def declare(self) -> None:
        """The hub's queues, with members on every node that runs."""
        async with await aio_pika.connect(self.broker_url(topology.HUB_USER)) as connection:
            channel = await connection.channel()
            await topology.declare(channel)
            await topology.declare_inboxes(channel, AGENTS)

    async def start(self) -> None:
        """Hub, then agents; returns when the hub says that it is ready."""
        self.hub.start()
        await self.hub_ready()
        for actor in self.agents.values():
            actor.start()

    async def hub_ready(self) -> None:
        """Raises StageFailed."""

        async def ready() -> bool:
            if not self.hub.running:
                raise StageFailed(f"the hub ended:\n{self.hub.end_of_log()}")
            return await asyncio.to_thread(self._asks_ready)

        try:
            await until(ready, patience=START_PATIENCE)
        except TimeoutError:
            raise StageFailed(f"the hub is not ready:\n{self.hub.end_of_log()}") from None

    def _asks_ready(self) -> bool:
        address = f"http://127.0.0.1:{self.http_port}/-/ready"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def hub_pids(self) -> Sequence[int]:
        return [self.hub.pid, *self.hub.children()] if self.hub.running else []

    def stop(self) -> None:
        """In good order; agents first, so that the hub hears of what they took."""
        for actor in (*self.agents.values(), self.hub):
            actor.stop()

    def close(self) -> None:
        for actor in (*self.agents.values(), self.hub):
            actor.close()


@asynccontextmanager
async def built(setting: Setting) -> AsyncIterator[Stage]:
    """A stage on which nothing of ours runs yet. Raises StageFailed, BrokerDidNotStart."""
    folder = setting.folder
    country = await asyncio.to_thread(found, folder, now=datetime.now(UTC))
    async with AsyncExitStack() as running:
        postgres, database = "", f"sqlite:///{folder / 'hub' / 'data' / 'truc.db'}"
        if setting.postgresql:
            postgres = await asyncio.to_thread(running.enter_context, running_cluster())
            database = running.enter_context(fresh_database(postgres))
        cluster = Cluster(agents=AGENTS, size=setting.nodes, folder=folder / "broker")
        running.callback(cluster.close)
        await asyncio.to_thread(cluster.start)
        crls = await running.enter_async_context(CrlServer(country.crls))
        hub_gate = await running.enter_async_context(Gate(cluster.ports))
        agent_gate = await running.enter_async_context(Gate(cluster.ports))
        stage = Stage(
            setting=setting,
            country=country,
            cluster=cluster,
            crls=crls,
            hub_gate=hub_gate,
            agent_gate=agent_gate,
            database=database,
            postgres=postgres,
        )
        await asyncio.to_thread(stage.prepare)
        await stage.declare()
        running.callback(stage.close)
        yield stage
