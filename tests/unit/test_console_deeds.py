"""Every action of the console leaves its event in the log, and none reaches beyond somebody's subtree.

A new action fails here until it has a case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest

from router.console.access import part as access
from router.console.house import parts_of
from router.console.shell.page import GuardedRoute
from router.core.audit import DeedQuestion, is_deed
from router.core.events import EventName
from router.core.people import EVERYTHING, Role
from tests.support.console import PASSWORD, Browser, ConsoleHouse
from tests.support.pki import Credential
from tests.support.two_provinces import ALARM, APPLIED, HELD, LOCKED, QUIETED, SECRETS, fill

WHY: Final = "vì cần thử cho rõ"
NEW: Final = b"organ_id,name,parent,state\nH42.01,S\xe1\xbb\x9f kh\xc3\xa1c,H42,\n"
E = EventName


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A form that an administrator of the whole hub may post, and the event that comes of it. `path` has its values."""

    event: EventName
    fields: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    upload: bytes = b""
    what: str = ""


CASES: Final[Mapping[str, Sequence[Case]]] = {
    "/work/legs/resend": [Case(event=E.LEG_RESENT, fields={"leg": ["0.l-far"]})],
    "/work/letters/return": [Case(event=E.DEAD_RETURNED, fields={"letter": ["1.dead-far"]})],
    "/work/letters/discard": [Case(event=E.DEAD_DISCARDED, fields={"letter": ["1.dead-far"]})],
    "/work/hold": [Case(event=E.HOLD_SET, fields={"organ": "H42.01"})],
    "/work/forward": [Case(event=E.HOLD_SET, fields={"organ": "H42.01", "to": "H42"})],
    "/work/release": [Case(event=E.HOLD_RELEASED, fields={"organ": HELD})],
    "/registry/import": [Case(event=E.REGISTRY_CHANGED, upload=NEW, what="import")],
    "/registry/merge": [Case(event=E.HOLD_SET, fields={"organ": "H42.01", "to": "H42", "since": "2026-07-01"})],
    "/registry/lock": [Case(event=E.REGISTRY_CHANGED, fields={"organ": "H42.01"}, what="lock")],
    "/registry/unlock": [Case(event=E.REGISTRY_CHANGED, fields={"organ": LOCKED}, what="unlock")],
    "/registry/certificates/bind": [
        Case(event=E.REGISTRY_CHANGED, fields={"organ": LOCKED}, upload=b"pem", what="certificate-bound")
    ],
    "/registry/certificates/unbind": [
        Case(event=E.REGISTRY_CHANGED, fields={"organ": "H42.01", "fingerprint": "?"}, what="certificate-unbound")
    ],
    "/registry/applications/approve": [
        Case(event=E.REGISTRY_CHANGED, fields={"application": APPLIED[0]}, what="approve")
    ],
    "/registry/applications/reject": [
        Case(event=E.REGISTRY_CHANGED, fields={"application": APPLIED[1]}, what="reject")
    ],
    "/alarms/{alarm}/quiet": [Case(event=E.ALARM_QUIETED, path=f"/alarms/{ALARM}/quiet", fields={"hours": "4"})],
    "/alarms/{alarm}/unquiet": [Case(event=E.ALARM_UNQUIETED, path=f"/alarms/{QUIETED}/unquiet")],
    "/users/add": [Case(event=E.USER_ADDED, fields={"name": "moi", "display": "M", "role": "viewer", "root": "H42"})],
    "/users/{name}/change": [
        Case(
            event=E.USER_CHANGED,
            path="/users/hoa.ban/change",
            fields={"display": "Khác", "role": "operator", "root": "H42"},
        )
    ],
    "/users/{name}/password": [Case(event=E.USER_PASSWORD, path="/users/hoa.ban/password")],
    "/users/{name}/{deed}": [
        Case(event=E.USER_LOCKED, path="/users/hoa.ban/lock"),
        Case(event=E.USER_UNLOCKED, path="/users/bi.khoa/unlock"),
        Case(event=E.USER_REMOVED, path="/users/hoa.ban/remove"),
    ],
}
OWN: Final[Mapping[str, tuple[EventName, Mapping[str, str]]]] = {
    "/me/sessions/end": (E.SESSION_CLOSED, {}),
    "/me/password": (E.USER_PASSWORD, {"old": PASSWORD, "new": f"{PASSWORD} 9", "again": f"{PASSWORD} 9"}),
}
"""What concerns nobody but the person: their own sessions and password. No reason is asked for."""


