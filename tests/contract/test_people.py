"""One contract for the memories of accounts and sessions: in this process, on SQLite, on PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router.adapters.memory_people import MemoryPeople
from router.adapters.sql.engine import open_engine
from router.adapters.sql.people import SqlPeople
from router.core.accounts import How, Pausing, Session, SessionRule, User
from router.core.people import Role
from router.ports import StoreUnavailable
from router.ports.people import People
from tests.contract.conftest import STORES, database_url
from tests.support.records import MINUTE, NOON

RULE = Pausing(free=3, first=timedelta(seconds=10), longest=timedelta(minutes=1), forgotten_after=timedelta(hours=1))


@pytest.fixture(params=STORES)
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[People]:
    """An empty memory of each kind."""
    if request.param == "memory":
        yield MemoryPeople()
        return
    engine = open_engine(database_url(request.param, request, tmp_path))
    yield SqlPeople(engine)
    engine.dispose()


def user(name: str, **fields: Any) -> User:
    filled: dict[str, Any] = {"display": f"Người {name}", "role": Role.VIEWER, "root": "H41", "created_at": NOON}
    return User(name=name, **{**filled, **fields})


def session(digest: str, of: str = "mai", **fields: Any) -> Session:
    filled: dict[str, Any] = {"how": How.PASSWORD, "opened_at": NOON, "seen_at": NOON}
    return Session(digest=digest, user=of, **{**filled, **fields})


FULL = user(
    "mai",
    role=Role.ADMINISTRATOR,
    root="",
    password_hash="$argon2id$…",
    must_change=True,
    locked=True,
    identity="https://sso.gov.vn 42",
    password_at=NOON + MINUTE,
    signed_in_at=NOON + 2 * MINUTE,
)


def test_an_account_comes_back_as_it_was_added(people: People) -> None:
    assert people.add_user(FULL)

    assert people.user("mai") == FULL
    assert people.user_with_identity("https://sso.gov.vn 42") == FULL
    assert people.user("lan") is None


def test_a_taken_name_or_identity_is_not_added(people: People) -> None:
    people.add_user(FULL)

    assert not people.add_user(user("mai"))
    assert not people.add_user(user("lan", identity=FULL.identity))
    assert people.users() == (FULL,)


def test_accounts_without_an_identity_do_not_clash(people: People) -> None:
    assert people.add_user(user("an"))
    assert people.add_user(user("ba"))
    assert people.user_with_identity("") is None


def test_accounts_are_listed_by_name(people: People) -> None:
    for name in ("lan", "an", "mai"):
        people.add_user(user(name))

    assert [each.name for each in people.users()] == ["an", "lan", "mai"]
    assert [each.name for each in people.users(limit=2)] == ["an", "lan"]


def test_a_change_counts_only_on_what_was_read(people: People) -> None:
    people.add_user(user("mai"))
    read = user("mai", role=Role.OPERATOR, display="Mai mới", locked=True)

    assert people.change_user(read)
    assert not people.change_user(replace(read, role=Role.AUDITOR))  # read before the other change
    assert not people.change_user(user("lan"))

    assert people.user("mai") == replace(read, version=1)


def test_a_change_leaves_identity_and_beginning_alone(people: People) -> None:
    people.add_user(FULL)

    people.change_user(replace(FULL, identity="another", created_at=NOON + MINUTE))

    assert people.user("mai") == replace(FULL, version=1)


def test_a_removed_account_takes_its_sessions_along(people: People) -> None:
    people.add_user(user("mai"))
    people.open_session(session("d-1"))

    assert people.remove_user("mai")
    assert not people.remove_user("mai")

    assert people.session("d-1") is None
    people.add_user(user("mai"))
    assert people.sessions_of("mai") == ()


def test_a_session_comes_back_with_its_account(people: People) -> None:
    people.add_user(FULL)
    opened = session("d-1", how=How.OIDC, address="192.0.2.7", agent="Trình duyệt", seen_at=NOON + MINUTE)
    people.open_session(opened)

    assert people.session("d-1") == (opened, FULL)
    assert people.session("d-2") is None


def test_a_session_belongs_to_somebody(people: People) -> None:
    with pytest.raises(StoreUnavailable):
        people.open_session(session("d-1", of="nobody"))


def test_a_request_moves_a_session_on(people: People) -> None:
    people.add_user(user("mai"))
    people.open_session(session("d-1"))

    people.see_session("d-1", at=NOON + MINUTE)
    people.see_session("d-9", at=NOON + MINUTE)

    assert [each.seen_at for each in people.sessions_of("mai")] == [NOON + MINUTE]


def test_sessions_are_ended_one_by_one_or_all_but_one(people: People) -> None:
    people.add_user(user("mai"))
    people.add_user(user("lan"))
    for number in range(4):
        people.open_session(session(f"d-{number}", opened_at=NOON + number * MINUTE))
    people.open_session(session("other", of="lan"))

    assert [each.digest for each in people.sessions_of("mai")] == ["d-3", "d-2", "d-1", "d-0"]
    assert people.close_session("d-3")
    assert not people.close_session("d-3")
    assert people.close_sessions_of("mai", but="d-1") == 2
    assert [each.digest for each in people.sessions_of("mai")] == ["d-1"]
    assert people.close_sessions_of("mai") == 1
    assert len(people.sessions_of("lan")) == 1


def test_attempts_are_free_until_they_are_paused(people: People) -> None:
    assert [people.attempt("k", now=NOON, rule=RULE) for _ in range(3)] == [timedelta(0)] * 3
    assert people.attempt("k", now=NOON, rule=RULE) == timedelta(seconds=10)
    assert people.attempt("other", now=NOON, rule=RULE) == timedelta(0)

    later = NOON + timedelta(seconds=10)
    assert people.attempt("k", now=later, rule=RULE) == timedelta(0)
    assert people.attempt("k", now=later, rule=RULE) == timedelta(seconds=20)


def test_attempts_are_given_back_and_forgiven(people: People) -> None:
    for _ in range(3):
        people.attempt("k", now=NOON, rule=RULE)

    people.give_back("k")
    people.give_back("nobody")
    assert people.attempt("k", now=NOON, rule=RULE) == timedelta(0)
    assert people.attempt("k", now=NOON, rule=RULE) > timedelta(0)

    people.forgive("k")
    assert people.attempt("k", now=NOON, rule=RULE) == timedelta(0)


def test_what_is_given_back_to_the_last_one_is_forgotten(people: People) -> None:
    people.attempt("k", now=NOON, rule=RULE)
    people.give_back("k")
    people.give_back("k")

    assert [people.attempt("k", now=NOON, rule=RULE) for _ in range(3)] == [timedelta(0)] * 3
    assert people.attempt("k", now=NOON, rule=RULE) > timedelta(0)


def test_many_attempts_at_once_are_counted_one_after_the_other(people: People) -> None:
    with ThreadPoolExecutor(6) as hands:
        waits = list(hands.map(lambda _: people.attempt("k", now=NOON, rule=RULE), range(12)))

    assert sum(wait == timedelta(0) for wait in waits) == RULE.free


def test_what_is_over_is_tidied_away(people: People) -> None:
    people.add_user(user("mai"))
    rule = SessionRule(idle=timedelta(minutes=30), longest=timedelta(hours=12))
    people.open_session(session("idle", seen_at=NOON - timedelta(minutes=30)))
    people.open_session(session("long", opened_at=NOON - timedelta(hours=12)))
    people.open_session(session("good", seen_at=NOON - timedelta(minutes=29)))
    people.attempt("old", now=NOON - timedelta(hours=1), rule=RULE)
    people.attempt("new", now=NOON, rule=RULE)

    assert people.tidy(now=NOON, rule=rule, forgotten_after=RULE.forgotten_after) == 3

    assert [each.digest for each in people.sessions_of("mai")] == ["good"]
    assert people.tidy(now=NOON, rule=rule, forgotten_after=RULE.forgotten_after) == 0
