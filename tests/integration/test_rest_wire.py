"""The native interface from one agency to another, through gateways that run as processes on a real RabbitMQ.

The sender submits JSON with files; the recipient is woken by its event stream, leases, downloads and acknowledges, and
dies in between; both sides see what the other says.
"""

import asyncio
import base64
import contextlib
import hashlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import tomli_w

from agents.gateway.access import AccessStore
from agents.gateway.callers import Right
from router.adapters.amqp import AmqpBroker
from tests.support import hub_desk
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.broker import PrivateBroker, free_port
from tests.support.broker_fixture import empty, needs_rabbitmq
from tests.support.envelopes import A_PDF, SENDER
from tests.support.hub_desk import H41
from tests.support.rest_house import API, as_json, metadata
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq

ORGANS = {"vpcp": [SENDER], "nghean": [H41]}
PHU_LUC = b"Phu luc 1\n" * 1000


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateBroker]:
    needs_rabbitmq()
    with PrivateBroker(agents=AGENT_NAMES) as broker:
        yield broker


@dataclass(slots=True)
class Agency:
    """An agent with its gateway as one process, and its document system's client."""

    folder: Path
    client: httpx.AsyncClient
    process: "subprocess.Popen[bytes] | None" = None

    async def start(self) -> None:
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220  starting takes no time, and it is only waited for below
                [sys.executable, "-m", "agents.cli", "gateway", "--config", str(self.folder / "agent.toml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await until(self._ready)

    async def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "gateway.log").read_text("utf-8")
        with contextlib.suppress(httpx.TransportError):
            return (await self.client.get("/-/ready")).status_code == 200
        return False

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(20)

    async def get(self, path: str) -> Any:
        answered = await self.client.get(API + path)
        assert answered.status_code == 200, answered.text
        return answered.json()

    async def post(self, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Any:
        answered = await self.client.post(API + path, json=body, headers=headers)
        assert answered.status_code == status, answered.text
        return answered.json()

    async def waiting(self, kind: str = "document") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"/inbox?kind={kind}"))["items"]
        return found


def founded(name: str, hub: hub_desk.Desk, folder: Path, node: PrivateBroker) -> Agency:
    settings = settings_of(name, hub, folder, organs=ORGANS[name])
    port = free_port()
    values = settings.model_dump(mode="json", exclude={"amqp_url", "blob_token", "blob_url"}, exclude_none=True)
    gateway = {"port": port, "rest": {"heartbeat": 0.5}}
    values |= {"amqp_url": node.agent_url(name), "resend_after": 5, "gateway": gateway}
    (folder / name / "agent.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
    with AccessStore.open(settings.spool) as access:
        rights = (Right.SEND, Right.RECEIVE)
        key = access.add(name="QLVB", system_id=name, organs=ORGANS[name], rights=rights, now=datetime.now(UTC))
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key.token}"}, timeout=30
    )
    return Agency(folder / name, client)


@pytest.fixture
async def agencies(tmp_path: Path, node: PrivateBroker) -> AsyncIterator[dict[str, Agency]]:
    """Two agencies and the hub, all running."""
    await empty(node)
    hub = hub_desk.Desk()
    made = {name: founded(name, hub, tmp_path, node) for name in ORGANS}
    broker = AmqpBroker(node.hub_url, clock=Fixed())
    try:
        for each in made.values():
            await each.start()
        async with running(SmallHub(hub, broker).run()):
            yield made
    finally:
        for each in made.values():
            await each.client.aclose()
            if each.process is not None and each.process.poll() is None:
                each.end()
        with contextlib.suppress(Exception):
            await broker.close()


async def submitted(agency: Agency, number: str) -> str:
    """A document with two files, submitted twice under one key."""
    body = as_json(metadata(number, sender=SENDER, to=H41), congvan_pdf=A_PDF, phuluc_txt=PHU_LUC)
    headers = {"Idempotency-Key": f"van-ban-{number}"}
    first = await agency.post("/documents", body, status=202, **headers)
    assert await agency.post("/documents", body, status=202, **headers) == first
    return str(first["submission_id"])


async def heard(agency: Agency, sent: str, *wanted: str) -> dict[str, Any]:
    """The submission once its recipient has said all that is wanted."""
    found: dict[str, Any] = {}

    async def there() -> bool:
        found.update(await agency.get(f"/documents/{sent}"))
        return {each["status_code"] for each in found["statuses"]} >= set(wanted)

    await until(there)
    return found


