"""A change to the registry as one value, so that all of it is written, or nothing."""

from dataclasses import dataclass

from router.core.registry import AgentRecord, CertificateRecord, OrganRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryChange:
    """Records to put, and certificates to take away (organ code and fingerprints)."""

    organs: tuple[OrganRecord, ...] = ()
    agents: tuple[AgentRecord, ...] = ()
    certificates: tuple[CertificateRecord, ...] = ()
    unbound: tuple[tuple[str, tuple[str, ...]], ...] = ()
