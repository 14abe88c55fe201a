"""Locks and unlocks an organ as somebody saw it, with its event."""

from dataclasses import replace
from datetime import datetime

from router.core.registry import OrganRecord, OrganState
from router.core.registry_change import RegistryChange
from router.ports.registry_desk import RegistryDesk
from router.services.registration.importing import registry_event


def set_state(
    desk: RegistryDesk, organ: OrganRecord, state: OrganState, *, seen: int, actor: str, reason: str, now: datetime
) -> bool:
    """Whether it was done: not when the registry has another version than `seen`. Senders are told why it is locked."""
    locks = state is OrganState.LOCKED
    changed = replace(organ, state=state, reason=reason if locks else "")
    what = "lock" if locks else "unlock"
    event = registry_event(what, organ.code, {"changed": 1}, actor=actor, reason=reason, now=now)
    return desk.change(RegistryChange(organs=(changed,)), event=event, seen=seen)
