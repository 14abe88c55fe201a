"""The pages on which administrators keep accounts."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.core.people import Role
from router.core.registry import OrganRecord
from tests.support.console import PASSWORD, Browser, ConsoleHouse


@pytest.fixture(params=["memory", "sqlite"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> ConsoleHouse:
    made = ConsoleHouse() if request.param == "memory" else ConsoleHouse.on_sqlite(tmp_path)
    made.store.put_organs(
        [
            OrganRecord(code="H41", name="Tỉnh Bốn Mốt"),
            OrganRecord(code="H41.08", name="Sở Y tế", parent="H41"),
            OrganRecord(code="H42", name="Tỉnh khác"),
        ]
    )
    made.add_person(Role.VIEWER, name="an", root="H41.08")
    made.add_person(Role.OPERATOR, name="ba", root="H42")
    made.add_person(Role.VIEWER, name="co")
    return made


@pytest.fixture
async def chief(house: ConsoleHouse) -> AsyncIterator[Browser]:
    """An administrator of everything."""
    async with house.browser(Role.ADMINISTRATOR, name="chief") as browser:
        yield browser


@pytest.fixture
async def local(house: ConsoleHouse) -> AsyncIterator[Browser]:
    """An administrator of H41."""
    async with house.browser(Role.ADMINISTRATOR, name="local", root="H41") as browser:
        yield browser


async def test_accounts_are_listed_with_role_and_scope(chief: Browser) -> None:
    page = (await chief.get("/users")).text
    for text in ("Sở Y tế", "H41.08", "Người vận hành", "toàn trục"):
        assert text in page
    told = await chief.data("/users")
    assert [each["name"] for each in told["users"]] == ["an", "ba", "chief", "co"]
    assert "password_hash" not in str(told)
    assert "argon2" not in page


async def test_an_administrator_of_a_subtree_knows_of_no_other_account(local: Browser) -> None:
    told = await local.data("/users")
    assert [each["name"] for each in told["users"]] == ["an", "local"]
    nobody = await local.get("/users/nobody")
    for name in ("ba", "co"):
        for suffix in ("", ".json"):
            assert (await local.get(f"/users/{name}{suffix}")).status_code == 404
        assert (await local.get(f"/users/{name}")).text.replace(f"users%2F{name}", "users%2Fnobody") == nobody.text
        for deed in ("lock", "unlock", "remove", "password", "change"):
            fields = {"role": "viewer", "root": "H41", "display": "x"}
            assert (await local.plan(f"/users/{name}/{deed}", fields)).status_code == 404
            assert (await local.act(f"/users/{name}/{deed}", fields)).status_code == 404


async def test_an_account_is_added_by_preview_reason_and_confirmation(chief: Browser, house: ConsoleHouse) -> None:
    fields = {"name": "Lan", "display": "Nguyễn Lan", "role": "operator", "root": "H41"}
    plan = (await chief.plan("/users/add", fields)).json()
    assert plan["rows"] == [
        {"name": "lan", "display": "Nguyễn Lan", "role_text": {"vi": "Người vận hành", "en": "operator"}, "root": "H41"}
    ]
    assert house.memories.people.user("lan") is None
    assert (await chief.post("/users/add", plan["carry"])).status_code == 400  # no reason

    done = (await chief.act("/users/add", plan["carry"], reason="tuyển mới")).json()

    added = house.memories.people.user("lan")
    assert added is not None
    assert (added.role, added.root, added.must_change) == (Role.OPERATOR, "H41", True)
    async with house.visitor() as browser:
        await browser.sign_in("lan", done["password"])
        assert (await browser.get("/me")).headers["location"] == "/console/me/password"
    (event,) = [each for each in house.store.events_of("") if each.facts.get("user") == "lan"][:1]
    assert (event.actor, event.facts["reason"]) == ("user:chief", "tuyển mới")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "an", "role": "viewer", "root": "H41"},
        {"name": "moi", "role": "king", "root": "H41"},
        {"name": "moi", "role": "viewer", "root": "H42"},
        {"name": "moi", "role": "viewer", "root": ""},
        {"name": "<b>", "role": "viewer", "root": "H41"},
        {},
    ],
    ids=str,
)
async def test_what_cannot_be_added_is_refused_in_preview_and_deed(
    local: Browser, house: ConsoleHouse, fields: dict[str, Any]
) -> None:
    before = house.memories.people.users()
    assert (await local.plan("/users/add", fields)).status_code == 409
    assert (await local.act("/users/add", fields)).status_code == 409
    assert house.memories.people.users() == before


async def test_an_account_is_changed_locked_unlocked_and_removed(chief: Browser, house: ConsoleHouse) -> None:
    people = house.memories.people
    fields = {"display": "An Mới", "role": "auditor", "root": ""}
    plan = (await chief.plan("/users/an/change", fields)).json()
    assert [each["root"] for each in plan["rows"]] == ["H41.08", "*"]
    assert (await chief.act("/users/an/change", plan["carry"])).status_code == 200
    assert [(each.display, each.role, each.root) for each in people.users()[:1]] == [("An Mới", Role.AUDITOR, "")]

    assert (await chief.plan("/users/an/lock", {})).json()["danger"] is True
    assert not people.users()[0].locked
    await chief.act("/users/an/lock", {})
    assert people.users()[0].locked
    assert "bị khóa" in (await chief.get("/users/an")).text
    await chief.act("/users/an/unlock", {})
    assert not people.users()[0].locked
    done = (await chief.act("/users/an/remove", {})).json()
    assert done["to"] == "/console/users"
    assert people.user("an") is None
    assert (await chief.act("/users/an/remove", {})).status_code == 404
    assert (await chief.act("/users/ba/crown", {})).status_code == 404


async def test_a_new_password_is_shown_once_and_ends_sessions(chief: Browser, house: ConsoleHouse) -> None:
    async with house.visitor() as theirs:
        await theirs.sign_in("co")
        given = await chief.post("/users/co/password", {"reason": "quên"})
        assert given.status_code == 200
        assert given.headers["cache-control"] == "no-store"
        assert (await theirs.get("/me")).status_code == 303
        assert (await theirs.try_sign_in("co", PASSWORD)).status_code == 401


async def test_nobody_locks_removes_or_promotes_themselves(chief: Browser, house: ConsoleHouse) -> None:
    for deed in ("lock", "remove"):
        assert (await chief.act(f"/users/chief/{deed}", {})).status_code == 409
    change = {"display": "Tôi", "role": "viewer", "root": ""}
    assert (await chief.act("/users/chief/change", change)).status_code == 409
    assert (await chief.act("/users/chief/change", {**change, "role": "administrator"})).status_code == 200
    kept = house.memories.people.user("chief")
    assert kept is not None
    assert (kept.display, kept.role, kept.locked) == ("Tôi", Role.ADMINISTRATOR, False)


async def test_names_from_outside_are_text_and_nothing_else(chief: Browser) -> None:
    fields = {"name": "x1", "display": "<script>alert(1)</script>", "role": "viewer", "root": ""}
    plan = await chief.post("/users/add?dry=1", fields)
    assert "<script>alert" not in plan.text
    await chief.act("/users/add", fields)
    for path in ("/users", "/users/x1"):
        page = (await chief.get(path)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page
