"""The native interface for tests: a gateway over a desk, called without a network, with keys and a document to send."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from agents.gateway.access import NewKey
from agents.gateway.app import build_app
from agents.gateway.callers import Right
from agents.gateway.rooms import Gateway
from agents.gateway.server import opened
from tests.support.envelopes import A_PDF, SENDER
from tests.support.gateway import BOTH, GatewayDesk, gateway_desk
from tests.support.hub_desk import H41

API: Final = "/api/v1"
PROBLEM: Final = "application/problem+json"


@dataclass(slots=True)
class RestHouse:
    """`client` speaks with a key for everything; `call` speaks with any."""

    at: GatewayDesk
    gateway: Gateway
    client: httpx.AsyncClient
    keys: dict[str, NewKey] = field(default_factory=dict)

    def key(
        self, system_id: str = "qlvb", *, organs: Iterable[str] = (), rights: Iterable[Right] = BOTH, **changes: Any
    ) -> NewKey:
        """The key of a system, made when there is none yet."""
        if system_id not in self.keys:
            self.keys[system_id] = self.gateway.access.add(
                name=system_id,
                system_id=system_id,
                organs=list(organs) or self.at.organs,
                rights=list(rights),
                now=self.at.clock.now(),
                **changes,
            )
        return self.keys[system_id]

    async def call(self, method: str, path: str, *, key: NewKey | None = None, **request: Any) -> httpx.Response:
        """With the key of `qlvb`, or another."""
        headers = {"Authorization": f"Bearer {(key or self.key()).token}"} | dict(request.pop("headers", {}))
        return await self.client.request(method, API + path, headers=headers, **request)

    async def get(self, path: str, **request: Any) -> httpx.Response:
        return await self.call("GET", path, **request)

    async def post(self, path: str, **request: Any) -> httpx.Response:
        return await self.call("POST", path, **request)


@asynccontextmanager
async def rest_house(folder: Path, *, agent: str = "nghean", **gateway: Any) -> AsyncIterator[RestHouse]:
    """`gateway` are settings of `[gateway]`."""
    with gateway_desk(folder, agent=agent, **gateway) as at, opened(at.desk) as rooms:
        transport = httpx.ASGITransport(app=build_app(rooms), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
            yield RestHouse(at, rooms, client)
        rooms.stopping.set()
        await asyncio.sleep(0)


def metadata(number: str = "12", *, sender: str = H41, to: str = SENDER, **changes: Any) -> dict[str, Any]:
    """A draft's metadata."""
    return {
        "from": {"organ_id": sender},
        "to": [{"organ_id": to}],
        "code": {"code_number": number, "code_notation": "UBND"},
        "subject": "Về việc thử nghiệm giao diện",
        **changes,
    }


def as_json(values: dict[str, Any], **files: bytes) -> dict[str, Any]:
    """The JSON body of a submission; a file's name has `_` for its dot."""
    return {
        "metadata": values,
        "files": [
            {"name": name.replace("_", "."), "content": base64.b64encode(content).decode()}
            for name, content in files.items()
        ],
    }


def one_file(**changes: Any) -> dict[str, Any]:
    return as_json(metadata(**changes), congvan_pdf=A_PDF)


def problem_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem details of an answer that must be this problem, in both languages."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"urn:vn:truc-lien-thong:problem:{code}", told
    assert told["status"] == status
    assert all(told[each] for each in ("title", "detail", "title_en", "detail_en"))
    return told
