"""How much room uploads may take, and what becomes of those that nobody speaks of.

An upload is *unclaimed* until a message that the hub accepted, or still thinks about, refers to it. Until then a
marker stands for it:

    unclaimed/<agent>/<sha256>      an empty file; who uploaded what

Whoever uploads and never submits fills only its own share, and after `unclaimed_for` the bytes are removed.
"""

import shutil
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from router.adapters.payloads import FILE_MODE, FOLDER_MODE, FilePayloads
from router.ports import Store

STALE: Final = timedelta(hours=1)
"""An upload under way to which nothing was written for so long is a leftover of a crash."""


class NoRoom(Exception):
    """An upload does not fit now; later it may."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobLimits:
    """`free_bytes` stay free on the disk; `unclaimed_bytes` per agent; `unclaimed_for` is their longest life."""

    free_bytes: int
    unclaimed_bytes: int
    unclaimed_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """Counts of files that were removed."""

    partial: int = 0
    unclaimed: int = 0


class BlobRoom:
    """One per hub, in the process of the blob door. Usable from several threads."""

    def __init__(self, payloads: FilePayloads, store: Store, limits: BlobLimits) -> None:
        self._payloads = payloads
        self._store = store
        self._limits = limits
        self._markers = payloads.folder / "unclaimed"
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()  # bytes by agent
        self._markers.mkdir(exist_ok=True, mode=FOLDER_MODE)

    def reserve(self, agent: str, size: int) -> None:
        """Room for one upload of at most `size` bytes until it is released. Raises NoRoom, StoreUnavailable."""
        with self._lock:
            self._require_free(size)
            self._require_share(agent, size)
            self._under_way[agent] += size

    def release(self, agent: str, size: int) -> None:
        """The upload has ended, one way or the other."""
        with self._lock:
            self._under_way[agent] -= size

    def mark(self, agent: str, digest: str) -> None:
        """Before the blob is there, so that no crash leaves one without a marker."""
        folder = self._markers / agent
        folder.mkdir(exist_ok=True, mode=FOLDER_MODE)
        (folder / digest).touch(FILE_MODE)

    def sweep(self, *, now: datetime) -> Swept:
        """Remove leftovers of crashes, unclaimed blobs beyond their age, and markers of what is claimed by now."""
        partial = sum(_remove_if_older(each, now - STALE) for each in self._payloads.partial_files())
        unclaimed = 0
        for folder in self._markers.iterdir():
            for digest in self._unclaimed(folder.name):
                if self._payloads.remove_blob(digest, not_used_since=now - self._limits.unclaimed_for):
                    unclaimed += 1
                if self._payloads.blob_path(digest) is None:
                    _remove_if_older(folder / digest, now - STALE)  # a younger one's upload may be about to finish
        return Swept(partial=partial, unclaimed=unclaimed)

    def _require_free(self, size: int) -> None:
        free = shutil.disk_usage(self._markers).free - sum(self._under_way.values())
        if free - size < self._limits.free_bytes:
            raise NoRoom("trục tạm hết chỗ lưu, hãy thử lại sau", "the hub has no room at present, try again later")

    def _require_share(self, agent: str, size: int) -> None:
        taken = self._under_way[agent] + sum(
            path.stat().st_size for digest in self._unclaimed(agent) if (path := self._payloads.blob_path(digest))
        )
        if taken + size > self._limits.unclaimed_bytes:
            raise NoRoom(
                "điểm kết nối đã tải lên quá nhiều mà chưa gửi, hãy gửi rồi thử lại sau",
                "this agent has uploaded too much that it has not submitted; submit it and try again later",
            )

    def _unclaimed(self, agent: str) -> list[str]:
        """Digests that stay marked; the markers of others are taken away."""
        folder = self._markers / agent
        if not folder.is_dir():
            return []
        marked = [each.name for each in folder.iterdir()]
        claimed = self._store.claimed_blobs(marked) if marked else frozenset()
        for digest in claimed:
            (folder / digest).unlink(missing_ok=True)
        return [digest for digest in marked if digest not in claimed]


def _remove_if_older(path: Path, moment: datetime) -> bool:
    try:
        if path.stat().st_mtime >= moment.timestamp():
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True
