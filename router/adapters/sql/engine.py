"""Connections: how each database is opened, and what its errors mean to the hub."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from router.ports import StoreConflict, StoreUnavailable

LOCK_WAIT: Final = 30.0  # seconds that a writer waits for another one
LOCK_LOOK: Final = 0.001  # seconds between two looks whether the other one is done
CONNECT_WAIT: Final = 10  # seconds to reach a PostgreSQL server
WRITES: Final = "truc_writes"  # execution option: begin as a writer

RETRY_STATES: Final = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATE of PostgreSQL: serialisation failure, deadlock, lock not available."""

OUR_FAULT: Final = ("22", "42", "54")
"""Classes of SQLSTATE that no waiting mends: a value, a statement or a limit."""

LOST: Final = (OperationalError, InterfaceError, InternalError)
LOST_DRIVER: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    sqlite3.OperationalError,
    sqlite3.InternalError,
)
DOUBLED: Final = (psycopg.IntegrityError, sqlite3.IntegrityError)


class DatabaseMistake(Exception):
    """A statement or a value of ours that the database does not take. No waiting mends it."""


def normal_url(database_url: str) -> URL:
    """The URL with the driver we use: `postgresql://` means psycopg 3. Raises `ValueError` for other databases."""
    try:
        url = make_url(database_url)
    except SQLAlchemyError as problem:
        raise ValueError("the database URL cannot be read") from problem
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("postgresql+psycopg", "sqlite"):
        raise ValueError(f"neither SQLite nor PostgreSQL: {url.drivername}")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("an SQLite database needs a file")
    return url


def open_engine(database_url: str) -> Engine:
    """An engine with the pragmas and transaction control that the store relies on. Connects only when used."""
    url = normal_url(database_url)
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": LOCK_WAIT})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url,
        hide_parameters=True,  # values are parts of letters, and error texts go to logs
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_WAIT, "application_name": "truc"},
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN comes too late to hold readers and writers apart: `_begin_sqlite` says it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(LOCK_WAIT * 1000)}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -65536")  # KiB
    cursor.execute("PRAGMA wal_autocheckpoint = 16000")  # pages (64 MB): fewer, larger copies into the database file
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITES, False):
        driver: Any = connection.connection.driver_connection
        _begin_as_writer(driver)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_as_writer(driver: sqlite3.Connection) -> None:
    """Begin when the other writers are done, a millisecond after at the latest.

    SQLite's own waiting sleeps for up to 100 ms at a time: several times what a transaction of the hub takes.
    """
    deadline = time.monotonic() + LOCK_WAIT
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as problem:
                if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(LOCK_LOOK)
            else:
                return
    finally:
        driver.execute(f"PRAGMA busy_timeout = {int(LOCK_WAIT * 1000)}")


def is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


@contextlib.contextmanager
def told_as_ports() -> Iterator[None]:
    """Turn the database's errors into those of `router.ports`; what is a mistake of ours is a DatabaseMistake.

    None of them carries the driver's error along: its details quote the row, which may be somebody's letter.
    """
    try:
        yield
    except DBAPIError as problem:
        raise _as_port(problem, problem.orig, invalidated=problem.connection_invalidated) from None
    except (psycopg.Error, sqlite3.Error) as problem:  # from statements that went straight to the driver
        raise _as_port(problem, problem, invalidated=False) from None
    except PoolTimeout as problem:
        raise StoreUnavailable("no free connection to the database") from problem


def _as_port(problem: Exception, driver: BaseException | None, *, invalidated: bool) -> Exception:
    """What the hub is told for a driver's error."""
    state: Any = getattr(driver, "sqlstate", None)
    if isinstance(problem, IntegrityError) or isinstance(driver, DOUBLED) or state in RETRY_STATES:
        return StoreConflict(_shown(driver))
    if isinstance(state, str) and state.startswith(OUR_FAULT):
        return DatabaseMistake(_shown(driver))
    damaged = type(driver) is sqlite3.DatabaseError  # a malformed file: nothing a message did, and nothing it can mend
    lost = damaged or isinstance(problem, LOST) or isinstance(driver, LOST_DRIVER)
    return (StoreUnavailable if lost or invalidated else DatabaseMistake)(_shown(driver))


def _shown(driver: BaseException | None) -> str:
    """The driver's words without the statement and its values, which may be somebody's letter."""
    words = str(driver).strip().splitlines()
    return f"{type(driver).__name__}: {words[0] if words else ''}"
