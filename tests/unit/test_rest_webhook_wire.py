"""The native interface: webhooks over real sockets, to the machine that was looked at and under the name it has."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from agents.gateway.access.secrets import Vault
from agents.gateway.rest import calling
from agents.gateway.rest.calling import WebhookCaller
from agents.gateway.rest.memory import RestMemory, Webhook
from agents.gateway.rest.secrets import WebhookSecrets
from tests.support.access import make_cheap
from tests.support.envelopes import a_document
from tests.support.pki import Pki
from tests.support.rest_house import RestHouse, rest_house
from tests.support.waiting import until

HOST = "hook.test"


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RestHouse]:
    make_cheap(monkeypatch)
    monkeypatch.setattr(calling, "LOOK", 0.01)
    async with rest_house(tmp_path, rest={"webhook_hosts": [HOST], "webhook_timeout": 1}) as made:
        yield made


@dataclass(slots=True)
class Receiver:
    """A server that says one thing to everybody, and keeps what it was told."""

    says: bytes
    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        stated = next(line for line in head.splitlines() if line.lower().startswith("content-length"))
        self.bodies.append(await reader.readexactly(int(stated.split(":")[1])))
        self.heads.append(head)
        writer.write(self.says)
        await writer.drain()
        if b"HTTP" in self.says:
            writer.close()


@asynccontextmanager
async def receiving(says: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(says)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


async def here(host: str, port: int) -> Sequence[str]:  # noqa: ARG001  the port's signature
    return ["127.0.0.1"]


@asynccontextmanager
async def calling_out(house: RestHouse, trust: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """The connector, while inside."""
    secrets = WebhookSecrets(Vault.load(house.gateway.folder, may_make=False))
    memory = RestMemory.open(house.gateway.folder)
    stop = asyncio.Event()
    caller = WebhookCaller(house.gateway, memory, secrets, resolve=here, trust=trust)
    running = asyncio.create_task(caller.run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await running


async def problem(house: RestHouse) -> str:
    (shown,) = (await house.get("/webhooks")).json()["webhooks"]
    return str(shown["problem"])


async def subscribed(house: RestHouse, url: str) -> str:
    assert (await house.post("/webhooks", json={"url": url})).status_code == 201
    return house.at.deliver(a_document())


def tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side and a client's, of a host with this name."""
    pki = Pki(datetime.now(UTC))
    named = (x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    own = pki.issue(name, extensions=[named])
    (folder / "chain.pem").write_bytes(own.cert_pem + b"".join(each.public_bytes(Encoding.PEM) for each in pki.chain))
    (folder / "key.pem").write_bytes(own.key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    client = ssl.create_default_context(cadata=pki.root.cert.public_bytes(Encoding.PEM).decode())
    return server, client


async def test_a_receiver_is_called_by_its_name_and_told_once(house: RestHouse) -> None:
    async with receiving(b"HTTP/1.1 204 No Content\r\n\r\n") as receiver:
        leg = await subscribed(house, f"http://{HOST}:{receiver.port}/nhan?a=1")
        async with calling_out(house):

            async def told() -> bool:
                return bool((await house.get("/webhooks")).json()["webhooks"][0]["delivered_at"])

            await until(told)
        (head,) = receiver.heads
        assert head.startswith("POST /nhan?a=1 HTTP/1.1\r\n")
        assert f"\r\nhost: {HOST}:{receiver.port}\r\n" in head.lower()
        assert json.loads(receiver.bodies[0])["events"][0]["leg_id"] == leg


async def test_a_redirect_is_not_followed(house: RestHouse) -> None:
    async with receiving(b"HTTP/1.1 200 OK\r\n\r\n") as inside:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{inside.port}/\r\n\r\n".encode()
        async with receiving(moved) as receiver:
            await subscribed(house, f"http://{HOST}:{receiver.port}/")
            async with calling_out(house):
                await until(lambda: _is(house, "HTTP 307"))
        assert inside.heads == []


@pytest.mark.parametrize("place", ["http:foo", "http://[::1", "http://a:b:c/", "//", "http://\x7f/", "x" * 9000])
async def test_no_redirect_that_cannot_be_read_ends_anything(house: RestHouse, place: str) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
    async with receiving(moved) as bad, receiving(b"HTTP/1.1 200 OK\r\n\r\n") as good:
        assert (await house.post("/webhooks", json={"url": f"http://{HOST}:{bad.port}/"})).status_code == 201
        await subscribed(house, f"http://{HOST}:{good.port}/")
        async with calling_out(house):

            async def both() -> bool:
                shown = (await house.get("/webhooks")).json()["webhooks"]
                return bool(shown[0]["problem"] == "HTTP 302" and shown[1]["delivered_at"])

            await until(both)


async def test_no_cookie_of_a_receiver_is_shown_to_another_or_to_itself(house: RestHouse) -> None:
    says = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=first\r\nContent-Length: 0\r\n\r\n"
    async with receiving(says) as receiver:
        for path in ("a", "b"):
            await subscribed(house, f"http://{HOST}:{receiver.port}/{path}")
        async with calling_out(house):
            await until(lambda: _calls(receiver, 2))
            house.at.deliver(a_document(document_id="another"))
            await until(lambda: _calls(receiver, 4))
        assert "cookie" not in "".join(receiver.heads).lower()


async def test_the_connector_goes_on_after_what_nobody_expected(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, failures = RestMemory.due, [KeyError("Nội dung mật")]

    def due(self: RestMemory, *, now: datetime) -> Sequence[Webhook]:
        if failures:
            raise failures.pop()
        return look(self, now=now)

    monkeypatch.setattr(RestMemory, "due", due)
    monkeypatch.setattr(calling, "REST", 0.01)
    async with receiving(b"HTTP/1.1 200 OK\r\n\r\n") as receiver:
        await subscribed(house, f"http://{HOST}:{receiver.port}/")
        with capture_logs() as logs:
            async with calling_out(house):
                await until(lambda: _calls(receiver, 1))
        assert [each["error"] for each in logs if each["event"] == "webhooks.failed"] == ["ExceptionGroup, KeyError"]
        assert "mật" not in repr(logs)


async def test_a_receiver_that_says_nothing_is_left_and_others_are_called_meanwhile(house: RestHouse) -> None:
    async with receiving(b"") as silent, receiving(b"HTTP/1.1 200 OK\r\n\r\n") as quick:
        assert (await house.post("/webhooks", json={"url": f"http://{HOST}:{silent.port}/"})).status_code == 201
        await subscribed(house, f"http://{HOST}:{quick.port}/")
        async with calling_out(house):

            async def both() -> bool:
                shown = (await house.get("/webhooks")).json()["webhooks"]
                return bool(shown[0]["problem"] and shown[1]["delivered_at"])

            await until(both)


async def test_an_answer_without_end_is_not_read(house: RestHouse) -> None:
    async with receiving(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nabc") as receiver:
        await subscribed(house, f"http://{HOST}:{receiver.port}/")
        async with calling_out(house):

            async def told() -> bool:
                return bool((await house.get("/webhooks")).json()["webhooks"][0]["delivered_at"])

            await until(told)


async def test_a_tls_receiver_must_be_who_its_name_says(house: RestHouse, tmp_path: Path) -> None:
    server, client = tls(tmp_path, HOST)
    async with receiving(b"HTTP/1.1 200 OK\r\n\r\n", server) as receiver:
        await subscribed(house, f"https://{HOST}:{receiver.port}/")
        async with calling_out(house, client):
            await until(lambda: _calls(receiver, 1))


async def test_a_tls_receiver_with_another_name_is_told_nothing(house: RestHouse, tmp_path: Path) -> None:
    server, client = tls(tmp_path, "other.test")
    async with receiving(b"HTTP/1.1 200 OK\r\n\r\n", server) as receiver:
        await subscribed(house, f"https://{HOST}:{receiver.port}/")
        async with calling_out(house, client):
            await until(lambda: _is(house, "ConnectError"))
        assert receiver.bodies == []


async def _calls(receiver: Receiver, count: int) -> bool:
    return len(receiver.heads) >= count


async def _is(house: RestHouse, wanted: str) -> bool:
    return await problem(house) == wanted
