"""Running an agent from the command line until a signal ends it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from agents.settings import Settings

JsonLogs = Annotated[bool, typer.Option("--json-logs", help="Ghi nhật ký dạng JSON. / Write the log as JSON.")]


def prepared(config: Path, *, json_logs: bool, verbose: bool) -> Settings:
    """The settings, with the log as it was asked for. Raises UsageFault."""
    from agents.logs import configure_logs
    from agents.settings import load_settings

    settings = load_settings(config)
    configure_logs(json=json_logs, verbose=verbose)
    return settings


def until_told(work: Callable[[asyncio.Event], Awaitable[None]], *, hangup: asyncio.Event | None = None) -> None:
    """Runs `work` in a loop; SIGTERM and Ctrl-C set the event that it is given, SIGHUP sets `hangup`."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        if hangup is not None:
            loop.add_signal_handler(signal.SIGHUP, hangup.set)
        await work(stop)

    try:
        import uvloop
    except ImportError:
        asyncio.run(run())
    else:
        uvloop.run(run())
