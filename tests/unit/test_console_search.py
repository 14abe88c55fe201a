"""The search of the console: what it finds, for whom, and how pages are turned."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from edxml_schemas.model import Code
from router.core.people import Role
from router.core.records import PutEvent, PutMessage
from tests.support.console import Browser
from tests.support.document_house import G17, H14, H41, MINISTRY, SENDER, DocumentHouse
from tests.support.envelopes import a_document, an_organ
from tests.support.records import event, message


@pytest.fixture(scope="module")
def shared() -> DocumentHouse:
    """One that tests only read."""
    return DocumentHouse()


@pytest.fixture
def house() -> DocumentHouse:
    """One of its own for a test that changes something."""
    return DocumentHouse()


@pytest.fixture
async def administrator(shared: DocumentHouse) -> AsyncIterator[Browser]:
    async with shared.console.browser(Role.ADMINISTRATOR) as browser:
        yield browser


def ids(found: Any) -> list[str]:
    return [each["message_id"] for each in found["documents"]]


# ── Search ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        "q=7816",
        "q=TTĐT",
        "q=ket+noi+lien+thong",
        "q=30/09/2026",
        "q=van+phong+chinh+phu",
        "number=78&sender=000.00.00.G22",
        "notation=ttdt&subject=phan+mem",
        "recipient=nghe+an&status=03",
        "delivery=parked&urgency=0",
        "organ=H14",
        "state=accepted&kind=0&since=2026-10-01&until=2026-10-01",
        "signed_since=2026-09-30&signed_until=2026-09-30",
        "recall=accepted",
        "document_id=000.00.00.G22,2026",
    ],
)
async def test_the_search_finds_by_what_stands_in_the_address(
    shared: DocumentHouse, administrator: Browser, query: str
) -> None:
    found = await administrator.data(f"/search?{query}")

    assert shared.hub.document.id in ids(found)
    page = await administrator.get(f"/search?{query}&list=1")
    assert page.status_code == 200
    assert f"/console/documents/{shared.hub.document.id}" in page.text


async def test_the_search_without_a_question_shows_the_newest(administrator: Browser) -> None:
    found = await administrator.data("/search")

    assert len(found["documents"]) == 2  # the document, and the refusal
    assert found["count"] == {"number": 2, "more": False, "text": "2"}
    assert (await administrator.get("/search")).status_code == 200


async def test_a_row_tells_recipients_with_their_states(administrator: Browser) -> None:
    (row,) = (await administrator.data("/search?number=7816"))["documents"]

    assert row["sender"] == {"code": SENDER, "name": "Văn phòng Chính phủ"}
    assert [(each["code"], each["state"], each["status"]) for each in row["recipients"]["shown"]] == [
        (H41, "delivered", "03"),
        (H14, "handed-over", "02"),
        (G17, "parked", ""),
    ]
    assert row["recipients"]["all"]


async def test_a_question_that_means_one_document_is_answered_by_its_page(
    shared: DocumentHouse, administrator: Browser
) -> None:
    page = await administrator.get("/search?q=7816")

    assert page.status_code == 200
    assert 'id="matrix"' in page.text
    assert "list=1" in page.text
    assert ids(await administrator.data("/search?q=7816")) == [shared.hub.document.id]
    assert 'id="matrix"' not in (await administrator.get("/search?q=7816&delivery=parked")).text


@pytest.mark.parametrize(
    "query",
    [
        "status=99",
        "delivery=nowhere",
        "state=maybe",
        "urgency=9",
        "urgency=x",
        "kind=7",
        "since=heute",
        "after=-1",
        "after=1e9",
        "before=x",
        "after=1&before=2",
        "limit=0",
        "limit=100000",
        "q=" + "x" * 201,
        "number=" + "9" * 61,
    ],
)
async def test_an_address_out_of_bounds_is_answered_with_a_word(administrator: Browser, query: str) -> None:
    answer = await administrator.get(f"/search?{query}")

    assert answer.status_code == 400
    assert "console-broken" not in answer.text


async def test_pages_are_turned_in_both_directions(house: DocumentHouse) -> None:
    with house.store.begin() as tx:
        for number in range(12):
            made = message(f"n{number:02d}", sender=SENDER, code=f"{number}/N", subject="Trang")
            tx.apply([PutMessage(made), PutEvent(event("message.accepted", made.id))])
    house.index()
    async with house.console.browser(Role.VIEWER) as browser:
        first = await browser.data("/search?subject=trang&limit=5")
        second = await browser.data(first["addresses"]["older"].removeprefix("/console"))
        third = await browser.data(second["addresses"]["older"].removeprefix("/console"))
        back = await browser.data(third["addresses"]["newer"].removeprefix("/console"))
        assert (await browser.get(first["addresses"]["older"].removeprefix("/console"))).status_code == 200

    assert [len(each["documents"]) for each in (first, second, third)] == [5, 5, 2]
    assert ids(back) == ids(second)
    assert third["addresses"]["older"] == ""
    assert first["addresses"]["newer"] == ""


async def test_a_search_says_how_it_was_understood_and_how_far_the_index_is(house: DocumentHouse) -> None:
    house.console.clock.pass_by(timedelta(minutes=3))
    with house.store.begin() as tx:
        tx.apply([PutEvent(event("log.sealed", "", at=house.console.clock.at - timedelta(minutes=3)))])
    async with house.console.browser(Role.VIEWER) as browser:
        found = await browser.data("/search?q=7816+nghe+an")
        page = await browser.get("/search?q=nothing+here")

    assert [each["as"] for each in found["readings"]] == ["number", "word", "word"]
    assert found["behind"]["seconds"] >= 180
    assert "Chỉ mục tìm kiếm chậm" in page.text


async def test_a_refused_document_is_found_by_its_number_and_says_why(house: DocumentHouse) -> None:
    stranger = a_document(code=Code(code_number="9911", code_notation="SAI"), recipients=(an_organ("H99.99"),))
    refused = house.desk.send(stranger).message
    assert refused.state.value == "refused"
    house.index()
    async with house.console.browser(Role.VIEWER, root=MINISTRY) as browser:
        found = await browser.data("/search?q=9911&state=refused")
        by_fault = await browser.data("/search?finding=recipient.unknown")
        told = await browser.data(f"/documents/{refused.id}")
        page = await browser.get(f"/documents/{refused.id}")

    assert ids(found) == ids(by_fault) == [refused.id]
    fault = next(each for each in told["findings"] if each["code"] == "recipient.unknown")
    assert fault["remedy"]["vi"]
    assert fault["remedy"]["vi"] in page.text
