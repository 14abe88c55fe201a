"""The misfortunes, one method each. After every one the stage is as it was before, but for what was lost."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

import aiormq
import psycopg

from tests.soak.actors import kill_pid, limit_files
from tests.soak.chronicle import Chronicle
from tests.soak.copies import copy_reports, copy_submissions
from tests.soak.plan import Misfortune
from tests.soak.players import Players
from tests.soak.stage import Stage

FULL: Final = 4096
"""Bytes that a file may have on a full disk: what is written behind them fails."""
SHORT: Final = (0.0, 0.4)  # seconds
A_WHILE: Final = (0.5, 2.0)  # seconds
JUMPS: Final = (-90.0, 120.0, 1200.0, -1200.0)
"""Seconds by which clocks jump."""
RESTART: Final = 1.0  # seconds between two starts of what ends by itself
LISTS_AWAY: Final = 7.0  # seconds
WORKER_PATIENCE: Final = 20.0  # seconds until there is a worker to kill
LOOK: Final = 0.05  # seconds


class Misfortunes:
    """Acts on the stage as a plan says. One at a time, in this order; kills may hit what has not recovered yet."""

    def __init__(
        self, stage: Stage, players: Players, chronicle: Chronicle, *, seed: int, answered: Callable[[], int]
    ) -> None:
        self._stage = stage
        self._players = players
        self._chronicle = chronicle
        self._random = random.Random(f"acts-{seed}")  # noqa: S311  a plan, no secret
        self._answered = answered
        self._lists_back: asyncio.Task[None] | None = None
        self._may_start = 0.0
        self._acts: dict[str, Callable[[], Awaitable[None]]] = {
            "kill-worker": self._kill_worker,
            "kill-agent": self._kill_agent,
            "kill-supervisor": self._kill_supervisor,
            "kill-broker": self._kill_broker,
            "cut-hub": self._cut_hub,
            "cut-agents": self._cut_agents,
            "stall-hub": self._stall_hub,
            "stall-agents": self._stall_agents,
            "refuse": self._refuse,
            "copies": self._copies,
            "copied-reports": self._copied_reports,
            "crl-hangs": self._crl_hangs,
            "clock-jump": self._clock_jump,
            "hub-disk-full": self._hub_disk_full,
            "agent-disk-full": self._agent_disk_full,
            "database-away": self._database_away,
        }

    async def play(self, plan: Sequence[Misfortune]) -> None:
        """All of them, each when the load has come so far."""
        for each in plan:
            while self._answered() < each.at:
                self._revive()
                await asyncio.sleep(LOOK)
            await self._wait(SHORT)
            self._revive()
            await self._acts[each.name]()

    def _revive(self) -> None:
        """What ended by itself, on a full disk for instance, is started again, as an init system would."""
        for actor in (self._stage.hub, *self._stage.agents.values()):
            if not actor.running and asyncio.get_running_loop().time() > self._may_start:
                self._may_start = asyncio.get_running_loop().time() + RESTART
                self._chronicle.happened("ended-by-itself", f"{actor.name}, with {actor.code}")
                actor.start()

    async def end(self) -> None:
        """Everything is lifted, and everything runs."""
        stage = self._stage
        if self._lists_back is not None:
            self._lists_back.cancel()
        stage.hub_gate.flow()
        stage.agent_gate.flow()
        stage.crls.answer()
        stage.clock.unlink(missing_ok=True)
        limit_files(stage.hub_pids(), None)
        for actor in stage.agents.values():
            if actor.running:
                limit_files([actor.pid], None)
        for node in stage.cluster.nodes:
            if not node.running:
                await asyncio.to_thread(node.start)

    async def _wait(self, between: tuple[float, float]) -> None:
        await asyncio.sleep(self._random.uniform(*between))

    # ── Kills ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _kill_worker(self) -> None:
        async def there() -> list[int]:
            while not (pids := list(self._stage.hub.children())):  # noqa: ASYNC110  as above
                await asyncio.sleep(LOOK)
            return pids

        async with asyncio.timeout(WORKER_PATIENCE):
            pid = self._random.choice(await there())
            while not kill_pid(pid):
                pid = self._random.choice(await there())
        self._chronicle.kill("worker", f"pid {pid}")

    async def _kill_agent(self) -> None:
        name = self._random.choice(sorted(self._stage.agents))
        actor = self._stage.agents[name]
        pid = await asyncio.to_thread(actor.kill)
        self._chronicle.kill("agent", f"{name}, pid {pid}")
        await self._wait(SHORT)
        actor.start()

    async def _kill_supervisor(self) -> None:
        pid = await asyncio.to_thread(self._stage.hub.kill)
        self._chronicle.kill("supervisor", f"pid {pid}")
        await self._wait(SHORT)
        self._stage.hub.start()

    async def _kill_broker(self) -> None:
        node = self._random.choice(self._stage.cluster.nodes)
        await asyncio.to_thread(node.kill)
        self._chronicle.kill("broker", node.name)
        await self._wait(A_WHILE)
        await asyncio.to_thread(node.start)
        self._chronicle.tell(f"broker {node.name} is back")

    # ── The network ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _cut_hub(self) -> None:
        self._chronicle.happened("cut-hub", f"{self._stage.hub_gate.cut()} connections")

    async def _cut_agents(self) -> None:
        self._chronicle.happened("cut-agents", f"{self._stage.agent_gate.cut()} connections")

    async def _stall_hub(self) -> None:
        self._stage.hub_gate.stall()
        self._chronicle.happened("stall-hub")
        await self._wait(A_WHILE)
        self._stage.hub_gate.flow()

    async def _stall_agents(self) -> None:
        self._stage.agent_gate.stall()
        self._chronicle.happened("stall-agents")
        await self._wait(A_WHILE)
        self._stage.agent_gate.flow()

    async def _refuse(self) -> None:
        """Nobody gets through to the broker."""
        gates = (self._stage.hub_gate, self._stage.agent_gate)
        for gate in gates:
            gate.refuse()
        self._chronicle.happened("refuse")
        await self._wait(A_WHILE)
        for gate in gates:
            gate.flow()

    # ── Twice ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _copies(self) -> None:
        recent = self._players.recent
        chosen = self._random.sample(recent, min(len(recent), 10))
        with self._unless_away("copies"):
            copied = await copy_submissions(self._stage, self._players, chosen)
            self._chronicle.happened("copies", f"{copied} submissions published once more")

    async def _copied_reports(self) -> None:
        agent = self._random.choice(sorted(self._stage.agents))
        with self._unless_away("copied-reports"):
            copied = await copy_reports(self._stage, self._players, agent, limit=10)
            self._chronicle.happened("copied-reports", f"{copied} reports of {agent} published once more")

    @contextlib.contextmanager
    def _unless_away(self, name: str) -> Iterator[None]:
        """A queue without a leader takes no copies: that is no fault of anybody."""
        try:
            yield
        except (aiormq.AMQPError, OSError, TimeoutError, RuntimeError) as problem:
            self._chronicle.tell(f"{name}: the broker does not take them ({type(problem).__name__})")

    # ── Clocks, disks, databases, lists ─────────────────────────────────────────────────────────────────────────────

    async def _crl_hangs(self) -> None:
        """For longer than the hub's pause between two questions; other misfortunes go on meanwhile."""
        self._stage.crls.hang()
        self._chronicle.happened("crl-hangs")

        async def back() -> None:
            await asyncio.sleep(LISTS_AWAY)
            self._stage.crls.answer()

        self._lists_back = asyncio.create_task(back())

    async def _clock_jump(self) -> None:
        seconds = self._random.choice(JUMPS)
        self._stage.clock.write_text(str(seconds), encoding="ascii")
        self._chronicle.happened("clock-jump", f"{seconds:+.0f} s")
        await self._wait(A_WHILE)
        self._stage.clock.unlink()

    async def _hub_disk_full(self) -> None:
        reached = limit_files(self._stage.hub_pids(), FULL)
        self._chronicle.happened("hub-disk-full", f"{reached} processes")
        await self._wait(A_WHILE)
        limit_files(self._stage.hub_pids(), None)

    async def _agent_disk_full(self) -> None:
        name = self._random.choice(sorted(self._stage.agents))
        actor = self._stage.agents[name]
        limit_files([actor.pid], FULL)
        self._chronicle.happened("agent-disk-full", name)
        await self._wait(A_WHILE)
        limit_files([actor.pid], None)

    async def _database_away(self) -> None:
        """PostgreSQL: every connection ended, and nothing may be written for a while. SQLite: somebody else writes."""
        self._chronicle.happened("database-away")
        if not self._stage.postgres:
            path = self._stage.database.removeprefix("sqlite:///")
            with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                await self._wait(A_WHILE)
                connection.execute("ROLLBACK")
            return
        await asyncio.to_thread(self._set_read_only, "on", end=True)
        await self._wait(A_WHILE)
        await asyncio.to_thread(self._set_read_only, "off", end=False)

    def _set_read_only(self, value: str, *, end: bool) -> None:
        with psycopg.connect(self._stage.postgres, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            connection.execute("SELECT pg_reload_conf()")
            if end:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'truc'"
                )
