"""What every SQLite file of the agent has in common: how it is opened, transactions, steps to the present shape.

The step a file stands at is its `PRAGMA user_version`. One of a later version is refused, not guessed at.
"""

import fcntl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError, StatementError

from agents.errors import Unavailable

READING: Final = "reading"
"""The execution option of a connection that keeps nobody from writing."""
_ALWAYS: Final = ("journal_mode = WAL", "synchronous = FULL")


class SqliteStore(ABC):
    """A file that is open. Subclasses say what a fault is called, and whether its cause may be shown."""

    _hides_causes: ClassVar[bool] = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @staticmethod
    @abstractmethod
    def _fault(words: str) -> Unavailable:
        """What the store calls a fault of disk or database; `words` are the driver's."""

    @classmethod
    @contextmanager
    def _told(cls) -> Iterator[None]:
        """What goes wrong with disk or database, in the store's own name."""
        try:
            yield
        except (OSError, SQLAlchemyError) as error:
            raise cls._fault(driver_words(error)) from (None if cls._hides_causes else error)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._told(), self._engine.connect().execution_options(**{READING: True}) as connection:
            yield connection


def driver_words(error: Exception) -> str:
    """The driver's own words, without the statement around them and without the values in it."""
    return str(error.orig if isinstance(error, StatementError) else error)


@contextmanager
def opening(lock: Path) -> Iterator[None]:
    """Nobody else opens meanwhile: of two processes that create a WAL database at once, one would stay locked out."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sqlite_engine(
    path: Path,
    *,
    busy: float,
    pragmas: Iterable[str] = (),
    functions: Iterable[tuple[str, Callable[[Any], Any]]] = (),
    snapshots: bool = False,
    **pool: int,
) -> Engine:
    """An engine over a file. `busy` is how many seconds another process may hold it.

    Values are parts of letters, and error texts go to logs and screens: they are left out of these. Writers take their
    turn from the beginning; readers keep nobody from writing, and with `snapshots` see one state in a transaction.
    `pool` are settings of the pool of connections.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": busy, "check_same_thread": False},
        **pool,
    )
    wanted, own = (*_ALWAYS, *pragmas), tuple(functions)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver's guess
        for pragma in wanted:
            connection.execute(f"PRAGMA {pragma}")
        for name, function in own:
            connection.create_function(name, 1, function, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(READING):
            # A transaction that first reads and then writes would fail at once when another wrote between.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif snapshots:
            connection.exec_driver_sql("BEGIN")

    return engine


def bring_up(connection: Connection, steps: Sequence[Sequence[str]], *, fault: Callable[[str], Unavailable]) -> None:
    """Does the steps that the file has not had, in the caller's transaction. Raises `fault` for a later version."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > len(steps):
        raise fault(f"version {version} > {len(steps)}")
    for step in steps[version:]:
        for statement in step:
            connection.exec_driver_sql(statement)
    if version < len(steps):
        connection.exec_driver_sql(f"PRAGMA user_version = {len(steps)}")
