"""Envelopes' bytes in this process: the in-memory twin of the payload files."""

import hashlib
import threading
from collections.abc import Iterable, Sequence

from router.adapters.payloads import BlobRefused
from router.ports import PayloadUnavailable


class MemoryPayloads:
    """`ports.Payloads` in this process. Blobs come in by `put_blob`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, bytes] = {}

    def append(self, envelopes: Sequence[bytes]) -> Sequence[str]:
        with self._lock:
            first = len(self._kept)
            references = tuple(f"seg:memory.seg:{first + n}:{len(data)}" for n, data in enumerate(envelopes))
            self._kept.update(zip(references, envelopes, strict=True))
            return references

    def read(self, reference: str) -> bytes:
        with self._lock:
            data = self._kept.get(reference)
        if data is None:
            raise PayloadUnavailable(f"no payload {reference[:100]!r}")
        return data

    def claim(self, digest: str, size: int) -> str | None:
        with self._lock:
            data = self._kept.get(f"blob:{digest}")
        return f"blob:{digest}" if data is not None and len(data) == size else None

    def references(self) -> Sequence[str]:
        """Of everything that is kept."""
        with self._lock:
            return tuple(self._kept)

    def forget(self, digest: str) -> None:
        with self._lock:
            self._kept.pop(f"blob:{digest}", None)

    def put_blob(self, chunks: Iterable[bytes], *, digest: str, limit: int) -> str:
        """Keep a blob from chunks. Raises `BlobRefused` (more than `limit` bytes, or another digest)."""
        data = b"".join(chunks)
        if len(data) > limit or hashlib.sha256(data).hexdigest() != digest:
            raise BlobRefused("the blob is larger than allowed or not what its digest says")
        with self._lock:
            self._kept[f"blob:{digest}"] = data
        return f"blob:{digest}"
