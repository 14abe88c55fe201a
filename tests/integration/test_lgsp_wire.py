"""A province's document systems speak dialect B to running gateways, with a real broker and the hub's real decisions
between them: the whole way of a document to three organs and of what they say of it back.
"""

import asyncio
import base64
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import tomli_w

from agents.gateway.access import AccessStore
from agents.gateway.callers import Right
from agents.gateway.directory import Directory
from agents.gateway.lgsp.marking import DEFAULT_REASON
from agents.packaging import VIETNAM
from agents.settings import load_settings
from agents.spool import Spool
from edxml_schemas.model import StatusMessage
from router.adapters.amqp import AmqpBroker
from tests.support import hub_desk
from tests.support.agency import AGENT_NAMES, RENAMED, Fixed, SmallHub, running, settings_of
from tests.support.broker import PrivateBroker, free_port
from tests.support.broker_fixture import empty, needs_rabbitmq
from tests.support.envelopes import A_PDF, SENDER, a_document, a_status, an_organ, envelope_bytes
from tests.support.hub_desk import H14, H41
from tests.support.lgsp_client import AgenciesAnswer, LgspClient, SentAnswer
from tests.support.organ_lists import SMALL, refill
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq
USER = "qlvb"
PATIENCE = 60.0  # seconds for a message to travel
NAMES = ("vpcp", "nghean", "caobang")


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateBroker]:
    needs_rabbitmq()
    with PrivateBroker(agents=AGENT_NAMES) as broker:
        yield broker


