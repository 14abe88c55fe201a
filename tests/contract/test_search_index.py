"""Pages, counts, and how the index follows the log: in memory, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edxml_schemas.contract import MessageType
from router.adapters.sql import search_writing
from router.adapters.sql.engine import open_engine
from router.adapters.sql.search import SqlSearch
from router.adapters.sql.search_statements import SearchDriver
from router.adapters.sql.store import SqlStore
from router.core.records import (
    LegState,
    PutEvent,
    PutMessage,
)
from router.core.search_bits import SIZE
from router.core.search_mark import NOTHING_READ
from router.core.search_question import Question
from router.core.search_terms import Entry, Space, beginning, exactly
from router.ports.search import Direction
from router.services.search import finding as finding_service
from router.services.search.finding import Search
from router.services.search.indexing import Indexing
from tests.contract.conftest import STORES, database_url
from tests.support.records import MINUTE, NOON, event
from tests.support.search_house import CAO_BANG, HEALTH, NGHE_AN, OFFICE, WHOLE, At, House, document, open_house, to


@pytest.fixture(params=STORES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    opened = open_house("" if request.param == "memory" else database_url(request.param, request, tmp_path))
    yield opened
    opened.close()


# ── Pages and counts ────────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_go_there_and_back_and_nothing_stands_on_two(house: House) -> None:
    for number in range(23):
        house.log(document(f"{number:02d}"))
    house.indexing.catch_up()
    pages, answer = [], house.find(Question(text="7816"), limit=5)
    while True:
        pages.append([each.message.id for each in answer.found])
        if answer.older is None:
            break
        answer = house.find(Question(text="7816"), start=answer.older, limit=5)
        house.keep(document(f"new-{len(pages)}"))  # what comes meanwhile moves no page

    assert [each for page in pages for each in page] == [f"m-{number:02d}" for number in reversed(range(23))]
    assert [len(each) for each in pages] == [5, 5, 5, 5, 3]
    back = house.find(Question(text="7816"), start=answer.newer, direction=Direction.NEWER, limit=5)
    assert [each.message.id for each in back.found] == pages[-2]
    assert back.newer is not None
    assert back.older is not None


def test_the_newest_page_is_full_however_it_is_reached(house: House) -> None:
    for number in range(7):
        house.log(document(f"{number}"))
    house.indexing.catch_up()
    second = house.find(Question(), start=house.find(Question(), limit=5).older, limit=5)

    newest = house.find(Question(), start=second.newer, direction=Direction.NEWER, limit=5)

    assert [each.message.id for each in newest.found] == ["m-6", "m-5", "m-4", "m-3", "m-2"]
    assert newest.newer is None


def test_a_search_among_what_is_hidden_breaks_off_and_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_service, "LOOKED_AT", 8)
    monkeypatch.setattr(finding_service, "COUNTED_ONE_BY_ONE", 2)
    oldest = document("old")
    house.log(oldest, *to(oldest, HEALTH, state=LegState.PARKED))
    for number in range(20):  # parked for others: the index cannot know that this asker does not see it
        record = document(f"{number}")
        mine, other = to(record, HEALTH, CAO_BANG)
        house.log(record, mine, replace(other, state=LegState.PARKED))
    house.indexing.catch_up()
    question, asker = Question(delivery=LegState.PARKED), house.viewer(NGHE_AN)

    answer, found, pages = house.find(question, asker, limit=2), [], 1
    assert answer.broken_off
    assert answer.count == finding_service.Count(0, more=True)
    while True:
        found += [each.message.id for each in answer.found]
        if answer.older is None:
            break
        answer, pages = house.find(question, asker, start=answer.older, limit=2), pages + 1

    assert found == ["m-old"]
    assert pages > 1


def test_a_count_says_when_it_is_a_lower_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_service, "COUNTED", 4)
    for number in range(6):
        house.log(document(f"{number}", code=f"{number % 2}/X"))
    house.indexing.catch_up()

    assert house.find(Question()).count == finding_service.Count(4, more=True)
    assert house.find(Question(number="1")).count == finding_service.Count(3, more=False)


def test_documents_in_several_blocks_come_in_order_from_either_side(house: House) -> None:
    total = 2 * SIZE + 100
    every_third = frozenset({"*:", "s:ba"})
    entries = [
        Entry(
            message_id=f"m-{n}",
            fixed=every_third if n % 3 == 0 else frozenset({"*:"}),
            marks=frozenset({"v:parked" if n in (5, SIZE, total - 1) else "v:delivered"}),
            legs=1,
        )
        for n in range(total)
    ]
    assert house.index.put(entries, was=NOTHING_READ, mark=NOTHING_READ)

    parked, third = [(exactly(Space.DELIVERY, "parked"),)], [(beginning(Space.SUBJECT, "b"),)]

    def numbers(clauses: Any, start: int | None, direction: Direction, limit: int = 10) -> list[int]:
        return [each.number for each in house.index.candidates(clauses, start=start, direction=direction, limit=limit)]

    assert numbers(parked, None, Direction.OLDER) == [total - 1, SIZE, 5]
    assert numbers(parked, None, Direction.NEWER) == [5, SIZE, total - 1]
    assert numbers(parked, SIZE, Direction.OLDER) == [5]
    assert numbers(parked, SIZE, Direction.NEWER) == [total - 1]
    assert numbers([*parked, *third], None, Direction.OLDER) == [n for n in (total - 1, SIZE, 5) if n % 3 == 0]
    assert numbers(third, SIZE + 2, Direction.OLDER, 4) == [n for n in range(SIZE + 1, 0, -1) if n % 3 == 0][:4]
    assert numbers(third, total + 7, Direction.NEWER) == []
    assert house.index.count(third, most=10**6) == (total + 2) // 3
    assert house.index.count(third, most=7) == 7


# ── The index and the log ───────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_that_keep_the_index_one_gives_up(house: House) -> None:
    was = house.index.mark()
    house.keep(document("1"))
    late = Entry(message_id="m-9", fixed=frozenset({"s:muon"}), marks=frozenset({"*:"}), legs=0)

    assert not house.index.put([late], was=was, mark=replace(was, seq=99))
    assert not house.index.relate({OFFICE: ["n:muon"]}, was=was, mark=replace(was, seq=99))

    assert house.index.mark().seq == house.index.newest_event()
    assert house.index.count([(beginning(Space.SUBJECT, "muon"),)], most=9) == 0


def test_who_writes_while_the_index_is_made_anew_gives_up(house: House) -> None:
    house.keep(document("1"))
    was = house.index.mark()

    house.indexing.forget()

    assert house.ids(Question(subject="nghi")) == []
    assert not house.index.put([], was=was, mark=was)
    house.indexing.catch_up()
    assert house.ids(Question(subject="uyet")) == ["m-1"]
    assert house.index.mark().version > was.version


@pytest.mark.parametrize("last", [True, False])
def test_a_crash_while_the_index_is_written_is_made_good(
    house: House, monkeypatch: pytest.MonkeyPatch, *, last: bool
) -> None:
    monkeypatch.setattr(search_writing, "WRITTEN", 3)
    put = SearchDriver.put
    crashed: list[bool] = []

    def crash(self: SearchDriver, statement: str, rows: Any) -> None:
        if not crashed and ("search_documents" in statement or not last):
            crashed.append(True)
            raise RuntimeError("the lights went out")
        put(self, statement, rows)

    first, second = document("1"), document("2", subject="Giấy mời")
    house.log(first, *to(first, HEALTH))
    house.log(second, *to(second, CAO_BANG))
    monkeypatch.setattr(SearchDriver, "put", crash)
    if isinstance(house.index, SqlSearch):
        with pytest.raises(RuntimeError, match="lights"):
            house.indexing.catch_up()
        assert house.index.mark().seq == 0
    third = document("3", subject="Thông báo")
    house.keep(third)

    assert house.ids(Question()) == ["m-3", "m-2", "m-1"]
    assert house.ids(Question(subject="giay moi")) == ["m-2"]
    assert house.ids(Question(recipient=HEALTH)) == ["m-1"]
    assert house.ids(Question(subject="thong bao")) == ["m-3"]


def test_reading_the_log_again_changes_nothing(house: House) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH))
    before = house.find(Question())

    again = house.index.mark()
    house.index.put((), was=again, mark=replace(NOTHING_READ, registry=again.registry))
    house.indexing.catch_up()

    assert house.find(Question()) == before
    assert house.index.count([(exactly(Space.ALL, ""),)], most=9) == 1


def test_what_the_index_has_not_read_yet_is_told_and_found_by_its_name(house: House) -> None:
    house.keep(document("1"))
    house.log(document("2", code="55/X"))
    house.clock.now_is = NOON + 3 * MINUTE

    answer = house.find(Question(text="khong-co"))
    assert (answer.found, answer.lag.events, answer.lag.age) == ((), 1, 3 * MINUTE)
    assert house.ids(Question(text="55")) == ["m-2"]
    assert house.ids(Question(text="m-2")) == ["m-2"]
    assert house.ids(Question(text="55"), house.viewer(CAO_BANG)) == []

    house.indexing.catch_up()
    assert house.find(Question()).lag.events == 0


def test_a_submission_id_finds_the_document(house: House) -> None:
    first = house.keep(document("1"))
    house.keep(document("2", duplicate_of=first.id))
    house.keep(document("3", type=MessageType.STATUS, status_code="03", about=first.id))

    for text in ("m-1", "m-2", "m-3"):
        assert house.ids(Question(text=text)) == ["m-1"], text


@pytest.mark.postgres
def test_an_event_that_is_committed_late_is_read_late(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = database_url("postgres", request, tmp_path)
    slow, fast, engine = SqlStore(url), SqlStore(url), open_engine(url)
    index, clock = SqlSearch(engine), At(NOON)
    search, indexing = Search(index, fast, clock=clock), Indexing(index, fast, clock=clock)
    with slow.begin() as tx:
        tx.apply([PutMessage(document("1")), PutEvent(event("message.accepted", "m-1"))])
        with fast.begin() as other:
            other.apply([PutMessage(document("2")), PutEvent(event("message.accepted", "m-2"))])
        indexing.catch_up()
        assert [each.message.id for each in search.find(Question(), WHOLE).found] == ["m-2"]
        assert len(index.mark().gaps) == 1

    indexing.catch_up()

    assert {each.message.id for each in search.find(Question(), WHOLE).found} == {"m-1", "m-2"}
    assert index.mark().gaps == ()
    for each in (slow, fast):
        each.close()
    engine.dispose()
