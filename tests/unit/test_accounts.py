"""Accounts, purely: pauses after failures, weak passwords, hashes, and how far somebody sees."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.accounts import (
    Misses,
    Pausing,
    SessionRule,
    Weakness,
    attempted,
    neighbourhood,
    session_digest,
    subject_key,
    weakness_of,
)
from router.core.people import RIGHTS, Person, Right, Role, Scope
from router.core.registry import OrganRecord, Registry
from router.services.accounts.passwords import HashCost, Passwords, PasswordsBusy, given_password
from router.services.accounts.scopes import Scopes, scope_of
from tests.contract.test_people import session
from tests.support.records import MINUTE, NOON

RULE = Pausing(free=3, first=timedelta(seconds=10), longest=timedelta(minutes=1), forgotten_after=timedelta(hours=1))
CHEAP = HashCost(memory_kib=8, rounds=1, lanes=1)


# ── Pauses ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pauses_double_up_to_the_longest() -> None:
    assert [RULE.pause(failures).total_seconds() for failures in range(8)] == [0, 0, 0, 10, 20, 40, 60, 60]
    assert RULE.pause(10**9) == RULE.longest


def test_an_attempt_within_a_pause_changes_nothing() -> None:
    misses = Misses(failures=3, last_at=NOON)
    now = NOON + timedelta(seconds=4)
    assert attempted(misses, now=now, rule=RULE) == (misses, timedelta(seconds=6))


def test_failures_are_forgotten_and_so_are_those_of_a_clock_that_was_ahead() -> None:
    old = Misses(failures=9, last_at=NOON)
    for now in (NOON + RULE.forgotten_after, NOON - timedelta(seconds=1)):
        assert attempted(old, now=now, rule=RULE) == (Misses(failures=1, last_at=now), timedelta(0))


@given(st.lists(st.integers(min_value=0, max_value=120), min_size=1, max_size=60))
def test_no_more_is_heard_than_the_pauses_allow(gaps: list[int]) -> None:
    misses: Misses | None = None
    now, heard = NOON, 0
    for gap in gaps:
        now += timedelta(seconds=gap)
        misses, wait = attempted(misses, now=now, rule=RULE)
        heard += wait == timedelta(0)
    passed = sum(gaps)
    assert heard <= RULE.free + 3 + passed // 60 + 1


def test_keys_of_accounts_and_addresses_differ_and_tell_nothing() -> None:
    assert subject_key("user", "mai") != subject_key("address", "mai")
    assert "mai" not in subject_key("user", "mai")
    assert session_digest("x") != "x"


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_who_has_a_network_of_addresses_is_one_neighbour(address: str, same: str) -> None:
    assert neighbourhood(address) == same


def test_a_session_ends_by_idleness_and_by_age() -> None:
    rule = SessionRule(idle=timedelta(minutes=30), longest=timedelta(hours=12))
    opened = session("d")
    assert not rule.ended(opened, NOON + 29 * MINUTE)
    assert rule.ended(opened, NOON + 30 * MINUTE)
    busy = replace(opened, seen_at=NOON + timedelta(hours=11, minutes=59))
    assert not rule.ended(busy, NOON + timedelta(hours=11, minutes=59))
    assert rule.ended(busy, NOON + timedelta(hours=12))


# ── Passwords ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("password", "weakness"),
    [
        ("Ngắn-9kt", Weakness.SHORT),
        ("x" * 300, Weakness.LONG),
        ("aaaaaaaaaaaaA1", Weakness.UNIFORM),
        ("chỉ có chữ thường", Weakness.PLAIN),
        ("123498123476", Weakness.PLAIN),
        ("Van-thu-Hà-nội-9", Weakness.NAMED),
        ("Matkhau@2026", Weakness.KNOWN),
        ("P@ssw0rd1234", Weakness.KNOWN),
        ("Qwerty123456!", Weakness.KNOWN),
        ("Nước chảy đá mòn 7", None),
        ("sông núi nước nam vua nam ở", None),
        ("sông-núi-nước-nam-vua", None),
        ("Tr4ng-lên-đầu-núi", None),
    ],
)
def test_weak_passwords_are_named(password: str, weakness: Weakness | None) -> None:
    assert weakness_of(password, name="van-thu") is weakness


def test_the_word_password_is_known_in_vietnamese_too() -> None:
    assert weakness_of("Mậtkhẩu2026!!", name="x") is Weakness.KNOWN


def test_passwords_that_are_given_are_good_and_never_the_same() -> None:
    given_ones = {given_password(name="mai") for _ in range(50)}
    assert len(given_ones) == 50
    assert {weakness_of(each, name="mai") for each in given_ones} == {None}


def test_a_password_is_right_however_the_keyboard_composes_it() -> None:
    passwords = Passwords(CHEAP)
    kept = passwords.hashed("Ti\u1ebfng Vi\u1ec7t 2026")
    assert passwords.check("Tie\u0302\u0301ng Vie\u0323\u0302t 2026", kept).right
    assert not passwords.check("Tieng Viet 2026", kept).right


def test_a_hash_is_argon2id_and_salted() -> None:
    passwords = Passwords(CHEAP)
    assert passwords.hashed("x").startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert passwords.hashed("x") != passwords.hashed("x")


def test_a_hash_of_another_cost_is_made_anew() -> None:
    kept = Passwords(CHEAP).hashed("Nước chảy đá mòn 7")
    dearer = Passwords(HashCost(memory_kib=16, rounds=2, lanes=1))

    checked = dearer.check("Nước chảy đá mòn 7", kept)

    assert checked.right
    assert checked.new_hash.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert dearer.check("Nước chảy đá mòn 7", checked.new_hash).new_hash == ""


@pytest.mark.parametrize("kept", ["", "no hash", "$argon2id$v=19$broken"])
def test_nobody_has_a_right_password(kept: str) -> None:
    assert not Passwords(CHEAP).check("", kept).right
    assert not Passwords(CHEAP).check("x", kept).right


def test_an_unknown_account_costs_what_a_known_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(CHEAP)
    verified: list[str] = []
    real = passwords._hasher.verify

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(hasher, name)

        def verify(self, kept: str, text: str) -> bool:
            verified.append(kept[:20])
            return real(kept, text)

    hasher = passwords._hasher
    monkeypatch.setattr(passwords, "_hasher", Counting())
    passwords.check("x", "")
    passwords.check("x", passwords.hashed("y"))
    assert len(verified) == 2
    assert verified[0] == verified[1]  # the same kind and cost


def test_nobody_waits_for_a_turn_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    from router.services.accounts import passwords as module

    passwords = Passwords(CHEAP)
    monkeypatch.setattr(module, "PATIENCE", 0)
    with passwords._turn(), passwords._turn(), pytest.raises(PasswordsBusy):
        passwords.check("x", "")
    assert not passwords.check("x", "").right


# ── Rights and scopes ───────────────────────────────────────────────────────────────────────────────────────────────


def person(root: str = "", role: Role = Role.VIEWER) -> Person:
    return Person(name="mai", display="Mai", role=role, root=root)


def test_an_auditor_changes_nothing_and_an_administrator_may_everything() -> None:
    assert not RIGHTS[Role.AUDITOR] & {Right.ACT, Right.REGISTER, Right.ADMINISTER}
    assert RIGHTS[Role.ADMINISTRATOR] == frozenset(Right)
    assert all(Right.SEE in rights for rights in RIGHTS.values())
    assert {role for role in Role if Right.CONTENT in RIGHTS[role]} == {Role.AUDITOR, Role.ADMINISTRATOR}
    assert person(role=Role.OPERATOR).may(Right.ACT)
    assert not person(role=Role.VIEWER).may(Right.ACT)


def registry(*organs: OrganRecord, version: int = 1) -> Registry:
    return Registry.of(version=version, organs=organs, agents=(), bindings=())


def organ(code: str, parent: str = "", old: str = "") -> OrganRecord:
    return OrganRecord(code=code, name=code, parent=parent, old_code=old)


COUNTRY = (
    organ("H41"),
    organ("H41.08", "H41", old="000.00.08.H41"),
    organ("H41.08.01", "000.00.08.H41"),  # its parent is named by the former code
    organ("H42", old="OLD"),
    organ("H42.01", "H42"),
)


def test_a_person_sees_the_own_organ_and_all_below_it_and_no_other() -> None:
    scope = scope_of(registry(*COUNTRY), person("H41"))
    assert scope.organs == frozenset({"H41", "H41.08", "H41.08.01", "000.00.08.H41"})
    assert scope.sees("H42", "H41.08.01")
    assert not scope.sees("H42", "H42.01", "OLD", "")


def test_a_root_by_its_former_code_is_the_same_root() -> None:
    assert scope_of(registry(*COUNTRY), person("000.00.08.H41")).organs == frozenset(
        {"H41.08", "H41.08.01", "000.00.08.H41"}
    )


def test_without_a_root_everything_is_seen_also_what_belongs_to_nobody() -> None:
    scope = scope_of(registry(*COUNTRY), person(""))
    assert scope.everything
    assert scope.sees("")
    assert scope.sees()
    assert not Scope(frozenset()).sees("")


def test_a_root_that_is_not_there_is_seen_alone() -> None:
    assert scope_of(registry(*COUNTRY), person("H99")).organs == frozenset({"H99"})


def test_a_former_code_that_somebody_else_has_now_is_not_seen() -> None:
    given_anew = registry(organ("A"), organ("A.1", "A", old="B"), organ("B"))
    assert scope_of(given_anew, person("A")).organs == frozenset({"A", "A.1"})


def test_a_circle_in_the_registry_ends() -> None:
    circle = registry(organ("A", "C"), organ("B", "A"), organ("C", "B"), organ("D"))
    assert scope_of(circle, person("B")).organs == frozenset({"A", "B", "C"})


def test_scopes_are_remembered_until_the_registry_changes() -> None:
    scopes = Scopes()
    first = scopes.of(registry(*COUNTRY), person("H41"))
    assert scopes.of(registry(*COUNTRY), person("H41")) is first
    grown = registry(*COUNTRY, organ("H41.09", "H41"), version=2)
    assert scopes.of(grown, person("H41")).sees("H41.09")
    assert scopes.of(grown, person("")).everything


CODES = st.sampled_from(["A", "B", "C", "D", "E", "F"])


@given(st.lists(st.tuples(CODES, CODES | st.just("")), max_size=8, unique_by=lambda pair: pair[0]), CODES)
def test_remembered_or_not_a_scope_is_the_same_and_closed_downwards(pairs: list[tuple[str, str]], root: str) -> None:
    tree = registry(*(organ(code, parent) for code, parent in pairs))
    scope = scope_of(tree, person(root))
    assert Scopes().of(tree, person(root)) == scope
    for each in tree.organs.values():
        if each.parent and scope.sees(each.parent):
            assert scope.sees(each.code)
        elif each.code != root:
            assert not scope.sees(each.code)
