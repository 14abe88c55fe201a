"""Document systems that speak the VXP dialect, byte for byte, to gateways that run as processes on a real RabbitMQ.

VPCP writes to three organs, two of which one agent serves; each takes the letter in its own way, and VPCP hears of it.
"""

import asyncio
import contextlib
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from agents.gateway.access import AccessStore
from agents.gateway.callers import Right
from edxml_schemas import codec
from edxml_schemas.model import Document, ResponseFor
from router.adapters.amqp import AmqpBroker
from tests.support import hub_desk
from tests.support.agency import AGENT_NAMES, Fixed, SmallHub, running, settings_of
from tests.support.broker import PrivateBroker, free_port
from tests.support.broker_fixture import empty, needs_rabbitmq
from tests.support.envelopes import SENDER, a_document, a_status, an_attachment, an_organ, envelope_bytes
from tests.support.hub_desk import H14, H41, RENAMED
from tests.support.vxp_client import Answer, VxpClient
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq

ORGANS = {"vpcp": [SENDER], "nghean": [H41, RENAMED], "caobang": [H14]}
THREE = (H41, H14, RENAMED)
DOCUMENT_ID = f"{SENDER},2026/09/30,7816/VPCP"


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateBroker]:
    needs_rabbitmq()
    with PrivateBroker(agents=AGENT_NAMES) as broker:
        yield broker


@dataclass(slots=True)
class Agency:
    """An agent with its gateway as one process, and the service objects of its document system."""

    name: str
    folder: Path
    port: int
    secret: str = ""
    process: "subprocess.Popen[bytes] | None" = None
    clients: list[VxpClient] = field(default_factory=list)

    def start(self) -> None:
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agents.cli", "gateway", "--config", str(self.folder / "agent.toml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "gateway.log").read_text("utf-8")
        return await asyncio.to_thread(self._answers)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def client(self, *, age: timedelta = timedelta(0), secret: str = "") -> VxpClient:
        created = datetime.now(UTC) - age
        client = VxpClient("127.0.0.1", self.port, f"vxp.{self.name}", secret or self.secret, created)
        self.clients.append(client)
        return client

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(20)

    def end(self) -> None:
        for client in self.clients:
            client.close()
        if self.process is not None and self.process.poll() is None:
            self.kill()


