"""A gateway without a network: the agent `nghean` with its rooms, and service objects that call it directly."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from agents.desk import Desk
from agents.gateway.access import NewKey
from agents.gateway.app import build_app
from agents.gateway.callers import Right
from agents.gateway.rooms import Gateway
from agents.gateway.server import opened
from agents.gateway.settings import GatewaySettings
from agents.intake import Intake
from agents.ports import Incoming
from agents.spool import Spool
from edxml_schemas.contract import MessageType, Urgency, bundled
from edxml_schemas.model import Envelope
from edxml_schemas.receipts import Receipt, ReceiptKind, ReceiptLeg, encode_receipt
from tests.support import hub_desk
from tests.support.agency import settings_of
from tests.support.envelopes import SENDER
from tests.support.hub_desk import H41, NOW, RENAMED
from tests.support.vxp_client import Answer, Header, VxpClient

BOTH = (Right.SEND, Right.RECEIVE)


@dataclass(slots=True)
class Hands:
    """A clock that is set by the test."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class DirectClient(VxpClient):
    """A service object whose requests go straight into the application."""

    app: ASGIApp | None = None

    def exchange(
        self,
        method: str,
        path: str,
        headers: Sequence[Header],
        body: bytes | None,
        *,
        chunked: bool = False,
        expect: bool = False,
    ) -> Answer:
        assert self.app is not None
        assert not expect
        return asyncio.run(_exchange(self.app, method, path, headers, body, chunked=chunked))


async def _exchange(
    app: ASGIApp, method: str, path: str, headers: Sequence[Header], body: bytes | None, *, chunked: bool
) -> Answer:
    async def pieces() -> AsyncIterator[bytes]:
        yield body or b""

    raw = [(name.encode(), value.encode()) for name, value in headers]
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.request(method, path, headers=raw, content=pieces() if chunked else body)
        return Answer(response.status_code, dict(response.headers), response.content)


@dataclass(slots=True)
class House:
    """The gateway of an agent that speaks for `H41` and `RENAMED`."""

    gateway: Gateway
    hub: hub_desk.Desk
    clock: Hands
    app: ASGIApp
    keys: dict[str, NewKey] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        return self.gateway.desk

    def client(
        self,
        system_id: str = "vxp.saas.02",
        *,
        organs: Sequence[str] = (H41,),
        rights: Sequence[Right] = BOTH,
        secret: str = "",
        **changes: Any,
    ) -> DirectClient:
        """A new service object of a system, whose key is made when there is none yet."""
        if system_id not in self.keys:
            self.keys[system_id] = self.gateway.access.add(
                name=system_id, system_id=system_id, organs=organs, rights=rights, now=self.clock.at, **changes
            )
        return DirectClient(
            "localhost", 0, system_id, secret or self.keys[system_id].secret, self.clock.at, app=self.app
        )

    def deliver(self, envelope: Envelope, *, leg: str, recipient: str = H41, content: bytes = b"") -> bytes:
        """What came from the hub on a leg; its bytes."""
        data = content or self.hub.signed(envelope)
        kind = MessageType.STATUS if hasattr(envelope, "status_code") else MessageType.DOCUMENT
        self._keep(kind, data, leg=leg, recipient=recipient)
        return data

    def receipt(self, submission_id: str, kind: ReceiptKind, *recipients: str, findings: tuple[Any, ...] = ()) -> None:
        """The hub's word on a submission, about all recipients or about one leg."""
        submission = self.desk.spool.submission(submission_id)
        receipt = Receipt(
            receipt_id=f"{submission_id}-{kind.value}-{'-'.join(recipients)}",
            kind=kind,
            message_id="m-1",
            submission_id=submission_id,
            message_type="edoc",
            digest=submission.digest if submission else "0" * 64,
            size=1,
            received_at=self.clock.at,
            decided_at=self.clock.at,
            legs=tuple(ReceiptLeg(recipient=each, leg_id=f"leg-{each}") for each in recipients),
            findings=findings,
        )
        self._keep(MessageType.RECEIPT, bundled((encode_receipt(receipt),)))

    def pass_time(self, time: timedelta) -> None:
        self.clock.at += time

    def _keep(self, kind: MessageType, data: bytes, *, leg: str = "", recipient: str = "") -> None:
        desk = self.desk
        incoming = Incoming(
            type=kind,
            urgency=Urgency.NORMAL,
            message_id=f"m-{leg}",
            leg_id=leg,
            recipient=recipient,
            sender=SENDER,
            digest=hashlib.sha256(data).hexdigest(),
            size=len(data),
            body=data,
        )
        Intake(desk.settings, desk.spool, keyring=desk.keyring, clock=desk.clock, log=desk.log).keep(incoming, data)


@cache
def _hub() -> hub_desk.Desk:
    """One for all: only its keys are used, and keys take their time to make."""
    return hub_desk.Desk()


@contextmanager
def a_house(folder: Path, **gateway: Any) -> Iterator[House]:
    """`gateway` are settings of `[gateway]`."""
    hub, clock = _hub(), Hands()
    settings = settings_of("nghean", hub, folder, organs=[H41, RENAMED]).model_copy(
        update={"gateway": GatewaySettings(**gateway)}
    )
    with ExitStack() as open_things:
        spool = open_things.enter_context(Spool.open(settings.spool))
        rooms = open_things.enter_context(opened(Desk(settings, spool, clock=clock)))
        yield House(gateway=rooms, hub=hub, clock=clock, app=build_app(rooms))
