"""A document system that speaks dialect B, as strict as the strictest: an answer with a member too many or too few is
no answer. And a gateway for it to speak to, without a server.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict
from starlette.types import ASGIApp

from agents.agent import Agent
from agents.gateway.access import NewKey
from agents.gateway.app import build_app
from agents.gateway.callers import Right
from agents.gateway.rooms import Gateway
from agents.gateway.server import opened
from agents.gateway.settings import GatewaySettings
from agents.spool import Spool
from edxml_schemas.model import Envelope
from tests.support import hub_desk
from tests.support.agency import settings_of
from tests.support.envelopes import SENDER
from tests.support.gateway import GatewayDesk, HandClock
from tests.support.hub_desk import H14, H41

USERNAME: Final = "qlvb-tinh"
ORGANS: Final = (SENDER, H41, H14)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class LoginData(_Strict):
    token: str | None
    id: str | None
    username: str | None
    name: str | None


class LoginAnswer(_Strict):
    code: int
    message: str
    data: LoginData


class SentAnswer(_Strict):
    success: Literal[True]
    message: str
    docId: str  # noqa: N815  the dialect's name


class SendError(_Strict):
    docId: None  # noqa: N815  the dialect's name
    status: str
    errorCode: str | None  # noqa: N815  the dialect's name
    errorDesc: str  # noqa: N815  the dialect's name


class NotSentAnswer(_Strict):
    success: Literal[False]
    message: str
    data: SendError


class ListRow(_Strict):
    docId: str  # noqa: N815  the dialect's name
    serviceType: str  # noqa: N815  the dialect's name
    messageType: str  # noqa: N815  the dialect's name
    from_: str
    to: str
    status: Literal["initial", "processing", "done", "fail"]
    statusDesc: str  # noqa: N815  the dialect's name
    createdTime: str  # noqa: N815  the dialect's name
    updatedTime: str  # noqa: N815  the dialect's name

    model_config = ConfigDict(alias_generator=lambda name: name.rstrip("_"))


class ListAnswer(_Strict):
    success: bool
    message: str
    count: int
    data: list[ListRow]


class File(_Strict):
    fileName: str  # noqa: N815  the dialect's name
    fileContent: str  # noqa: N815  the dialect's name


class DocumentData(_Strict):
    docId: str | None  # noqa: N815  the dialect's name
    from_: str | None
    fromName: str | None  # noqa: N815  the dialect's name
    edocCode: str | None  # noqa: N815  the dialect's name
    edocAbstract: str | None  # noqa: N815  the dialect's name
    edxml: str | None
    attachments: list[File]

    model_config = ConfigDict(alias_generator=lambda name: name.rstrip("_"))


class DocumentAnswer(_Strict):
    success: bool
    message: str
    data: DocumentData


class MarkAnswer(_Strict):
    success: bool
    message: str


class Agency(_Strict):
    orgCode: str  # noqa: N815  the dialect's name
    orgName: str  # noqa: N815  the dialect's name
    parentCode: str  # noqa: N815  the dialect's name
    address: str
    email: str
    phone: str


class AgenciesAnswer(_Strict):
    code: Literal[200]
    data: list[Agency]


class NoAgenciesAnswer(_Strict):
    code: int
    message: str
    data: list[Agency]


Said = TypeVar("Said", bound=_Strict)


@dataclass(slots=True)
class LgspClient:
    """One organ's connection: the installation's login, the organ's pair. `status` is that of the last answer."""

    http: httpx.AsyncClient
    username: str
    password: str = field(repr=False)
    system_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    async def login(self) -> LoginAnswer:
        body = {
            "username": self.username,
            "password": self.password,
            "applicationCode": "QLVB",
            "otp": None,
            "twoFactorProvider": None,
            "typeObjs": [0, 1],
        }
        answer = await self.http.post("/v1/auth/login?allow_anonymous=true", json=body)
        said = self._said(answer, LoginAnswer)
        self.token = said.data.token or ""
        return said

    async def send(
        self, content: bytes, kind: str = "edoc", *, file_name: str = "vb.edxml"
    ) -> SentAnswer | NotSentAnswer:
        files = {"edocFile": (file_name, content, "application/xml")}
        return self.sent(
            await self.http.post("/v1/sendEdoc", files=files, data={"messageType": kind}, headers=self.keys())
        )

    def sent(self, answer: httpx.Response) -> SentAnswer | NotSentAnswer:
        good = answer.json().get("success") is True
        return self._said(answer, SentAnswer) if good else self._said(answer, NotSentAnswer)

    async def received(self, kind: str = "edoc", first: str = "", last: str = "") -> ListAnswer:
        asked = {"messageType": kind, "fromDate": first, "toDate": last}
        return self._said(await self._get("syncReceivedEdocList", asked), ListAnswer)

    async def fetch(self, doc_id: str) -> DocumentAnswer:
        return self._said(await self._get("getEdoc", {"docId": doc_id}), DocumentAnswer)

    async def mark(self, doc_id: object, status: object, **more: object) -> MarkAnswer:
        body = {"docId": doc_id, "status": status, **more}
        answer = await self.http.post("/v1/updateStatus", json=body, headers=self.keys())
        return self._said(answer, MarkAnswer)

    async def agencies(self) -> AgenciesAnswer | NoAgenciesAnswer:
        answer = await self.http.get("/v1/getAgenciesList", headers={"Authorization": f"Bearer {self.token}"})
        good = answer.json().get("code") == 200
        return self._said(answer, AgenciesAnswer) if good else self._said(answer, NoAgenciesAnswer)

    def keys(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "X-SystemId": self.system_id,
            "X-SecretKey": self.secret,
        }

    async def _get(self, call: str, asked: Mapping[str, str]) -> httpx.Response:
        return await self.http.get(f"/v1/{call}", params=dict(asked), headers=self.keys())

    def _said(self, answer: httpx.Response, shape: type[Said]) -> Said:
        self.status, self.headers = answer.status_code, answer.headers
        assert answer.headers["content-type"] == "application/json; charset=utf-8", answer.text
        return shape.model_validate_json(answer.content)