@dataclass(slots=True)
class Province:
    """Agents with gateways, each a process of its own, and the document systems' connections to them."""

    folder: Path
    node: PrivateBroker
    hub: hub_desk.Desk = field(default_factory=hub_desk.Desk)
    alive: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def configure(self, name: str) -> None:
        settings = settings_of(name, self.hub, self.folder, amqp_url=self.node.agent_url(name))
        port = free_port()
        self.urls[name] = f"http://127.0.0.1:{port}"
        values = settings.model_dump(mode="json", exclude={"amqp_url", "blob_token", "blob_url"}, exclude_none=True)
        values |= {"resend_after": 5, "amqp_url": self.node.agent_url(name), "gateway": {"port": port}}
        (self.folder / name / "agent.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
        with AccessStore.open(settings.spool) as store:
            login = store.add(
                name=f"QLVB {name}",
                system_id=f"{name}.installation",
                organs=[organ.organ_id for organ in settings.organs],
                rights=[Right.READ],
                username=USER,
                now=datetime.now(UTC),
            )
            self.passwords[name] = login.password

    def spool(self, name: str) -> Spool:
        return Spool.open(load_settings(self.folder / name).spool)

    async def start(self, name: str) -> None:
        """Returns when the gateway is ready."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.alive[name] = subprocess.Popen(  # noqa: ASYNC220  starting takes no time, and it is only waited for below
                [sys.executable, "-m", "agents.cli", "gateway", "--config", str(self.folder / name / "agent.toml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

        async def ready() -> bool:
            assert self.alive[name].poll() is None, (self.folder / f"{name}.log").read_text("utf-8")
            async with httpx.AsyncClient() as asking:
                with contextlib.suppress(httpx.HTTPError):
                    return (await asking.get(f"{self.urls[name]}/-/ready")).status_code == 200
            return False

        await until(ready, patience=PATIENCE)

    def end(self, name: str, how: signal.Signals) -> int:
        process = self.alive.pop(name)
        process.send_signal(how)
        return process.wait(30)

    async def system(self, name: str, organ: str) -> LgspClient:
        """The document system of an organ: a pair for that organ alone, logged in at its agent."""
        with AccessStore.open(load_settings(self.folder / name).spool) as store:
            rights = [Right.SEND, Right.RECEIVE]
            key = store.add(name=organ, system_id=f"qlvb.{organ}", organs=[organ], rights=rights, now=datetime.now(UTC))
        http = httpx.AsyncClient(base_url=self.urls[name], timeout=30)
        self.clients.append(http)
        system = LgspClient(http, USER, self.passwords[name], key.system_id, key.secret)
        assert (await system.login()).code == 200
        return system

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()
        for name in list(self.alive):
            self.end(name, signal.SIGKILL)


@pytest.fixture
async def province(tmp_path: Path, node: PrivateBroker) -> AsyncIterator[Province]:
    await empty(node)
    made = Province(tmp_path, node)
    for name in NAMES:
        made.configure(name)
    yield made
    await made.close()


@asynccontextmanager
async def hub_of(province: Province) -> AsyncIterator[None]:
    broker = AmqpBroker(province.node.hub_url, clock=Fixed())
    async with running(SmallHub(province.hub, broker).run()):
        yield
    with contextlib.suppress(Exception):
        await broker.close()


def days() -> tuple[str, str]:
    """Yesterday and tomorrow in Vietnam, as the dialect writes them."""
    today = datetime.now(VIETNAM)
    first, last = today - timedelta(days=1), today + timedelta(days=1)
    return first.strftime("%Y/%m/%d"), last.strftime("%Y/%m/%d")


async def only_document(system: LgspClient) -> str:
    """The docId of the one document that waits, as soon as it does."""
    found: list[str] = []

    async def there() -> bool:
        found[:] = [each.docId for each in (await system.received("edoc", *days())).data]
        return bool(found)

    await until(there, patience=PATIENCE)
    (doc_id,) = found
    return doc_id


async def statuses_at(system: LgspClient, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What came back to the sender as (organ, code), with each docId, when all of it is there."""
    found: dict[tuple[str, str], str] = {}

    async def all_there() -> bool:
        for each in (await system.received("status")).data:
            if each.docId not in found.values():
                edxml = (await system.fetch(each.docId)).data.edxml or ""
                code = edxml.partition("StatusCode>")[2][:2]
                found[each.from_, code] = each.docId
        return set(found) >= wanted

    try:
        await until(all_there, patience=PATIENCE)
    except TimeoutError:
        pytest.fail(f"{wanted - set(found)} did not come")
    return found


async def test_a_document_goes_to_three_organs_and_their_words_come_back(province: Province) -> None:
    for name in NAMES:
        await province.start(name)
    vpcp = await province.system("vpcp", SENDER)
    homes = {H41: "nghean", RENAMED: "nghean", H14: "caobang"}
    systems = {organ: await province.system(name, organ) for organ, name in homes.items()}
    offered = envelope_bytes(a_document(recipients=tuple(map(an_organ, systems))))
    async with hub_of(province):
        # The sender: an envelope that its system cannot sign, sent twice because an answer was lost.
        sent = await vpcp.send(offered, file_name="../Công văn 7816.xml")
        assert isinstance(sent, SentAnswer)
        assert await vpcp.send(offered) == sent

        # Three recipients: listed, fetched, byte for byte as it was signed.
        legs = {organ: await only_document(system) for organ, system in systems.items()}
        with province.spool("vpcp") as spool:
            submission = spool.submission(sent.docId)
            assert submission is not None
            signed = spool.envelope(submission.digest)
        for organ, system in systems.items():
            fetched = (await system.fetch(legs[organ])).data
            assert (fetched.edxml or "").encode() == signed
            assert (fetched.from_, fetched.edocCode) == (SENDER, "7816/VPCP-TTĐT")
            assert [base64.b64decode(each.fileContent) for each in fetched.attachments] == [A_PDF]
            assert [each.status for each in (await system.received("edoc", *days())).data] == ["processing"]
        assert not (await systems[H41].fetch(legs[RENAMED])).success
        assert not (await systems[H41].fetch(legs[H14])).success

        # One works with codes, one refuses without a reason, one sends a status of its own making.
        for status in ("done", "03", "05", "06"):
            assert (await systems[H41].mark(legs[H41], status)).success
        assert (await systems[RENAMED].mark(legs[RENAMED], "fail")).success
        assert (await systems[H14].mark(legs[H14], "processing")).success
        assert isinstance(await systems[H14].send(envelope_bytes(own_status()), "status"), SentAnswer)
        listed = {organ: (await system.received("edoc", *days())).data for organ, system in systems.items()}
        states = {organ: [each.status for each in rows] for organ, rows in listed.items()}
        assert states == {H41: ["done"], RENAMED: ["fail"], H14: ["done"]}
        assert [(await system.received()).count for system in systems.values()] == [0, 0, 0]

        # And back.
        words = {(H41, "01"), (H41, "03"), (H41, "05"), (H41, "06"), (RENAMED, "02"), (H14, "01"), (H14, "03")}
        came = await statuses_at(vpcp, words)
        assert set(came) == words
        assert (await vpcp.fetch(came[RENAMED, "02"])).data.edocAbstract == DEFAULT_REASON
        for doc_id in came.values():
            assert (await vpcp.mark(doc_id, "done")).success
        assert (await vpcp.received("status")).count == 0
        assert {each.status for each in (await vpcp.received("status", *days())).data} == {"done"}


def own_status() -> StatusMessage:
    """Status 03 of Cao Bằng, as a document system writes it."""
    return a_status(sender=an_organ(H14), status_code="03", description="Văn thư đã vào sổ", staff_info=None)


async def test_a_killed_gateway_forgets_neither_documents_nor_logins(province: Province) -> None:
    await province.start("vpcp")
    vpcp = await province.system("vpcp", SENDER)
    offered = [envelope_bytes(a_document(document_id=f"{SENDER},2026/09/30,{number}")) for number in range(3)]
    first = [await vpcp.send(each) for each in offered]
    await asyncio.to_thread(province.end, "vpcp", signal.SIGKILL)
    with pytest.raises(httpx.TransportError):
        await vpcp.send(offered[0])
    await province.start("vpcp")
    assert [await vpcp.send(each) for each in offered] == first
    with province.spool("vpcp") as spool:
        assert len(spool.find_submissions()) == 3
    assert await asyncio.to_thread(province.end, "vpcp", signal.SIGTERM) == 0


async def test_the_agencies_come_from_the_copy_on_this_side(province: Province) -> None:
    await province.start("caobang")
    caobang = await province.system("caobang", H14)
    with Directory.open(load_settings(province.folder / "caobang").spool) as directory:
        refill(directory, SMALL, version=1)
    listed = await caobang.agencies()
    assert isinstance(listed, AgenciesAnswer)
    assert {each.orgCode for each in listed.data} == {each.code for each in SMALL}


async def test_a_large_form_in_small_pieces_is_kept_whole(province: Province) -> None:
    await province.start("vpcp")
    vpcp = await province.system("vpcp", SENDER)
    content = province.hub.signed(a_document(content="Nội dung. " * 1000))
    request = vpcp.http.build_request(
        "POST", "/v1/sendEdoc", files={"edocFile": ("vb.xml", content)}, data={"messageType": "edoc"}
    )
    body = await request.aread()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 499):
            yield body[start : start + 499]

    headers = vpcp.keys() | {"content-type": request.headers["content-type"]}
    sent = vpcp.sent(await vpcp.http.post("/v1/sendEdoc", content=pieces(), headers=headers))
    assert isinstance(sent, SentAnswer)
    with province.spool("vpcp") as spool:
        submission = spool.submission(sent.docId)
        assert submission is not None
        assert spool.envelope(submission.digest) == content
        assert list((spool.folder / "incoming").iterdir()) == []
    refused = await vpcp.http.post("/v1/sendEdoc", content=b"x" * 5_000_000, headers={"content-type": "text/xml"})
    assert refused.status_code == 401  # told, although the client was still sending
