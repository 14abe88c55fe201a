"""The tree, an organ, the agents and the certificates."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request

from edxml_schemas.trust import TrustMaterial
from router.console.registry.words import ORGAN_STATE, REGISTRY, STANDING, TITLE
from router.console.shell.addresses import href
from router.console.shell.answers import NotThere, Page
from router.console.shell.asking import cursor_asked, number_asked, text_asked
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.console.work.hold_actions import seen_organ
from router.core.holds import Hold
from router.core.people import Person, Scope
from router.core.registry import OrganRecord, Registry
from router.core.routing import hold_of, present_code
from router.services.registration.certificate_shelf import ShelfRow, standing_of
from router.services.registration.keyring import keyring_of, ring_as_dict
from router.services.registration.organ_tree import Branch

PAGE_ROWS: Final = 50
CODE_CHARS: Final = 100
MOST_DAYS: Final = 3650


class RegistryPages:
    """Views of the registry."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._bureau = rooms.bureau

    def tree(self, request: Request, _person: Person, scope: Scope) -> Page | NotThere:
        """One branch of the tree (`below`), or what a search (`q`) finds."""
        below = text_asked(request, "below", most=CODE_CHARS)
        query = text_asked(request, "q")
        after = cursor_asked(request)
        registry, tree = self._rooms.store.registry(), self._bureau.tree
        organ = seen_organ(self._rooms, below, scope) if below else None
        if below and organ is None:
            return NotThere()
        if query:
            found = tree.search(registry, query, scope, after=after, limit=PAGE_ROWS)
        else:
            code = organ.code if organ is not None else ""
            found = tree.below(registry, code, scope, after=after, limit=PAGE_ROWS)
        asked = {"below": "" if query else below, "q": query}
        data = {
            "query": query,
            "organ": _organ(organ) if organ is not None else None,
            "way": [_organ(each) for each in tree.way_to(registry, organ, scope)] if organ is not None else [],
            "rows": [self._branch(registry, each) for each in found.rows],
            "next": href(REGISTRY, {**asked, "after": found.following}) if found.following else "",
            "first": href(REGISTRY, asked) if after else "",
        }
        return Page(template="registry/tree.html", title=TITLE, data=data)

    def organ(self, request: Request, _person: Person, scope: Scope) -> Page | NotThere:
        """One organ, by present or former code."""
        organ = seen_organ(self._rooms, request.path_params["code"], scope)
        if organ is None:
            return NotThere()
        registry, now = self._rooms.store.registry(), self._rooms.clock.now()
        hold = hold_of(registry, organ)
        agent = registry.agents.get(organ.agent)
        receives_for = [
            each for each in registry.holds.values() if each.to and present_code(registry, each.to) == organ.code
        ]
        data = {
            "organ": _organ(organ),
            "version": registry.version,
            "way": [_organ(each) for each in self._bureau.tree.way_to(registry, organ, scope)],
            "children": self._bureau.tree.number_below(registry, organ.code),
            "agent": {"name": agent.name, "title": agent.title, "active": agent.active} if agent is not None else None,
            "certificates": self._certificates(self._bureau.certificates_of(organ.code), now=now),
            "hold": _hold(hold, now=now) if hold is not None else None,
            "receives_for": [_hold(each, now=now) for each in receives_for if scope.sees(each.organ)],
        }
        return Page(template="registry/organ.html", title=Words(organ.name, organ.name), data=data)

    def agents(self, request: Request, _person: Person, scope: Scope) -> Page:
        """The agents that carry for organs somebody sees, with the number of these organs; by name."""
        after = cursor_asked(request)
        registry = self._rooms.store.registry()
        carried = Counter(each.agent for each in registry.organs.values() if each.agent and scope.sees(each.code))
        names = sorted(set(registry.agents) if scope.everything else set(carried) & set(registry.agents))
        rest = [each for each in names if each > after]
        rows = [registry.agents[each] for each in rest[:PAGE_ROWS]]
        following = rows[-1].name if len(rest) > PAGE_ROWS else ""
        path = f"{REGISTRY}/agents"
        data = {
            "rows": [
                {
                    "name": each.name,
                    "title": each.title,
                    "active": each.active,
                    "has_token": bool(each.token_hash),
                    "organs": carried[each.name],
                }
                for each in rows
            ],
            "next": href(path, {"after": following}) if following else "",
            "first": href(path) if after else "",
        }
        return Page(template="registry/agents.html", title=Words("Phần mềm kết nối", "Agents"), data=data)

    def certificates(self, request: Request, _person: Person, scope: Scope) -> Page:
        """Certificates in the order in which they end; `within` so many days only."""
        within = number_asked(request, "within", usual=0, least=0, most=MOST_DAYS)
        after = cursor_asked(request)
        now = self._rooms.clock.now()
        until = now + timedelta(days=within) if within else None
        found = self._bureau.shelf.page(scope, after=after, until=until, limit=PAGE_ROWS)
        path, asked = f"{REGISTRY}/certificates", {"within": within or ""}
        registry = self._rooms.store.registry()
        names = {
            each.organ: registry.organs[each.organ].name if each.organ in registry.organs else "" for each in found.rows
        }
        data = {
            "within": within,
            "rows": [{**told, "organ_name": names[told["organ"]]} for told in self._certificates(found.rows, now=now)],
            "next": href(path, {**asked, "after": found.following}) if found.following else "",
            "first": href(path, asked) if after else "",
        }
        return Page(template="registry/certificates.html", title=Words("Chứng thư", "Certificates"), data=data)

    def merge(self, _request: Request, _person: Person, _scope: Scope) -> Page:
        """The form for a merger."""
        return Page(template="registry/merge.html", title=Words("Sáp nhập cơ quan", "Merge organs"), data={})

    def keys(self, _request: Request, _person: Person, scope: Scope) -> Page | NotThere:
        """What the hub signs with and whom it trusts: the whole hub's business, for who sees the whole hub."""
        if not scope.everything:
            return NotThere()
        now = self._rooms.clock.now()
        ring = keyring_of(self._rooms.own_keys(), self._bureau.material(), now=now)
        return Page(template="registry/keys.html", title=Words("Khóa", "Keys"), data=ring_as_dict(ring, now=now))

    def _branch(self, registry: Registry, branch: Branch) -> dict[str, Any]:
        bound = len(registry.certificates.get(branch.organ.code, ()))
        hold = hold_of(registry, branch.organ)
        return {
            **_organ(branch.organ),
            "children": branch.children,
            "certificates": bound,
            "hold": hold.kind if hold is not None else None,
        }

    def _certificates(self, rows: Sequence[ShelfRow], *, now: datetime) -> list[dict[str, Any]]:
        material = self._bureau.material()
        return [_certificate(each, material, now=now) for each in rows]


