"""Bytes of envelopes in the spool: small ones in rows, large ones in files named by their digest."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from agents.errors import SpoolUnavailable
from agents.spool.schema import envelopes

ROW_BYTES: Final = 256 * 1024
"""Envelopes of more bytes lie in files: SQLite copies a large row several times, the file system does not."""


def write_durably(path: Path, content: bytes) -> None:
    """The file is there whole, with its name synced to disk, or not at all. Replaces what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{uuid4().hex}.part")  # not from the name, which may be as long as names can be
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(place: Path) -> None:
    """Makes the folders of all digests, and syncs their names up to the folder that holds the spool.

    Cheap when they are there. Without it a crash could take a new folder away with the letters in it, whose own names
    were synced.
    """
    place.mkdir(exist_ok=True)
    there = {each.name for each in place.iterdir()}
    for each in (f"{number:02x}" for number in range(256)):
        if each not in there:
            (place / each).mkdir(exist_ok=True)
    for folder in (place, place.parent):
        sync_folder(folder)
    with suppress(PermissionError):  # the folder above may be somebody else's
        sync_folder(place.parent.parent)


class Bodies:
    """Content-addressed: the same envelope for two organs is kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def keep(self, connection: Connection, content: bytes) -> str:
        """The digest of bytes that are durable when the transaction of `connection` is."""
        digest = hashlib.sha256(content).hexdigest()
        held = connection.execute(select(envelopes.c.digest).where(envelopes.c.digest == digest)).first()
        if held is None:
            in_row = len(content) <= ROW_BYTES
            if not in_row:
                # The file first: a row must never promise bytes that a crash took away.
                write_durably(self.path(digest), content)
            row = {"digest": digest, "size": len(content), "body": content if in_row else None}
            connection.execute(insert(envelopes).values(row).on_conflict_do_nothing())
        return digest

    def read(self, connection: Connection, digest: str) -> bytes:
        """Raises SpoolUnavailable when the bytes are gone or damaged."""
        row = connection.execute(select(envelopes.c.body).where(envelopes.c.digest == digest)).first()
        if row is None:
            raise SpoolUnavailable(f"no envelope {digest}")
        try:
            content: bytes = self.path(digest).read_bytes() if row.body is None else row.body
        except OSError as error:
            raise SpoolUnavailable(str(error)) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise SpoolUnavailable(f"damaged envelope {digest}")
        return content
