"""Tables of the directory, and the ordered steps that bring an older one to the present shape.

The step a directory stands at is its `PRAGMA user_version`. One of a later version is refused, not guessed at.
"""

from typing import Final

from sqlalchemy import Connection

from agents.gateway.directory.errors import DirectoryUnavailable
from agents.spool.sqlite import bring_up

_FIRST: Final = (
    """CREATE TABLE organs (
        number INTEGER NOT NULL UNIQUE, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, parent TEXT NOT NULL,
        old_code TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL, address TEXT NOT NULL,
        level INTEGER NOT NULL, connected INTEGER NOT NULL, version INTEGER NOT NULL, deleted INTEGER NOT NULL,
        changed_at TEXT NOT NULL, line_digest BLOB NOT NULL, tokens TEXT NOT NULL, words INTEGER NOT NULL,
        own_key TEXT NOT NULL, twin_key TEXT NOT NULL, old_key TEXT NOT NULL, parent_key TEXT NOT NULL)""",
    "CREATE INDEX organs_order ON organs (words, code) WHERE deleted = 0",
    # What follows from `organs` and is written anew with every change of it: by which keys an organ is called, where it
    # stands in the order of what is found, and which body is above it.
    """CREATE TABLE called (
        key TEXT NOT NULL, how INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (key, how, number))
        WITHOUT ROWID""",
    "CREATE TABLE places (number INTEGER PRIMARY KEY, place INTEGER, parent_number INTEGER)",
    "CREATE UNIQUE INDEX places_place ON places (place) WHERE place IS NOT NULL",
    # Without positions and contents: words in any order need none, and the rest is in `organs`.
    """CREATE VIRTUAL TABLE found USING fts5 (tokens, content = '', detail = none, columnsize = 0,
        prefix = '1 2 3 4', tokenize = "ascii tokenchars '.'")""",
    """CREATE TABLE copy (
        only INTEGER PRIMARY KEY CHECK (only = 1), version INTEGER NOT NULL, digest TEXT NOT NULL,
        synchronised_at TEXT)""",
    "INSERT INTO copy VALUES (1, 0, '', NULL)",
    """CREATE TABLE applications (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, code TEXT NOT NULL,
        name TEXT NOT NULL, parent TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL, address TEXT NOT NULL,
        applicant TEXT NOT NULL, progress TEXT NOT NULL, note TEXT NOT NULL, applied_at TEXT NOT NULL, told_at TEXT)""",
    "CREATE INDEX applications_progress ON applications (progress, seq)",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_FIRST,)
"""Step n brings a directory from version n to n + 1. Steps are only ever added."""


def migrate(connection: Connection) -> None:
    """Brings it to the present version, in the caller's transaction. Raises DirectoryUnavailable for a later one."""
    bring_up(connection, MIGRATIONS, fault=DirectoryUnavailable)
