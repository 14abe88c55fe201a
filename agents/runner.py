"""Wires an agent from its settings and runs it: the only place that knows which adapters there are."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from agents.agent import Agent, Connector
from agents.amqp import AmqpLink
from agents.blobs import HttpBlobs
from agents.connectors.folder import FolderConnector
from agents.logs import logger
from agents.ports import Blobs, Link
from agents.robot import Robot
from agents.settings import Settings
from agents.spool import Spool
from agents.telemetry import open_spans

THREADS: Final = 32  # at once, for requests of document systems; Python's own choice on a small machine is 6
FILES: Final = 65_536


async def run_agent(settings: Settings, *, stop: asyncio.Event, link: Link | None = None) -> None:
    """Runs an agent until `stop` is set. `link` replaces the broker of the settings.

    Raises SpoolUnavailable, AgentBusy, and UsageFault for settings that cannot work.
    """
    with Spool.open(settings.spool) as spool:
        await _run(_agent(settings, spool), [], stop=stop, link=link)


async def run_gateway(
    settings: Settings,
    *,
    stop: asyncio.Event,
    link: Link | None = None,
    reload: asyncio.Event | None = None,
) -> None:
    """As `run_agent`, with the HTTP server for document systems. `reload` asks for a look at its certificate.

    Raises UsageFault without a `[gateway]` table, too.
    """
    from agents.gateway.server import GatewayServer, opened  # `truc-agent run` needs none of it

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="gateway"))
    _allow_many_files()
    with Spool.open(settings.spool) as spool:
        agent = _agent(settings, spool)
        with opened(agent.desk) as gateway:
            server = GatewayServer(gateway, reload=reload)
            await _run(agent, [server], stop=stop, link=link)


def _agent(settings: Settings, spool: Spool) -> Agent:
    """An agent whose spans go where the settings say. Raises UsageFault."""
    return Agent(settings, spool, spans=open_spans(settings.telemetry, agent=settings.name, log=logger(settings.name)))


def _allow_many_files() -> None:
    """Every connection is an open file, and so is every body; the usual 1024 would end before `connections`."""
    import resource  # not on every system

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


async def _run(agent: Agent, connectors: list[Connector], *, stop: asyncio.Event, link: Link | None) -> None:
    settings = agent.settings
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
    if settings.robot:  # which has no document system: whatever comes, it answers itself
        connectors = [Robot(agent.desk), *connectors]
    elif settings.folder is not None:
        connectors = [FolderConnector(agent.desk), *connectors]
    agent.desk.log.info("started", organs=[organ.organ_id for organ in settings.organs])
    try:
        await agent.run(used, blobs, connectors=connectors, stop=stop)
    finally:
        await used.close()
        if blobs is not None:
            await blobs.close()
        await asyncio.to_thread(agent.desk.trail.close)
    agent.desk.log.info("stopped")
