"""Who finds what, and the index against a look at every document: in memory, on SQLite and on PostgreSQL."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edxml_schemas.statuses import Priority, StatusCode
from router.core.organ_book import OrganBook
from router.core.people import Scope
from router.core.records import (
    LegState,
)
from router.core.search import answers, wanted_by
from router.core.search_question import Awaited, Question
from router.services.search import finding as finding_service
from router.services.search.finding import Asker
from tests.contract.conftest import STORES, database_url
from tests.support.search_house import (
    CAO_BANG,
    HEALTH,
    NGHE_AN,
    OFFICE,
    ORGANS,
    WARD,
    WHOLE,
    House,
    document,
    open_house,
    to,
)


@pytest.fixture(params=STORES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    opened = open_house("" if request.param == "memory" else database_url(request.param, request, tmp_path))
    yield opened
    opened.close()


# ── Who finds what ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_finds_what_their_subtree_sent_or_received(house: House) -> None:
    sent, received, elsewhere = document("1", sender=WARD), document("2"), document("3")
    house.keep(sent, *to(sent, CAO_BANG))
    house.keep(received, *to(received, CAO_BANG, HEALTH))
    house.keep(elsewhere, *to(elsewhere, CAO_BANG))

    assert house.ids(Question(), house.viewer(NGHE_AN)) == ["m-2", "m-1"]
    assert house.ids(Question(), house.viewer("000.00.00.H41")) == ["m-2", "m-1"]
    assert house.ids(Question(), house.viewer(WARD)) == ["m-1"]
    assert house.ids(Question(text="7816"), house.viewer("H14.02")) == []
    assert house.find(Question(), house.viewer(NGHE_AN)).count == finding_service.Count(2, more=False)


def test_a_recipient_sees_no_other_recipient_and_finds_nothing_by_them(house: House) -> None:
    record = document("1")
    mine, other = to(record, HEALTH, CAO_BANG)
    house.keep(record, replace(mine, state=LegState.DELIVERED, status="03"), replace(other, state=LegState.PARKED))
    asker = house.viewer(NGHE_AN)

    (found,) = house.find(Question(), asker).found
    assert [each.recipient for each in found.legs] == [HEALTH]
    assert not found.all_legs
    for question in (
        Question(text="cao bang"),
        Question(text="H14"),
        Question(organ=CAO_BANG),
        Question(recipient="cao bang"),
        Question(delivery=LegState.PARKED),
        Question(status=Awaited.NONE),
        Question(organ=CAO_BANG, below=True),
    ):
        answer = house.find(question, asker)
        assert (answer.found, answer.count.number) == ((), 0), question
        assert house.ids(question) == ["m-1"]


def test_who_sees_the_sender_sees_every_recipient(house: House) -> None:
    record = document("1", sender=HEALTH)
    house.keep(record, *to(record, CAO_BANG, OFFICE))

    (found,) = house.find(Question(text="cao bang"), house.viewer(NGHE_AN)).found

    assert [each.recipient for each in found.legs] == [CAO_BANG, OFFICE]
    assert found.all_legs


def test_who_sees_nothing_finds_nothing(house: House) -> None:
    house.keep(document("1", sender=""))

    assert house.ids(Question()) == ["m-1"]
    assert house.ids(Question(), Asker(Scope(frozenset()), "nobody")) == []
    assert house.ids(Question(text="7816/VPCP-TTĐT"), house.viewer("nowhere")) == []


# ── The registry changes ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_name_finds_what_came_before_it(house: House) -> None:
    record = document("1")
    house.keep(record, *to(record, HEALTH))

    house.store.put_organs([replace(ORGANS[2], name="Sở Sức khỏe cộng đồng")])
    house.indexing.catch_up()

    assert house.ids(Question(text="suc khoe")) == ["m-1"]
    assert house.ids(Question(recipient="suc khoe")) == ["m-1"]


def test_a_body_that_moves_takes_its_documents_along(house: House) -> None:
    record = document("1")
    house.keep(record, *to(record, WARD))
    assert house.ids(Question(), house.viewer(NGHE_AN)) == ["m-1"]

    house.store.put_organs([replace(ORGANS[2], parent=CAO_BANG)])
    house.indexing.catch_up()

    assert house.ids(Question(), house.viewer(NGHE_AN)) == []
    assert house.ids(Question(), house.viewer(CAO_BANG)) == ["m-1"]


# ── Everything at once ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_index_finds_exactly_what_a_look_at_every_document_finds(house: House) -> None:
    chance = random.Random(7)  # noqa: S311  an order of play
    codes = [each.code for each in ORGANS]
    words = ["họp", "kế hoạch", "Nghị quyết", "y tế", "xây dựng", "2026"]
    facts: list[str] = []
    for number in range(60):
        record = document(
            f"{number}",
            sender=chance.choice(codes),
            code=f"{chance.randint(1, 30)}/{chance.choice(('UBND', 'SYT-VP'))}",
            subject=" ".join(chance.sample(words, 3)),
            priority=chance.choice((0, 1)),
            arrived_on=date(2026, 3, chance.randint(1, 4)),
        )
        legs = [
            replace(each, state=chance.choice(list(LegState)), status=chance.choice(("", "01", "03")))
            for each in to(record, *chance.sample(codes, chance.randint(1, 3)))
        ]
        house.log(record, *legs)
        facts.append(record.id)
    house.indexing.catch_up()
    book = OrganBook(house.store.registry())
    known = house.index.facts(facts)
    for question in _questions(chance, codes):
        for asker in (WHOLE, house.viewer(NGHE_AN), house.viewer(CAO_BANG)):
            wanted = wanted_by(question, book, inside=lambda part: house.index.inside(part, limit=99))
            expected = [each for each in reversed(facts) if answers(known[each], wanted, asker.scope, book) is not None]
            answer = house.find(question, asker, limit=100)
            assert [each.message.id for each in answer.found] == expected, (question, asker.root)
            assert answer.count.number == len(expected)


def _questions(chance: random.Random, codes: Sequence[str]) -> Iterator[Question]:
    kinds: Sequence[Callable[[], dict[str, Any]]] = (
        lambda: {"text": chance.choice(("hop", "ke", "12", "1", "SYT", "y te", "nghi quyet ubnd", "03/2026", "H41"))},
        lambda: {"recipient": chance.choice((*codes, "so", "ubnd"))},
        lambda: {"organ": chance.choice((*codes, "tinh", "y te"))},
        lambda: {"delivery": chance.choice(list(LegState))},
        lambda: {"status": chance.choice((Awaited.NONE, StatusCode.ARRIVED, StatusCode.RECEIVED))},
        lambda: {"received_from": date(2026, 3, chance.randint(1, 4))},
        lambda: {"urgency": chance.choice((Priority.NORMAL, Priority.URGENT))},
    )
    for _ in range(60):
        fields: dict[str, Any] = {}
        for make in chance.sample(kinds, chance.randint(1, 3)):
            fields |= make()
        yield Question(**fields)


def test_an_hour_is_an_hour_in_vietnam(house: House) -> None:
    late = datetime.fromisoformat("2026-03-02T17:30:00+00:00")  # half past midnight in Hà Nội
    house.keep(document("1", received_at=late, arrived_on=None, promulgation_date=None))

    assert house.ids(Question(received_from=(late + timedelta(days=1)).date())) == ["m-1"]
    assert house.ids(Question(received_to=late.date())) == []
