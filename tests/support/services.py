"""Where RabbitMQ, PostgreSQL and a browser come from on a fresh machine.

`python -m tests.support.services ensure rabbitmq postgresql chromium` installs Debian's packages when it may (root,
apt-get) and they are missing; otherwise it says what will be skipped. It never fails: the tests themselves say what
they miss.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

RABBITMQ_BINARY = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
POSTGRESQL_ROOT = Path("/usr/lib/postgresql")
CHROMIUM_BINARY = Path("/usr/bin/chromium")
INSTALL_TIMEOUT = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Service:
    """A service the tests use: how to see that it is there, and Debian's name for it."""

    name: str
    package: str
    purpose_vi: str
    purpose_en: str

    def present(self) -> bool:
        if self.name == "rabbitmq":
            return RABBITMQ_BINARY.exists()
        if self.name == "chromium":
            return CHROMIUM_BINARY.exists()
        return any(POSTGRESQL_ROOT.glob("*/bin/initdb"))


SERVICES = {
    "rabbitmq": Service("rabbitmq", "rabbitmq-server", "môi giới thông điệp", "message broker"),
    "postgresql": Service("postgresql", "postgresql", "cơ sở dữ liệu", "database"),
    "chromium": Service("chromium", "chromium", "trình duyệt", "browser"),
}


class BrokerSource(Enum):
    """Where the demo takes its broker from, in order of preference."""

    GIVEN = "TRUC_AMQP_URL"
    PRIVATE = "rabbitmq-server"
    DOCKER = "docker"
    IN_PROCESS = "in-process"


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def may_install() -> bool:
    """Whether this process may install Debian packages."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def ensure(name: str) -> bool:
    """Install a missing service when that is possible; whether it is there now."""
    service = SERVICES[name]
    if service.present():
        return True
    if not may_install():
        say(
            f"Thiếu {service.package} ({service.purpose_vi}); cài bằng: sudo apt-get install {service.package}\n"
            f"{service.package} ({service.purpose_en}) is missing; install it with the command above."
        )
        return False
    say(f"Đang cài {service.package}… / Installing {service.package}…")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", service.package],
    ):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
        )
        if done.returncode:
            say(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return service.present()


def docker_runs() -> bool:
    """Whether a Docker engine answers (a client alone is not enough)."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        done = subprocess.run([docker, "info"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def broker_source() -> BrokerSource:
    """The first that is there: a given URL, a server on the machine (installed when root), Docker, this process."""
    if os.environ.get("TRUC_AMQP_URL"):
        return BrokerSource.GIVEN
    if ensure("rabbitmq"):
        return BrokerSource.PRIVATE
    if docker_runs():
        return BrokerSource.DOCKER
    return BrokerSource.IN_PROCESS


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or arguments[0] != "ensure" or not set(arguments[1:]) <= set(SERVICES):
        say("usage: python -m tests.support.services ensure [rabbitmq] [postgresql] [chromium]")
        return 2
    for name in arguments[1:]:
        ensure(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
