"""Dialect B: what a document system says of what came."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.gateway.lgsp.marking import DEFAULT_REASON, Mark, Order, order_of
from edxml_schemas.statuses import StatusCode
from tests.support.access import make_cheap
from tests.support.envelopes import SENDER, a_document, a_status
from tests.support.hub_desk import H41
from tests.support.lgsp_client import House, LgspClient, a_house


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    make_cheap(monkeypatch)
    async with a_house(tmp_path) as made:
        yield made


@pytest.fixture
async def nghean(house: House) -> LgspClient:
    return await house.client("nghean", H41)


def words_of(house: House, leg_id: str, code: str) -> str:
    said = next(each for each in house.spool.submissions_about(leg_id) if each.status_code == code)
    return house.spool.envelope(said.digest).decode()


async def test_done_tells_the_sender_that_it_arrived_once(house: House, nghean: LgspClient) -> None:
    leg = house.deliver(a_document())
    assert house.at.codes_said(leg) == []
    for _ in range(3):
        assert (await nghean.mark(leg, "done")).model_dump() == {"success": True, "message": "Thành công"}
    assert house.at.codes_said(leg) == ["01"]


async def test_processing_tells_nobody_anything(house: House, nghean: LgspClient) -> None:
    leg = house.deliver(a_document())
    assert (await nghean.mark(leg, "processing")).success
    assert house.at.codes_said(leg) == []


@pytest.mark.parametrize("status", ["fail", "02", 2])
@pytest.mark.parametrize("name", ["description", "reason"])
async def test_a_refusal_carries_the_reason_that_was_given(
    house: House, nghean: LgspClient, status: object, name: str
) -> None:
    leg = house.deliver(a_document())
    for _ in range(2):
        assert (await nghean.mark(leg, status, **{name: "Gửi nhầm đơn vị"})).success
    assert house.at.codes_said(leg) == ["02"]
    assert "Gửi nhầm đơn vị" in words_of(house, leg, "02")


@pytest.mark.parametrize("more", [{}, {"description": None}, {"reason": " "}])
async def test_a_refusal_without_a_reason_says_where_it_comes_from(
    house: House, nghean: LgspClient, more: dict[str, object]
) -> None:
    leg = house.deliver(a_document())
    assert (await nghean.mark(leg, "fail", **more)).success
    assert DEFAULT_REASON in words_of(house, leg, "02")


@pytest.mark.parametrize("code", ["03", "04", "05", "06", "15", "16"])
async def test_a_code_goes_to_the_sender_and_says_that_the_system_has_it(
    house: House, nghean: LgspClient, code: str
) -> None:
    leg = house.deliver(a_document())
    for _ in range(2):
        assert (await nghean.mark(leg, code)).success
    assert sorted(house.at.codes_said(leg)) == ["01", code]
    assert (await nghean.received()).data == []


async def test_codes_may_follow_each_other(house: House, nghean: LgspClient) -> None:
    leg = house.deliver(a_document())
    for code in (1, "03", 5, "06"):
        assert (await nghean.mark(leg, code)).success
    assert house.at.codes_said(leg) == ["01", "03", "05", "06"]


async def test_a_mark_against_an_earlier_one_is_no_success(house: House, nghean: LgspClient) -> None:
    leg = house.deliver(a_document())
    assert (await nghean.mark(leg, "fail")).success
    answer = await nghean.mark(leg, "done")
    assert (answer.success, nghean.status) == (False, 200)
    assert "từ chối" in answer.message


async def test_a_status_that_came_is_marked_and_nothing_is_said_about_it(house: House) -> None:
    sender = await house.client("vpcp", SENDER)
    leg = house.deliver(a_status(), SENDER)
    assert not (await sender.mark(leg, "03")).success
    assert (await sender.mark(leg, "done")).success
    assert house.at.codes_said(leg) == []


async def test_the_recall_of_a_sender_is_refused_with_the_way_to_do_it(house: House, nghean: LgspClient) -> None:
    answer = await nghean.mark(house.deliver(a_document()), "13")
    assert not answer.success
    assert "sendEdoc" in answer.message


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"docId": " a ", "status": "DONE"}, Order(doc_id="a", status=Mark.DONE, reason="")),
        ({"docId": "a", "status": 3}, Order(doc_id="a", status=StatusCode.RECEIVED, reason="")),
        ({"docId": "a", "status": "2"}, Order(doc_id="a", status=StatusCode.RECEPTION_REFUSED, reason=DEFAULT_REASON)),
        (
            {"docId": "a", "status": "16", "reason": "x"},
            Order(doc_id="a", status=StatusCode.CHANGE_REFUSED, reason="x"),
        ),
    ],
)
def test_an_order_is_read_as_it_is_meant(body: dict[str, object], wanted: Order) -> None:
    assert order_of(body) == wanted


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"docId": "a"},
        {"status": "done"},
        {"docId": "", "status": "done"},
        {"docId": None, "status": "done"},
        {"docId": ["a"], "status": "done"},
        {"docId": "a" * 300, "status": "done"},
        {"docId": "a", "status": None},
        {"docId": "a", "status": True},
        {"docId": "a", "status": ["done"]},
        {"docId": "a", "status": "07"},
        {"docId": "a", "status": "initial"},
        {"docId": "a", "status": 10**30},
        {"docId": "a", "status": "02", "reason": {"x": 1}},
        {"docId": "a", "status": "02", "reason": "x" * 3000},
    ],
)
def test_an_order_that_is_none_is_told_how_to_mend_it(body: dict[str, object]) -> None:
    told = order_of(body)
    assert isinstance(told, str)
    assert "Đề nghị" in told
