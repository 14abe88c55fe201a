"""Changing the registry as somebody saw it, and looking through all its certificates."""

from collections.abc import Sequence
from typing import Protocol

from router.core.records import Event
from router.core.registry import CertificateRecord
from router.core.registry_change import RegistryChange


class RegistryDesk(Protocol):
    """Each call is a transaction of its own. Raises StoreUnavailable."""

    def change(self, change: RegistryChange, *, event: Event, seen: int) -> bool:
        """Write a change and its event, unless the registry has another version than `seen`; whether it was written."""
        ...

    def certificates(self) -> Sequence[CertificateRecord]:
        """All of them, by organ and fingerprint."""
        ...
