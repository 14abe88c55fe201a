"""Run the agent inside a program of your own, with your document system as its connector."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from agents.agent import Agent, Taken
from agents.amqp import AmqpLink
from agents.ports import Link
from agents.settings import load_settings
from agents.spool import Spool
from edxml_schemas.statuses import StatusCode

Register = Callable[[Taken], Awaitable[None]]


class Registry:
    """A connector: it registers what comes, and says so (03). `register` may see a document again after a crash."""

    def __init__(self, agent: Agent, register: Register, *, look_every: float) -> None:
        self._agent, self._register, self._look_every = agent, register, look_every

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for item in await self._agent.receive():
                await self._register(await asyncio.to_thread(self._agent.desk.look, item.leg_id))
                await self._agent.report(item.leg_id, StatusCode.RECEIVED)
                await self._agent.take(item.leg_id)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._look_every)


async def run_with_registry(
    config: Path, register: Register, *, stop: asyncio.Event, link: Link | None = None, look_every: float = 1.0
) -> None:
    """Until `stop` is set. One program at a time may run the agent of a spool; all others may send and look."""
    settings = load_settings(config)
    with Spool.open(settings.spool) as spool:
        agent = Agent(settings, spool)
        used = link or AmqpLink(
            settings.amqp_url.get_secret_value(), agent=settings.name, user_id=settings.name, log=agent.desk.log
        )
        registry = Registry(agent, register, look_every=look_every)
        try:
            await agent.run(used, connectors=[registry], stop=stop)
        finally:
            await used.close()
