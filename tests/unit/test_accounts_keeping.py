"""Keeping accounts: within one's own subtree, with a reason, and never without a word in the log."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from router.core.people import Role, Scope
from router.core.registry import OrganRecord
from router.services.accounts.keeping import By, NewUser, Trouble
from tests.support.console import PASSWORD
from tests.unit.test_accounts_sessions import BY, Desk

OTHER_PASSWORD = "Gió lớn qua đồng bằng 9"
MINISTRY = By(actor="user:bo", reason="phân công", scope=Scope(frozenset({"H41", "H41.08"})))


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.store.put_organs(
        [
            OrganRecord(code="H41", name="Tỉnh"),
            OrganRecord(code="H41.08", name="Sở", parent="H41", old_code="000.00.08.H41"),
            OrganRecord(code="H42", name="Tỉnh khác"),
        ]
    )
    return made


def new(name: str = "lan", **changed: Any) -> NewUser:
    return NewUser(**{"name": name, "role": Role.VIEWER, "root": "H41", "password": PASSWORD, **changed})


def trouble(outcome: object) -> Trouble:
    assert isinstance(outcome, Trouble), outcome
    return outcome


def test_an_account_is_added_with_a_word_about_who_and_why(desk: Desk) -> None:
    desk.accounts.keeping.add(new(" LAN ", display="  Nguyễn\u202e  Lan ", root="000.00.08.H41"), by=BY)

    added = desk.accounts.keeping.user("lan")
    assert added is not None
    assert (added.name, added.root, added.must_change) == ("lan", "H41.08", True)
    assert added.display == "Nguyễn\\u202e Lan"
    assert desk.events("user.added")[-1] == {
        "actor": "admin:test",
        "user": "lan",
        "role": "viewer",
        "root": "H41.08",
        "reason": "thử",
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "mai"},
        {"name": "MAI"},
        {"name": ""},
        {"name": "có dấu"},
        {"name": "a/b"},
        {"name": "x" * 65},
        {"name": "-x"},
        {"root": "H99"},
        {"password": "ngắn"},
        {"password": "Lan-lan-lan-2026"},
    ],
)
def test_what_makes_no_account_is_refused_and_leaves_no_trace(desk: Desk, changed: dict[str, Any]) -> None:
    before = len(desk.store.events_of(""))
    trouble(desk.accounts.keeping.add(new(**changed), by=BY))
    assert [each.name for each in desk.people.users()] == ["mai"]
    assert len(desk.store.events_of("")) == before


def test_without_a_password_nobody_signs_in_until_one_is_set(desk: Desk) -> None:
    desk.accounts.keeping.add(new(password=""), by=BY)
    assert not hasattr(desk.sign_in("lan", ""), "token")

    desk.accounts.keeping.set_password("lan", OTHER_PASSWORD, must_change=True, by=BY)

    assert hasattr(desk.sign_in("lan", OTHER_PASSWORD), "token")


def test_an_administrator_of_a_subtree_keeps_its_accounts_and_knows_of_no_others(desk: Desk) -> None:
    keeping = desk.accounts.keeping
    for name, root in (("an", "H41.08"), ("ba", "H42"), ("co", "")):
        keeping.add(new(name, root=root), by=BY)

    assert [each.name for each in keeping.listed(MINISTRY.scope)] == ["an"]
    assert keeping.user("an", MINISTRY.scope) is not None
    for name in ("ba", "co", "mai", "nobody"):
        assert keeping.user(name, MINISTRY.scope) is None
        for outcome in (
            keeping.lock(name, by=MINISTRY),
            keeping.unlock(name, by=MINISTRY),
            keeping.remove(name, by=MINISTRY),
            keeping.set_password(name, OTHER_PASSWORD, must_change=True, by=MINISTRY),
            keeping.change(name, display="x", role=Role.VIEWER, root="H41", by=MINISTRY),
        ):
            assert trouble(outcome).unknown
    assert all(not each.locked for each in keeping.listed())
    assert hasattr(keeping.lock("an", by=MINISTRY), "locked")


@pytest.mark.parametrize("root", ["", "H42", "H99"])
def test_nobody_gives_away_more_than_the_own_subtree(desk: Desk, root: str) -> None:
    keeping = desk.accounts.keeping
    trouble(keeping.add(new(root=root), by=MINISTRY))
    keeping.add(new("an", root="H41.08"), by=BY)
    trouble(keeping.change("an", display="An", role=Role.ADMINISTRATOR, root=root, by=MINISTRY))
    assert [(each.name, each.root, each.role) for each in keeping.listed(MINISTRY.scope)] == [
        ("an", "H41.08", Role.VIEWER)
    ]


def test_a_change_says_what_was_before(desk: Desk) -> None:
    keeping = desk.accounts.keeping
    keeping.add(new(), by=BY)

    keeping.change("lan", display="Lan", role=Role.OPERATOR, root="", by=BY)
    keeping.change("lan", display="Lan", role=Role.OPERATOR, root="", by=BY)  # nothing is different

    (told,) = desk.events("user.changed")
    assert (told["before"], told["role"], told["root"], told["reason"]) == ("viewer H41", "operator", "", "thử")


def test_a_lock_and_its_end_are_told_once_each(desk: Desk) -> None:
    keeping = desk.accounts.keeping
    for _ in range(2):
        keeping.lock("mai", by=BY)
    for _ in range(2):
        keeping.unlock("mai", by=BY)

    assert len(desk.events("user.locked")) == len(desk.events("user.unlocked")) == 1
    assert hasattr(desk.sign_in(), "token")


def test_a_removed_account_is_gone_with_its_sessions(desk: Desk) -> None:
    token = desk.token()

    desk.accounts.keeping.remove("mai", by=BY)

    assert desk.accounts.sessions.visitor(token) is None
    assert trouble(desk.accounts.keeping.remove("mai", by=BY)).unknown
    assert desk.events("user.removed")[0]["role"] == "operator"


def test_a_new_password_by_an_administrator_has_to_be_changed_and_ends_sessions(desk: Desk) -> None:
    token = desk.token()

    desk.accounts.keeping.set_password("mai", OTHER_PASSWORD, must_change=True, by=BY)

    assert desk.accounts.sessions.visitor(token) is None
    signed_in = desk.sign_in("mai", OTHER_PASSWORD)
    assert hasattr(signed_in, "token")
    assert desk.visitor(signed_in.token).must_change


def test_who_changes_the_own_password_shows_the_old_one(desk: Desk) -> None:
    def change(old: str, new_one: str) -> object:
        return desk.accounts.keeping.change_own_password("mai", old=old, new=new_one, actor="user:mai")

    trouble(change("Sai mật khẩu 27", OTHER_PASSWORD))
    trouble(change(PASSWORD, PASSWORD))
    trouble(change(PASSWORD, "ngắn"))
    assert hasattr(desk.sign_in(), "token")

    assert hasattr(change(PASSWORD, OTHER_PASSWORD), "name")

    assert not hasattr(desk.sign_in(), "token")
    signed_in = desk.sign_in("mai", OTHER_PASSWORD)
    assert hasattr(signed_in, "token")
    assert not desk.visitor(signed_in.token).must_change


def test_whoever_finds_an_open_browser_does_not_find_the_password_by_trying(desk: Desk) -> None:
    outcomes = [
        desk.accounts.keeping.change_own_password("mai", old=f"Sai {number}", new=OTHER_PASSWORD, actor="user:mai")
        for number in range(6)
    ]
    assert len({trouble(each).en for each in outcomes}) == 2
    trouble(desk.accounts.keeping.change_own_password("mai", old=PASSWORD, new=OTHER_PASSWORD, actor="user:mai"))
    desk.clock.pass_by(timedelta(minutes=1))
    changed = desk.accounts.keeping.change_own_password("mai", old=PASSWORD, new=OTHER_PASSWORD, actor="user:mai")
    assert hasattr(changed, "name")


def test_what_somebody_else_has_just_changed_is_not_overwritten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = desk.people.users()[0]
    desk.people.change_user(replace(stale, display="Mới"))
    monkeypatch.setattr(desk.people, "user", lambda _name: stale)

    trouble(desk.accounts.keeping.change("mai", display="Cũ", role=Role.VIEWER, root="", by=BY))

    assert desk.people.users()[0].display == "Mới"


def test_an_account_of_single_sign_on_has_no_password_and_no_role_to_set_here(desk: Desk) -> None:
    desk.people.add_user(replace(desk.people.users()[0], name="lan", identity="https://sso 42", password_hash=""))
    trouble(desk.accounts.keeping.set_password("lan", OTHER_PASSWORD, must_change=True, by=BY))
    trouble(desk.accounts.keeping.change("lan", display="x", role=Role.VIEWER, root="", by=BY))
    assert hasattr(desk.accounts.keeping.lock("lan", by=BY), "locked")


def test_no_event_and_no_word_holds_a_password(desk: Desk) -> None:
    desk.accounts.keeping.add(new(), by=BY)
    desk.accounts.keeping.set_password("lan", OTHER_PASSWORD, must_change=True, by=BY)
    told = repr(desk.store.events_of("")) + repr(desk.people.users())
    for secret in (PASSWORD, OTHER_PASSWORD, "argon2"):
        assert secret not in told
