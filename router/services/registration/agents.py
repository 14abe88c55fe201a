"""Adds agents to the registry, with their event; the token is told once."""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime
from typing import Final

from router.core.registry import AgentRecord, Registry
from router.core.registry_change import RegistryChange
from router.ports.registry_desk import RegistryDesk
from router.services.registration.importing import registry_event

TOKEN_BYTES: Final = 32


def add_agent(
    desk: RegistryDesk, registry: Registry, name: str, *, title: str = "", actor: str, reason: str, now: datetime
) -> str | None:
    """Create an agent, or give one that is there a new token; the token before stops working.

    Returns the token for the blob door; None, and nothing is written, when the registry is another than `registry` by
    now. Only the token's digest is kept, so this is the one time to read it.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    known = registry.agents.get(name)
    agent = known if known is not None else AgentRecord(name=name)
    digest = hashlib.sha256(token.encode()).hexdigest()
    changed = replace(agent, title=title or agent.title, active=True, token_hash=digest)
    what, count = ("agent-added", "added") if known is None else ("agent-token", "changed")
    event = registry_event(what, "", {count: 1}, agent=name, actor=actor, reason=reason, now=now)
    written = desk.change(RegistryChange(agents=(changed,)), event=event, seen=registry.version)
    return token if written else None
