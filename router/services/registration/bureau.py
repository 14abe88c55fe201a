"""What the pages about the registry stand on: the tree, the certificates, and changes as somebody saw them."""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from edxml_schemas.trust import TrustMaterial
from router.core.people import Scope
from router.core.registry import OrganRecord, OrganState
from router.ports import Store
from router.ports.registry_desk import RegistryDesk
from router.services.registration.certificate_shelf import CertificateShelf, ShelfRow, row_of
from router.services.registration.certificates import Binding, Unfit, plan_binding, plan_unbinding, write_binding
from router.services.registration.importing import Preview, apply_preview, preview
from router.services.registration.organ_tree import OrganTree
from router.services.registration.registry_file import Problem
from router.services.registration.states import set_state


class WatchedTrust(Protocol):
    """Trust material that is looked for anew when it is asked for."""

    def refresh(self) -> bool: ...

    def material(self) -> TrustMaterial: ...


class Bureau:
    """The registry's services around their memory. Safe for several threads."""

    def __init__(self, store: Store, desk: RegistryDesk, trust: WatchedTrust) -> None:
        self._store = store
        self._desk = desk
        self._trust = trust
        self._lock = threading.Lock()
        self.tree = OrganTree()
        self.shelf = CertificateShelf(desk, lambda: store.registry().version)

    def material(self) -> TrustMaterial:
        """What certificates are judged by, as it is on disk now."""
        with self._lock:
            self._trust.refresh()
            return self._trust.material()

    def certificates_of(self, organ: str) -> Sequence[ShelfRow]:
        """Of one organ (present code), the first to end first."""
        rows = [row for row in map(row_of, self._store.certificates_of(organ)) if row is not None]
        return sorted(rows, key=lambda each: each.place)

    def preview(self, data: bytes, scope: Scope) -> Preview | tuple[Problem, ...]:
        """What a file would change; see `importing.preview`."""
        return preview(data, self._store.registry(), scope=scope)

    def apply(
        self, data: bytes, scope: Scope, *, digest: str, actor: str, reason: str, now: datetime
    ) -> Preview | tuple[Problem, ...] | None:
        """Write exactly what was previewed under this digest, with its event. None, and nothing is written, when the
        file or the registry is another by now."""
        previewed = self.preview(data, scope)
        if not isinstance(previewed, Preview):
            return previewed
        if previewed.digest != digest:
            return None
        done = apply_preview(self._desk, previewed, actor=actor, reason=reason, now=now)
        return previewed if done else None

    def set_state(
        self, organ: OrganRecord, state: OrganState, *, seen: int, actor: str, reason: str, now: datetime
    ) -> bool:
        """Lock or unlock an organ as it was seen; whether it was done. Senders are told why it is locked."""
        return set_state(self._desk, organ, state, seen=seen, actor=actor, reason=reason, now=now)

    def plan_binding(self, data: bytes, organ: OrganRecord, scope: Scope, *, now: datetime) -> Binding | Unfit:
        """What binding the certificate of a file to an organ would do."""
        return plan_binding(data, organ, self._store.registry(), self.material(), scope=scope, now=now)

    def plan_unbinding(self, fingerprint: str, organ: OrganRecord, scope: Scope, *, now: datetime) -> Binding | Unfit:
        """What taking a certificate from an organ would do."""
        registry = self._store.registry()
        bound = (each for each in self._store.certificates_of(organ.code) if each.fingerprint == fingerprint)
        return plan_unbinding(next(bound, None), organ, registry, self.material(), scope=scope, now=now)

    def write_binding(self, planned: Binding, *, actor: str, reason: str, now: datetime) -> bool:
        """Write exactly what was shown; False, and nothing is written, when the registry is another by now."""
        return write_binding(self._desk, planned, actor=actor, reason=reason, now=now)
