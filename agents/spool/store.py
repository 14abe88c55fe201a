"""The database behind a spool: opening, transactions, and the lock of the process that runs the agent."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO, Final, Self

import structlog
from sqlalchemy import Connection, Engine

from agents.errors import AgentBusy, SpoolUnavailable
from agents.spool.bodies import Bodies, make_folders
from agents.spool.schema import FUNCTIONS, migrate
from agents.spool.sqlite import READING, SqliteStore, opening, sqlite_engine

PRIVATE: Final = 0o700
OF_OTHERS: Final = 0o077
ENVELOPES: Final = "envelopes"
BUSY_TIMEOUT: Final = 30.0  # seconds another process may hold the database
CONNECTIONS: Final = 40  # at once; more than threads that ask
IDLE_CONNECTIONS: Final = 5  # kept open between questions


class SpoolStore(SqliteStore):
    """The database and the bytes of a spool, opened."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        super().__init__(engine)
        self.folder = folder
        self._bodies = Bodies(folder / ENVELOPES)
        self._watcher = engine.connect()
        self._watching = Lock()
        self._writing = Lock()  # SQLite has one writer, and lets the others look again after longer and longer pauses

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Creates the spool when it is not there, and brings an older one up to date."""
        with cls._told():
            _make_private(folder)
            with opening(folder / "open.lock"):
                engine = sqlite_engine(
                    folder / "spool.db",
                    busy=BUSY_TIMEOUT,
                    pragmas=("foreign_keys = ON",),
                    functions=FUNCTIONS,
                    pool_size=IDLE_CONNECTIONS,
                    max_overflow=CONNECTIONS - IDLE_CONNECTIONS,
                )
                with engine.begin() as connection:
                    migrate(connection)
                make_folders(folder / ENVELOPES)
            return cls(folder, engine)

    @staticmethod
    def _fault(words: str) -> SpoolUnavailable:
        return SpoolUnavailable(words)

    def close(self) -> None:
        with self._watching:  # a thread of a loop that was cancelled may still be asking
            self._watcher.close()
        super().close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._writing, super()._write() as connection:
            yield connection

    def changes(self) -> int:
        """A number that differs after anybody, in this process or another, has written to the spool."""
        with self._told(), self._watching:
            watcher = self._watcher.execution_options(**{READING: True})
            return int(watcher.exec_driver_sql("PRAGMA data_version").scalar_one())

    def envelope(self, digest: str) -> bytes:
        """The bytes of a kept envelope; their digest was checked."""
        with self._read() as connection:
            return self._bodies.read(connection, digest)


class RunLock:
    """Held by the one process that moves a spool's messages. The system frees it when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Raises AgentBusy when another holds it."""
        _make_private(self._folder)
        file = (self._folder / "run.lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise AgentBusy(self._folder) from None
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def is_running(folder: Path) -> bool:
    """Whether some process runs the agent of this spool."""
    if not (folder / "run.lock").exists():
        return False
    lock = RunLock(folder)
    try:
        lock.acquire()
    except AgentBusy:
        return True
    lock.release()
    return False


def _make_private(folder: Path) -> None:
    """Makes the folder, and takes the rights of others from one that is there: letters lie in it. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    if folder.stat().st_mode & OF_OTHERS:
        try:
            folder.chmod(PRIVATE)
        except PermissionError:
            structlog.get_logger().warning(
                "spool.open-to-others",
                folder=str(folder),
                vi="Kho tạm đang cho người khác vào và không đổi được quyền; đề nghị chạy chmod 700.",
                en="Others may enter the spool, and its rights cannot be changed; run chmod 700 on it.",
            )
