"""Who is who: organs, the agents that carry for them, and the certificates that may sign for them. A snapshot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from router.core.holds import Hold


class OrganState(StrEnum):
    ACTIVE = "active"
    LOCKED = "locked"  # neither sends nor receives; senders are told (LGSP 23)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganRecord:
    """A body that sends and receives. `agent` is empty while nobody carries for it. `old_code` is its former code.

    `changed_in` is the version of the registry in which the record changed last; the store writes it.
    """

    code: str
    name: str
    parent: str = ""
    old_code: str = ""
    agent: str = ""
    email: str = ""
    state: OrganState = OrganState.ACTIVE
    reason: str = ""
    phone: str = ""
    address: str = ""
    changed_in: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecord:
    """An installation. `token_hash` is the SHA-256 (hexadecimal) of its secret for the blob door."""

    name: str
    title: str = ""
    active: bool = True
    token_hash: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRecord:
    """A certificate that may sign for one organ. `fingerprint` is the SHA-256 of the DER encoding."""

    organ: str
    fingerprint: str
    subject: str
    pem: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """One consistent view of the registry. `version` grows with every change to any part of it."""

    version: int = 0
    organs: Mapping[str, OrganRecord] = field(default_factory=lambda: MappingProxyType({}))
    agents: Mapping[str, AgentRecord] = field(default_factory=lambda: MappingProxyType({}))
    certificates: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    """Fingerprints bound to each organ code."""
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Former code → present code."""
    holds: Mapping[str, Hold] = field(default_factory=lambda: MappingProxyType({}))
    """What is arranged for an organ's deliveries, by present code."""

    @classmethod
    def of(
        cls,
        *,
        version: int,
        organs: Iterable[OrganRecord],
        agents: Iterable[AgentRecord],
        bindings: Iterable[tuple[str, str]],
        holds: Iterable[Hold] = (),
    ) -> "Registry":
        """A snapshot from rows; `bindings` are pairs of organ code and fingerprint."""
        by_code = {each.code: each for each in organs}
        bound: dict[str, set[str]] = {}
        for code, fingerprint in bindings:
            bound.setdefault(code, set()).add(fingerprint)
        return cls(
            version=version,
            organs=MappingProxyType(by_code),
            agents=MappingProxyType({each.name: each for each in agents}),
            certificates=MappingProxyType({code: frozenset(each) for code, each in bound.items()}),
            aliases=MappingProxyType({each.old_code: each.code for each in by_code.values() if each.old_code}),
            holds=MappingProxyType({each.organ: each for each in holds}),
        )

    def organ(self, code: str) -> OrganRecord | None:
        """The organ with this code, present or former."""
        found = self.organs.get(code)
        return found if found is not None else self.organs.get(self.aliases.get(code, ""))

    def may_sign(self, organ_code: str, fingerprint: str) -> bool:
        """Whether this certificate is bound to this organ (present code)."""
        return fingerprint in self.certificates.get(organ_code, frozenset())