@dataclass(slots=True)
class House:
    """An agent of three organs with its gateway open, and keys for it."""

    at: GatewayDesk
    gateway: Gateway
    app: ASGIApp
    http: httpx.AsyncClient
    installation: NewKey

    @property
    def hub(self) -> hub_desk.Desk:
        return self.at.hub

    @property
    def spool(self) -> Spool:
        return self.at.spool

    @property
    def clock(self) -> HandClock:
        return self.at.clock

    def add_key(self, system_id: str, *organs: str, **changes: Any) -> NewKey:
        values: dict[str, Any] = {
            "name": f"QLVB {system_id}",
            "rights": [Right.SEND, Right.RECEIVE],
            "per_minute": 6000,
            "now": self.clock.now(),
        }
        return self.gateway.access.add(system_id=system_id, organs=organs, **(values | changes))

    async def client(self, system_id: str, *organs: str, **changes: Any) -> LgspClient:
        """A client with a pair of its own, logged in."""
        key = self.add_key(system_id, *organs, **changes)
        client = LgspClient(self.http, USERNAME, self.installation.password, key.system_id, key.secret)
        await client.login()
        return client

    def deliver(self, what: Envelope | bytes, recipient: str = H41) -> str:
        """Something from the hub, durable in the spool. Returns its leg id."""
        return self.at.deliver(what, recipient=recipient)


@asynccontextmanager
async def a_house(folder: Path, **settings: Any) -> AsyncIterator[House]:
    """`settings` are of the gateway. Make the slow hash cheap first (`tests.support.access`)."""
    hub, clock, table = hub_desk.Desk(), HandClock(), GatewaySettings(**settings)
    own = settings_of("vpcp", hub, folder, organs=ORGANS).model_copy(update={"gateway": table})
    with Spool.open(own.spool) as spool:
        agent = Agent(own, spool, clock=clock)
        with opened(agent.desk) as gateway:
            installation = gateway.access.add(
                name="Phần mềm QLVB tỉnh",
                system_id="installation",
                organs=ORGANS,
                rights=[Right.READ],
                per_minute=6000,
                username=USERNAME,
                now=clock.now(),
            )
            app = build_app(gateway)
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as http:
                yield House(GatewayDesk(hub, agent, gateway.office, clock), gateway, app, http, installation)
