"""The log is sealed in portions, by whoever comes first, and stamped from time to time."""

import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from edxml_schemas.evidence.replay import EPOCH
from edxml_schemas.evidence.seals import FIRST, signature_holds
from edxml_schemas.evidence.timestamps import check_token
from edxml_schemas.signatures import Signer
from router.adapters.memory_store import MemoryStore
from router.core.records import PutEvent
from router.core.seals import EventRow, Seal
from router.ports import Store
from router.ports.signing import StampUnavailable
from router.services.proof.log_check import check_log
from router.services.proof.sealing import Sealing, words_of
from router.services.proof.stamping import Stamping
from tests.support.hub_desk import NOW
from tests.support.pki import Pki
from tests.support.provable import ProvableHub
from tests.support.records import event
from tests.support.stamps import LocalAuthority

PKI = Pki(NOW)
HUB = PKI.self_signed("Trục")
SIGNER = Signer(HUB.key, HUB.cert)
ACCEPTED = frozenset({HUB.fingerprint})
BUDGET = 8.0  # microseconds of CPU per event


def written(store: Store, count: int) -> None:
    with store.begin() as tx:
        tx.apply([PutEvent(event("report.unknown", "", facts={"n": str(number)})) for number in range(count)])


def sealed(store: Store, sealing: Sealing, *, now: datetime = NOW) -> bool:
    """Whether there is more to do."""
    with store.begin() as tx:
        return sealing.run(tx, now=now).more


def test_seals_follow_each_other_and_cover_every_event_once() -> None:
    store, sealing = MemoryStore(), Sealing(SIGNER, every=timedelta(0), portion=10)
    written(store, 25)
    assert [sealed(store, sealing) for _ in range(4)] == [True, True, False, False]
    seals = store.seals()
    assert [(each.first_seq, each.last_seq, each.count) for each in seals] == [(1, 10, 10), (11, 20, 10), (21, 27, 7)]
    assert seals[0].previous == FIRST
    assert [each.previous for each in seals[1:]] == [each.digest for each in seals[:-1]]
    for each in seals:
        assert words_of(each).digest == each.digest
        assert signature_holds(words_of(each).encoded(), each.signature, HUB.cert)
    assert check_log(store, accepted=ACCEPTED).faults == ()


def test_a_seal_waits_for_its_time_unless_the_last_one_was_full() -> None:
    store, sealing = MemoryStore(), Sealing(SIGNER, every=timedelta(seconds=10), portion=10)
    written(store, 15)
    assert sealed(store, sealing)
    assert not sealed(store, sealing)  # at once, because the last one was full
    written(store, 1)
    sealed(store, sealing, now=NOW + timedelta(seconds=9))
    assert len(store.seals()) == 2
    sealed(store, sealing, now=NOW + timedelta(seconds=10))
    assert len(store.seals()) == 3


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    store, sealing = MemoryStore(), Sealing(SIGNER, every=timedelta(hours=1), portion=10)
    written(store, 1)
    sealed(store, sealing)
    written(store, 1)
    sealed(store, sealing, now=NOW - timedelta(days=1))
    assert len(store.seals()) == 2


def test_the_log_does_not_grow_by_being_sealed() -> None:
    store, sealing = MemoryStore(), Sealing(SIGNER, every=timedelta(0))
    assert not sealed(store, sealing)
    written(store, 1)
    for _ in range(5):
        sealed(store, sealing)
    assert len(store.seals()) == 1
    assert [each.name for each in store.events_after(0, limit=10)] == ["report.unknown", "log.sealed"]


def test_a_new_key_takes_the_chain_over_even_when_nothing_happens() -> None:
    store = MemoryStore()
    written(store, 1)
    sealed(store, Sealing(SIGNER, every=timedelta(0)))
    other = PKI.self_signed("Trục")
    sealed(store, Sealing(Signer(other.key, other.cert), every=timedelta(0)))
    assert len(store.seals()) == 2
    assert check_log(store, accepted=frozenset({other.fingerprint})).faults == ()


