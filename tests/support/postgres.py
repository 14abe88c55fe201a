"""A private PostgreSQL cluster for tests: from Debian's binaries, on a Unix socket, gone with the test run."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

URL_VARIABLE: Final = "TRUC_TEST_POSTGRES_URL"
NO_SERVER: Final = f"no PostgreSQL: neither {URL_VARIABLE} nor /usr/lib/postgresql/*/bin/postgres"
READY_WAIT: Final = 60  # seconds

# The tests kill clients and the server, never the machine: what the server handed to the kernel is safe from them.
CONFIGURATION: Final = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off
full_page_writes = off
shared_buffers = 32MB
max_connections = 60
max_wal_size = 128MB
min_wal_size = 32MB
autovacuum = off
timezone = 'Asia/Ho_Chi_Minh'
"""


def binaries() -> Path | None:
    """The folder of the newest installed server's programs."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4].split(".")[0])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


def needs_postgres() -> None:
    """Skip the test at a desk without PostgreSQL; fail it where everything must run (`CI=true`)."""
    if os.environ.get(URL_VARIABLE) or binaries() is not None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(NO_SERVER)
    pytest.skip(NO_SERVER)


def _account() -> str | None:
    """The account that the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("neither an account postgres nor nobody to run PostgreSQL as")


@contextlib.contextmanager
def running_cluster() -> Iterator[str]:
    """URL of the maintenance database of a server: the one named in the environment, or one of our own."""
    if given := os.environ.get(URL_VARIABLE):
        yield given
        return
    programs = binaries()
    if programs is None:
        raise RuntimeError(NO_SERVER)
    account = _account()
    # Directly under /tmp: a socket's path may have 107 bytes, and the server's account must get there.
    folder = Path(tempfile.mkdtemp(prefix="truc-pg-", dir="/tmp"))
    if account is not None:
        shutil.chown(folder, account)
    data = folder / "data"
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    try:
        initdb: list[str | Path] = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "truc",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "-N",
        ]
        subprocess.run(initdb, check=True, user=account, env=environment, cwd=folder, capture_output=True)
        with (data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION.format(folder=folder))
        control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-s", "-w", "-t", str(READY_WAIT)]
        start = [*control, "-l", folder / "log", "start"]
        subprocess.run(start, check=True, user=account, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            yield f"postgresql://truc@/postgres?host={folder}"
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, check=False, user=account, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def database_name(url: str) -> str:
    """The database that a URL of ours names."""
    return url.partition("?")[0].rpartition("/")[2]


@contextlib.contextmanager
def stopped_server(cluster_url: str) -> Iterator[None]:
    """While in here, the server is gone, as by a power cut. Skips the test where it is not ours to stop."""
    with psycopg.connect(cluster_url, autocommit=True) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    data, programs = Path(row[0] if row is not None else ""), binaries()
    if programs is None or not data.name or not data.parent.name.startswith("truc-pg-"):
        pytest.skip("this PostgreSQL is not ours to stop")
    control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-s", "-w", "-t", str(READY_WAIT)]
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(data.parent), "LC_ALL": "C.UTF-8"}

    def say(*words: str | Path) -> None:
        command = [*control, *words]
        subprocess.run(
            command, check=True, user=_account(), env=environment, cwd=data.parent, stdout=subprocess.DEVNULL
        )

    say("-m", "immediate", "stop")
    try:
        yield
    finally:
        say("-l", data.parent / "log", "start")


@contextlib.contextmanager
def fresh_database(cluster_url: str, *, like: str = "template0") -> Iterator[str]:
    """URL of a database of its own, a copy of `like` (empty, unless told), dropped afterwards."""
    name = f"truc_{uuid4().hex}"
    with psycopg.connect(cluster_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(like)))
    before, _, parameters = cluster_url.partition("?")
    url = f"{before.rpartition('/')[0]}/{name}" + (f"?{parameters}" if parameters else "")
    try:
        yield url
    finally:
        with psycopg.connect(cluster_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