def _certificate(row: ShelfRow, material: TrustMaterial, *, now: datetime) -> dict[str, Any]:
    standing, findings = standing_of(row, material, now=now)
    return {
        "organ": row.organ,
        "fingerprint": row.fingerprint,
        "subject": row.subject,
        "issuer": row.issuer,
        "serial": row.serial,
        "since": row.since,
        "until": row.until,
        "days_left": (row.until - now).days,
        "standing": standing,
        "standing_text": STANDING[standing],
        "findings": [each.code for each in findings],
    }


def _organ(organ: OrganRecord) -> dict[str, Any]:
    return {
        "code": organ.code,
        "name": organ.name,
        "parent": organ.parent,
        "old_code": organ.old_code,
        "agent": organ.agent,
        "email": organ.email,
        "phone": organ.phone,
        "address": organ.address,
        "state": organ.state,
        "state_text": ORGAN_STATE[organ.state],
        "reason": organ.reason,
    }


def _hold(hold: Hold, *, now: datetime) -> dict[str, Any]:
    return {
        "organ": hold.organ,
        "kind": hold.kind,
        "to": hold.to,
        "since": hold.since,
        "until": hold.until,
        "reason": hold.reason,
        "by": hold.by,
        "in_force": hold.counts(now),
        "over": hold.over(now),
    }
