"""A folder as the meeting place of agent and document system (see agents/README.md for its layout).

The document system needs no code: it drops drafts or envelopes into `outbox/`, reads results beside them, finds what
came in `inbox/`, and drops status files there. Nothing is lost when nobody looks: the spool holds everything, and the
files are made from it, again if need be.
"""

import asyncio
from typing import Final

from watchfiles import awatch

from agents.connectors.folder_files import Settling
from agents.connectors.folder_in import FolderIn
from agents.connectors.folder_out import FolderOut
from agents.desk import Desk
from agents.errors import SpoolUnavailable, UsageFault

TICK: Final = 100  # milliseconds between two looks at the spool and at what is settling
FULL_SCAN: Final = 300  # ticks between two looks at the whole folder, for file systems that tell of nothing


class FolderConnector:
    """Implements `agents.agent.Connector`."""

    def __init__(self, desk: Desk) -> None:
        """Raises UsageFault when the agent has no folder."""
        root = desk.settings.folder
        if root is None:
            raise UsageFault("Cấu hình chưa có folder.", "The settings name no folder.")
        self._desk = desk
        self._root = root
        self._settling = Settling(desk.settings.settle)
        self._out = FolderOut(root, desk, settling=self._settling)
        self._in = FolderIn(root, desk, settling=self._settling)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Faults of disk or spool are waited out."""
        await asyncio.to_thread(self.prepare)
        seen: int | None = None
        ticks = failures = quiet_until = 0
        missed = True
        async for changes in awatch(
            self._root, stop_event=stop, debounce=TICK, step=20, rust_timeout=TICK, yield_on_timeout=True
        ):
            ticks += 1
            missed = missed or bool(changes) or self._settling.waiting or ticks % FULL_SCAN == 0
            if ticks < quiet_until:
                continue
            try:
                if missed:
                    await asyncio.to_thread(self.scan)
                    missed = False
                now = await asyncio.to_thread(self._desk.spool.changes)
                if now != seen:
                    await asyncio.to_thread(self.show)
                    seen = now
                failures = 0
            except (OSError, SpoolUnavailable) as error:
                self._desk.log.warning("folder.waiting", reason=str(error))
                seen, missed, failures = None, True, failures + 1
                quiet_until = ticks + min(FULL_SCAN, 2**failures)

    def prepare(self) -> None:
        """Makes the folders. Raises OSError."""
        self._out.prepare()
        self._in.prepare()

    def scan(self) -> None:
        """Takes what was dropped and has come to rest."""
        self._out.scan()
        self._in.scan()

    def show(self) -> None:
        """Writes down what the spool knows and the folder does not show yet."""
        self._in.lay_out()
        self._out.show()