def test_sealing_costs_little() -> None:
    """Hashing, the tree and the signature; the best of several, for the machine has other things to do."""

    class Log:
        """A transaction that costs nothing."""

        def __init__(self, rows: tuple[EventRow, ...]) -> None:
            self.rows = rows

        def last_seal(self) -> Seal | None:
            return None

        def events_to_seal(self, *, limit: int) -> tuple[EventRow, ...]:
            return self.rows[:limit]

        def put_seal(self, seal: Seal) -> None: ...

        def apply(self, changes: object) -> None: ...

    facts = '{"agent":"nghean","recipient":"000.00.00.H41","digest":"' + "ab" * 32 + '"}'
    at = (NOW - EPOCH) // timedelta(microseconds=1)
    rows = tuple(EventRow(seq, "leg.handed-over", at, "m" * 36, "l" * 36, "hub", facts) for seq in range(1, 2001))
    sealing, log = Sealing(SIGNER), Log(rows)
    took = []
    for _ in range(5):
        began = time.process_time()
        sealing.run(log, now=NOW)  # type: ignore[arg-type]  # the part of a transaction that is asked
        took.append((time.process_time() - began) / len(rows) * 1e6)
    assert min(took) <= BUDGET


# ── Stamps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def hub() -> ProvableHub:
    return ProvableHub()


@pytest.fixture
def authority(hub: ProvableHub) -> LocalAuthority:
    return LocalAuthority(hub.desk.pki, now=NOW)


def test_the_newest_seal_is_stamped_and_the_log_tells_of_it(hub: ProvableHub, authority: LocalAuthority) -> None:
    stamped = Stamping(hub.store, authority, clock=Hand(), every=timedelta(hours=1)).run()
    newest = hub.store.seals()[-1]
    assert stamped is not None
    assert stamped.number == newest.number
    assert check_token(newest.timestamp, newest.digest).made_at == NOW
    report = check_log(hub.store, accepted=hub.accepted)
    assert (report.faults, report.stamped) == ((), 1)


def test_not_every_seal_is_stamped(hub: ProvableHub, authority: LocalAuthority) -> None:
    clock = Hand()
    stamping = Stamping(hub.store, authority, clock=clock, every=timedelta(hours=1))
    stamping.run()
    hub.desk.send(b"<edXML/>")
    hub.seal()
    clock.at = NOW + timedelta(minutes=59)
    assert stamping.run() is None
    clock.at = NOW + timedelta(minutes=60)
    assert stamping.run() is not None
    assert authority.asked == 2


def test_a_stamp_that_was_taken_away_or_put_on_is_missed(hub: ProvableHub, authority: LocalAuthority) -> None:
    store = hub.store
    assert isinstance(store, MemoryStore)
    Stamping(store, authority, clock=Hand(), every=timedelta(hours=1)).run()
    tables = store._tables
    newest = store.seals()[-1]
    tables.seals[newest.number] = replace(newest, timestamp=b"")
    assert [each.key for each in check_log(store, accepted=hub.accepted).faults] == [str(newest.number)]
    tables.seals[newest.number] = newest
    first = store.seals()[0]
    with store.begin() as tx:
        assert tx.stamp_seal(first.number, newest.timestamp)
        assert not tx.stamp_seal(first.number, newest.timestamp)
    assert {each.key for each in check_log(store, accepted=hub.accepted).faults} == {str(first.number)}


def test_an_authority_that_is_away_or_refuses_is_asked_again(hub: ProvableHub, authority: LocalAuthority) -> None:
    stamping = Stamping(hub.store, authority, clock=Hand(), every=timedelta(hours=1))
    authority.silent = True
    with pytest.raises(StampUnavailable):
        stamping.run()
    authority.silent, authority.refuses = False, True
    with pytest.raises(StampUnavailable):
        stamping.run()
    authority.refuses = False
    assert stamping.run() is not None


def test_without_a_seal_nobody_is_asked() -> None:
    authority = LocalAuthority(PKI, now=NOW)
    assert Stamping(MemoryStore(), authority, clock=Hand(), every=timedelta(hours=1)).run() is None
    assert authority.asked == 0
