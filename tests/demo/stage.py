"""The stage: broker, hub and agents as real processes (or, when there is no broker to be had, inside this one)."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.demo.country import AGENTS, GATEWAY, ROBOT, Papers, write_agent
from tests.support.broker import PrivateBroker, free_port

START_TIMEOUT: Final = 60.0  # seconds
STOP_TIMEOUT: Final = 20.0  # seconds
HUB_WORKERS: Final = 2
COMMANDS: Final = {ROBOT.agent: "robot", GATEWAY: "gateway"}
"""How agents are started that have no folder."""


class StageFailed(RuntimeError):
    """A process did not start, or ended; the message carries the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How hub and agents reach the broker. `named` says that every agent has a broker user of its own."""

    hub_url: str = field(repr=False)
    agent_urls: Mapping[str, str] = field(repr=False)
    named: bool

    @classmethod
    def private(cls, broker: PrivateBroker) -> "Access":
        return cls(hub_url=broker.hub_url, agent_urls={name: broker.agent_url(name) for name in AGENTS}, named=True)

    @classmethod
    def shared(cls, url: str) -> "Access":
        """One account for all: the broker cannot tell agents apart, so it is for trying out alone."""
        return cls(hub_url=url, agent_urls=dict.fromkeys(AGENTS, url), named=False)


@dataclass(slots=True)
class Actor:
    """A process of the demo, and where it logs."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """Raises StageFailed when it has ended."""
        if (code := self.process.poll()) is not None:
            raise StageFailed(f"{self.name} ended with {code}:\n{self.log.read_text('utf-8', 'replace')[-2_000:]}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT)


def console(name: str) -> str:
    """The console script of this environment."""
    return str(Path(sys.executable).parent / name)


@dataclass(slots=True)
class Stage:
    """The hub's folder, its address, and everything that runs."""

    papers: Papers
    access: Access
    http_port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)
    actors: list[Actor] = field(default_factory=list)

    @property
    def hub(self) -> Path:
        return self.papers.folder / "hub"

    @property
    def config(self) -> Path:
        return self.hub / "truc.toml"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def gateway(self) -> str:
        """Where document systems call."""
        return f"http://127.0.0.1:{self.gateway_port}"

    def prepare(self) -> None:
        """Configures the hub, imports the registry, writes the agents' settings."""
        self.truc("init", str(self.hub), "--amqp-url", self.access.hub_url)
        named = "require_user_id = true" if self.access.named else "require_user_id = false"
        written = self.config.read_text(encoding="utf-8")
        written = written.replace("http_port = 8620", f"http_port = {self.http_port}")
        self.config.write_text(written.replace("# require_user_id = true", named), encoding="utf-8")
        trust = self.hub / "trust"
        for kind in ("anchors", "intermediates", "crls"):
            (trust / kind).mkdir(parents=True, exist_ok=True)
            for source in (self.papers.pki / kind).iterdir():
                (trust / kind / source.name).write_bytes(source.read_bytes())
        self.truc("registry", "import", str(self.papers.registry))
        for name in AGENTS:
            token = json.loads(self.truc("registry", "agent", "add", name, "--json"))["token"]
            write_agent(
                self.papers,
                name,
                amqp_url=self.access.agent_urls[name],
                blob_url=f"{self.http}/-/blobs",
                blob_token=token,
                set_user_id=self.access.named,
                hub_certificate=self.hub / "hub" / "hub.cert.pem",
                gateway_port=self.gateway_port,
            )

    def truc(self, *arguments: str) -> str:
        """Runs `truc` to its end and gives what it printed. Raises StageFailed."""
        done = subprocess.run(
            [console("truc"), *arguments], capture_output=True, text=True, env=self._environment(), check=False
        )
        if done.returncode:
            raise StageFailed(f"truc {' '.join(arguments[:2])} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
        return done.stdout

    def start(self) -> None:
        """Starts the hub, waits until it is ready, then starts the agents."""
        self._launch("hub", [console("truc"), "run", "--workers", str(HUB_WORKERS)])
        self._await_ready()
        for name in AGENTS:
            settings = str(self.papers.agent_settings(name))
            self._launch(name, [console("truc-agent"), COMMANDS.get(name, "run"), "--config", settings])

    def check(self) -> None:
        """Raises StageFailed when a process has ended."""
        for actor in self.actors:
            actor.check()

    def stop(self) -> None:
        """Agents first, so that the hub hears of what they took."""
        for actor in reversed(self.actors):
            actor.stop()
        self.actors.clear()

    def _launch(self, name: str, command: list[str]) -> None:
        log = self.papers.log(name)
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=self._environment()
            )
        self.actors.append(Actor(name, process, log))

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRUC_")}
        return {**inherited, "TRUC_CONFIG": str(self.config)}

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        hub = self.actors[-1]
        while time.monotonic() < deadline:
            hub.check()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.http}/-/ready", timeout=2) as answer:  # noqa: S310  our own address on the loopback
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise StageFailed(f"the hub was not ready within {START_TIMEOUT:.0f} s:\n{hub.log.read_text()[-2_000:]}")


@contextlib.contextmanager
def private_access(folder: Path) -> Iterator[Access]:
    """A RabbitMQ node of the demo's own, with least rights for every agent."""
    with PrivateBroker(agents=AGENTS, folder=folder / "broker") as broker:
        yield Access.private(broker)


@contextlib.contextmanager
def docker_access() -> Iterator[Access]:
    """RabbitMQ from its official image, for machines with Docker alone. One account: the demo trusts itself."""
    port, password = free_port(), secrets.token_urlsafe(16)
    name = f"truc-demo-{port}"
    command = ["docker", "run", "--rm", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:5672"]
    command += ["--env", "RABBITMQ_DEFAULT_USER=hub", "--env", f"RABBITMQ_DEFAULT_PASS={password}", "rabbitmq:3"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    try:
        yield Access.shared(f"amqp://hub:{password}@127.0.0.1:{port}/")
    finally:
        subprocess.run(["docker", "stop", name], check=False, stdout=subprocess.DEVNULL)
