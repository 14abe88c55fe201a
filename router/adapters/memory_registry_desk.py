"""The registry's desk in this process: the in-memory twin of `sql.registry_desk`, held to the same contract tests."""

from collections.abc import Sequence

from router.adapters.memory_store import MemoryStore
from router.core.records import Event, PutEvent
from router.core.registry import CertificateRecord
from router.core.registry_change import RegistryChange


class MemoryRegistryDesk:
    """`ports.RegistryDesk` on a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def change(self, change: RegistryChange, *, event: Event, seen: int) -> bool:
        with self._store.begin() as tx:
            if self._store.registry().version != seen:
                return False
            if change.agents:
                self._store.put_agents(change.agents)
            if change.certificates:
                self._store.put_certificates(change.certificates)
            if change.organs:
                self._store.put_organs(change.organs)
            for organ, fingerprints in change.unbound:
                self._store.drop_certificates(organ, fingerprints)
            tx.apply([PutEvent(event)])
            return True

    def certificates(self) -> Sequence[CertificateRecord]:
        with self._store.reading() as tables:
            found = list(tables.certificates.values())
        return tuple(sorted(found, key=lambda each: (each.organ, each.fingerprint)))
