"""A RabbitMQ node of one's own: free ports, a folder of its own, no trace left behind, root or not.

    with PrivateBroker(agents=("so-y-te",)) as broker:
        broker.hub_url, broker.agent_url("so-y-te")

Nothing is inherited from the machine's own RabbitMQ: clean environment, own epmd in the foreground, own cookie. Should
this process be killed, a watchdog that reads from a pipe of ours sees its end and kills the node.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from router.adapters.topology import HUB_USER, definitions

SERVER: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_TIMEOUT: Final = 90.0  # seconds; 3 to 6 are usual, two busy cores make it more
STOP_TIMEOUT: Final = 30.0  # seconds
CONTROL_TIMEOUT: Final = 60.0  # seconds; one or two are usual
WRITE_ALL: Final = "[ok = dets:sync(Table) || Table <- dets:all()], ok = mnesia:sync_log()."
"""Everything RabbitMQ knows of its queues, written out. Messages need no help: their log is synced before a confirm."""
HUB_PASSWORD: Final = "hub-password"
CONFIGURATION: Final = """\
listeners.tcp.1 = 127.0.0.1:{port}
log.file.level = warning
log.console = false
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.relative = 0.6
load_definitions = {definitions}
"""


class BrokerDidNotStart(RuntimeError):
    """The node ended, or did not answer in time; the message carries the end of its log."""


def available() -> bool:
    """Whether this machine has what a private node needs."""
    return SERVER.exists() and shutil.which("epmd") is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BrokerDidNotAnswer(RuntimeError):
    """`rabbitmqctl` failed; the message carries what it said."""


class Guarded:
    """A child process that does not outlive this one: a shell waits for the end of our pipe and kills the child."""

    def __init__(self, command: list[str], *, environment: dict[str, str], folder: Path, log: Path) -> None:
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -KILL "-$0" 2>/dev/null', str(self.process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self, how: signal.Signals) -> None:
        """Signal, wait for the end, and call the watchdog off. Safe to call twice."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_TIMEOUT)
        if self._watchdog.poll() is None:
            self._watchdog.kill()
        self._watchdog.wait(STOP_TIMEOUT)
        if self._watchdog.stdin is not None:
            with contextlib.suppress(OSError):
                self._watchdog.stdin.close()


class PrivateBroker:
    """One node with the hub's topology and a user for each of `agents`. `folder` is kept when given, else removed."""

    def __init__(self, *, agents: Iterable[str] = (), folder: Path | None = None) -> None:
        self.agents = tuple(agents)
        self._own_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="truc-rabbitmq-")) if folder is None else folder
        self.port = free_port()
        self._epmd_port = free_port()
        self._dist_port = free_port()
        self._epmd: Guarded | None = None
        self._node: Guarded | None = None

    @property
    def hub_url(self) -> str:
        return self.url(HUB_USER, HUB_PASSWORD)

    def agent_url(self, agent: str) -> str:
        return self.url(agent, self.agent_password(agent))

    @staticmethod
    def agent_password(agent: str) -> str:
        return f"{agent}-password"

    def url(self, user: str, password: str) -> str:
        return f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{self.port}/"

    @property
    def pid(self) -> int:
        """Of the Erlang machine itself."""
        if self._node is None:
            raise RuntimeError("the node does not run")
        return self._node.process.pid

    def start(self) -> None:
        """Returns when the node takes connections. Data of an earlier start are found again."""
        self._prepare()
        log = self.folder / "console.log"
        if self._epmd is None or self._epmd.process.poll() is not None:
            command = ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            self._epmd = Guarded(command, environment=self._environment(), folder=self.folder, log=log)
        self._node = Guarded([str(SERVER)], environment=self._environment(), folder=self.folder, log=log)
        try:
            self._await_ready(self._node.process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Graceful, with epmd; the data stay until `close`."""
        self._end_node(signal.SIGTERM)
        if self._epmd is not None:
            self._epmd.end(signal.SIGTERM)
            self._epmd = None

    def kill(self) -> None:
        """As by a power cut, as far as processes go. `start` brings the node back with its data."""
        self._settle()
        self._end_node(signal.SIGKILL)

    def halt(self) -> None:
        """Graceful end of the node alone. `start` brings it back with its data."""
        self._end_node(signal.SIGTERM)

    def restart(self, *, graceful: bool = True) -> None:
        if graceful:
            self.halt()
        else:
            self.kill()
        self.start()

    def close(self) -> None:
        self._end_node(signal.SIGKILL if self._own_folder else signal.SIGTERM)
        self.stop()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def evaluate(self, expression: str) -> str:
        """Run an Erlang expression on the node. Takes a second or two."""
        done = subprocess.run(
            [str(SERVER.with_name("rabbitmqctl")), "eval", expression],
            env=self._environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CONTROL_TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise BrokerDidNotAnswer(f"{done.stdout}{done.stderr}")
        return done.stdout

    def _settle(self) -> None:
        """Make the declarations of queues durable.

        RabbitMQ (3.10) answers `queue.declare` and opens its port up to three seconds before the names of quorum queues
        are on disk (tables of Erlang's dets, written late). Killed in between, it comes back with queues that have no
        leader, take no message, and stay so. A hub's queues are older than that; those of a test are not.
        """
        if self._node is not None and self._node.process.poll() is None:
            self.evaluate(WRITE_ALL)

    def _end_node(self, how: signal.Signals) -> None:
        if self._node is not None:
            self._node.end(how)
            self._node = None

    def _prepare(self) -> None:
        for name in ("home", "mnesia", "log", "generated"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        cookie = self.folder / "home" / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(os.urandom(16).hex(), encoding="ascii")
            cookie.chmod(0o400)
        document = definitions(
            hub_password=HUB_PASSWORD, agent_passwords={name: self.agent_password(name) for name in self.agents}
        )
        (self.folder / "definitions.json").write_text(json.dumps(document), encoding="utf-8")
        (self.folder / "rabbitmq.conf").write_text(
            CONFIGURATION.format(port=self.port, definitions=self.folder / "definitions.json"), encoding="utf-8"
        )
        (self.folder / "advanced.config").write_text("[].\n", encoding="ascii")
        (self.folder / "enabled_plugins").write_text("[].\n", encoding="ascii")
        (self.folder / "env.conf").write_text("", encoding="ascii")

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        return {
            "PATH": "/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "RABBITMQ_NODENAME": f"truc{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            "RABBITMQ_PID_FILE": str(folder / "node.pid"),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _await_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise BrokerDidNotStart(f"RabbitMQ ended with {process.returncode}: {self._end_of_log()}")
            if answers(self.port):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        raise BrokerDidNotStart(f"RabbitMQ did not answer within {START_TIMEOUT:.0f} s: {self._end_of_log()}")

    def _end_of_log(self) -> str:
        logs = [self.folder / "console.log", *sorted((self.folder / "log").glob("*.log"))]
        return "\n".join(log.read_text("utf-8", "replace")[-2_000:] for log in logs if log.exists())


def answers(port: int) -> bool:
    """Whether something speaks AMQP 0-9-1 on this port of the loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as connection:
            connection.settimeout(5.0)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