async def test_a_document_goes_from_system_to_system_and_is_asked_back(agencies: dict[str, Agency]) -> None:
    vpcp, nghean = agencies["vpcp"], agencies["nghean"]
    async with nghean.client.stream("GET", f"{API}/events") as events:
        lines = events.aiter_lines()
        assert (await anext(lines)).startswith("retry:")
        sent = await submitted(vpcp, "7816")
        async with asyncio.timeout(30):
            hint = orjson.loads((await _first(lines, "data: "))[6:])
    assert (hint["kind"], hint["organ"]) == ("inbox", H41)
    leg = hint["leg_id"]

    (item,) = await nghean.waiting()
    assert (item["leg_id"], item["from"], item["code"]) == (leg, SENDER, "7816/UBND")
    assert (await nghean.post(f"/inbox/{leg}/lease", {"seconds": 600}))["item"]["state"] == "processing"
    nghean.end()  # the document system's agent dies with the lease in its hand
    await nghean.start()
    assert [each["state"] for each in await nghean.waiting()] == ["processing"]

    envelope = await nghean.client.get(f"{API}/inbox/{leg}/envelope")
    assert hashlib.sha256(envelope.content).hexdigest() == item["digest"]
    files = (await nghean.get(f"/inbox/{leg}/files"))["files"]
    assert [each["name"] for each in files] == ["congvan.pdf", "phuluc.txt"]
    contents = [(await nghean.client.get(f"{API}/inbox/{leg}/files/{each['number']}")).content for each in files]
    assert contents == [A_PDF, PHU_LUC]
    assert (await nghean.post(f"/inbox/{leg}/ack"))["repeated"] is False
    assert await nghean.waiting() == []

    await nghean.post(f"/inbox/{leg}/statuses", {"status_code": "03", "reason": "Đã vào sổ"}, status=202)
    told = await heard(vpcp, sent, "01", "03")
    assert told["state"] == "accepted"
    assert told["digest"] == item["digest"]
    assert {each["kind"] for each in told["receipts"]} >= {"accepted", "delivered"}
    assert all(each["signed_by"] for each in told["receipts"])
    assert "Đã vào sổ" in [each["description"] for each in told["statuses"]]

    asked = {"recipient": H41, "reason": "Ban hành nhầm"}
    await vpcp.post(f"/documents/{sent}/recall", asked, status=202, **{"Idempotency-Key": "thu-hoi"})

    async def asked_back() -> bool:
        return [each["status_code"] for each in (await nghean.get(f"/inbox/{leg}"))["heard"]] == ["13"]

    await until(asked_back)
    (recall,) = await nghean.waiting("status")
    assert (recall["status_code"], recall["about_leg"]) == ("13", leg)
    await nghean.post(f"/inbox/{recall['leg_id']}/ack")
    await nghean.post(f"/inbox/{leg}/statuses", {"status_code": "15"}, status=202)
    await heard(vpcp, sent, "01", "03", "15")


async def test_a_failure_and_a_webhook_and_a_stop_in_good_order(agencies: dict[str, Agency]) -> None:
    vpcp, nghean = agencies["vpcp"], agencies["nghean"]
    assert (await nghean.get("/whoami"))["organs"] == [{"organ_id": H41, "name": f"Cơ quan {H41}"}]
    hook = await nghean.post("/webhooks", {"url": "https://127.0.0.1:1/"}, status=201)
    sent = await submitted(vpcp, "7817")
    await until(lambda: _any(nghean))
    (item,) = await nghean.waiting()
    await nghean.post(f"/inbox/{item['leg_id']}/fail", {"reason": "Gửi nhầm nơi nhận"})
    told = await heard(vpcp, sent, "02")
    assert "Gửi nhầm nơi nhận" in [each["description"] for each in told["statuses"]]

    async def barred() -> bool:
        (shown,) = (await nghean.get("/webhooks"))["webhooks"]
        return shown["webhook_id"] == hook["webhook_id"] and "loopback" in shown["problem"]

    await until(barred)
    async with nghean.client.stream("GET", f"{API}/events") as events:
        assert events.status_code == 200
        assert await asyncio.to_thread(nghean.end, signal.SIGTERM) == 0
        assert [line async for line in events.aiter_lines()]
    log = (nghean.folder / "gateway.log").read_text("utf-8")
    assert "Traceback" not in log
    assert "Gửi nhầm" not in log
    assert base64.b64encode(A_PDF).decode() not in log


async def _first(lines: AsyncIterator[str], start: str) -> str:
    async for line in lines:
        if line.startswith(start):
            return line
    raise EOFError(start)


async def _any(agency: Agency) -> bool:
    return bool(await agency.waiting())
