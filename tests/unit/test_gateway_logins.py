"""Logins of installations: passwords, lock-out, and sessions that outlive the process but not the key."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from agents.gateway.access import AccessStore, Login, logins, passwords
from agents.gateway.access import gate as gates
from agents.gateway.access.errors import LoginsBusy
from agents.gateway.access.gate import Gate
from agents.gateway.access.lockout import ATTEMPTS, FORGOTTEN_AFTER, LOCKED_FOR, Failures, after_failure
from agents.gateway.access.logins import SESSION_LIFE
from agents.gateway.access.schema import failures, sessions
from tests.support.access import NOW, add_key, make_cheap

TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    make_cheap(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccessStore]:
    with AccessStore.open(tmp_path / "spool") as opened:
        yield opened


def logged_in(store: AccessStore, password: str, *, now: datetime = NOW) -> Login:
    login = store.login("u", password, now=now)
    assert login is not None
    return login


def fail(store: AccessStore, times: int, *, name: str = "u", now: datetime = NOW, peer: str = "") -> None:
    for _ in range(times):
        assert store.login(name, "sai", now=now, peer=peer) is None


# ── Passwords ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_slow_hash_is_scrypt_and_costs_as_much_as_is_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    cost, block, lanes = passwords.SCRYPT_COST, passwords.SCRYPT_BLOCK, passwords.SCRYPT_LANES
    assert 128 * cost * block >= 16 * 2**20
    assert lanes >= 5
    expected = hashlib.scrypt(b"mat khau", salt=b"s" * 16, n=cost, r=block, p=lanes, maxmem=2**26, dklen=32)
    assert passwords.slow_hash("mat khau", b"s" * 16) == expected


def test_a_name_counts_as_it_is_written(store: AccessStore) -> None:
    password = add_key(store, username="so-y-te").password
    assert store.login("so-y-te", password, now=NOW)
    for name in ("SO-Y-TE", "so-y-te ", "so\N{HYPHEN}y\N{HYPHEN}te", "so-y-te\x00", "so-y-te\n", "", "qlvb"):
        assert store.login(name, password, now=NOW) is None


def test_more_logins_than_the_machine_can_bear_are_told_to_come_again(store: AccessStore) -> None:
    password = add_key(store, username="u").password
    store._gate = Gate(patience=0.01)
    with store._gate.entered(), store._gate.entered(), pytest.raises(LoginsBusy):
        store.login("u", password, now=NOW)
    assert store.login("u", password, now=NOW)


def test_hashes_are_worked_out_a_few_at_a_time() -> None:
    gate, inside, most = Gate(patience=60), Counter[str](), []

    def enter(_: int) -> None:
        with gate.entered():
            inside["now"] += 1
            most.append(inside["now"])
            hashlib.scrypt(b"x", salt=b"s", n=2**10, r=8, p=1)  # lets the other threads run
            inside["now"] -= 1

    with ThreadPoolExecutor(gates.WAITING) as threads:
        list(threads.map(enter, range(40)))
    assert max(most) <= gates.AT_ONCE


# ── Lock-out ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_several_failures_even_the_right_password_waits(store: AccessStore) -> None:
    password = add_key(store, username="u").password
    fail(store, ATTEMPTS)
    assert store.login("u", password, now=NOW) is None
    assert store.login("u", password, now=NOW + LOCKED_FOR - TICK) is None
    assert store.login("u", password, now=NOW + LOCKED_FOR)


def test_a_lock_outlives_the_process_and_attempts_do_not_lengthen_it(store: AccessStore) -> None:
    password = add_key(store, username="u").password
    fail(store, ATTEMPTS)
    with AccessStore.open(store.folder) as again:
        fail(again, 20, now=NOW + LOCKED_FOR / 2)
        assert again.login("u", password, now=NOW + LOCKED_FOR - TICK) is None
        assert again.login("u", password, now=NOW + LOCKED_FOR)


def test_a_success_forgets_the_failures_before_it(store: AccessStore) -> None:
    password = add_key(store, username="u").password
    for _ in range(3):
        fail(store, ATTEMPTS - 1)
        assert store.login("u", password, now=NOW)


def test_a_stranger_locks_out_only_where_it_comes_from(store: AccessStore) -> None:
    password = add_key(store, username="u").password
    fail(store, ATTEMPTS, peer="192.0.2.1")
    assert store.login("u", password, now=NOW, peer="192.0.2.1") is None
    assert store.login("u", password, now=NOW, peer="192.0.2.2")


def test_guesses_at_the_same_instant_are_not_more_than_guesses_in_a_row(
    store: AccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = add_key(store, username="u").password
    monkeypatch.setattr(store, "_gate", _Open())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: store.login("u", "sai", now=NOW), range(ATTEMPTS)))
    assert store.login("u", password, now=NOW) is None


class _Open(Gate):
    """Lets more in at once than the machine should bear."""

    @contextmanager
    def entered(self, peer: str = "", *, known: bool = False) -> Iterator[None]:  # noqa: ARG002  as the gate has it
        yield


def test_failures_that_are_remembered_are_bounded(store: AccessStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "MOST_REMEMBERED", 20)
    for number in range(60):
        fail(store, 1, name=f"u{number}", now=NOW + number * SECOND)
    with store._read() as connection:
        assert connection.scalar(select(func.count()).select_from(failures)) == 20
    fail(store, 1, now=NOW + FORGOTTEN_AFTER + 61 * SECOND)
    with store._read() as connection:
        assert connection.scalar(select(func.count()).select_from(failures)) == 1


@given(gaps=st.lists(st.timedeltas(timedelta(0), FORGOTTEN_AFTER * 2), max_size=80))
def test_no_guesser_gets_more_tries_than_the_lock_allows(gaps: list[timedelta]) -> None:
    known: Failures | None = None
    now, tried = NOW, []
    for gap in gaps:
        now += gap
        if known is None or not known.locked(now):
            tried.append(now)
        known = after_failure(known, now)
    for first, at in enumerate(tried):
        assert sum(at <= other < at + LOCKED_FOR for other in tried[first:]) <= ATTEMPTS * 2 - 1


@given(back=st.timedeltas(timedelta(0), timedelta(days=3650)))
def test_a_clock_that_was_set_back_locks_nobody_out_for_years(back: timedelta) -> None:
    known = Failures(in_a_row=ATTEMPTS, last_at=NOW, locked_until=NOW + LOCKED_FOR)
    assert not known.locked(NOW - back - TICK)


# ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_lives_for_thirty_minutes_and_survives_a_restart(store: AccessStore) -> None:
    login = logged_in(store, add_key(store, username="u").password)
    token = store.open_session(login, now=NOW)
    assert timedelta(minutes=30) == SESSION_LIFE
    assert store.session(token, now=NOW) == login
    with AccessStore.open(store.folder) as again:
        assert again.session(token, now=NOW + SESSION_LIFE - TICK) == login
        assert again.session(token, now=NOW + SESSION_LIFE) is None


def test_a_session_ends_with_its_key_whatever_ends_it(store: AccessStore) -> None:
    new = add_key(store, username="u", expires_at=NOW + SECOND)
    token = store.open_session(logged_in(store, new.password), now=NOW)
    assert store.session(token, now=NOW + SECOND - TICK)
    assert store.session(token, now=NOW + SECOND) is None
    store.revoke(new.key_id, now=NOW)
    assert store.session(token, now=NOW) is None


def test_a_session_of_a_former_password_ends_with_the_overlap(store: AccessStore) -> None:
    new = add_key(store, username="u")
    token = store.open_session(logged_in(store, new.password), now=NOW)
    rotated = store.rotate(new.key_id, overlap=SECOND, now=NOW)
    assert rotated is not None
    fresh = store.open_session(logged_in(store, rotated.password), now=NOW)
    assert store.session(token, now=NOW + SECOND - TICK)
    assert store.session(token, now=NOW + SECOND) is None
    assert store.session(fresh, now=NOW + SECOND)
    store.rotate(new.key_id, overlap=timedelta(0), now=NOW)
    assert store.session(fresh, now=NOW) is None


def test_a_session_opened_after_the_key_was_revoked_opens_nothing(store: AccessStore) -> None:
    new = add_key(store, username="u")
    login = logged_in(store, new.password)
    store.revoke(new.key_id, now=NOW)
    token = store.open_session(login, now=NOW)
    assert store.session(token, now=NOW) is None


def test_sessions_are_bounded_and_the_newest_stay(store: AccessStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "MOST_SESSIONS", 5)
    login = logged_in(store, add_key(store, username="u").password)
    other = store.login("v", add_key(store, "b", username="v").password, now=NOW)
    assert other is not None
    kept = store.open_session(other, now=NOW)
    tokens = [store.open_session(login, now=NOW) for _ in range(12)]
    assert [bool(store.session(each, now=NOW)) for each in tokens] == [False] * 7 + [True] * 5
    assert store.session(kept, now=NOW)
    store.open_session(login, now=NOW + SESSION_LIFE)
    with store._read() as connection:
        assert connection.scalar(select(func.count()).select_from(sessions)) == 1


@pytest.mark.parametrize("forged", ["", "tls_", "tls_" + "0" * 64, "' OR 1=1 --", "é\ud800", "x" * 10**6])
def test_a_forged_session_is_nobody_s(store: AccessStore, forged: str) -> None:
    store.open_session(logged_in(store, add_key(store, username="u").password), now=NOW)
    assert store.session(forged, now=NOW) is None
