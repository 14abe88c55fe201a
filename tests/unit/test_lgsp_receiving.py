"""Dialect B: what came, listed, fetched and marked."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.gateway.callers import Right
from agents.gateway.lgsp import listing
from agents.gateway.lgsp.fetching import document_pieces
from agents.gateway.lgsp.listing import Question, question_of
from agents.gateway.lgsp.pieces import GATHERED, json_base64, json_list, json_text
from agents.gateway.long_answers import CHUNK
from agents.gateway.outcomes import Fetched
from edxml_schemas.attachments import pack_attachment
from edxml_schemas.contract import MessageType
from tests.support.access import make_cheap
from tests.support.envelopes import (
    A_PDF,
    DOCUMENT_ID,
    RECIPIENTS,
    SENDER,
    a_document,
    a_status,
    an_attachment,
    an_organ,
)
from tests.support.hub_desk import H14, H41
from tests.support.lgsp_client import House, LgspClient, a_house


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    make_cheap(monkeypatch)
    async with a_house(tmp_path) as made:
        yield made


@pytest.fixture
async def nghean(house: House) -> LgspClient:
    return await house.client("nghean", H41)


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_list_tells_everything_about_a_delivery(house: House, nghean: LgspClient) -> None:
    leg = house.deliver(a_document())
    listed = await nghean.received(first="2026/10/01", last="2026/10/01")
    assert (listed.success, listed.count) == (True, 1)
    (row,) = listed.data
    assert row.model_dump() == {
        "docId": leg,
        "serviceType": "eDoc",
        "messageType": "edoc",
        "from_": SENDER,
        "to": H41,
        "status": "initial",
        "statusDesc": "Chưa nhận",
        "createdTime": "2026/10/01 09:00:00",
        "updatedTime": "2026/10/01 09:00:00",
    }


async def test_an_empty_list_is_whole(nghean: LgspClient) -> None:
    assert (await nghean.received()).model_dump() == {"success": True, "message": "Thành công", "count": 0, "data": []}


async def test_documents_and_statuses_are_listed_apart(house: House) -> None:
    sender = await house.client("vpcp", SENDER)
    leg = house.deliver(a_status(), SENDER)
    assert (await sender.received("edoc")).data == []
    (row,) = (await sender.received("status")).data
    assert (row.docId, row.messageType, row.from_) == (leg, "status", H41)


@pytest.mark.parametrize(
    ("came", "first", "last", "listed"),
    [
        ("2026-09-30T16:59:59", "2026/10/01", "2026/10/01", False),
        ("2026-09-30T17:00:00", "2026/10/01", "2026/10/01", True),
        ("2026-10-01T16:59:59", "2026/10/01", "2026/10/01", True),
        ("2026-10-01T17:00:00", "2026/10/01", "2026/10/01", False),
        ("2026-10-01T17:00:00", "2026/10/01", "", True),
        ("2026-10-01T17:00:00", "", "2026/10/01", False),
        ("2026-10-01T17:00:00", "0001/01/01", "9999/12/31", True),
    ],
)
async def test_days_are_those_of_vietnam_and_both_count(
    house: House, came: str, first: str, last: str, listed: bool
) -> None:
    house.clock.at = datetime.fromisoformat(came).replace(tzinfo=UTC)
    house.deliver(a_document())
    nghean = await house.client("nghean", H41)
    assert (await nghean.received(first=first, last=last)).count == listed


async def test_with_days_what_was_taken_is_listed_and_without_only_what_waits(house: House, nghean: LgspClient) -> None:
    names = {"initial": house.deliver(a_document())}
    for mark in ("processing", "done", "fail"):
        names[mark] = house.deliver(a_document())
        assert (await nghean.mark(names[mark], mark)).success
    everything = (await nghean.received(first="2026/10/01", last="2026/10/01")).data
    assert {each.docId: each.status for each in everything} == {leg: status for status, leg in names.items()}
    waiting = (await nghean.received()).data
    assert {each.status for each in waiting} == {"initial", "processing"}


async def test_a_list_longer_than_a_page_is_whole(
    house: House, nghean: LgspClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    legs = [house.deliver(a_document()) for _ in range(5)]
    listed = await nghean.received(first="2026/10/01")
    assert ([each.docId for each in listed.data], listed.count) == (legs, 5)


@pytest.mark.parametrize(
    ("kind", "first", "last", "told"),
    [
        ("receipt", "", "", "messageType"),
        ("edoc", "01/10/2026", "", "fromDate"),
        ("edoc", "2026/02/30", "", "fromDate"),
        ("edoc", "", "2026/13/01", "toDate"),
        ("edoc", "2026/10/01'; DROP TABLE inbox", "", "fromDate"),
        ("edoc", "2026/10/02", "2026/10/01", "fromDate"),
    ],
)
async def test_a_question_that_makes_no_sense_is_answered_in_words(
    nghean: LgspClient, kind: str, first: str, last: str, told: str
) -> None:
    answer = await nghean.received(kind, first, last)
    assert not answer.success
    assert told in answer.message
    assert "Đề nghị" in answer.message
    assert nghean.status == 200


@given(kind=st.text(max_size=9), first=st.text("0123456789/-", max_size=11), last=st.text(max_size=11))
def test_no_question_is_a_crash(kind: str, first: str, last: str) -> None:
    assert isinstance(question_of(kind=kind, first=first, last=last), Question | str)


def test_days_may_be_written_with_hyphens() -> None:
    asked = question_of(kind="edoc", first="2026-10-01", last="2026-10-01")
    assert asked == question_of(kind="EDOC", first="2026/10/1", last="2026/10/01")


# ── Fetching ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_document_comes_with_its_text_and_its_files(house: House, nghean: LgspClient) -> None:
    zipped = pack_attachment("Phụ lục.pdf", A_PDF + b"x", content_id="2", zipped=True)
    path = an_attachment(content_id="3", attachment_name="..\\..\\win.ini", content_type="text/plain", encoded="AA==")
    content = house.hub.signed(a_document(attachments=(an_attachment(), zipped, path)))
    leg = house.deliver(content)
    fetched = await nghean.fetch(leg)
    assert fetched.success
    data = fetched.data
    assert (data.docId, data.from_, data.fromName) == (leg, SENDER, f"Cơ quan {SENDER}")
    assert data.edocCode == "7816/VPCP-TTĐT"
    assert data.edocAbstract == "V/v kết nối, liên thông phần mềm quản lý văn bản"
    assert data.edxml is not None
    assert data.edxml.encode() == content
    files = [(each.fileName, base64.b64decode(each.fileContent)) for each in data.attachments]
    assert files == [("Công văn 7816.pdf", A_PDF), ("Phụ lục.pdf", A_PDF + b"x"), ("win.ini", b"\0")]


async def test_fetching_keeps_it_listed_until_it_is_marked(house: House, nghean: LgspClient) -> None:
    leg = house.deliver(a_document())
    await nghean.fetch(leg)
    assert [each.status for each in (await nghean.received()).data] == ["processing"]
    house.clock.move(timedelta(minutes=11))
    assert [each.status for each in (await nghean.received()).data] == ["initial"]
    assert (await nghean.mark(leg, "done")).success
    assert (await nghean.fetch(leg)).success
    assert (await nghean.received()).data == []


async def test_a_status_is_fetched_like_a_document_without_files(house: House) -> None:
    sender = await house.client("vpcp", SENDER)
    leg = house.deliver(a_status(description="Đã tiếp nhận, số đến 12"), SENDER)
    data = (await sender.fetch(leg)).data
    assert (data.from_, data.edocCode, data.edocAbstract) == (H41, "7816/VPCP-TTĐT", "Đã tiếp nhận, số đến 12")
    assert data.attachments == []
    assert data.edxml is not None
    assert DOCUMENT_ID in data.edxml


async def test_an_envelope_that_cannot_be_read_is_handed_out_all_the_same(house: House, nghean: LgspClient) -> None:
    leg = house.deliver("<edXML>dở dang".encode() + b"\xff")
    data = (await nghean.fetch(leg)).data
    assert (data.edxml, data.attachments) == ("<edXML>dở dang\ufffd", [])


async def test_another_system_of_the_organ_does_not_get_it_meanwhile(house: House, nghean: LgspClient) -> None:
    leg = house.deliver(a_document())
    await nghean.fetch(leg)
    other = await house.client("nghean-2", H41)
    refused = await other.fetch(leg)
    assert (refused.success, other.status) == (False, 503)
    assert 0 < int(other.headers["retry-after"]) <= 600
    assert not (await other.mark(leg, "done")).success
    assert other.status == 503
    assert (await nghean.fetch(leg)).success


async def test_a_large_document_is_answered_in_small_pieces(house: House) -> None:
    file = b"%PDF" + b"\n" * 3 * CHUNK
    leg = house.deliver(house.hub.signed(a_document(attachments=(an_attachment(file),))))
    fetched = house.at.office.fetch(house.at.caller(), leg)
    assert isinstance(fetched, Fetched)
    pieces = list(document_pieces(fetched))
    assert max(map(len, pieces)) < 2 * CHUNK
    (attached,) = json.loads(b"".join(pieces))["data"]["attachments"]
    assert base64.b64decode(attached["fileContent"]) == file


@given(content=st.text(max_size=100).map(str.encode) | st.binary(max_size=100))
def test_any_text_is_a_json_string(content: bytes) -> None:
    assert json.loads(b"".join(json_text(content))) == content.decode("utf-8", "replace")


def test_a_letter_cut_by_the_end_of_a_piece_stays_whole() -> None:
    content = b"x" * (CHUNK - 1) + 'ệ"\\\n'.encode() * 3
    assert json.loads(b"".join(json_text(content))).encode() == content
    assert base64.b64decode(json.loads(b"".join(json_base64(content)))) == content


@pytest.mark.parametrize("count", [0, 1, GATHERED, GATHERED + 1, 3 * GATHERED])
def test_a_list_of_any_length_is_json(count: int) -> None:
    assert json.loads(b"".join(json_list(range(count)))) == list(range(count))


# ── Whose documents ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_pair_decides_the_organs(house: House, nghean: LgspClient) -> None:
    caobang = await house.client("caobang", H14)
    both = await house.client("hai-tinh", H41, H14)
    legs = {organ: house.deliver(a_document(recipients=(an_organ(organ),)), organ) for organ in RECIPIENTS}
    assert [each.docId for each in (await nghean.received()).data] == [legs[H41]]
    assert [each.docId for each in (await caobang.received()).data] == [legs[H14]]
    assert len((await both.received()).data) == 2


async def test_what_is_another_s_is_answered_like_what_is_not_there(house: House, nghean: LgspClient) -> None:
    foreign = house.deliver(a_document(recipients=(an_organ(H14),)), H14)
    asked = [await nghean.fetch(foreign), await nghean.fetch("leg-none")]
    assert asked[0] == asked[1]
    assert asked[0].data.edxml is None
    for status in ("done", "processing", "fail", "03"):
        answers = [await nghean.mark(doc_id, status) for doc_id in (foreign, "leg-none", "../x", "' OR 1=1 --")]
        assert {each.model_dump_json() for each in answers} == {answers[0].model_dump_json()}
        assert not answers[0].success
    assert house.spool.submissions_about(foreign) == []


async def test_a_key_that_may_only_read_sees_lists_and_no_letters(house: House) -> None:
    reader = await house.client("so-van-ban", H41, rights=[Right.READ])
    leg = house.deliver(a_document())
    assert (await reader.received()).count == 1
    assert not (await reader.fetch(leg)).success
    assert not (await reader.mark(leg, "done")).success
    assert not (await reader.mark(leg, "03")).success
    assert house.spool.submissions_about(leg) == []


def test_messages_are_known_by_their_type_alone() -> None:
    assert set(listing.TYPES) == {MessageType.DOCUMENT.value, MessageType.STATUS.value}
