"""The directory's file: opening it, and transactions. Readers see the last whole state, whoever is writing."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError, StatementError

from agents.gateway.directory.errors import DirectoryUnavailable
from agents.gateway.directory.schema import migrate

DATABASE: Final = "directory.db"
OWNER_ONLY: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
BUSY_TIMEOUT: Final = 60.0  # seconds; a new list of the whole country is written in some seconds
LOG_BYTES: Final = 16 * 2**20  # what stays of the write-ahead log after a large change
IDLE_CONNECTIONS: Final = 4


class DirectoryDatabase:
    """The directory, opened."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self._engine = engine

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The directory in the spool's folder; made when it is not there. Raises DirectoryUnavailable."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            with (folder / "directory.lock").open("w") as lock:
                # Two processes that create a WAL database at the same instant: one would stay locked out.
                fcntl.flock(lock, fcntl.LOCK_EX)
                path = folder / DATABASE
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY))
                engine = _engine(path)
                try:
                    with engine.begin() as connection:
                        migrate(connection)
                except BaseException:
                    engine.dispose()
                    raise
            return cls(folder, engine)
        except (OSError, SQLAlchemyError) as error:
            raise _unavailable(error) from error

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (OSError, SQLAlchemyError) as error:
            raise _unavailable(error) from error

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """One state of the directory for everything that is asked."""
        try:
            with self._engine.connect().execution_options(reading=True) as connection:
                yield connection
        except (OSError, SQLAlchemyError) as error:
            raise _unavailable(error) from error

    @contextmanager
    def _apart(self) -> Iterator[Connection]:
        """A connection that is closed afterwards, with whatever only it has; its transactions are the caller's."""
        try:
            with self._engine.connect() as connection:
                connection.detach()
                yield connection
        except (OSError, SQLAlchemyError) as error:
            raise _unavailable(error) from error


def reading(connection: Connection) -> AbstractContextManager[object]:
    """A transaction that keeps nobody from writing."""
    return connection.execution_options(reading=True).begin()


def writing(connection: Connection) -> AbstractContextManager[object]:
    """A transaction that no other writer comes between; rolled back on an exception."""
    return connection.execution_options(reading=False).begin()


def _unavailable(error: Exception) -> DirectoryUnavailable:
    """The driver's own words, without the statement around them."""
    return DirectoryUnavailable(str(error.orig if isinstance(error, StatementError) else error))


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
        pool_size=IDLE_CONNECTIONS,
        max_overflow=-1,  # whoever reads slowly holds a connection, and keeps nobody from another
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver's guess
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"journal_size_limit = {LOG_BYTES}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        only_reads = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine
