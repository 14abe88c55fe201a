"""The directory's file: opening it, and transactions. Readers see the last whole state, whoever is writing."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, Engine

from agents.gateway.directory.errors import DirectoryUnavailable
from agents.gateway.directory.schema import migrate
from agents.spool.sqlite import READING, SqliteStore, opening, sqlite_engine

DATABASE: Final = "directory.db"
OWNER_ONLY: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
BUSY_TIMEOUT: Final = 60.0  # seconds; a new list of the whole country is written in some seconds
LOG_BYTES: Final = 16 * 2**20  # what stays of the write-ahead log after a large change
IDLE_CONNECTIONS: Final = 4


class DirectoryDatabase(SqliteStore):
    """The directory, opened."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        super().__init__(engine)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The directory in the spool's folder; made when it is not there. Raises DirectoryUnavailable."""
        with cls._told():
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            with opening(folder / "directory.lock"):
                path = folder / DATABASE
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY))
                engine = sqlite_engine(
                    path,
                    busy=BUSY_TIMEOUT,
                    pragmas=(f"journal_size_limit = {LOG_BYTES}",),
                    snapshots=True,
                    pool_size=IDLE_CONNECTIONS,
                    max_overflow=-1,  # whoever reads slowly holds a connection, and keeps nobody from another
                )
                try:
                    with engine.begin() as connection:
                        migrate(connection)
                except BaseException:
                    engine.dispose()
                    raise
            return cls(folder, engine)

    @staticmethod
    def _fault(words: str) -> DirectoryUnavailable:
        return DirectoryUnavailable(words)

    @contextmanager
    def _apart(self) -> Iterator[Connection]:
        """A connection that is closed afterwards, with whatever only it has; its transactions are the caller's."""
        with self._told(), self._engine.connect() as connection:
            connection.detach()
            yield connection


def reading(connection: Connection) -> AbstractContextManager[object]:
    """A transaction that keeps nobody from writing."""
    return connection.execution_options(**{READING: True}).begin()


def writing(connection: Connection) -> AbstractContextManager[object]:
    """A transaction that no other writer comes between; rolled back on an exception."""
    return connection.execution_options(**{READING: False}).begin()
