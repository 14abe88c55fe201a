"""Signing in and out as a service: what succeeds, what does not, and what stands in the log about it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from router.adapters.memory_people import MemoryPeople
from router.adapters.memory_store import MemoryStore
from router.core.accounts import How, Pausing, SessionRule, session_digest
from router.core.people import Role
from router.services.accounts import Accounts, HashCost, Rules, accounts_of
from router.services.accounts.keeping import By, NewUser
from router.services.accounts.sessions import From, Identity, NotLetIn, SignedIn, Visitor, Why
from tests.support.console import PASSWORD, Hands

HERE = From(address="192.0.2.7", agent="Trình duyệt 1.0")
BY = By(actor="admin:test", reason="thử")


class Desk:
    """Accounts over memory, one account called mai."""

    def __init__(self, cost: HashCost | None = None) -> None:
        self.people, self.store, self.clock = MemoryPeople(), MemoryStore(), Hands()
        self.accounts: Accounts = self.opened(cost or HashCost(memory_kib=8, rounds=1, lanes=1))
        self.accounts.keeping.add(NewUser(name="mai", role=Role.OPERATOR, password=PASSWORD), by=BY)

    def opened(self, cost: HashCost) -> Accounts:
        rules = Rules(session=SessionRule(), pausing=Pausing(free=3, first=timedelta(seconds=10)))
        return accounts_of(self.people, self.store, clock=self.clock, cost=cost, rules=rules)

    def sign_in(self, name: str = "mai", password: str = PASSWORD, origin: From = HERE) -> SignedIn | NotLetIn:
        return self.accounts.sessions.sign_in(name, password, origin=origin)

    def token(self) -> str:
        signed_in = self.sign_in()
        assert isinstance(signed_in, SignedIn)
        return signed_in.token

    def visitor(self, token: str) -> Visitor:
        found = self.accounts.sessions.visitor(token)
        assert found is not None
        return found

    def events(self, name: str) -> list[dict[str, str]]:
        return [{"actor": e.actor, **e.facts} for e in self.store.events_of("") if e.name == name]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_right_password_opens_a_session(desk: Desk) -> None:
    token = desk.token()

    visitor = desk.visitor(token)

    assert (visitor.person.name, visitor.person.role, visitor.must_change) == ("mai", Role.OPERATOR, True)
    assert (visitor.session.how, visitor.session.address, visitor.session.agent) == (
        How.PASSWORD,
        "192.0.2.7",
        "Trình duyệt 1.0",
    )
    assert desk.events("session.opened") == [
        {"actor": "user:mai", "user": "mai", "role": "operator", "root": "", "how": "password", "address": "192.0.2.7"}
    ]


def test_the_memory_has_no_id_of_a_session(desk: Desk) -> None:
    token = desk.token()
    (kept,) = desk.people.sessions_of("mai")
    assert kept.digest == session_digest(token)
    assert token not in repr(kept)
    assert desk.accounts.sessions.visitor(kept.digest) is None


def test_names_are_taken_without_spaces_and_capitals(desk: Desk) -> None:
    assert isinstance(desk.sign_in(" MAI "), SignedIn)


@pytest.mark.parametrize(("name", "password"), [("mai", "Sai mật khẩu 27"), ("lan", PASSWORD), ("", ""), ("mai", "")])
def test_a_wrong_name_and_a_wrong_password_get_one_answer(desk: Desk, name: str, password: str) -> None:
    assert desk.sign_in(name, password) == NotLetIn(Why.WRONG)
    (told,) = desk.events("session.refused")
    assert told["user"] == ("mai" if name == "mai" else "")


def test_a_password_typed_into_the_field_for_the_name_is_written_nowhere(desk: Desk) -> None:
    desk.sign_in(PASSWORD, "")
    assert PASSWORD.lower() not in repr(desk.store.events_of("")).lower()
    assert PASSWORD not in repr(vars(desk.people))


def test_a_locked_account_is_told_nothing_more_than_a_wrong_password(desk: Desk) -> None:
    desk.accounts.keeping.lock("mai", by=BY)

    assert desk.sign_in() == NotLetIn(Why.WRONG)

    assert desk.events("session.refused")[0]["why"] == "locked"


def test_after_failures_comes_a_pause_in_which_the_right_password_does_not_help(desk: Desk) -> None:
    for _ in range(3):
        desk.sign_in(password="Sai mật khẩu 27")

    paused = desk.sign_in()
    assert paused == NotLetIn(Why.PAUSED, timedelta(seconds=10))
    desk.clock.pass_by(timedelta(seconds=10))
    assert isinstance(desk.sign_in(), SignedIn)
    assert [desk.sign_in(password="Sai mật khẩu 27") for _ in range(3)] == [NotLetIn(Why.WRONG)] * 3


def test_an_unknown_name_is_paused_like_a_known_one(desk: Desk) -> None:
    known = [desk.sign_in("mai", "Sai mật khẩu 27") for _ in range(5)]
    unknown = [desk.sign_in("lan", "Sai mật khẩu 27") for _ in range(5)]
    assert known == unknown


def test_an_address_that_tries_many_names_is_paused(desk: Desk) -> None:
    outcomes = [desk.sign_in(f"ten-{number}", "Sai mật khẩu 27") for number in range(31)]

    assert {each.why for each in outcomes if isinstance(each, NotLetIn)} == {Why.WRONG, Why.PAUSED}
    assert isinstance(desk.sign_in(), NotLetIn)
    assert isinstance(desk.sign_in(origin=From(address="198.51.100.1")), SignedIn)


def test_sign_ins_that_succeed_do_not_pause_their_address(desk: Desk) -> None:
    assert {type(desk.sign_in()) for _ in range(60)} == {SignedIn}


def test_pauses_leave_no_event_each(desk: Desk) -> None:
    for _ in range(20):
        desk.sign_in(password="Sai mật khẩu 27")
    assert len(desk.events("session.refused")) == 3


def test_a_dearer_cost_makes_the_hash_anew_at_the_next_sign_in(desk: Desk) -> None:
    before = desk.people.users()[0].password_hash
    desk.accounts = desk.opened(HashCost(memory_kib=16, rounds=1, lanes=1))

    assert isinstance(desk.sign_in(), SignedIn)

    after = desk.people.users()[0].password_hash
    assert "m=8," in before
    assert "m=16," in after
    assert isinstance(desk.sign_in(), SignedIn)


def test_a_session_lives_while_it_is_used_and_ends_by_idleness(desk: Desk) -> None:
    token = desk.token()
    for _ in range(5):
        desk.clock.pass_by(timedelta(minutes=29))
        desk.visitor(token)

    desk.clock.pass_by(timedelta(minutes=31))

    assert desk.accounts.sessions.visitor(token) is None
    assert desk.people.sessions_of("mai") == ()


def test_a_session_ends_by_age_however_busy_it_is(desk: Desk) -> None:
    token = desk.token()
    for _ in range(35):
        desk.clock.pass_by(timedelta(minutes=20))
        desk.visitor(token)
    desk.clock.pass_by(timedelta(minutes=20))
    assert desk.accounts.sessions.visitor(token) is None


def test_requests_close_together_are_not_each_written_down(desk: Desk) -> None:
    token = desk.token()
    began = desk.clock.at
    desk.clock.pass_by(timedelta(seconds=20))
    desk.visitor(token)
    assert desk.people.sessions_of("mai")[0].seen_at == began
    desk.clock.pass_by(timedelta(seconds=20))
    desk.visitor(token)
    assert desk.people.sessions_of("mai")[0].seen_at == desk.clock.at


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "ế" * 43])
def test_what_is_no_session_is_nobody(desk: Desk, token: str) -> None:
    assert desk.accounts.sessions.visitor(token) is None


def test_a_sign_out_ends_the_session_and_is_told_once(desk: Desk) -> None:
    token = desk.token()
    visitor = desk.visitor(token)

    desk.accounts.sessions.sign_out(visitor, origin=HERE)
    desk.accounts.sessions.sign_out(visitor, origin=HERE)

    assert desk.accounts.sessions.visitor(token) is None
    assert len(desk.events("session.closed")) == 1


def test_other_sessions_are_ended_from_one(desk: Desk) -> None:
    here, there = desk.token(), desk.token()

    assert desk.accounts.sessions.end_others(desk.visitor(here), origin=HERE) == 1
    assert desk.accounts.sessions.end_others(desk.visitor(here), origin=HERE) == 0

    assert desk.accounts.sessions.visitor(there) is None
    assert len(desk.accounts.sessions.of(desk.visitor(here).person)) == 1


def test_a_lock_ends_sessions_at_once_even_one_that_opens_at_that_moment(desk: Desk) -> None:
    token = desk.token()
    desk.accounts.keeping.lock("mai", by=BY)
    assert desk.accounts.sessions.visitor(token) is None

    desk.people.change_user(replace(desk.people.users()[0], locked=False))
    other = desk.token()
    desk.people.change_user(replace(desk.people.users()[0], locked=True))  # without the sessions being ended
    assert desk.accounts.sessions.visitor(other) is None


def test_a_new_password_ends_sessions_also_one_that_was_just_opened_with_the_old(desk: Desk) -> None:
    token = desk.token()
    desk.clock.pass_by(timedelta(seconds=1))
    desk.people.change_user(replace(desk.people.users()[0], password_at=desk.clock.now()))
    assert desk.accounts.sessions.visitor(token) is None


def test_a_changed_role_counts_from_the_next_request_on(desk: Desk) -> None:
    token = desk.token()
    desk.accounts.keeping.change("mai", display="Mai", role=Role.VIEWER, root="", by=BY)
    assert desk.visitor(token).person.role is Role.VIEWER


def test_what_is_over_is_tidied_away(desk: Desk) -> None:
    desk.token()
    desk.sign_in("lan", "Sai mật khẩu 27")
    desk.clock.pass_by(timedelta(hours=25))
    assert desk.accounts.sessions.tidy() == 3  # a session, a name, an address


# ── Single sign-on ──────────────────────────────────────────────────────────────────────────────────────────────────


def identity(**changed: Any) -> Identity:
    told: dict[str, Any] = {
        "subject": "https://sso 42",
        "name": "Lan",
        "display": "Nguyễn Thị Lan",
        "role": Role.AUDITOR,
        "root": "",
    }
    return Identity(**{**told, **changed})


def test_the_first_single_sign_on_makes_the_account(desk: Desk) -> None:
    signed_in = desk.accounts.sessions.sign_in_with(identity(), origin=HERE)

    assert isinstance(signed_in, SignedIn)
    visitor = desk.visitor(signed_in.token)
    assert (visitor.person.name, visitor.person.display, visitor.person.role) == ("lan", "Nguyễn Thị Lan", Role.AUDITOR)
    assert visitor.session.how is How.OIDC
    assert [each["user"] for each in desk.events("user.added")] == ["mai", "lan"]
    assert not desk.people.users()[0].password_hash


def test_the_providers_word_about_role_and_root_counts_each_time(desk: Desk) -> None:
    desk.accounts.sessions.sign_in_with(identity(), origin=HERE)

    again = desk.accounts.sessions.sign_in_with(identity(role=Role.VIEWER, root="H41"), origin=HERE)

    assert isinstance(again, SignedIn)
    person = desk.visitor(again.token).person
    assert (person.role, person.root) == (Role.VIEWER, "H41")
    assert [(each["before"], each["role"]) for each in desk.events("user.changed")] == [("auditor", "viewer")]


def test_the_same_subject_stays_the_same_account_under_a_new_name_there(desk: Desk) -> None:
    desk.accounts.sessions.sign_in_with(identity(), origin=HERE)
    again = desk.accounts.sessions.sign_in_with(identity(name="lan.nguyen"), origin=HERE)
    assert isinstance(again, SignedIn)
    assert again.user.name == "lan"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"name": "mai"}, Why.ELSEWHERE),
        ({"role": None}, Why.NO_ROLE),
        ({"root": None}, Why.NO_ROOT),
        ({"name": ""}, Why.NO_NAME),
        ({"name": "Nguyễn Thị Lan"}, Why.NO_NAME),
    ],
)
def test_who_does_not_fit_stays_outside(desk: Desk, changed: dict[str, Any], why: Why) -> None:
    assert desk.accounts.sessions.sign_in_with(identity(**changed), origin=HERE) == NotLetIn(why)
    assert [each.name for each in desk.people.users()] == ["mai"]
    assert desk.events("session.refused")[0]["why"] == why.value


def test_a_locked_account_stays_outside_also_with_single_sign_on(desk: Desk) -> None:
    desk.accounts.sessions.sign_in_with(identity(), origin=HERE)
    desk.accounts.keeping.lock("lan", by=BY)
    assert desk.accounts.sessions.sign_in_with(identity(), origin=HERE) == NotLetIn(Why.LOCKED)


def test_nobody_signs_in_with_a_password_to_an_account_of_single_sign_on(desk: Desk) -> None:
    desk.accounts.sessions.sign_in_with(identity(), origin=HERE)
    for password in ("", PASSWORD):
        assert desk.sign_in("lan", password) == NotLetIn(Why.WRONG)
