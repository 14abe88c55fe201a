"""Imports of the registry in two steps: what a file would change, and then that and nothing else.

The console and `truc registry import` show the same differences. Who sees only a subtree changes only that subtree.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson

from edxml_schemas.organs import OrganForm, parse
from router.core.events import EventName
from router.core.people import Scope
from router.core.records import Event
from router.core.registry import Registry
from router.core.registry_change import RegistryChange
from router.ports.registry_desk import RegistryDesk
from router.services.registration.registrar import ImportPlan, plan_import
from router.services.registration.registry_file import (
    CertificateUnreadable,
    FileRow,
    Problem,
    read_registry_cells,
    read_registry_file,
)
from router.services.registration.sheet import is_sheet, read_sheet
from router.services.work_lists.lists import own_agents


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a file would change about the registry of version `seen`. `digest` names exactly that."""

    plan: ImportPlan
    seen: int
    digest: str

    @property
    def added(self) -> int:
        return sum(each.new for each in self.plan.differences)

    @property
    def ended(self) -> int:
        return sum(each.ended for each in self.plan.differences)

    @property
    def changed(self) -> int:
        return len(self.plan.differences) - self.added - self.ended


def read_file(data: bytes, *, certificate_file: Callable[[str], bytes]) -> tuple[Sequence[FileRow], Sequence[Problem]]:
    """The rows of a CSV or Excel file and everything that is wrong with them."""
    if not is_sheet(data):
        return read_registry_file(data, certificate_file=certificate_file)
    lines = read_sheet(data)
    problems = [each for each in lines if isinstance(each, Problem)]
    if problems:
        return (), problems
    return read_registry_cells(
        [each for each in lines if not isinstance(each, Problem)], certificate_file=certificate_file
    )


def no_certificate_files(name: str) -> bytes:
    """Where a file comes alone."""
    raise CertificateUnreadable(f"{name}: truc registry import")


def preview(
    data: bytes, registry: Registry, *, scope: Scope, certificate_file: Callable[[str], bytes] = no_certificate_files
) -> Preview | tuple[Problem, ...]:
    """What a file would change, or everything that is wrong with it. Pure."""
    rows, problems = read_file(data, certificate_file=certificate_file)
    if problems:
        return tuple(problems)
    if faults := (*_outside(rows, registry, scope), *_circles(rows, registry)):
        return faults
    plan = plan_import(rows, registry)
    if not isinstance(plan, ImportPlan):
        return plan
    return Preview(plan=plan, seen=registry.version, digest=_digest(plan, registry.version))


def _change_of(plan: ImportPlan) -> RegistryChange:
    """The records that a plan puts and takes away."""
    return RegistryChange(organs=plan.organs, agents=plan.agents, certificates=plan.certificates, unbound=plan.unbound)


def apply_preview(desk: RegistryDesk, previewed: Preview, *, actor: str, reason: str, now: datetime) -> bool:
    """Write exactly what was previewed, with its event, all or nothing; False when the registry is another by now."""
    event = _import_event(previewed, actor=actor, reason=reason, now=now)
    return desk.change(_change_of(previewed.plan), event=event, seen=previewed.seen)


def _import_event(previewed: Preview, *, actor: str, reason: str, now: datetime) -> Event:
    """What the log keeps of an import: how much of what, and the digest of the preview."""
    return registry_event(
        "import",
        "",
        {"added": previewed.added, "changed": previewed.changed, "ended": previewed.ended},
        digest=previewed.digest,
        actor=actor,
        reason=reason,
        now=now,
    )


def registry_event(
    what: str,
    organ: str,
    counts: Mapping[str, int],
    *,
    agent: str = "",
    digest: str = "",
    actor: str,
    reason: str,
    now: datetime,
) -> Event:
    """`what` is what was done: import, lock, unlock, approve, reject, certificate-bound, certificate-unbound,
    agent-added, agent-token. `digest` is that of a preview, or of the certificate."""
    facts = {
        "what": what,
        "organ": organ,
        "agent": agent,
        **{name: str(counts.get(name, 0)) for name in ("added", "changed", "ended")},
        "digest": digest,
        "reason": reason,
    }
    return Event(name=EventName.REGISTRY_CHANGED.value, at=now, actor=actor, facts=facts)


