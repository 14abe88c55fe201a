"""Agents' applications for new organs and for the end of some: listed, approved, rejected."""

from typing import Any, Final

from starlette.requests import Request

from router.console.registry.words import APPLICATION_KIND, APPLICATION_STATE, REGISTRY
from router.console.shell.answers import ActionAnswer, Ask, Done, NotThere, Page, Plan, Refused
from router.console.shell.asking import choice_asked
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.core.applications import Application, ApplicationKind, ApplicationState
from router.core.people import Person, Scope
from router.core.registry import Registry
from router.core.work_lists import Count
from router.services.registration import applications
from router.services.registration.importing import may_name

APPLICATIONS: Final = f"{REGISTRY}/applications"
TITLE: Final = Words("Hồ sơ đăng ký", "Applications")
LISTED: Final = 500
COLUMNS: Final = (
    ("kind_text", Words("Việc", "What")),
    ("code", Words("Mã", "Code")),
    ("name", Words("Tên", "Name")),
    ("parent", Words("Cấp trên", "Parent")),
    ("agent", Words("Kết nối", "Agent")),
)


class ApplicationPages:
    """The page and its actions."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def listed(self, request: Request, _person: Person, scope: Scope) -> Page:
        """The newest first; open ones unless another `state` is asked for."""
        state = choice_asked(request, "state", ApplicationState) or ApplicationState.OPEN
        registry = self._rooms.store.registry()
        found = self._rooms.store.applications(state=state, limit=LISTED)
        rows = [_shape(each) for each in found if sees_application(registry, scope, each)]
        return Page(template="registry/applications.html", title=TITLE, data={"state": state, "rows": rows})

    def approve(self, ask: Ask) -> ActionAnswer:
        return self._decide(ask, approves=True)

    def reject(self, ask: Ask) -> ActionAnswer:
        return self._decide(ask, approves=False)

    def number(self, scope: Scope) -> Count:
        """How many are open."""
        registry = self._rooms.store.registry()
        found = self._rooms.store.applications(state=ApplicationState.OPEN, limit=LISTED + 1)
        seen = sum(sees_application(registry, scope, each) for each in found[:LISTED])
        return Count(seen, more=len(found) > LISTED)

    def _decide(self, ask: Ask, *, approves: bool) -> ActionAnswer:
        store = self._rooms.store
        application = applications.called(store, ask.one("application")[:100])
        if not isinstance(application, Application) or not sees_application(store.registry(), ask.scope, application):
            return NotThere()
        if not application.is_open:
            return Refused(says=Words("Hồ sơ đã được quyết định.", "It has been decided already."), back=APPLICATIONS)
        title = Words("Duyệt hồ sơ", "Approve") if approves else Words("Từ chối hồ sơ", "Reject")
        if ask.dry:
            return _plan(application, title, approves=approves)
        if approves:
            done = applications.approve(store, application, agent=None, note=ask.reason, by=ask.actor, now=ask.now)
        else:
            done = applications.reject(store, application, note=ask.reason, by=ask.actor, now=ask.now)
        if isinstance(done, applications.Impossible):
            return Refused(says=Words(done.vi, done.en), back=APPLICATIONS)
        if done.before:
            return Refused(says=Words("Hồ sơ đã được quyết định.", "It has been decided already."), back=APPLICATIONS)
        return Done(says=Words(f"{title.vi}: đã ghi.", f"{title.en}: done."), to=APPLICATIONS)


def sees_application(registry: Registry, scope: Scope, application: Application) -> bool:
    """Whether it is about an organ of somebody's subtree, or about a new one below one of theirs."""
    if scope.everything:
        return True
    if application.kind is ApplicationKind.END:
        organ = registry.organ(application.code)
        return organ is not None and scope.sees(organ.code)
    above = registry.organ(application.parent)
    return above is not None and scope.sees(above.code) and may_name(application.code, frozenset(), registry, scope)


def _plan(application: Application, title: Words, *, approves: bool) -> Plan:
    told = _shape(application)
    says = Words("Hồ sơ bị từ chối, kết nối được báo lý do.", "It is rejected; the agent is told why.")
    if approves and application.kind is ApplicationKind.END:
        says = Words("Cơ quan bị khóa.", "The organ is locked.")
    elif approves:
        says = Words("Cơ quan được đăng ký cho kết nối này.", "The organ is registered for this agent.")
    return Plan(
        title=title,
        says=says,
        columns=COLUMNS,
        rows=[{key: told[key] for key, _ in COLUMNS}],
        carry={"application": [application.id]},
        confirm=title,
        back=APPLICATIONS,
        danger=not approves or application.kind is ApplicationKind.END,
    )


def _shape(application: Application) -> dict[str, Any]:
    return {
        "id": application.id,
        "agent": application.agent,
        "reference": application.reference,
        "kind": application.kind,
        "kind_text": APPLICATION_KIND[application.kind],
        "code": application.code,
        "name": application.name,
        "parent": application.parent,
        "email": application.email,
        "phone": application.phone,
        "address": application.address,
        "state": application.state,
        "state_text": APPLICATION_STATE[application.state],
        "applied_at": application.applied_at,
        "decided_at": application.decided_at,
        "decided_by": application.decided_by,
        "note": application.note,
    }