@pytest.fixture
def house() -> ConsoleHouse:
    return ConsoleHouse()


@pytest.fixture
def key(house: ConsoleHouse) -> Credential:
    bound = fill(house)
    house.add_person(Role.VIEWER, name="bi.khoa", root="H42")
    user = house.memories.people.user("bi.khoa")
    assert user is not None
    assert house.rooms.accounts.keeping.lock(user.name, by=_by()) is not None
    return bound


def _by() -> Any:
    from router.services.accounts.keeping import By

    return By(actor="admin:test", reason="test")


def test_every_action_has_a_case() -> None:
    made = ConsoleHouse()
    routes = [route for part in (*parts_of(made.rooms), access.part(made.rooms)) for route in part.routes]
    posts = {each.path for each in routes if isinstance(each, GuardedRoute) and each.method == "POST"}
    assert posts == {*CASES, *OWN}


ALL: Final = [(path, case) for path, cases in CASES.items() for case in cases]


def deeds(house: ConsoleHouse, name: str) -> list[Any]:
    """What somebody did, without coming and going."""
    found = house.rooms.audit.page(DeedQuestion(actor=name), scope=EVERYTHING, limit=50).deeds
    return [each.event for each in found if not each.event.name.startswith(("session.", "access."))]


async def posted(browser: Browser, path: str, case: Case, key: Credential) -> tuple[httpx.Response, httpx.Response]:
    """The plan, and the deed with what the plan carries (or, without a plan, with the form itself)."""
    fields = {name: key.fingerprint if value == "?" else value for name, value in case.fields.items()}
    where, heads = case.path or path, {"Accept": "application/json"}
    files = {"file": ("t.csv", key.cert_pem if case.upload == b"pem" else case.upload)} if case.upload else None
    plan = await browser.post(f"{where}?dry=1", fields, files=files, headers=heads)
    carry = plan.json().get("carry", fields) if plan.status_code == 200 else fields
    return plan, await browser.act(where, carry or fields, reason=WHY)


@pytest.mark.parametrize(("path", "case"), ALL, ids=[case.path or path for path, case in ALL])
async def test_an_action_leaves_its_event_with_who_and_why(
    house: ConsoleHouse, key: Credential, path: str, case: Case
) -> None:
    async with house.browser(Role.ADMINISTRATOR, name="chu") as browser:
        plan, done = await posted(browser, path, case, key)
    assert (plan.status_code, done.status_code) == (200, 200), (plan.text[:400], done.text[:400])
    (told,) = deeds(house, "chu")
    assert is_deed(told)
    assert (told.name, told.actor, told.facts["reason"]) == (case.event.value, "user:chu", WHY)
    assert told.facts.get("what", "") == case.what


@pytest.mark.parametrize(("path", "case"), ALL, ids=[case.path or path for path, case in ALL])
async def test_the_administrator_of_another_province_does_nothing_with_it(
    house: ConsoleHouse, key: Credential, path: str, case: Case
) -> None:
    async with house.browser(Role.ADMINISTRATOR, root="H41", name="la") as browser:
        for answer in await posted(browser, path, case, key):
            assert [word for word in SECRETS if word in answer.text] == []
    assert deeds(house, "la") == []


@pytest.mark.parametrize("path", OWN)
async def test_what_people_do_to_their_own_account_is_told_too(house: ConsoleHouse, path: str) -> None:
    async with house.browser(Role.VIEWER, name="an"), house.browser(Role.VIEWER, name="an") as browser:
        name, fields = OWN[path]
        await browser.post(path, fields)
    found = house.rooms.audit.page(DeedQuestion(actor="an"), scope=EVERYTHING, limit=50).deeds
    assert name.value in [each.event.name for each in found]
