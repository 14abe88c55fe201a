"""Applications for new organs and for the end of some: agents make them, an administrator approves or rejects them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from edxml_schemas.organ_list import Wish
from router.core.applications import Application, ApplicationKind, ApplicationState
from router.core.ids import application_id_of
from router.core.records import PutEvent
from router.core.registry import OrganRecord, OrganState
from router.ports import Store
from router.services.registration.importing import registry_event
from router.services.registration.registrar import ImportPlan, apply_import, lock, organ_called, plan_import
from router.services.registration.registry_file import FileRow, Problem, read_registry_row

MOST_OPEN: Final = 100
"""Open applications of one agent."""
NOTE_CHARS: Final = 500
ID_CHARS: Final = 6
"""Least characters of an id by which a person may call an application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadySo:
    """There is nothing to apply for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTheirs:
    """No such organ, or another agent's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany:
    """The agent has so many open applications."""

    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Impossible:
    """Why it can never be."""

    vi: str
    en: str


Outcome = Application | AlreadySo | NotTheirs | TooMany | Impossible
"""What comes of applying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No application, or more than one, answers to what was asked for."""

    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """An application that was decided, now or, with `before`, earlier."""

    application: Application
    organ: OrganRecord | None = None
    before: bool = False


def apply(store: Store, *, agent: str, wish: Wish, now: datetime) -> Outcome:
    """Keeps what an agent applies for. The same reference, or the same wish while it is open, is one application."""
    registry = store.registry()
    organ = organ_called(registry, wish.code)
    if wish.kind is ApplicationKind.END:
        if organ is None or organ.agent != agent:
            return NotTheirs()
        if organ.state is OrganState.LOCKED:
            return AlreadySo()
        wanted = Wish(reference=wish.reference, kind=wish.kind, code=organ.code)
    else:
        row = _row_of(wish)
        if not isinstance(row, FileRow):
            return _impossible(row)
        organ = organ or organ_called(registry, row.code)
        if organ is not None and organ.state is OrganState.ACTIVE:
            return AlreadySo()
        if organ is not None:
            return Impossible(vi=f"mã {organ.code} đang bị khóa trên trục", en=f"the code {organ.code} is locked")
        wanted = replace(wish, code=row.code, parent=row.parent or "")
    kept = store.put_application(
        Application(
            id=application_id_of(agent, wish.reference),
            agent=agent,
            reference=wanted.reference,
            kind=wanted.kind,
            code=wanted.code,
            name=wanted.name,
            parent=wanted.parent,
            email=wanted.email,
            phone=wanted.phone,
            address=wanted.address,
            applied_at=now,
        ),
        most_open=MOST_OPEN,
    )
    return TooMany(open=MOST_OPEN) if kept is None else kept


def called(store: Store, name: str) -> Application | Unknown:
    """The application that a person means: by its id, or by a beginning that no other has."""
    wanted = name.strip().lower()
    if len(wanted) < ID_CHARS:
        return Unknown(found=0)
    found = [each for each in store.applications(limit=100_000) if each.id.startswith(wanted)]
    return found[0] if len(found) == 1 else Unknown(found=len(found))


def approve(
    store: Store, application: Application, *, agent: str | None, note: str, by: str, now: datetime
) -> Decided | Impossible:
    """Does what was applied for, and then says so. `agent` carries for a new organ; None: the one that applied.

    A crash in between is mended by approving again.
    """
    if not application.is_open:
        return Decided(application=application, before=True)
    if application.kind is ApplicationKind.END:
        organ = lock(store, application.code, reason=note)
        if organ is None:
            return Impossible(vi=f"không còn cơ quan {application.code}", en=f"there is no {application.code} any more")
    else:
        carrier = application.agent if agent is None else agent
        done = _register(store, application, carrier)
        if done is not None:
            return done
        organ = store.registry().organ(application.code)
    return _decide(store, application, ApplicationState.APPROVED, organ=organ, note=note, by=by, now=now)


def reject(store: Store, application: Application, *, note: str, by: str, now: datetime) -> Decided:
    """Says no, and why."""
    if not application.is_open:
        return Decided(application=application, before=True)
    return _decide(store, application, ApplicationState.REJECTED, organ=None, note=note, by=by, now=now)


def _register(store: Store, application: Application, agent: str) -> Impossible | None:
    row = _row_of(application, agent=agent)
    if not isinstance(row, FileRow):
        return _impossible(row)
    registry = store.registry()
    planned = plan_import([row], registry)
    if not isinstance(planned, ImportPlan):
        return _impossible(planned)
    if registry.organ(row.code) is not None and planned.differences:
        # It was registered by another way meanwhile; an application never changes an organ that is there.
        return Impossible(
            vi=f"mã {row.code} đã có trong sổ với nội dung khác; hãy từ chối hồ sơ này",
            en=f"{row.code} is in the registry already, with other contents; reject this application",
        )
    apply_import(store, planned)
    return None


def _decide(
    store: Store,
    application: Application,
    state: ApplicationState,
    *,
    organ: OrganRecord | None,
    note: str,
    by: str,
    now: datetime,
) -> Decided:
    short = note[:NOTE_CHARS]
    if store.decide_application(application.id, state=state, at=now, by=by, note=short):
        decided = replace(application, state=state, decided_at=now, decided_by=by, note=short)
        what = "approve" if state is ApplicationState.APPROVED else "reject"
        event = registry_event(what, application.code, {}, actor=by, reason=short, now=now)
        with store.begin() as tx:
            tx.apply([PutEvent(event)])
        return Decided(application=decided, organ=organ)
    current = called(store, application.id)  # somebody else was faster
    return Decided(application=current if isinstance(current, Application) else application, before=True)


def _row_of(wish: Wish | Application, *, agent: str = "") -> FileRow | tuple[Problem, ...]:
    columns = {
        "organ_id": wish.code,
        "name": wish.name,
        "parent": wish.parent,
        "email": wish.email,
        "phone": wish.phone,
        "address": wish.address,
    }
    return read_registry_row({**columns, "agent": agent} if agent else columns)


def _impossible(problems: Sequence[Problem]) -> Impossible:
    return Impossible(vi="; ".join(each.vi for each in problems), en="; ".join(each.en for each in problems))
