"""Databases with the hub's tables and nothing in them, copied from one that was migrated once per process of tests."""

import functools
import tempfile
from pathlib import Path
from typing import Final

from router.adapters.sql.migrate import upgrade

SQLITE: Final = "sqlite:///"


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hub.db"
        upgrade(f"{SQLITE}{file}")
        return file.read_bytes()


def make_tables(url: str) -> None:
    """What `upgrade` does to a new SQLite database, in a hundredth of the time."""
    file = Path(url.removeprefix(SQLITE))
    assert url.startswith(SQLITE), f"not SQLite: {url}"
    assert not file.exists(), f"not new: {url}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_migrated())
