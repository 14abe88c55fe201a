"""A hub as people run it: `truc run` with worker processes, a database file, and agents that speak plain AMQP."""

import asyncio
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aio_pika

from edxml_schemas.contract import (
    REPORT_EXCHANGE,
    SUBMIT_EXCHANGE,
    Header,
    MessageType,
    Urgency,
    inbox_queue,
    report_key,
    submit_key,
    unbundled,
)
from edxml_schemas.model import Document
from edxml_schemas.receipts import Receipt, decode_receipt
from edxml_schemas.signatures import Signer, sign
from router.adapters.sql.migrate import upgrade
from router.adapters.sql.store import SqlStore
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord
from tests.support.broker import PrivateBroker, free_port
from tests.support.broker_fixture import AGENTS
from tests.support.envelopes import RECIPIENTS, SENDER, a_lean_document, an_organ, envelope_bytes
from tests.support.pki import Pki

START_PATIENCE: Final = 60.0  # seconds
STOP_PATIENCE: Final = 40.0  # seconds
SENDER_AGENT, *RECIPIENT_AGENTS = AGENTS


class HubProcess:
    """`truc` in a folder of its own. The first agent carries for the sender, the others for the recipients."""

    def __init__(self, folder: Path, broker: PrivateBroker, *, database: str = "") -> None:
        self.folder = folder
        self.database = database or f"sqlite:///{folder / 'data' / 'truc.db'}"
        self.broker = broker
        self.config = folder / "truc.toml"
        self.http_port = free_port()
        self.log = folder / "hub.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.variables = {"TRUC_UPKEEP_SECONDS": "0.5", "TRUC_LEASE_SECONDS": "3"}
        now = datetime.now(UTC)
        self.pki = Pki(now)
        self.key = self.pki.issue("Văn phòng Chính phủ")
        urls = ("--amqp-url", broker.hub_url, "--database-url", database)
        done = self.truc("init", str(folder), *urls, config=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.pki.write(folder / "pki", {}, next_update=now + timedelta(days=1))
        self._trust(now)
        self._register()

    def truc(self, *arguments: str, config: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        command = [sys.executable, "-m", "router.cli", *arguments]
        command += ["--config", str(self.config)] if config else []
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=self._environment())

    def start(self, *, workers: int = 2) -> None:
        """Returns when the hub says that it is ready."""
        command = [sys.executable, "-m", "router.cli", "run", "--workers", str(workers), "--config", str(self.config)]
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(command, env=self._environment(), stderr=sink, start_new_session=True)

    def ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"the hub does not run:\n{self.log.read_text('utf-8')[-3000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def worker_pids(self) -> list[int]:
        """Of the workers that run now."""
        if self.process is None:
            return []
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text(encoding="ascii").split()]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """The exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(STOP_PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def document(self, number: int) -> bytes:
        """A signed document of its own to all recipients."""
        return self.signed(
            a_lean_document(
                document_id=f"{SENDER},2026/09/30,{number}",
                recipients=tuple(an_organ(each) for each in RECIPIENTS[: len(RECIPIENT_AGENTS)]),
            )
        )

    def signed(self, document: Document) -> bytes:
        return sign(envelope_bytes(document), Signer(self.key.key, self.key.cert, self.pki.chain))

    def _environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRUC_")},
            "TRUC_HTTP_PORT": str(self.http_port),
            **self.variables,
            "PYTHONUNBUFFERED": "1",
        }

    def _trust(self, now: datetime) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        trust = self.folder / "trust"
        (trust / "anchors" / "root.pem").write_bytes(self.pki.root.cert.public_bytes(Encoding.PEM))
        for number, certificate in enumerate(self.pki.chain):
            (trust / "intermediates" / f"{number}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        for number, crl in enumerate(self.pki.crls(now - timedelta(minutes=5), now + timedelta(days=1))):
            (trust / "crls" / f"{number}.crl").write_bytes(crl.public_bytes(Encoding.DER))

    def _register(self) -> None:
        upgrade(self.database)
        store = SqlStore(self.database)
        try:
            store.put_agents([AgentRecord(name=name) for name in AGENTS])
            carriers = {SENDER: SENDER_AGENT, **dict(zip(RECIPIENTS, RECIPIENT_AGENTS, strict=False))}
            store.put_organs([OrganRecord(code=code, name=code, agent=agent) for code, agent in carriers.items()])
            store.put_certificates(
                [
                    CertificateRecord(
                        organ=SENDER,
                        fingerprint=self.key.fingerprint,
                        subject=SENDER,
                        pem=self.key.cert_pem.decode("ascii"),
                    )
                ]
            )
        finally:
            store.close()


@dataclass(slots=True)
class PlainAgent:
    """An agent that publishes what it is told and keeps what it gets, by leg, and receipts by submission."""

    name: str
    channel: aio_pika.abc.AbstractChannel
    documents: dict[str, bytes] = field(default_factory=dict)
    came: list[str] = field(default_factory=list)
    """The leg of every delivery, as often as it came."""
    receipts: dict[str, list[Receipt]] = field(default_factory=dict)

    async def submit(
        self, body: bytes, *, urgency: Urgency = Urgency.NORMAL, user_id: str | None = None, submission: str = ""
    ) -> str:
        """Confirmed by the broker on return; the submission id, a new one unless it is given."""
        exchange = await self.channel.get_exchange(SUBMIT_EXCHANGE, ensure=False)
        submission = submission or uuid.uuid4().hex
        message = aio_pika.Message(
            body,
            message_id=submission,
            type=MessageType.DOCUMENT.value,
            user_id=user_id or self.name,
            headers={Header.DIGEST.value: hashlib.sha256(body).hexdigest(), Header.SIZE.value: len(body)},
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await exchange.publish(message, submit_key(self.name, urgency), mandatory=True, timeout=30)
        return submission

    async def take(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        if message.type == MessageType.RECEIPT.value:
            for body in unbundled(message.body) or ():
                receipt = decode_receipt(body)
                assert isinstance(receipt, Receipt), receipt
                self.receipts.setdefault(receipt.submission_id, []).append(receipt)
        else:
            leg = str(message.headers[Header.LEG.value])
            self.documents[leg] = message.body
            self.came.append(leg)
            exchange = await self.channel.get_exchange(REPORT_EXCHANGE, ensure=False)
            report = aio_pika.Message(
                b"",
                type=MessageType.DELIVERED.value,
                headers={Header.LEG.value: leg, Header.DIGEST.value: hashlib.sha256(message.body).hexdigest()},
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await exchange.publish(report, report_key(self.name), mandatory=True, timeout=30)
        await message.ack()


@contextlib.asynccontextmanager
async def agent(broker: PrivateBroker, name: str) -> AsyncIterator[PlainAgent]:
    """An agent that reads both of its inboxes."""
    connection = await aio_pika.connect(broker.agent_url(name))
    try:
        channel = await connection.channel(on_return_raises=True)
        await channel.set_qos(prefetch_count=50)
        plain = PlainAgent(name, channel)
        for urgency in Urgency:
            queue = await channel.get_queue(inbox_queue(name, urgency), ensure=False)
            await queue.consume(plain.take)
        yield plain
    finally:
        with contextlib.suppress(Exception):  # the broker may be dead by now, on purpose
            async with asyncio.timeout(5):
                await connection.close()


@contextlib.contextmanager
def hub_process(folder: Path, broker: PrivateBroker, *, database: str = "") -> Iterator[HubProcess]:
    """A hub that is not started yet, and does not outlive the test. Without a database's URL it has an SQLite file."""
    hub = HubProcess(folder, broker, database=database)
    try:
        yield hub
    finally:
        hub.stop(signal.SIGKILL)
