"""The folder of what is being uploaded, and how much disk all uploads together may take.

A document waits there until it is in the spool, so that what stays behind is a leftover of a crash.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

from agents.errors import Unavailable

FOLDER_MODE: Final = 0o700
BODY: Final = ".body"
PARTS: Final = ".parts"
STALE: Final = timedelta(hours=1)
"""What no request of this process works on, and nothing was written to for so long, was abandoned."""


class NoRoom(Unavailable):
    """An upload does not fit now; later it may. `disk`: not for other uploads, but because the disk is nearly full."""

    def __init__(self, *, disk: bool) -> None:
        if disk:
            super().__init__(
                "Ổ đĩa của agent gần đầy, chưa nhận gì của yêu cầu này. Đề nghị quản trị agent dọn ổ đĩa, rồi gửi lại.",
                "The agent's disk is nearly full; nothing of this request was kept. Its administrator must make room; "
                "then try again.",
            )
        else:
            super().__init__(
                "Đang có quá nhiều dữ liệu gửi lên cùng lúc, chưa nhận gì của yêu cầu này. Đề nghị gửi lại sau.",
                "Too much is being uploaded at once; nothing of this request was kept. Try again later.",
            )
        self.disk = disk


class Share:
    """What one upload takes of the room."""

    def __init__(self, room: "Uploads") -> None:
        self._room = room
        self.taken = 0

    def grow(self, size: int) -> None:
        """Before so many bytes are written. Raises NoRoom, and OSError when the disk does not answer."""
        self._room._take(size)
        self.taken += size


class Uploads:
    """One per gateway. Safe in threads. All uploads together may take `most` bytes, and leave `free` of the disk."""

    def __init__(self, folder: Path, *, most: int, free: int) -> None:
        self.folder = folder
        self._most = most
        self._free = free
        self._lock = threading.Lock()
        self._taken = 0
        self._live: set[str] = set()

    @contextmanager
    def place(self, suffix: str) -> Iterator[tuple[Path, Share]]:
        """A path of one's own for an upload, or for what is made of it, with its share of the room.

        Whoever has the path makes it and removes it. Raises NoRoom, before anything is written, and OSError.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        path, share = self.folder / f"{uuid4().hex}{suffix}", Share(self)
        self._take(0)
        with self._lock:
            self._live.add(path.name)
        try:
            yield path, share
        finally:
            with self._lock:
                self._live.discard(path.name)
                self._taken -= share.taken

    def sweep(self, *, now: datetime | None = None) -> int:
        """Removes what was abandoned: all that no request here works on, or with `now` what is old as well."""
        swept = 0
        for path in self.folder.iterdir():
            with self._lock:
                live = path.name in self._live
            if live or path.suffix not in {BODY, PARTS} or (now is not None and now - _changed(path) < STALE):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            swept += 1
        return swept

    def _take(self, size: int) -> None:
        with self._lock:
            if self._taken + size > self._most:
                raise NoRoom(disk=False)
            if shutil.disk_usage(self.folder).free - size < self._free:
                raise NoRoom(disk=True)
            self._taken += size


def _changed(path: Path) -> datetime:
    """When it was last written to; what is gone meanwhile counts as new."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.max.replace(tzinfo=UTC)
