"""`truc-agent gateway` as a process, without its broker: started, stopped, killed, and told to read its certificate."""

import asyncio
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

import httpx
import pytest
import tomli_w

from agents.gateway.access import AccessStore, NewKey
from agents.gateway.app import READY
from agents.gateway.callers import Right
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, an_organ, envelope_bytes
from tests.support.gateway import GatewayDesk, gateway_desk
from tests.support.hub_desk import H14, H41
from tests.support.pki import Pki
from tests.support.waiting import until

LETTER = a_document(recipients=(an_organ(H41),))
OWN = replace(LETTER, sender=an_organ(H41), recipients=(an_organ(H14),), document_id=DOCUMENT_ID.replace(SENDER, H41))
XML = {"content-type": "application/xml"}


def free_port() -> int:
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(slots=True)
class Installation:
    """An agent's folder as an administrator leaves it; the process is started from it."""

    at: GatewayDesk
    folder: Path
    port: int
    key: NewKey
    other: NewKey
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def configure(self, **gateway: Any) -> None:
        values = self.at.desk.settings.model_dump(
            mode="json", exclude={"amqp_url", "blob_token", "blob_url", "gateway"}, exclude_none=True
        )
        values |= {"resend_after": 600, "settle": 0.5, "gateway": {"port": self.port, "shutdown_grace": 2, **gateway}}
        text = tomli_w.dumps({**values, "amqp_url": "amqp://127.0.0.1:1/"})
        (self.folder / "agent.toml").write_text(text, encoding="utf-8")

    def start(self) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "agents.cli", "gateway", "--config", str(self.folder / "agent.toml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    def ask(self, key: NewKey | None = None) -> httpx.AsyncClient:
        headers = {} if key is None else {"authorization": f"Bearer {key.token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, verify=blind(), timeout=30)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["subprocess.Popen[bytes]"]:
        """A process that is ready; killed at the end if it is still there."""
        process = self.start()
        try:
            async with self.ask() as client:

                async def ready() -> bool:
                    assert process.poll() is None, self.log()
                    with contextlib.suppress(httpx.TransportError):
                        return (await client.get(READY)).status_code == 200
                    return False

                await until(ready)
            yield process
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)


def blind() -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = CERT_NONE
    return context


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with gateway_desk(tmp_path) as at, contextlib.closing(AccessStore.open(at.spool.folder)) as access:
        rights, now = [Right.SEND, Right.RECEIVE], datetime.now(UTC)
        key, other = (
            access.add(name=name, system_id=name, organs=at.organs, rights=rights, now=now) for name in ("one", "two")
        )
        made = Installation(at, tmp_path, free_port(), key, other)
        made.configure()
        yield made


async def test_it_stops_in_good_order_when_told_to(installation: Installation) -> None:
    async with installation.running() as process, installation.ask(installation.key) as client:
        assert (await client.get("/api/v1/inbox")).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 30) == 0
    assert "Traceback" not in installation.log()


async def test_what_was_accepted_outlives_a_kill_and_a_retry_makes_it_no_two(installation: Installation) -> None:
    content = envelope_bytes(OWN)
    async with installation.running() as process:
        async with installation.ask(installation.key) as client:
            first = await client.post("/api/v1/documents", content=content, headers=XML)
            assert first.status_code == 202, first.text
        process.kill()
        await asyncio.to_thread(process.wait)
    async with installation.running(), installation.ask(installation.key) as client:
        again = await client.post("/api/v1/documents", content=content, headers=XML)
    assert again.json()["submission_id"] == first.json()["submission_id"]
    assert len(installation.at.outgoing()) == 1


async def test_a_lease_outlives_a_kill_and_its_holder_gets_the_letter_again(installation: Installation) -> None:
    leg = installation.at.deliver(LETTER)
    path = f"/api/v1/inbox/{leg}/envelope"
    async with installation.running() as process:
        async with installation.ask(installation.key) as client:
            first = await client.get(path)
            assert first.status_code == 200
        process.kill()
        await asyncio.to_thread(process.wait)
    async with installation.running():
        async with installation.ask(installation.other) as other:
            assert (await other.get(path)).status_code == 409
        async with installation.ask(installation.key) as client:
            assert (await client.get(path)).content == first.content


async def test_sighup_makes_it_read_its_certificate_again(installation: Installation) -> None:
    pki, folder = Pki(datetime.now(UTC)), installation.folder
    certificate, key = folder / "tls.pem", folder / "tls.key"

    def write() -> str:
        made = pki.issue("gateway")
        key.write_bytes(made.key_pem)
        certificate.write_bytes(made.cert_pem)
        return made.fingerprint

    async def shown() -> str:
        _, writer = await asyncio.open_connection("127.0.0.1", installation.port, ssl=blind())
        seen = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return hashlib.sha256(seen).hexdigest()

    first = write()
    installation.scheme = "https"
    installation.configure(tls_certificate="tls.pem", tls_key="tls.key")
    async with installation.running() as process:
        assert await shown() == first
        second = write()
        process.send_signal(signal.SIGHUP)

        async def renewed() -> bool:
            return await shown() == second

        await until(renewed)
        assert process.poll() is None


@pytest.mark.parametrize("fault", ["no table", "port in use", "no certificate"])
async def test_settings_that_cannot_work_end_it_at_once_with_words_and_2(
    installation: Installation, fault: str
) -> None:
    with socket() as taken:
        if fault == "no table":
            path = installation.folder / "agent.toml"
            path.write_text(path.read_text("utf-8").replace("[gateway]", "[[none]]").split("[[none]]")[0], "utf-8")
            path.write_text(path.read_text("utf-8") + '[[organs]]\norgan_id = "H41"\n', "utf-8")
        elif fault == "port in use":
            taken.bind(("127.0.0.1", installation.port))
            taken.listen()
        else:
            installation.configure(tls_certificate="missing.pem", tls_key="missing.key")
        process = installation.start()
        assert await asyncio.to_thread(process.wait, 30) == 2
    assert "Traceback" not in installation.log()
    assert os.linesep in installation.log()
