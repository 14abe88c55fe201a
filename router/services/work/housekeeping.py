"""What a worker does in its pauses: inboxes of new agents, leftovers of dead workers, open verdicts, the chores."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from edxml_schemas.telemetry import NO_SPANS, Spans
from router.core.records import OutboxItem
from router.logs import logger
from router.ports import Broker, BrokerUnavailable, Clock, Store
from router.services.chores import Chore, Done
from router.services.work.batch import Services, WorkerOptions
from router.services.work.burial import Burial
from router.services.work.intake import wait_for
from router.services.work.retries import Patience, Retries

LEFTOVERS: Final = 200  # outbox items per look


class Housekeeping:
    """One per worker; looks around every `upkeep_every` until stopped. `publish` takes what the looks owe."""

    def __init__(
        self,
        services: Services,
        *,
        store: Store,
        broker: Broker,
        clock: Clock,
        options: WorkerOptions,
        patiently: Patience,
        publish: Callable[[Sequence[OutboxItem]], Awaitable[None]],
        stopping: asyncio.Event,
        burial: Burial | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._services = services
        self._burial = burial
        self._store = store
        self._broker = broker
        self._clock = clock
        self._options = options
        self._patiently = patiently
        self._publish = publish
        self._stopping = stopping
        self._retries = Retries(
            services.upkeep,
            store=store,
            clock=clock,
            options=options,
            patiently=patiently,
            publish=publish,
            stopping=stopping,
            spans=spans,
        )
        self._inboxes: frozenset[str] = frozenset()
        self._log = logger("housekeeping")

    async def run(self) -> None:
        """Until stopped. Nothing that fails keeps the rest from its turn: clocks run while the broker is away."""
        while not self._stopping.is_set():
            burial = () if self._burial is None else (self._burial.run,)
            for part in (self._ensure_inboxes, self._take_up_leftovers, self._retries.run, *burial, self._do_chores):
                try:
                    await part()
                except BrokerUnavailable as problem:
                    self._log.warning("broker-lost", reason=str(problem))
                except Exception:
                    self._log.exception("housekeeping-crashed")
            await wait_for(self._stopping, self._options.upkeep_every.total_seconds())

    async def _take_up_leftovers(self) -> None:
        more = True
        while more and not self._stopping.is_set():
            done = await self._patiently(self._leftovers)
            if done is None:
                return
            if done.publish:
                self._log.info("leftovers", items=len(done.publish))
                await self._publish(done.publish)
            more = done.more

    async def _do_chores(self) -> None:
        for chore in self._services.chores:
            await self._do(chore)

    async def _do(self, chore: Chore) -> None:
        """One chore until nothing is left of it. One that crashes does not keep the others from their turn."""
        try:
            while not self._stopping.is_set():
                done = await self._patiently(lambda: self._portion(chore))
                if done is None:
                    return
                if done.publish:
                    await self._publish(done.publish)
                if not done.more:
                    return
        except Exception:
            self._log.exception("chore-crashed", chore=chore.name)

    def _portion(self, chore: Chore) -> Done:
        with self._store.begin() as tx:
            return chore.run(tx, now=self._clock.now())

    async def _ensure_inboxes(self) -> None:
        registry = await self._patiently(self._store.registry)
        if registry is None:
            return
        agents = frozenset(name for name, agent in registry.agents.items() if agent.active)
        if missing := agents - self._inboxes:
            await self._broker.ensure_inboxes(sorted(missing))
            self._inboxes = agents

    def _leftovers(self) -> Done:
        now = self._clock.now()
        with self._store.begin() as tx:
            return self._services.relay.take_up(tx, now=now, lease_for=self._options.lease_for, limit=LEFTOVERS)
