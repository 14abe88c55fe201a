"""The directory with real processes: the gateway follows a hub, serves on without it, and survives `kill -9`."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import tomli_w

from agents.gateway.directory import Applied, Directory, Progress
from edxml_schemas.organ_list import ListedOrgan
from tests.support.broker import PrivateBroker, free_port
from tests.support.broker_fixture import AGENTS
from tests.support.hub_process import HubProcess, hub_process
from tests.support.organ_lists import filled, write_list
from tests.support.waiting import until

AGENT = AGENTS[0]
CSV = "organ_id,name,parent,email,phone,address\n"
MANY = 300


class Country:
    """A hub and one agent with its gateway, all of them processes."""

    def __init__(self, folder: Path, hub: HubProcess) -> None:
        self.folder = folder
        self.hub = hub
        self.spool = folder / "agent" / "spool"
        self.http_port = free_port()
        self.agent: subprocess.Popen[bytes] | None = None
        token = json.loads(self.told("registry", "agent", "add", AGENT, "--json"))["token"]
        values = {
            "name": AGENT,
            "amqp_url": hub.broker.agent_url(AGENT),
            "blob_url": f"http://127.0.0.1:{hub.http_port}/-/blobs",
            "blob_token": token,
            "organs": [{"organ_id": "H41.08", "name": "Sở Y tế"}],
            "gateway": {"port": self.http_port, "directory": {"interval": 0.2}},
        }
        (folder / "agent").mkdir()
        (folder / "agent" / "agent.toml").write_text(tomli_w.dumps(values), encoding="utf-8")

    def told(self, *arguments: str) -> str:
        done = self.hub.truc(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def register(self, rows: str) -> None:
        path = self.folder / "registry.csv"
        path.write_text(CSV + rows, encoding="utf-8")
        self.told("registry", "import", str(path))

    async def start_hub(self) -> None:
        self.hub.start(workers=1)
        await until(self._ready, patience=60)

    async def _ready(self) -> bool:
        return await asyncio.to_thread(self.hub.ready)

    def start_agent(self) -> None:
        with (self.folder / "agent.log").open("ab") as log:
            self.agent = subprocess.Popen(
                [sys.executable, "-m", "agents.cli", "gateway", "--config", str(self.folder / "agent" / "agent.toml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def end_agent(self, how: signal.Signals) -> None:
        if self.agent is not None:
            self.agent.send_signal(how)
            self.agent.wait(30)
            self.agent = None

    async def directory_has(self, holds: Callable[[Directory], bool]) -> None:
        """Another process looks at the directory until it has what is wanted."""

        async def looked() -> bool:
            assert self.agent is None or self.agent.poll() is None, (self.folder / "agent.log").read_text("utf-8")
            with Directory.open(self.spool) as directory:
                return holds(directory)

        await until(looked, patience=60)


@pytest.fixture
async def country(tmp_path: Path, broker: PrivateBroker) -> AsyncIterator[Country]:
    with hub_process(tmp_path / "hub", broker) as hub:
        made = Country(tmp_path, hub)
        made.register("".join(f"H41.{n:03d},Xã số {n},H41,xa{n}@nghean.gov.vn,0238 {n},Nghệ An\n" for n in range(MANY)))
        try:
            yield made
        finally:
            made.end_agent(signal.SIGKILL)


def there(code: str, **fields: str) -> Callable[[Directory], bool]:
    def holds(directory: Directory) -> bool:
        organ = directory.get(code)
        return organ is not None and all(getattr(organ, name) == value for name, value in fields.items())

    return holds


@pytest.mark.rabbitmq
async def test_the_gateway_follows_the_hub_and_serves_on_without_it(country: Country) -> None:
    country.start_agent()
    await country.start_hub()
    await country.directory_has(there("H41.007", name="Xã số 7", email="xa7@nghean.gov.vn", phone="0238 7"))

    country.register("H41.007,Phường số 7,H41,,,\nH41.999,Xã mới,H41,,,\n")
    country.told("registry", "lock", "H41.008", "--reason", "sáp nhập")
    await country.directory_has(there("H41.999"))
    await country.directory_has(lambda directory: directory.get("H41.008") is None)

    country.hub.stop(signal.SIGKILL)
    country.end_agent(signal.SIGKILL)
    country.start_agent()
    async with httpx.AsyncClient() as client:

        async def alive() -> bool:
            try:
                answer = await client.get(f"http://127.0.0.1:{country.http_port}/-/health")
            except httpx.HTTPError:
                return False
            return answer.status_code == 200

        await until(alive, patience=60)
    with Directory.open(country.spool) as directory:
        assert [each.code for each in directory.search("phuong so 7").organs] == ["H41.007"]
        assert directory.get("H41.008", deleted=True) is not None
        assert isinstance(directory.apply_for("H41.500.1", name="Trạm mới", now=datetime.now(UTC)), Applied)

    await country.start_hub()
    await country.directory_has(lambda directory: bool(directory.applications(Progress.OPEN)))
    (waiting,) = json.loads(country.told("registry", "applications", "--json"))
    country.told("registry", "approve", waiting["id"], "--reason", "đồng ý")
    await country.directory_has(there(waiting["code"], name="Trạm mới"))
    await country.directory_has(lambda directory: bool(directory.applications(Progress.APPROVED)))
    country.end_agent(signal.SIGTERM)


# ── A writer that dies ──────────────────────────────────────────────────────────────────────────────────────────────

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from agents.gateway.directory import Directory
with Directory.open(Path(sys.argv[1])) as directory:
    print("ready", flush=True)
    for turn in range(1_000_000):
        directory.switch(Path(sys.argv[2 + turn % 2]), now=datetime.now(UTC))
        print("switched", flush=True)
"""


@contextmanager
def writer(folder: Path, lists: list[Path]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", WRITER, folder, *lists], stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_who_is_killed_while_a_list_is_taken_over_leaves_the_one_or_the_other(tmp_path: Path) -> None:
    first = [ListedOrgan(code=f"H41.{n:04d}", name=f"Xã cũ {n}", version=1) for n in range(2_000)]
    second = [replace(each, name=each.name.replace("cũ", "mới"), version=2) for each in first[1000:]]
    lists = [write_list(tmp_path / "b", second, version=2), write_list(tmp_path / "a", first, version=1)]
    with filled(tmp_path / "spool", first, version=1) as directory:
        numbers = {each.code: each.number for each in directory.stream()}
        chance = random.Random(7)  # noqa: S311  moments of death, no secret
        for _ in range(6):
            with writer(tmp_path / "spool", lists) as process:
                assert process.stdout is not None
                for _ in range(chance.randint(1, 3)):
                    process.stdout.readline()
                # The next list is being taken over now; how far it is differs each time.
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0.0, 0.3))
                process.kill()
                process.wait()
            streamed = list(directory.stream())
            kinds = {each.name.split()[1] for each in streamed}
            assert (kinds, len(streamed)) in [({"cũ"}, 2000), ({"mới"}, 1000)]
            (kind,) = kinds
            assert len(directory.search(f"xa {kind}", limit=1000).organs) == 1000
            assert directory.search("xa " + ("mới" if kind == "cũ" else "cũ")).organs == ()
            assert directory.state().organs == len(streamed)
            assert {each.code: each.number for each in directory.stream(deleted=True)} == numbers
