"""One append-only file of payloads: a batch of pieces costs one sync, and large batches pass the page cache by.

Nobody reads a payload again before its document is long delivered, so copying it into the page cache is work for
nothing: for a batch of 100 KB envelopes it costs several times the CPU of a direct write. Direct writes want blocks,
so a direct batch begins at a block and is filled up to one; what lies between is never spoken of.
"""

import errno
import mmap
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

# macOS has no fdatasync.
SYNC: Final = getattr(os, "fdatasync", os.fsync)
DIRECT: Final = getattr(os, "O_DIRECT", 0)
BLOCK: Final = 4096  # bytes; a multiple of the logical blocks of all usual disks
LEAST_DIRECT: Final = 512 * 1024
"""Smaller batches go through the page cache: filling up a block would cost more than the copy."""
ROOM: Final = 4 * 2**20  # bytes of the aligned buffer
PIECES_PER_WRITE: Final = 512  # below IOV_MAX (1024) of Linux and macOS


class SegmentFile:
    """A new file at `path`, which must not exist. After an OSError nobody knows what is on the disk: close it."""

    def __init__(self, path: Path, *, mode: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._buffered = os.open(path, flags, mode)
        self._direct = -1
        self._room: mmap.mmap | None = None
        self.end = 0
        if DIRECT:
            try:
                self._direct = os.open(path, os.O_WRONLY | os.O_CLOEXEC | DIRECT)
            except OSError:  # this file system has no direct writing
                self._direct = -1

    def append(self, pieces: Sequence[bytes]) -> int:
        """Where the first piece begins; the others follow without a gap. Durable on return. Raises OSError."""
        if self._direct >= 0 and sum(map(len, pieces)) >= LEAST_DIRECT:
            try:
                return self._append_directly(pieces)
            except OSError as problem:
                if problem.errno != errno.EINVAL or self._room is not None:
                    raise
                os.close(self._direct)
                self._direct = -1
        start = self.end
        self.end += _write_all(self._buffered, pieces)
        SYNC(self._buffered)
        return start

    def close(self) -> None:
        """Whatever happens to the last bytes: they were synced, or nobody knows of them."""
        for descriptor in (self._buffered, self._direct):
            if descriptor >= 0:
                os.close(descriptor)
        self._buffered = self._direct = -1
        self._room = None

    def _append_directly(self, pieces: Sequence[bytes]) -> int:
        room = self._room or mmap.mmap(-1, ROOM)
        start = place = _whole_blocks(self.end)
        filled = 0
        with memoryview(room) as view:
            for piece in pieces:
                with memoryview(piece) as rest:
                    done = 0
                    while done < len(rest):
                        taken = min(len(rest) - done, ROOM - filled)
                        view[filled : filled + taken] = rest[done : done + taken]
                        done, filled = done + taken, filled + taken
                        if filled == ROOM:
                            place, filled = place + self._write(view, place), 0
            if filled:
                whole = _whole_blocks(filled)
                view[filled:whole] = bytes(whole - filled)
                place += self._write(view[:whole], place)
        SYNC(self._direct)
        self.end = place
        self._room = room  # from here on the file system is known to take direct writes
        return start

    def _write(self, block: memoryview, place: int) -> int:
        written = os.pwrite(self._direct, block, place)
        if written != len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written


def _whole_blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _write_all(descriptor: int, pieces: Sequence[bytes]) -> int:
    """How many bytes that were."""
    waiting = iter(pieces)
    total = 0
    while batch := list(islice(waiting, PIECES_PER_WRITE)):
        wanted = sum(map(len, batch))
        written = os.writev(descriptor, batch)
        if written != wanted:
            # A nearly full disk takes a part; the rest in one piece fails with the reason or goes through.
            rest = memoryview(b"".join(batch))[written:]
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        total += wanted
    return total
