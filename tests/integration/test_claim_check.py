"""Large documents from agent to agent: `truc run`, two `truc-agent run`, RabbitMQ, and the hub's blob door."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import tomli_w

from agents.amqp import AmqpLink
from agents.desk import Desk
from agents.logs import logger
from agents.ports import Outgoing
from agents.settings import load_settings
from agents.spool import Spool, is_running
from agents.spool.records import Submission
from edxml_schemas.contract import CLAIM_THRESHOLD, MessageType, Urgency
from edxml_schemas.receipts import Receipt, decode_receipt
from tests.demo.country import AGENTS, BODIES, Papers, found
from tests.demo.stage import Access, Stage, console
from tests.support.broker import PrivateBroker
from tests.support.broker_fixture import needs_rabbitmq
from tests.support.waiting import until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]

PATIENCE: Final = 60.0  # seconds
SENDER, RECIPIENT, STRANGER = AGENTS[:3]
FROM = next(body.organ_id for body in BODIES if body.agent == SENDER)
TO = next(body.organ_id for body in BODIES if body.agent == RECIPIENT)
MEGABYTE = 2**20


class Proxy:
    """Stands between the agents and the hub's door, and can cut, or shut, the way."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self.port = 0
        self.cut_after: int | None = None
        """Bytes of the next upload after which the connection is cut."""
        self.cuts = 0
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Nobody comes in any more, and who is inside has to leave."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_hub, to_hub = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        self._open |= {writer, to_hub}
        back = asyncio.create_task(self._pipe(from_hub, writer))
        await self._pipe(reader, to_hub, counted=True)
        writer.close()
        await back

    async def _pipe(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool = False) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                passed += len(data)
                if counted and self.cut_after is not None and passed > self.cut_after:
                    self.cut_after, self.cuts = None, self.cuts + 1
                    break
                sink.write(data)
                await sink.drain()
        sink.close()


