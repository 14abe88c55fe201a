"""Keeps the registry: compares a file with what is there, applies it, locks and unlocks organs."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from edxml_schemas.organs import normalise
from router.core.registry import AgentRecord, CertificateRecord, OrganRecord, OrganState, Registry
from router.ports import Store
from router.services.registration.registry_file import FileRow, Problem

ENDED: Final = "ngừng hoạt động theo danh mục / ended by the registry's file"
"""Why an organ is locked that a file ended; senders are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a file changes about one organ. `fields` are triples of field, before, after; empty for a new organ."""

    line: int
    code: str
    name: str
    new: bool
    fields: tuple[tuple[str, str, str], ...] = ()
    certificates_added: tuple[str, ...] = ()
    certificates_removed: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the organ ends with it: it was active, and is locked now."""
        return any(name == "state" and after == OrganState.LOCKED for name, _, after in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What applying a file would do. Organs that the file does not name are left alone."""

    organs: tuple[OrganRecord, ...] = ()
    agents: tuple[AgentRecord, ...] = ()
    certificates: tuple[CertificateRecord, ...] = ()
    unbound: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Organ code and the fingerprints that may no longer sign for it."""
    differences: tuple[Difference, ...] = ()
    unchanged: int = 0


def plan_import(rows: Sequence[FileRow], registry: Registry) -> ImportPlan | tuple[Problem, ...]:
    """The changes that a file asks for, or what makes them impossible. Pure.

    A lock stays a lock, unless the row has a state. A row that names certificates names all of them: others that were
    bound are unbound; a row without any leaves the bound ones. Agents that are not there yet are created without a
    token.
    """
    if problems := tuple(_clashes(rows, registry)):
        return problems
    organs: list[OrganRecord] = []
    certificates: list[CertificateRecord] = []
    unbound: list[tuple[str, tuple[str, ...]]] = []
    differences: list[Difference] = []
    for row in rows:
        was = registry.organs.get(row.code)
        organ = _merged(row, was)
        bound = registry.certificates.get(row.code, frozenset())
        wanted = bound if row.certificates is None else frozenset(each.fingerprint for each in row.certificates)
        added, removed = tuple(sorted(wanted - bound)), tuple(sorted(bound - wanted))
        if organ == was and not added and not removed:
            continue
        if organ != was:
            organs.append(organ)
        certificates += [each for each in row.certificates or () if each.fingerprint in added]
        if removed:
            unbound.append((row.code, removed))
        differences.append(
            Difference(
                line=row.line,
                code=organ.code,
                name=organ.name,
                new=was is None,
                fields=_changed(was, organ) if was is not None else (),
                certificates_added=added,
                certificates_removed=removed,
            )
        )
    names = sorted({row.agent for row in rows if row.agent and row.agent not in registry.agents})
    return ImportPlan(
        organs=tuple(organs),
        agents=tuple(AgentRecord(name=each) for each in names),
        certificates=tuple(certificates),
        unbound=tuple(unbound),
        differences=tuple(differences),
        unchanged=len(rows) - len(differences),
    )


def _clashes(rows: Sequence[FileRow], registry: Registry) -> Sequence[Problem]:
    """Codes that would name two organs."""
    by_code = {row.code: row for row in rows}
    problems = []
    for row in rows:
        if row.old_code:
            holder = registry.aliases.get(row.old_code, "")
            renamed = holder in by_code and by_code[holder].old_code not in (None, row.old_code)
            if row.old_code in registry.organs and row.old_code != row.code:
                vi = f"mã cũ {row.old_code} đang là mã của một cơ quan trong sổ"
                en = f"the former code {row.old_code} is the code of an organ in the registry"
                problems.append(Problem(line=row.line, column="old_code", vi=vi, en=en))
            elif holder and holder != row.code and not renamed:
                vi = f"mã cũ {row.old_code} đã thuộc về {holder}"
                en = f"the former code {row.old_code} belongs to {holder}"
                problems.append(Problem(line=row.line, column="old_code", vi=vi, en=en))
        present = registry.aliases.get(row.code, "")
        if (
            row.code not in registry.organs
            and present
            and (present not in by_code or by_code[present].old_code is None)
        ):
            vi, en = f"{row.code} là mã cũ của {present}", f"{row.code} is the former code of {present}"
            problems.append(Problem(line=row.line, column="organ_id", vi=vi, en=en))
    return problems


def _merged(row: FileRow, was: OrganRecord | None) -> OrganRecord:
    organ = was if was is not None else OrganRecord(code=row.code, name=row.name)
    state = organ.state if row.state is None else row.state
    new_reason = ENDED if state is OrganState.LOCKED else ""
    return replace(
        organ,
        state=state,
        reason=organ.reason if state is organ.state else new_reason,
        name=row.name,
        parent=organ.parent if row.parent is None else row.parent,
        old_code=organ.old_code if row.old_code is None else row.old_code,
        agent=organ.agent if row.agent is None else row.agent,
        email=organ.email if row.email is None else row.email,
        phone=organ.phone if row.phone is None else row.phone,
        address=organ.address if row.address is None else row.address,
    )


def _changed(was: OrganRecord, now: OrganRecord) -> tuple[tuple[str, str, str], ...]:
    told = [field.name for field in fields(was) if field.compare]
    pairs = ((name, str(getattr(was, name)), str(getattr(now, name))) for name in told)
    return tuple(each for each in pairs if each[1] != each[2])


def apply_import(store: Store, plan: ImportPlan) -> None:
    """Write a plan. What an organ needs is there before the organ; a crash in between is mended by importing again."""
    if plan.agents:
        store.put_agents(plan.agents)
    if plan.certificates:
        store.put_certificates(plan.certificates)
    if plan.organs:
        store.put_organs(plan.organs)
    for organ, fingerprints in plan.unbound:
        store.drop_certificates(organ, fingerprints)


def lock(store: Store, code: str, *, reason: str) -> OrganRecord | None:
    """Keep an organ from sending and receiving. None when there is no such organ (present or former code)."""
    return _set_state(store, code, OrganState.LOCKED, reason)


def unlock(store: Store, code: str) -> OrganRecord | None:
    """Let an organ send and receive again. None when there is no such organ (present or former code)."""
    return _set_state(store, code, OrganState.ACTIVE, "")


def _set_state(store: Store, code: str, state: OrganState, reason: str) -> OrganRecord | None:
    organ = organ_called(store.registry(), code)
    if organ is None:
        return None
    changed = replace(organ, state=state, reason=reason)
    if changed != organ:
        store.put_organs([changed])
    return changed


def organ_called(registry: Registry, code: str) -> OrganRecord | None:
    """The organ that a person means, by present or former code, whatever the case."""
    return registry.organ(code) or registry.organ(normalise(code))
