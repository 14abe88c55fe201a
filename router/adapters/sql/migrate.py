"""Bring a database up to date, whoever else is trying to do the same at this moment."""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from router.adapters.sql.engine import WRITES, is_sqlite, open_engine, told_as_ports

MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "migrations"
ADVISORY_LOCK: Final = int.from_bytes(hashlib.sha256(b"truc-lien-thong migrations").digest()[:8], "big", signed=True)


def upgrade(database_url: str, *, to: str = "") -> None:
    """Create what is missing, up to revision `to` or the newest; nothing when all is there.

    Safe from several processes at once, of which one works and the others wait. All in one transaction. Raises
    `StoreUnavailable`, and `ValueError` for a URL that is none.
    """
    engine = open_engine(database_url)
    try:
        with told_as_ports(), _alone(engine), _transaction(engine) as connection:
            if not is_sqlite(engine):
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            if revision_of(connection) != (to or head()):
                command.upgrade(_config(connection), to or "head")
    finally:
        engine.dispose()


def head() -> str | None:
    """The revision that this version of the hub needs."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def revision_of(connection: Connection) -> str | None:
    """The revision that a database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextlib.contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """For SQLite: a lock file beside the database. Two processes that create a database and turn on its write-ahead
    log at the same instant can lock each other out, before any transaction could help."""
    if not is_sqlite(engine):
        yield
        return
    database = Path(engine.url.database or "")
    with database.with_name(database.name + ".migrate-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