class Country:
    """The demo's hub and two of its agents, each started and stopped by itself."""

    def __init__(self, folder: Path, node: PrivateBroker) -> None:
        self.folder = folder
        self.papers: Papers = found(folder, now=datetime.now(UTC))
        self.stage = Stage(self.papers, Access.private(node))
        self.stage.prepare()
        self.node = node
        self.alive: dict[str, subprocess.Popen[bytes]] = {}
        self.desks: dict[str, Desk] = {}
        for name in AGENTS:
            settings = load_settings(self.papers.agent_settings(name))
            self.desks[name] = Desk(settings, Spool.open(settings.spool))

    # ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8")

    def _launch(self, name: str, *command: str) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("TRUC_")}
        with (self.folder / f"{name}.log").open("ab") as sink:
            self.alive[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**inherited, "TRUC_CONFIG": str(self.stage.config)},
            )

    async def start_hub(self) -> None:
        self._launch("hub", console("truc"), "run", "--workers", "1")
        async with httpx.AsyncClient(trust_env=False) as client:

            async def ready() -> bool:
                assert self.alive["hub"].poll() is None, self.log("hub")
                with contextlib.suppress(httpx.HTTPError):
                    return (await client.get(f"{self.stage.http}/-/ready")).status_code == 200
                return False

            await until(ready, patience=PATIENCE)

    async def start(self, name: str, **changes: str) -> None:
        """Starts an agent, with its settings changed for good."""
        path = self.papers.agent_settings(name)
        values = tomllib.loads(path.read_text("utf-8"))
        path.write_text(tomli_w.dumps({**values, **changes}), encoding="utf-8")
        self._launch(name, console("truc-agent"), "run", "--config", str(path))

        async def runs() -> bool:
            assert self.alive[name].poll() is None, self.log(name)
            return is_running(self.desks[name].spool.folder)

        await until(runs)

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.alive.pop(name, None)
        if process is not None:
            process.send_signal(how)
            process.wait(40)

    def close(self) -> None:
        for name in list(self.alive):
            self.end(name, signal.SIGKILL)
        for desk in self.desks.values():
            desk.spool.close()

    # ── Documents ───────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, size: int, number: str) -> Submission:
        """A document with an attachment of so many bytes, by its draft."""
        folder = self.folder / "drafts" / number
        folder.mkdir(parents=True)
        draft = {
            "subject": "Hồ sơ lớn",
            "from": {"organ_id": FROM},
            "to": [{"organ_id": TO}],
            "code": {"code_number": number, "code_notation": "VPCP-HS"},
        }
        (folder / "document.toml").write_text(tomli_w.dumps(draft), encoding="utf-8")
        (folder / "hồ sơ.pdf").write_bytes(os.urandom(size))
        sent = self.desks[SENDER].send_draft(folder)
        assert isinstance(sent, str), sent
        return self.submission(sent)

    def submission(self, submission_id: str) -> Submission:
        found_one = self.desks[SENDER].spool.submission(submission_id)
        assert found_one is not None
        return found_one

    def place(self, sent: Submission) -> Path | None:
        """The folder of the delivery at the recipient; None before it is laid out."""
        (*items,) = self.desks[RECIPIENT].spool.deliveries_with(sent.digest)
        assert len(items) <= 1
        folder = self.papers.agent(RECIPIENT) / "folder" / "inbox"
        return folder / items[0].place if items and (folder / items[0].place / "document.json").is_file() else None

    async def arrives(self, sent: Submission, number: str) -> None:
        """Accepted, laid out once with the bytes sent, and its arrival told."""

        async def there() -> bool:
            told = self.desks[SENDER].spool.statuses_about(submission_id=sent.submission_id)
            return [each.status_code for each in told] == ["01"] and self.place(sent) is not None

        await until(there, patience=PATIENCE)
        assert self.submission(sent.submission_id).outcome == "accepted"
        place = self.place(sent)
        assert place is not None
        assert hashlib.sha256((place / "envelope.edxml").read_bytes()).hexdigest() == sent.digest
        assert (place / "hồ sơ.pdf").read_bytes() == (self.folder / "drafts" / number / "hồ sơ.pdf").read_bytes()

    async def problem(self, sent: Submission, word: str) -> None:
        async def told() -> bool:
            return word in self.submission(sent.submission_id).problem

        await until(told)

    def status(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "agents.cli", "status", "-c", str(self.papers.agent_settings(SENDER))]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateBroker]:
    needs_rabbitmq()
    with PrivateBroker(agents=AGENTS) as broker:
        yield broker


