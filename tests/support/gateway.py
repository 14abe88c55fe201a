"""A gateway for tests: an agent's desk with an office and a clock by hand, and the real server on a free port.

with gateway_desk(tmp_path) as at:                       the spool and the office, no server, no broker
    leg = at.deliver(a_document(...))
    at.office.take(at.caller(), leg)

async with serving(at) as gateway:                       the server, too: uvicorn on a real socket
    key = gateway.add_key()
    answer = await gateway.client.post("/v1/…")
async with serving(at, link=country.link("nghean")):     with the pump over a link
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from agents.agent import Agent
from agents.desk import Desk
from agents.gateway.access import NewKey
from agents.gateway.callers import Caller, Right
from agents.gateway.office import Office
from agents.gateway.rooms import Gateway
from agents.gateway.server import GatewayServer, opened
from agents.gateway.settings import GatewaySettings
from agents.hub_trust import load_hub_trust
from agents.intake import Intake
from agents.ports import Incoming, Link
from agents.spool import Spool
from agents.spool.records import Submission
from edxml_schemas.contract import MessageType, Urgency, bundled
from edxml_schemas.model import Envelope, StatusMessage
from edxml_schemas.receipts import Receipt, ReceiptKind, ReceiptLeg, encode_receipt
from tests.support import hub_desk
from tests.support.agency import settings_of
from tests.support.envelopes import SENDER
from tests.support.hub_desk import H41, NOW

BOTH = (Right.SEND, Right.RECEIVE)


@dataclass(slots=True)
class HandClock:
    """A clock that moves when a test says so."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


@dataclass(slots=True)
class GatewayDesk:
    """An agent with a `[gateway]`, its office, and a hub from which deliveries and receipts are made by hand."""

    hub: hub_desk.Desk
    agent: Agent
    office: Office
    clock: HandClock

    @property
    def desk(self) -> Desk:
        return self.agent.desk

    @property
    def spool(self) -> Spool:
        return self.agent.spool

    @property
    def organs(self) -> list[str]:
        return [each.organ_id for each in self.desk.settings.organs]

    def caller(
        self, *rights: Right, organs: Iterable[str] = (), key_id: str = "key-1", system_id: str = "qlvb"
    ) -> Caller:
        """A document system with both rights for all organs of the agent, or with those that are named."""
        return Caller(
            key_id=key_id,
            system_id=system_id,
            organs=frozenset(organs or self.organs),
            rights=frozenset(rights or BOTH),
        )

    def deliver(self, what: Envelope | bytes, *, leg: str = "", recipient: str = H41) -> str:
        """Something came from the hub, signed by its sender when it is no bytes; the leg id."""
        content = what if isinstance(what, bytes) else self.hub.signed(what)
        leg = leg or str(uuid4())
        self._keep(
            Incoming(
                type=MessageType.STATUS if isinstance(what, StatusMessage) else MessageType.DOCUMENT,
                urgency=Urgency.NORMAL,
                message_id=f"message-{leg}",
                leg_id=leg,
                recipient=recipient,
                sender=SENDER,
                digest=hashlib.sha256(content).hexdigest(),
                size=len(content),
                body=content,
            )
        )
        return leg

    def answer(self, submission_id: str, kind: ReceiptKind = ReceiptKind.ACCEPTED) -> None:
        """The hub's receipt about a submission."""
        submission = self.spool.submission(submission_id)
        assert submission is not None, submission_id
        receipt = Receipt(
            receipt_id=str(uuid4()),
            kind=kind,
            message_id=f"message-{submission_id}",
            submission_id=submission_id,
            message_type=submission.type.value,
            digest=submission.digest,
            size=submission.size,
            received_at=self.clock.now(),
            decided_at=self.clock.now(),
            legs=tuple(ReceiptLeg(recipient=each, leg_id=f"leg-{each}") for each in submission.recipients),
        )
        self._keep(
            Incoming(
                type=MessageType.RECEIPT,
                urgency=Urgency.NORMAL,
                message_id="",
                leg_id="",
                recipient="",
                sender="",
                digest="",
                size=0,
                body=bundled([self.hub.pen.sign(encode_receipt(receipt))]),
            )
        )

    def outgoing(self) -> list[Submission]:
        """What waits to be sent or was sent, oldest first."""
        return sorted(self.spool.find_submissions(limit=1000), key=lambda each: each.seq)

    def codes_said(self, leg: str) -> list[str]:
        """Status codes that were said about a delivery, in the order of the spool."""
        return [each.status_code for each in self.spool.submissions_about(leg)]

    def _keep(self, incoming: Incoming) -> None:
        desk = self.desk
        intake = Intake(
            desk.settings,
            desk.spool,
            keyring=desk.keyring,
            clock=desk.clock,
            log=desk.log,
            hub=load_hub_trust(desk.settings),
        )
        intake.keep(incoming, incoming.body or b"")


@contextmanager
def gateway_desk(
    folder: Path, *, agent: str = "nghean", hub: hub_desk.Desk | None = None, **gateway: Any
) -> Iterator[GatewayDesk]:
    """`gateway` are settings of the table `[gateway]`. The server, when there is one, listens on any free port."""
    made, clock = hub or hub_desk.Desk(), HandClock()
    table = GatewaySettings(**({"port": 0} | gateway))
    settings = settings_of(agent, made, folder).model_copy(update={"gateway": table})
    with Spool.open(settings.spool) as spool:
        one = Agent(settings, spool, clock=clock)
        yield GatewayDesk(made, one, Office(one.desk, settings=table), clock)


@dataclass(slots=True)
class Serving:
    """A gateway that answers requests."""

    at: GatewayDesk
    gateway: Gateway
    server: GatewayServer
    client: httpx.AsyncClient
    keys: list[NewKey] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    def add_key(
        self,
        system_id: str = "qlvb",
        *,
        organs: Iterable[str] = (),
        rights: Iterable[Right] = BOTH,
        **values: Any,
    ) -> NewKey:
        """A key for all organs of the agent, or for those that are named, with everything secret that it has."""
        new = self.gateway.access.add(
            name=f"Phần mềm {system_id}",
            system_id=system_id,
            organs=list(organs) or self.at.organs,
            rights=list(rights),
            now=self.at.clock.now(),
            **values,
        )
        self.keys.append(new)
        return new


@asynccontextmanager
async def serving(at: GatewayDesk, *, link: Link | None = None, **client: Any) -> AsyncIterator[Serving]:
    """The server of a gateway, on its free port; with `link` the agent's pump, too. `client` is for httpx."""
    stop = asyncio.Event()
    with opened(at.desk) as gateway:
        server = GatewayServer(gateway, look=0.05)
        work = server.run(stop) if link is None else at.agent.run(link, connectors=[server], stop=stop)
        running = asyncio.create_task(work)
        ready = asyncio.create_task(server.serving())
        try:
            await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            async with httpx.AsyncClient(base_url=server.url, timeout=30, **client) as asking:
                yield Serving(at, gateway, server, asking)
        finally:
            stop.set()
            ready.cancel()
            await running
