"""Wires an agent from its settings and runs it: the only place that knows which adapters there are."""

import asyncio

from agents.agent import Agent
from agents.amqp import AmqpLink
from agents.blobs import HttpBlobs
from agents.connectors.folder import FolderConnector
from agents.ports import Blobs, Link
from agents.settings import Settings
from agents.spool import Spool


async def run_agent(settings: Settings, *, stop: asyncio.Event, link: Link | None = None) -> None:
    """Runs an agent until `stop` is set. `link` replaces the broker of the settings.

    Raises SpoolUnavailable, AgentBusy, and UsageFault for settings that cannot work.
    """
    with Spool.open(settings.spool) as spool:
        agent = Agent(settings, spool)
        agent.desk.keyring.warm()
        used = link or AmqpLink(
            settings.amqp_url.get_secret_value(),
            agent=settings.name,
            user_id=settings.name if settings.set_user_id else "",
            log=agent.desk.log,
        )
        blobs: Blobs | None = None
        if settings.blob_url:
            blobs = HttpBlobs(settings.blob_url, agent=settings.name, token=settings.blob_token.get_secret_value())
        connectors = [FolderConnector(agent.desk)] if settings.folder is not None else []
        agent.desk.log.info("started", organs=[organ.organ_id for organ in settings.organs])
        try:
            await agent.run(used, blobs, connectors=connectors, stop=stop)
        finally:
            await used.close()
            if blobs is not None:
                await blobs.close()
        agent.desk.log.info("stopped")
