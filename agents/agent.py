"""The agent as a library.

    with Spool.open(settings.spool) as spool:
        agent = Agent(settings, spool)
        sent = await agent.send(envelope)            # durable on return; the submission id, or why not
        for item in await agent.receive(): ...       # documents nobody took yet
        taken = await agent.take(item.leg_id)
        await agent.report(item.leg_id, StatusCode.RECEIVED)
        await agent.run(link, blobs)                 # moves messages until `stop` is set

Everything but `run` works without the broker: it reads and writes the spool, in any process, and `run` in one process
moves what is there. `agents.desk.Desk` is the same without asyncio.
"""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from agents.desk import Desk, Sent, SystemClock, Taken
from agents.hub_trust import load_hub_trust
from agents.intake import Intake
from agents.packaging import Refusal
from agents.ports import Blobs, Clock, Link
from agents.pump import Pump
from agents.settings import Settings
from agents.spool import RunLock, Spool
from agents.spool.records import InboxItem
from agents.tidying import keep_tidy
from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.model import Envelope, StaffInfo
from edxml_schemas.statuses import StatusCode
from edxml_schemas.telemetry import NO_SPANS, Spans

__all__ = ["Agent", "Connector", "Sent", "SystemClock", "Taken"]


class Connector(Protocol):
    """How a document system plugs in. `run` ends soon after `stop` is set."""

    async def run(self, stop: asyncio.Event) -> None: ...


class Agent:
    """One agency's agent, for one or more organs. Safe to use from several tasks."""

    def __init__(
        self, settings: Settings, spool: Spool, *, clock: Clock | None = None, spans: Spans = NO_SPANS
    ) -> None:
        self.desk = Desk(settings, spool, clock=clock, spans=spans)
        self.settings = settings
        self.spool = spool

    async def send(
        self, content: bytes | Envelope, *, submission_id: str | None = None, origin: str = ""
    ) -> str | Refusal:
        """Checks, signs and keeps an envelope or a draft; durable on return.

        Returns the submission id, or every reason why it was not taken. The same `submission_id` twice is one
        submission. Raises SpoolUnavailable, and UsageFault for an unusable key file.
        """
        return await asyncio.to_thread(self.desk.send, content, submission_id=submission_id, origin=origin)

    async def send_draft(
        self, place: Path, files: Sequence[Path] = (), *, submission_id: str | None = None, origin: str = ""
    ) -> str | Refusal:
        """As `send`, from a metadata file with `files`, or a draft folder (see `edxml_schemas.drafts`)."""
        return await asyncio.to_thread(self.desk.send_draft, place, files, submission_id=submission_id, origin=origin)

    async def send_raw(
        self,
        content: bytes,
        *,
        type: MessageType = MessageType.DOCUMENT,  # noqa: A002  the property's name on the wire
        urgency: Urgency = Urgency.NORMAL,
        submission_id: str | None = None,
        about: Envelope | None = None,
    ) -> str:
        """Keeps bytes to be published as they are, unread and unsigned, to test the hub; returns the submission id."""
        return await asyncio.to_thread(
            self.desk.send_raw, content, type=type, urgency=urgency, submission_id=submission_id, about=about
        )

    async def receive(self, *, everything: bool = False) -> Sequence[InboxItem]:
        """Documents that nobody took yet, or all that ever came, oldest first."""
        return await asyncio.to_thread(self.desk.receive, everything=everything)

    async def take(self, leg_id: str) -> Taken:
        """Marks a document as taken and hands out its bytes; any number of times. Raises UnknownLeg."""
        return await asyncio.to_thread(self.desk.take, leg_id)

    async def report(
        self,
        leg_id: str,
        code: StatusCode,
        *,
        reason: str = "",
        staff: StaffInfo | None = None,
        submission_id: str | None = None,
        origin: str = "",
    ) -> str | Refusal:
        """Sends a status about a delivery to its sender. Returns the submission id or why not. Raises UnknownLeg."""
        return await asyncio.to_thread(
            self.desk.report, leg_id, code, reason=reason, staff=staff, submission_id=submission_id, origin=origin
        )

    async def recall(
        self, document: str, recipient: str, *, reason: str, submission_id: str | None = None, origin: str = ""
    ) -> str | Refusal:
        """Asks a recipient to give a document of ours back (13). `document` is its submission id, DocumentId or code.

        Returns the submission id or why not. Raises UnknownDocument.
        """
        return await asyncio.to_thread(
            self.desk.recall, document, recipient, reason=reason, submission_id=submission_id, origin=origin
        )

    async def sent(self, name: str = "", *, limit: int = 100) -> Sequence[Sent]:
        """Submissions by id, DocumentId or code, newest first, with receipts and the recipients' statuses."""
        return await asyncio.to_thread(self.desk.sent, name, limit=limit)

    async def run(
        self,
        link: Link,
        blobs: Blobs | None = None,
        *,
        connectors: Iterable[Connector] = (),
        stop: asyncio.Event | None = None,
    ) -> None:
        """Moves messages between spool and hub until `stop` is set or the task is cancelled.

        Raises AgentBusy when another process does it already, and UsageFault for a hub certificate that is none.
        """
        hub = load_hub_trust(self.settings)
        if hub is None:
            self.desk.log.warning(
                "receipts.unverified",
                vi="Chưa đặt hub_certificate: biên nhận được tin mà không kiểm tra chữ ký của trục.",
                en="hub_certificate is not set: receipts are believed without a look at the hub's signature.",
            )
        end = stop or asyncio.Event()
        lock = RunLock(self.spool.folder)
        lock.acquire()
        try:
            desk, settings = self.desk, self.settings
            intake = Intake(
                settings,
                self.spool,
                keyring=desk.keyring,
                clock=desk.clock,
                log=desk.log,
                hub=hub,
                trail=desk.trail,
            )
            pump = Pump(
                self.spool,
                link,
                blobs,
                intake=intake,
                clock=desk.clock,
                resend_after=settings.resend_after,
                prefetch=settings.prefetch,
                log=desk.log,
                trail=desk.trail,
            )
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pump.run(end))
                tasks.create_task(keep_tidy(desk, end))
                for connector in connectors:
                    tasks.create_task(connector.run(end))
        finally:
            lock.release()
