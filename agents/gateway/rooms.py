"""What every dialect is given: the gateway's rooms.

A dialect is a package with

    def routes(gateway: Gateway) -> list[BaseRoute]                         required
    def answer(problem: Problem, request: Request) -> Response              how it says what `problems` names; optional
    def connectors(gateway: Gateway) -> Sequence[agents.agent.Connector]    loops beside the requests; optional

and `app.build_app` mounts it: vxp at `/`, lgsp at `/v1` (routes without the prefix), rest at `/api/v1` (likewise).
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from structlog.typing import FilteringBoundLogger

from agents.desk import Desk
from agents.gateway.office import Office
from agents.gateway.settings import GatewaySettings
from agents.gateway.uploads import Uploads
from agents.ports import Clock

if TYPE_CHECKING:  # the rooms import this module
    from agents.gateway.access.store import AccessStore
    from agents.gateway.access.throttle import Throttle
    from agents.gateway.directory import Directory

LARGE: Final = 2**20
"""Bytes of an envelope above which it waits for its turn to be read into memory."""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Built once, when the gateway starts. Everything in it is safe to use from several threads and tasks."""

    office: Office
    access: "AccessStore"
    throttle: "Throttle"
    directory: "Directory"
    settings: GatewaySettings
    desk: Desk
    clock: Clock
    log: FilteringBoundLogger
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the agent is told to stop: an answer that goes on and on ends then."""

    @property
    def folder(self) -> Path:
        """The spool's folder; `access.db` and the directory's copy lie in it."""
        return self.desk.spool.folder

    @cached_property
    def large(self) -> asyncio.Semaphore:
        """For those above `LARGE`; the settings say how many may be in memory at once."""
        return asyncio.Semaphore(self.settings.large_at_once)

    def turn(self, size: int) -> AbstractAsyncContextManager[object]:
        """`async with gateway.turn(kept.size):` around what reads an envelope of so many bytes into memory."""
        return self.large if size > LARGE else nullcontext()

    @property
    def incoming(self) -> Path:
        """Where bodies and long answers wait on disk."""
        return self.folder / "incoming"

    @cached_property
    def uploads(self) -> Uploads:
        """For `bodies.receive_body`: the same folder, with its bounds."""
        return Uploads(self.incoming, most=self.settings.incoming_bytes, free=self.settings.free_bytes)

    @property
    def idle(self) -> float:
        """Seconds for `bodies.receive_body`."""
        return self.settings.idle_timeout.total_seconds()