def _digest(plan: ImportPlan, version: int) -> str:
    return hashlib.sha256(orjson.dumps([version, asdict(plan)], option=orjson.OPT_SORT_KEYS)).hexdigest()


def _outside(rows: Sequence[FileRow], registry: Registry, scope: Scope) -> Sequence[Problem]:
    """What in a file reaches beyond somebody's subtree. Whether a code exists elsewhere is not told."""
    if scope.everything:
        return ()
    agents = own_agents(registry, scope.organs or frozenset())
    inside = _inside(rows, registry, scope)
    problems = []
    for row in rows:
        was = registry.organs.get(row.code)
        if row.code not in inside:
            problems.append(_beyond(row, "organ_id", row.code))
        if row.parent is not None and row.parent != (was.parent if was is not None else None) and row.code in inside:
            above = registry.organ(row.parent)
            before = registry.organ(was.parent) if was is not None else above
            theirs = row.parent in inside or (above is not None and scope.sees(above.code))
            # The topmost of a subtree stays where it is: who sees it from above goes on seeing it.
            if not theirs or (was is not None and not (before is not None and scope.sees(before.code))):
                problems.append(_beyond(row, "parent", row.parent))
        if row.agent and row.agent not in agents and row.agent != (was.agent if was is not None else ""):
            problems.append(_beyond(row, "agent", row.agent))
        is_new_name = bool(row.old_code) and row.old_code != (was.old_code if was is not None else "")
        if is_new_name and not may_name(row.old_code or "", inside, registry, scope):
            problems.append(_beyond(row, "old_code", row.old_code or ""))
    return problems


def _circles(rows: Sequence[FileRow], registry: Registry) -> Sequence[Problem]:
    """Organs that a file would put below themselves: nobody who looks from above would see them any more."""
    parents = {code: organ.parent for code, organ in registry.organs.items()}
    parents |= {row.code: row.parent for row in rows if row.parent is not None}
    ends: set[str] = set()  # whose way up has an end
    problems = []
    for row in rows:
        way: dict[str, None] = {}
        code = row.code
        while code in parents and code not in ends and code not in way:
            way[code] = None
            above = parents[code]
            code = above if above in parents else registry.aliases.get(above, above)
        if code in way:
            vi, en = "cơ quan thành cấp dưới của chính nó", "the organ would be below itself"
            problems.append(Problem(line=row.line, column="parent", vi=vi, en=en))
        else:
            ends.update(way)
    return problems


def _inside(rows: Sequence[FileRow], registry: Registry, scope: Scope) -> frozenset[str]:
    """The codes of a file that are, or come to be, within somebody's subtree."""
    inside = {row.code for row in rows if row.code in registry.organs and scope.sees(row.code)}
    waiting = [row for row in rows if row.code not in registry.organs and registry.organ(row.code) is None]
    grows = True
    while grows:
        grows = False
        for row in list(waiting):
            above = registry.organ(row.parent or "")
            below = (row.parent in inside) or (above is not None and scope.sees(above.code))
            if below and may_name(row.code, frozenset(inside), registry, scope):
                inside.add(row.code)
                waiting.remove(row)
                grows = True
    return frozenset(inside)


def may_name(code: str, inside: frozenset[str], registry: Registry, scope: Scope) -> bool:
    """Whether a new code is theirs to give: a numbered code lies below one of theirs, other codes are free."""
    there = registry.organ(code)
    if there is not None:
        return scope.sees(there.code)
    parsed = parse(code)
    if parsed.form is OrganForm.OTHER:
        return True
    above = parsed.parent()
    while above is not None:
        if above.text in inside or scope.sees(above.text):
            return True
        above = above.parent()
    return False


def _beyond(row: FileRow, column: str, value: str) -> Problem:
    vi, en = f"“{value}” ngoài phạm vi của bạn", f"“{value}” is beyond your scope"
    return Problem(line=row.line, column=column, vi=vi, en=en)
