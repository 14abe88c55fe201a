"""Statements as text, straight to the driver.

SQLAlchemy lends the connection, its transaction and its pool; on the hot path its compilation and its work per
parameter and row would cost more than the database does. One statement takes any number of keys as one parameter, so
its text never changes, and both drivers keep it prepared.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import orjson
from sqlalchemy import Connection

from router.adapters.sql.rows import Row

if TYPE_CHECKING:
    import psycopg

WORTH_COPYING: Final = 5
"""Fewer rows than this go as INSERTs: COPY has two round trips of its own."""


class _Cursor(Protocol):
    rowcount: int

    def fetchall(self) -> list[Row]: ...

    def executemany(self, statement: str, rows: Sequence[Row], /) -> object: ...


class _Driver(Protocol):
    """What sqlite3 and psycopg have in common."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> _Cursor: ...

    def cursor(self) -> _Cursor: ...


class Raw:
    """The driver's connection inside a transaction of SQLAlchemy's. Raises the driver's own errors."""

    def __init__(self, connection: Connection) -> None:
        self._driver = cast("_Driver", connection.connection.driver_connection)
        self._json = connection.dialect.name == "sqlite"

    def rows(self, statement: str, keys: Sequence[str]) -> list[Row]:
        """The rows of a statement whose one parameter is a list of keys."""
        value = orjson.dumps(keys).decode() if self._json else list(keys)
        return self._driver.execute(statement, (value,)).fetchall()

    def run(self, statement: str, value: object) -> None:
        """A statement with one parameter, whose answer does not matter."""
        self._driver.execute(statement, (value,))

    def write(self, statement: str, rows: Sequence[Row]) -> int:
        """Once per row; how many rows of the table were touched in all."""
        cursor = self._driver.cursor()
        cursor.executemany(statement, rows)
        return cursor.rowcount

    def copy(self, statement: str, rows: Sequence[Row]) -> None:
        """Run a `COPY … FROM STDIN` of PostgreSQL: a third of the cost of one INSERT per row."""
        driver = cast("psycopg.Connection[Row]", self._driver)
        with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)
