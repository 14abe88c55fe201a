"""Spools of earlier versions of the agent, for tests of what an upgrade keeps."""

import sqlite3
from pathlib import Path

from agents.spool.schema import FUNCTIONS, MIGRATIONS


def make_older(folder: Path, version: int) -> None:
    """Turns the closed spool in `folder` into one that an agent of schema `version` would have written."""
    present, older = folder / "spool.db", folder / "older.db"
    database = sqlite3.connect(older)
    for name, function in FUNCTIONS:
        database.create_function(name, 1, function, deterministic=True)
    for step in MIGRATIONS[:version]:
        for statement in step:
            database.execute(statement)
    database.execute("ATTACH DATABASE ? AS present", (str(present),))
    tables = [row[0] for row in database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table.startswith("sqlite_"):
            continue
        names = ", ".join(row[1] for row in database.execute(f"PRAGMA main.table_info({table})"))
        database.execute(f"INSERT OR REPLACE INTO main.{table} ({names}) SELECT {names} FROM present.{table}")  # noqa: S608  own names
    database.commit()
    database.execute("DETACH DATABASE present")
    database.execute(f"PRAGMA user_version = {version}")
    database.commit()
    database.close()
    for ending in ("-wal", "-shm"):
        (folder / f"spool.db{ending}").unlink(missing_ok=True)
    older.replace(present)
