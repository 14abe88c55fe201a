"""Every memory of alarms keeps what it is told, once, whoever else writes at the same time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router.adapters.memory_alarms import MemoryAlarmBook, MemoryAlarmFacts
from router.adapters.memory_store import MemoryStore
from router.adapters.sql.alarm_facts import SqlAlarmFacts
from router.adapters.sql.alarms import SqlAlarmBook
from router.adapters.sql.engine import open_engine
from router.adapters.sql.store import SqlStore
from router.core.alarm_rules import AlarmKind
from router.core.alarms import Alarm, AlarmState, Severity, alarm_id_of
from router.core.notices import Notice, NoticeKind, NoticeState
from router.core.records import MessageState, PutEvent, PutMessage
from router.core.registry import CertificateRecord, OrganRecord
from router.ports import Store, StoreConflict
from router.ports.alarms import AlarmBook, AlarmFacts
from tests.contract.conftest import DATABASES, STORES, database_url
from tests.support.records import MINUTE, NOON, event, message

LEASE = 2 * MINUTE


@pytest.fixture(params=STORES)
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AlarmBook]:
    if request.param == "memory":
        yield MemoryAlarmBook()
        return
    engine = open_engine(database_url(request.param, request, tmp_path))
    yield SqlAlarmBook(engine)
    engine.dispose()


@pytest.fixture(params=STORES)
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, AlarmFacts]]:
    if request.param == "memory":
        memory = MemoryStore()
        yield memory, MemoryAlarmFacts(memory)
        return
    url = database_url(request.param, request, tmp_path)
    engine, store = open_engine(url), SqlStore(url)
    yield store, SqlAlarmFacts(engine)
    store.close()
    engine.dispose()


@pytest.fixture(params=DATABASES)
def open_book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], AlarmBook]]:
    """One and the same database, as each of several processes opens it."""
    url = database_url(request.param, request, tmp_path)
    engines = []

    def open_it() -> AlarmBook:
        engines.append(open_engine(url))
        return SqlAlarmBook(engines[-1])

    yield open_it
    for engine in engines:
        engine.dispose()


def alarm(subject: str = "so-y-te", **fields: Any) -> Alarm:
    filled: dict[str, Any] = {
        "id": alarm_id_of(AlarmKind.BACKLOG, subject, NOON),
        "kind": AlarmKind.BACKLOG,
        "subject": subject,
        "severity": Severity.WARNING,
        "state": AlarmState.RAISED,
        "vi": f"Hộp thư của {subject}",
        "en": f"The inbox of {subject}",
        "raised_at": NOON,
        "seen_at": NOON,
    }
    return Alarm(**{**filled, **fields})


def notice(number: int, **fields: Any) -> Notice:
    filled: dict[str, Any] = {
        "id": f"n-{number}",
        "channel": "mail",
        "kind": NoticeKind.ALARMS,
        "title": "Cảnh báo",
        "text": "Một\nhai “ba”",
        "data": {"alarms": [{"id": "1", "vi": "Hộp thư"}]},
        "to": ("a@b.vn",),
        "created_at": NOON + number * MINUTE,
        "due_at": NOON + number * MINUTE,
    }
    return Notice(**{**filled, **fields})


def kept(one: Alarm) -> Alarm:
    return replace(one, version=one.version + 1)


# ── Leases and marks ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lease_has_one_holder_until_it_is_over(book: AlarmBook) -> None:
    assert book.take_lease("watch", "a", now=NOON, lease_for=LEASE)
    assert not book.take_lease("watch", "b", now=NOON + MINUTE, lease_for=LEASE)
    assert book.take_lease("other", "b", now=NOON + MINUTE, lease_for=LEASE)
    assert book.take_lease("watch", "a", now=NOON + MINUTE, lease_for=LEASE)
    assert not book.take_lease("watch", "b", now=NOON + 2 * MINUTE, lease_for=LEASE)
    assert book.take_lease("watch", "b", now=NOON + 3 * MINUTE, lease_for=LEASE)
    assert not book.take_lease("watch", "a", now=NOON + 3 * MINUTE, lease_for=LEASE)


def test_a_lease_that_is_given_back_is_free_and_only_its_holder_gives_it_back(book: AlarmBook) -> None:
    book.take_lease("watch", "a", now=NOON, lease_for=LEASE)
    book.give_back("watch", "b")
    assert not book.take_lease("watch", "b", now=NOON, lease_for=LEASE)
    book.give_back("watch", "a")
    assert book.take_lease("watch", "b", now=NOON, lease_for=LEASE)


def test_a_lease_of_a_wrong_clock_is_over(book: AlarmBook) -> None:
    book.take_lease("watch", "a", now=NOON + timedelta(days=400), lease_for=LEASE)
    assert book.take_lease("watch", "b", now=NOON, lease_for=LEASE)


def test_of_many_that_want_a_lease_at_once_one_gets_it(open_book: Callable[[], AlarmBook]) -> None:
    books = [open_book() for _ in range(4)]

    def take(number: int) -> bool:
        return books[number % 4].take_lease("watch", f"p-{number}", now=NOON, lease_for=LEASE)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(take, range(12))) == 1


def test_a_mark_is_what_was_written_last(book: AlarmBook) -> None:
    assert book.mark("feed") == ""
    book.put_mark("feed", "1")
    book.put_mark("feed", '{"seq": 2, "ai": "đ"}')
    assert (book.mark("feed"), book.mark("other")) == ('{"seq": 2, "ai": "đ"}', "")


def test_a_lease_leaves_the_mark_of_its_name_alone(book: AlarmBook) -> None:
    book.put_mark("watch", "x")
    book.take_lease("watch", "a", now=NOON, lease_for=LEASE)
    assert book.mark("watch") == "x"


# ── Alarms ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_alarm_is_kept_as_it_is(book: AlarmBook) -> None:
    whole = alarm(
        state=AlarmState.QUIETED,
        told_at=NOON + MINUTE,
        told=3,
        quiet_until=NOON + 9 * MINUTE,
        quiet_by="admin:ha",
        quiet_reason="bảo trì",
        quiet_severity=Severity.CRITICAL,
    )
    book.keep([whole])
    assert book.alarm(whole.id) == kept(whole)
    assert book.standing() == (kept(whole),)
    assert book.alarm("none") is None


def test_an_alarm_that_is_over_stands_no_more(book: AlarmBook) -> None:
    book.keep([alarm("a"), alarm("b")])
    (first, second) = book.standing()
    book.keep([replace(first, state=AlarmState.RECOVERED, ended_at=NOON + MINUTE)])
    assert book.standing() == (second,)
    assert [each.subject for each in book.past()] == ["a"]
    book.keep([replace(second, state=AlarmState.RECOVERED, ended_at=NOON + 2 * MINUTE)])
    assert [each.subject for each in book.past()] == ["b", "a"]
    assert [each.subject for each in book.past(limit=1)] == ["b"]


def test_about_one_subject_stands_one_alarm(book: AlarmBook) -> None:
    book.keep([alarm()])
    with pytest.raises(StoreConflict):
        book.keep([alarm(id="another")], [notice(1)])
    assert (len(book.standing()), book.notices()) == (1, ())
    (there,) = book.standing()
    book.keep([replace(there, state=AlarmState.RECOVERED, ended_at=NOON)])
    book.keep([alarm(id="another")])
    assert [each.id for each in book.standing()] == ["another"]


def test_who_changes_an_alarm_that_somebody_else_has_changed_writes_nothing(book: AlarmBook) -> None:
    book.keep([alarm("a"), alarm("b")])
    first, second = book.standing()
    book.keep([replace(second, vi="khác")])
    with pytest.raises(StoreConflict):
        book.keep([replace(first, vi="mới"), replace(second, vi="cũ")], [notice(1)])
    assert [each.vi for each in book.standing()] == [first.vi, "khác"]
    assert book.notices() == ()


# ── Notices ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_notice_is_kept_with_its_alarm_and_once(book: AlarmBook) -> None:
    book.keep([alarm()], [notice(1)])
    assert book.notices() == (notice(1),)
    assert book.add_notices([notice(1, title="khác"), notice(2)]) == 1
    assert book.notices() == (notice(2), notice(1))
    assert book.notices(limit=1) == (notice(2),)


def test_due_notices_of_one_channel_come_oldest_first_and_are_leased(book: AlarmBook) -> None:
    book.add_notices([notice(2), notice(1), notice(3), notice(0, channel="webhook"), notice(9)])
    now = NOON + 5 * MINUTE
    assert [each.id for each in book.due_notices("mail", now=now, lease_for=LEASE, limit=2)] == ["n-1", "n-2"]
    assert [each.id for each in book.due_notices("mail", now=now, lease_for=LEASE, limit=9)] == ["n-3"]
    assert book.due_notices("mail", now=now, lease_for=LEASE, limit=9) == ()
    later = now + LEASE
    assert len(book.due_notices("mail", now=later, lease_for=LEASE, limit=9)) == 3


def test_what_is_settled_is_due_no_more(book: AlarmBook) -> None:
    book.add_notices([notice(1), notice(2), notice(3)])
    book.settle(notice(1, state=NoticeState.SENT, attempts=1))
    book.settle(notice(2, state=NoticeState.GIVEN_UP, attempts=7, problem="không nối được"))
    book.settle(notice(3, due_at=NOON + 30 * MINUTE, attempts=2, problem="550"))
    assert book.due_notices("mail", now=NOON + 10 * MINUTE, lease_for=LEASE, limit=9) == ()
    (again,) = book.due_notices("mail", now=NOON + 30 * MINUTE, lease_for=LEASE, limit=9)
    assert (again.attempts, again.problem) == (2, "550")
    assert [each.state for each in book.notices()][1:] == [NoticeState.GIVEN_UP, NoticeState.SENT]


def test_no_two_processes_get_one_notice(open_book: Callable[[], AlarmBook]) -> None:
    books = [open_book() for _ in range(3)]
    books[0].add_notices([notice(number) for number in range(30)])

    def take(number: int) -> list[str]:
        due = books[number % 3].due_notices("mail", now=NOON + 60 * MINUTE, lease_for=LEASE, limit=5)
        return [each.id for each in due]

    with ThreadPoolExecutor(3) as threads:
        taken = [each for some in threads.map(take, range(12)) for each in some]
    rest = books[0].due_notices("mail", now=NOON + 60 * MINUTE, lease_for=LEASE, limit=99)
    taken += [each.id for each in rest]
    assert sorted(taken) == sorted(f"n-{number}" for number in range(30))


def test_tidying_takes_what_is_over_and_long_ago(book: AlarmBook) -> None:
    book.keep([alarm("a"), alarm("b")], [notice(1), notice(2), notice(3)])
    first, _ = book.standing()
    book.keep([replace(first, state=AlarmState.RECOVERED, ended_at=NOON)])
    book.settle(notice(1, state=NoticeState.SENT))
    book.settle(notice(3, state=NoticeState.GIVEN_UP))

    assert book.tidy(before=NOON + 2 * MINUTE) == 2

    assert [each.subject for each in book.standing()] == ["b"]
    assert book.past() == ()
    assert [each.id for each in book.notices()] == ["n-3", "n-2"]


# ── Facts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_are_counted_and_found_by_name_within_a_range(asked: tuple[Store, AlarmFacts]) -> None:
    store, facts = asked
    assert (facts.newest_event(), facts.tally(0, 99)) == (0, {})
    names = ["message.accepted", "message.refused", "leg.queued", "message.refused"]
    with store.begin() as tx:
        tx.apply([PutMessage(message("a"))])
        tx.apply([PutEvent(event(name, "m-a", facts={"codes": "x"})) for name in names])
    newest = facts.newest_event()
    seqs = [each.seq for each in store.events_after(0, limit=9)]
    assert newest == seqs[-1]
    assert facts.tally(0, newest) == {"message.accepted": 1, "message.refused": 2, "leg.queued": 1}
    assert facts.tally(seqs[1], seqs[2]) == {"leg.queued": 1}
    found = facts.events_named({"message.refused", "other"}, after=0, up_to=newest, limit=9)
    assert [each.seq for each in found] == [seqs[1], seqs[3]]
    assert [each.seq for each in facts.events_named({"message.refused"}, after=0, up_to=newest, limit=1)] == [seqs[1]]
    assert facts.events_named({"message.refused"}, after=seqs[1], up_to=seqs[2], limit=9) == ()


def test_certificates_of_all_organs_are_told(asked: tuple[Store, AlarmFacts]) -> None:
    store, facts = asked
    store.put_organs([OrganRecord(code="H1", name="Một"), OrganRecord(code="H2", name="Hai")])
    records = [CertificateRecord(organ=code, fingerprint=f"{code}-f", subject="CN", pem="x") for code in ("H2", "H1")]
    store.put_certificates(records)
    assert facts.certificates() == (records[1], records[0])


def test_refused_messages_of_some_senders_are_found(asked: tuple[Store, AlarmFacts]) -> None:
    store, facts = asked
    refused = {"state": MessageState.REFUSED}
    with store.begin() as tx:
        tx.apply(
            [
                PutMessage(message("old", sender="H1", received_at=NOON - MINUTE, **refused)),
                PutMessage(message("one", sender="H1", **refused)),
                PutMessage(message("two", sender="H2", received_at=NOON + MINUTE, **refused)),
                PutMessage(message("good", sender="H1")),
                PutMessage(message("other", sender="H3", **refused)),
                PutMessage(message("nobody", sender="", **refused)),
            ]
        )
    many = {f"X{number}" for number in range(1200)}
    found = facts.refused({"H1", "H2", *many}, since=NOON, limit=9)
    assert [each.id for each in found] == ["m-two", "m-one"]
    assert [each.id for each in facts.refused({"H1", "H2"}, since=NOON, limit=1)] == ["m-two"]
    assert facts.refused((), since=NOON, limit=9) == ()
