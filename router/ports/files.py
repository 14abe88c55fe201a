"""Bytes and certificates on disk."""

from collections.abc import Sequence
from typing import Protocol

from edxml_schemas.trust import TrustMaterial


class Payloads(Protocol):
    """Where envelopes' bytes are. A reference is opaque text: `seg:…` for append segments, `blob:<digest>`."""

    def append(self, envelopes: Sequence[bytes]) -> Sequence[str]:
        """Durable (synced to disk) on return, one reference per envelope."""
        ...

    def read(self, reference: str) -> bytes:
        """Raises PayloadUnavailable."""
        ...

    def claim(self, digest: str, size: int) -> str | None:
        """The reference of a blob uploaded beforehand; None when it is not (wholly) there."""
        ...

    def forget(self, digest: str) -> None:
        """Remove an uploaded blob now: it is a state secret. One that is not there is no fault."""
        ...


class TrustSource(Protocol):
    """Anchors, intermediates and revocation lists, refreshed in the background."""

    def material(self) -> TrustMaterial: ...
