"""Changes a database behind the hub's back, one row or column at a time, and takes each change back."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

PLAUSIBLE: Final[dict[str, tuple[str, ...]]] = {
    "type": ("edoc", "status"),
    "urgency": ("normal", "urgent"),
    "messages.state": ("accepted", "refused"),
    "legs.state": ("delivered", "handed-over"),
    "recall": ("none", "accepted"),
    "status": ("03", "06"),
    "status_code": ("03", "04"),
    "statuses.code": ("03", "06"),
    "promulgation_date": ("2026-09-30", "2026-09-29"),
    "arrived_on": ("2026-10-01", "2026-09-30"),
    "due_date": ("2026-10-30", "2026-11-30"),
    "events.name": ("leg.delivered", "leg.parked"),
}
"""Two values that the hub itself might have written: a change takes the one that is not there."""


class Tampered:
    """An SQLite database file that is changed and restored."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._whole = path.with_suffix(".whole")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(path, self._whole)

    @contextmanager
    def changed(self, statement: str, *values: Any) -> Iterator[int]:
        """While in here, the statement has been run; gives the number of rows that it touched."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            touched = connection.execute(statement, values).rowcount
            connection.commit()
        try:
            yield touched
        finally:
            with (
                closing(sqlite3.connect(self._whole)) as whole,
                closing(sqlite3.connect(self.path)) as connection,
            ):
                connection.execute("PRAGMA synchronous = OFF")
                whole.backup(connection)

    def rows(self, table: str) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self._whole)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(f"SELECT rowid AS place, * FROM {table} ORDER BY rowid").fetchall()  # noqa: S608  a table of ours

    def columns(self, table: str) -> list[str]:
        return [each for each in self.rows(table)[0].keys() if each != "place"]  # noqa: SIM118  a row is no mapping


def other_value(table: str, column: str, value: Any) -> Any:
    """Another value of the same kind."""
    for name in (f"{table}.{column}", column):
        if name in PLAUSIBLE:
            first, second = PLAUSIBLE[name]
            return second if value == first else first
    match value:
        case None:
            return 1_790_820_000_000_001
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1]) if value else b"\x30\x00"
        case int():
            return value + (10_000 if column in {"seq", "number"} else 1)
        case _:
            return f"{value[:-1]}{'1' if value[-1:] == '0' else '0'}" if value else "x"