def founded(name: str, hub: hub_desk.Desk, folder: Path, node: PrivateBroker) -> Agency:
    """An agency with its settings on disk and a key for its document system."""
    settings = settings_of(name, hub, folder, organs=ORGANS[name])
    made = Agency(name, folder / name, free_port())
    values = settings.model_dump(mode="json", exclude={"amqp_url", "blob_token", "blob_url"}, exclude_none=True)
    values |= {"amqp_url": node.agent_url(name), "resend_after": 5, "gateway": {"port": made.port}}
    (made.folder / "agent.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
    access = AccessStore.open(settings.spool)
    rights = (Right.SEND, Right.RECEIVE)
    key = access.add(name="QLVB", system_id=f"vxp.{name}", organs=ORGANS[name], rights=rights, now=datetime.now(UTC))
    access.close()
    made.secret = key.secret
    return made


@pytest.fixture
async def country(tmp_path: Path, node: PrivateBroker) -> AsyncIterator[dict[str, Agency]]:
    """The hub and three agencies, all running."""
    await empty(node)
    hub = hub_desk.Desk()
    agencies = {name: founded(name, hub, tmp_path, node) for name in ORGANS}
    broker = AmqpBroker(node.hub_url, clock=Fixed())
    try:
        for each in agencies.values():
            each.start()
        async with running(SmallHub(hub, broker).run()):
            for each in agencies.values():
                await until(each.ready, patience=60)
            yield agencies
    finally:
        for each in agencies.values():
            each.end()
        with contextlib.suppress(Exception):
            await broker.close()


@pytest.fixture
async def agency(tmp_path: Path, node: PrivateBroker) -> AsyncIterator[Agency]:
    """One agency without a hub: what it is told, it keeps."""
    made = founded("vpcp", hub_desk.Desk(), tmp_path, node)
    made.start()
    try:
        await until(made.ready, patience=60)
        yield made
    finally:
        made.end()


def a_letter(**changes: Any) -> bytes:
    """As a document system that cannot sign writes it."""
    document = a_document(recipients=tuple(an_organ(each) for each in THREE), document_id=DOCUMENT_ID, **changes)
    return envelope_bytes(document)


async def told(call: Callable[..., Answer], *arguments: Any, **named: Any) -> dict[str, Any]:
    """The members of an answer that is a success."""
    members = (await asyncio.to_thread(call, *arguments, **named)).members
    assert members["status"] == "OK", members
    return members


def has(client: VxpClient, count: int, messagetype: str = "edoc") -> Callable[[], Awaitable[bool]]:
    """Whether so many documents, or statuses, are listed."""

    async def listed() -> bool:
        return len((await told(client.received, messagetype))["data"]) == count

    return listed


async def test_a_letter_to_three_organs_is_listed_fetched_marked_and_answered(country: dict[str, Agency]) -> None:
    vpcp, nghean, caobang = (country[name].client(age=timedelta(days=2)) for name in ORGANS)
    doc_id = (await told(vpcp.send, a_letter(), sender=SENDER, to=list(THREE)))["DocId"]
    assert (await told(vpcp.send, a_letter(), sender=SENDER, to=list(THREE)))["DocId"] == doc_id

    await until(has(nghean, 2))
    await until(has(caobang, 1))
    came = {row["to"]: row["docId"] for row in (await told(nghean.received))["data"]}
    assert set(came) == {H41, RENAMED}
    ((caobang_id, sender),) = [(row["docId"], row["from"]) for row in (await told(caobang.received))["data"]]
    assert sender == SENDER

    envelopes = [await asyncio.to_thread(nghean.envelope, each) for each in came.values()]
    envelopes.append((await asyncio.to_thread(caobang.download, caobang_id)).body)
    assert len(set(envelopes)) == 1
    decoded = codec.decode(envelopes[0])
    assert isinstance(decoded, codec.Decoded)
    assert isinstance(decoded.envelope, Document)
    assert (decoded.envelope.document_id, decoded.envelope.subject) == (DOCUMENT_ID, a_document().subject)
    assert [each.encoded for each in decoded.envelope.attachments] == [an_attachment().encoded]
    assert envelopes[0] != a_letter()  # the agent has signed it and vouches for it

    await told(nghean.mark, came[H41], "processing")
    await told(nghean.mark, came[H41], "done")
    await told(nghean.mark, came[RENAMED], "fail")
    about = ResponseFor(organ_id=SENDER, code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    received = envelope_bytes(a_status(sender=an_organ(H14), response_for=about))
    await told(caobang.send, received, sender=H14, messagetype="status")
    for client in (nghean, caobang):
        await until(has(client, 0))

    # 01 of H41, 02 of RENAMED; of H14, whose system said 03 by itself, 01 and 03.
    await until(has(vpcp, 4, "status"))
    rows = (await told(vpcp.received, "status"))["data"]
    assert sorted(row["from"] for row in rows) == sorted([H41, RENAMED, H14, H14])
    for row in rows:
        status = codec.decode(await asyncio.to_thread(vpcp.envelope, row["docId"]))
        assert isinstance(status, codec.Decoded)
        await told(vpcp.mark, row["docId"], "done")
    assert (await told(vpcp.count, "Status"))["count"] == 0

    sent = {row["toCode"]: row for row in (await told(vpcp.sent))["data"]}
    assert {row["senderDocId"] for row in sent.values()} == {doc_id}
    assert {row["sendStatus"] for row in sent.values()} == {"done"}
    assert sent[H41]["receiverDocId"] == came[H41]
    stages = {code: (row["receiveStatus"], row["receiveStatusDesc"][:2]) for code, row in sent.items()}
    assert stages == {H41: ("done", "01"), H14: ("done", "03"), RENAMED: ("fail", "02")}


async def test_a_letter_whose_answer_was_lost_with_the_gateway_is_sent_once(country: dict[str, Agency]) -> None:
    vpcp = country["vpcp"]
    doc_id = (await told(vpcp.client().send, a_letter(), sender=SENDER))["DocId"]
    await asyncio.to_thread(vpcp.kill)
    vpcp.start()
    await until(vpcp.ready, patience=60)
    assert (await told(vpcp.client().send, a_letter(), sender=SENDER))["DocId"] == doc_id
    await until(has(country["caobang"].client(), 1))
    await until(has(country["nghean"].client(), 2))


async def test_one_connection_carries_calls_of_every_kind(agency: Agency) -> None:
    client = agency.client(age=timedelta(days=6))
    await told(client.received)
    assert client.connection is not None
    kept = client.connection
    large = a_letter(attachments=(an_attachment(content=b"%PDF" + bytes(3_000_000)),))
    await told(client.send, large, sender=SENDER, chunked=True)
    await told(client.send, a_letter(subject="Thư khác"), sender=SENDER, expect=True)
    await told(client.sent)
    assert (await asyncio.to_thread(client.download, "khong-co")).body == b""
    assert (await asyncio.to_thread(client.agencies)).members["data"] == []  # no hub, no directory yet
    await told(client.count)
    assert client.connection is kept


async def test_a_client_with_a_wrong_secret_hears_so_even_while_it_is_still_sending(agency: Agency) -> None:
    client = agency.client(secret="sai")
    large = a_letter(attachments=(an_attachment(content=b"%PDF" + bytes(8_000_000)),))
    for chunked in (False, True):
        members = (await asyncio.to_thread(client.send, large, sender=SENDER, chunked=chunked)).members
        assert (members["ErrorCode"], members["DocId"]) == ("15", "")
    members = (await asyncio.to_thread(client.received)).members
    assert (members["ErrorCode"], members["data"]) == ("15", [])


async def test_what_is_not_even_http_gets_an_answer_or_an_end_and_others_go_on(agency: Agency) -> None:
    for broken in (
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /sendEdoc HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", agency.port)
        writer.write(broken)
        writer.write_eof()
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        writer.close()
    await told(agency.client().received)
