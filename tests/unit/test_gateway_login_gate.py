"""Who has a slow hash worked out first, and that no stranger keeps the others from it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import pytest

from agents.gateway.access import AccessStore, logins
from agents.gateway.access import gate as gates
from agents.gateway.access.errors import LoginsBusy
from agents.gateway.access.gate import Gate
from agents.gateway.access.lockout import ATTEMPTS
from agents.gateway.access.peers import address_of
from tests.support.access import NOW, add_key, make_cheap

LONG = 30.0  # seconds; no test waits so long unless it fails


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AccessStore]:
    make_cheap(monkeypatch)
    with AccessStore.open(tmp_path / "spool") as opened:
        yield opened


class Waiting:
    """Somebody who goes in, in a thread of its own, and stays until told to leave."""

    def __init__(self, gate: Gate, peer: str, *, known: bool = False) -> None:
        self.inside, self.leave, self.busy = Event(), Event(), False
        before = len(gate._waiting)
        self._thread = Thread(target=self._go, args=(gate, peer, known), daemon=True)
        self._thread.start()
        while not (self.inside.is_set() or len(gate._waiting) > before or self.busy or known):
            self.inside.wait(0.001)

    def _go(self, gate: Gate, peer: str, known: bool) -> None:
        try:
            with gate.entered(peer, known=known):
                self.inside.set()
                self.leave.wait(LONG)
        except LoginsBusy:
            self.busy = True

    def end(self) -> None:
        self.leave.set()
        self._thread.join(LONG)


def test_one_address_has_one_hash_in_hand_however_often_it_asks() -> None:
    gate = Gate(patience=LONG)
    first, second = Waiting(gate, "192.0.2.1"), Waiting(gate, "192.0.2.1")
    other = Waiting(gate, "192.0.2.2")
    assert first.inside.wait(LONG)
    assert other.inside.wait(LONG)
    assert not second.inside.is_set()
    first.end()
    assert second.inside.wait(LONG)
    second.end()
    other.end()


def test_who_comes_to_a_full_house_waits_its_turn() -> None:
    gate = Gate(patience=LONG)
    inside = [Waiting(gate, f"192.0.2.{number}") for number in range(gates.AT_ONCE)]
    late = Waiting(gate, "198.51.100.1")
    assert not late.inside.is_set()
    inside[0].end()
    assert late.inside.wait(LONG)
    for each in (*inside, late):
        each.end()


def test_nobody_waits_for_ever() -> None:
    gate = Gate(patience=0.01)
    with ExitStack() as stack:
        for number in range(gates.AT_ONCE):
            stack.enter_context(gate.entered(f"192.0.2.{number}"))
        with pytest.raises(LoginsBusy), gate.entered("198.51.100.1"):
            pass
    with gate.entered("198.51.100.1"):
        pass
    assert not gate._waiting
    assert not gate._at_work


def test_one_address_cannot_fill_the_queue_and_all_of_them_together_no_more_than_it_holds() -> None:
    gate = Gate(patience=LONG)
    crowd = [Waiting(gate, "192.0.2.1") for _ in range(1 + gates.WAITING_OF_ONE)]
    with pytest.raises(LoginsBusy), gate.entered("192.0.2.1"):
        pass
    other = Waiting(gate, "198.51.100.1")
    assert other.inside.wait(LONG)
    more = [Waiting(gate, f"203.0.113.{number}") for number in range(gates.WAITING - gates.WAITING_OF_ONE)]
    with pytest.raises(LoginsBusy), gate.entered("198.51.100.2"):
        pass
    for each in (*crowd, other, *more):
        each.end()


def test_who_is_known_goes_first_and_finds_a_place_in_a_full_queue() -> None:
    gate = Gate(patience=LONG)
    crowd = [Waiting(gate, "192.0.2.1") for _ in range(1 + gates.WAITING_OF_ONE)]
    known = Waiting(gate, "192.0.2.1", known=True)
    crowd[-1]._thread.join(LONG)
    assert crowd[-1].busy
    crowd[0].end()
    assert known.inside.wait(LONG)
    assert not any(each.inside.is_set() for each in crowd[1:])
    known.end()
    for each in crowd:
        each.leave.set()
    for each in crowd:
        each.end()


def test_only_the_right_password_makes_known_and_only_where_it_came_from(store: AccessStore) -> None:
    password = add_key(store, username="u").password
    assert store.login("u", "sai", now=NOW, peer="192.0.2.1") is None
    assert store.login("u", password, now=NOW, peer="192.0.2.1")
    assert store._gate.knows("192.0.2.1", "u", password)
    assert not store._gate.knows("192.0.2.1", "u", "sai")
    assert not store._gate.knows("192.0.2.2", "u", password)
    assert password not in repr(vars(store._gate))


def test_those_that_are_known_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "MOST_KNOWN", 3)
    gate = Gate()
    for number in range(9):
        gate.remember("192.0.2.1", f"u{number}", "x")
    assert [gate.knows("192.0.2.1", f"u{number}", "x") for number in range(9)] == [False] * 6 + [True] * 3


@pytest.mark.parametrize("name", ["u", "nobody"])
def test_a_locked_name_costs_no_hash_whether_it_exists_or_not(
    store: AccessStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    password = add_key(store, username="u").password
    for _ in range(ATTEMPTS):
        assert store.login(name, "sai", now=NOW, peer="192.0.2.1") is None

    def hashed(*_: object) -> bytes:
        raise AssertionError("a hash")

    monkeypatch.setattr(logins, "slow_hash", hashed)
    assert store.login(name, password, now=NOW, peer="192.0.2.1") is None


def test_a_locked_name_takes_no_place_in_the_queue(store: AccessStore) -> None:
    for _ in range(ATTEMPTS):
        store.login("nobody", "sai", now=NOW, peer="192.0.2.1")
    store._gate = Gate(patience=0.01)
    with store._gate.entered("192.0.2.1"):
        assert store.login("nobody", "sai", now=NOW, peer="192.0.2.1") is None


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("", ""),
        ("testclient", "testclient"),
        ("x" * 999, "x" * 64),
    ],
)
def test_an_address_is_what_one_machine_has(peer: str, address: str) -> None:
    assert address_of(peer) == address