@pytest.fixture(scope="module")
def made(node: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    country = Country(tmp_path_factory.mktemp("country"), node)
    yield country
    country.close()


@pytest.fixture
async def country(made: Country) -> Country:
    """Hub and both agents run with the settings they were given first."""
    good = {"blob_url": f"{made.stage.http}/-/blobs"}
    if "hub" not in made.alive:
        await made.start_hub()
    for name in (SENDER, RECIPIENT):
        settings = made.desks[name].settings
        made.end(name)
        await made.start(name, **good, blob_token=settings.blob_token.get_secret_value())
    return made


@pytest.mark.parametrize("megabytes", [3, 20])
async def test_a_large_document_arrives_in_the_folder_byte_for_byte(country: Country, megabytes: int) -> None:
    number = f"lon-{megabytes}"
    sent = country.send(megabytes * MEGABYTE, number)
    assert sent.size > CLAIM_THRESHOLD
    await country.arrives(sent, number)
    assert list((country.stage.hub / "data").rglob(f"blobs/**/{sent.digest}"))


async def test_who_is_no_party_to_a_large_document_gets_404_and_a_false_token_401(country: Country) -> None:
    sent = country.send(2 * MEGABYTE, "rieng")
    await country.arrives(sent, "rieng")
    door = f"{country.stage.http}/-/blobs/{sent.digest}"
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = {
            name: await client.get(door, auth=(name, desk.settings.blob_token.get_secret_value()))
            for name, desk in country.desks.items()
        }
        false = await client.get(door, auth=(RECIPIENT, country.desks[STRANGER].settings.blob_token.get_secret_value()))
    strangers = dict.fromkeys(AGENTS, 404) | {SENDER: 200, RECIPIENT: 200}
    assert STRANGER in strangers
    assert {name: each.status_code for name, each in answers.items()} == strangers
    assert hashlib.sha256(answers[RECIPIENT].content).hexdigest() == sent.digest
    assert false.status_code == 401


async def test_a_claim_on_bytes_that_nobody_uploaded_is_refused(country: Country) -> None:
    country.end(SENDER)
    desk, name = country.desks[SENDER], "khong-co-byte"
    link = AmqpLink(country.node.agent_url(SENDER), agent=SENDER, user_id=SENDER, log=logger(SENDER))
    await link.ready()
    nothing = hashlib.sha256(b"nothing").hexdigest()
    await link.publish(
        Outgoing(
            submission_id=name,
            type=MessageType.DOCUMENT,
            urgency=Urgency.NORMAL,
            digest=nothing,
            size=3 * MEGABYTE,
            body=None,
        )
    )
    await link.close()
    await country.start(SENDER)

    async def answered() -> bool:
        return bool(desk.spool.receipts_of(name))

    await until(answered)
    receipt = decode_receipt(desk.spool.receipts_of(name)[0].body)
    assert isinstance(receipt, Receipt)
    assert receipt.kind.value == "refused"
    assert receipt.findings


async def test_a_document_sent_while_the_hub_is_down_arrives_once_it_is_back(country: Country) -> None:
    country.end("hub", signal.SIGKILL)
    sent = country.send(3 * MEGABYTE, "hub-tat")
    await country.problem(sent, "127.0.0.1")
    assert country.submission(sent.submission_id).state.value == "waiting"
    await country.start_hub()
    await country.arrives(sent, "hub-tat")


async def test_an_upload_that_is_cut_is_done_again_and_a_small_document_does_not_wait_for_it(country: Country) -> None:
    proxy = Proxy(country.stage.http_port)
    proxy.cut_after = MEGABYTE
    await proxy.open()
    country.end(SENDER)
    await country.start(SENDER, blob_url=f"http://127.0.0.1:{proxy.port}/-/blobs")
    sent = country.send(3 * MEGABYTE, "bi-cat")
    await country.arrives(sent, "bi-cat")
    assert proxy.cuts == 1
    assert country.submission(sent.submission_id).attempts > 1
    await proxy.shut()
    large, small = country.send(3 * MEGABYTE, "cua-dong"), country.send(1000, "nho")
    await country.arrives(small, "nho")
    await country.problem(large, str(proxy.port))
    await proxy.open()
    await country.arrives(large, "cua-dong")
    await proxy.shut()


async def test_a_recipient_whose_door_is_shut_gets_the_document_when_it_opens(country: Country) -> None:
    proxy = Proxy(country.stage.http_port)
    await proxy.open()
    await proxy.shut()
    country.end(RECIPIENT)
    await country.start(RECIPIENT, blob_url=f"http://127.0.0.1:{proxy.port}/-/blobs")
    sent = country.send(3 * MEGABYTE, "nhan-sau")

    async def waits() -> bool:
        return "not-kept" in country.log(RECIPIENT)

    await until(waits)
    assert country.place(sent) is None
    await proxy.open()
    await country.arrives(sent, "nhan-sau")
    await proxy.shut()


async def test_a_wrong_token_is_told_in_status_and_log_and_mending_it_is_enough(country: Country) -> None:
    right = country.desks[SENDER].settings.blob_token.get_secret_value()
    country.end(SENDER)
    await country.start(SENDER, blob_token="sai")
    sent = country.send(3 * MEGABYTE, "sai-ma")
    await country.problem(sent, "HTTP 401")
    shown = country.status(sent.submission_id, "--json")
    told: list[dict[str, Any]] = json.loads(shown.stdout)
    assert (shown.returncode, told[0]["state"]) == (0, "spooled")
    assert "blob_token" in told[0]["problem"]
    assert "HTTP 401" in country.status().stdout
    assert "blob_token" in country.log(SENDER)
    assert right not in country.log(SENDER)
    country.end(SENDER)
    await country.start(SENDER, blob_token=right)
    await country.arrives(sent, "sai-ma")
