"""What came, over the VXP dialect: listed until it is marked, fetched byte for byte, marked once for good."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from agents.gateway.callers import Right
from agents.gateway.long_answers import long_answer
from agents.gateway.office import Office
from agents.gateway.rooms import Gateway
from agents.gateway.vxp import documents
from agents.spool.records import Taking
from edxml_schemas.model import ResponseFor
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, a_status, an_attachment, an_organ
from tests.support.hub_desk import H14, H41, RENAMED
from tests.support.vxp_house import DirectClient, House, a_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as made:
        yield made


def a_letter(house: House, leg: str = "leg-1", *, recipient: str = H41, number: int = 1) -> bytes:
    document = a_document(recipients=(an_organ(recipient),), document_id=f"{SENDER},2026/09/30,{number}/VPCP")
    return house.deliver(document, leg=leg, recipient=recipient)


def listed(client: DirectClient, messagetype: str = "edoc") -> list[tuple[str, str]]:
    return [(row["docId"], row["status"]) for row in client.received(messagetype).members["data"]]


def said(house: House, leg: str) -> list[tuple[str, str]]:
    """The statuses that went out about a delivery, with their reasons."""
    return [(each.status_code, each.organ) for each in house.desk.spool.submissions_about(leg)]


def test_a_document_stays_listed_until_it_is_done(house: House) -> None:
    a_letter(house)
    client = house.client()
    assert listed(client) == [("leg-1", "initial")]
    assert client.count().members["count"] == 1
    client.envelope("leg-1")
    assert listed(client) == [("leg-1", "processing")]
    assert client.mark("leg-1", "processing").members["status"] == "OK"
    assert listed(client) == [("leg-1", "processing")]
    assert said(house, "leg-1") == []
    assert client.mark("leg-1", "done").members["status"] == "OK"
    assert listed(client) == []
    assert client.count().members["count"] == 0
    assert said(house, "leg-1") == [("01", H41)]


def test_a_row_says_everything_in_text_and_in_vietnam_time(house: House) -> None:
    a_letter(house)
    (row,) = house.client().received().members["data"]
    assert row == {
        "docId": "leg-1",
        "serviceType": "eDoc",
        "messageType": "edoc",
        "created_time": "2026/10/01 09:00:00",
        "updated_time": "2026/10/01 09:00:00",
        "from": SENDER,
        "to": H41,
        "status": "initial",
        "status_desc": "Chưa lấy",
    }


def test_the_envelope_is_the_one_that_came_in_base64_and_raw(house: House) -> None:
    content = a_letter(house)
    client = house.client()
    assert client.envelope("leg-1") == content
    raw = client.download("leg-1")
    assert raw.body == content
    assert raw.headers["content-length"] == str(len(content))
    assert client.envelope("leg-1") == content


def test_a_large_envelope_comes_whole(house: House) -> None:
    big = an_attachment(content=b"%PDF" + bytes(range(256)) * 8_192)
    content = house.deliver(a_document(recipients=(an_organ(H41),), attachments=(big,)), leg="leg-1")
    assert len(content) > 2**21
    client = house.client()
    assert client.envelope("leg-1") == content
    assert client.download("leg-1").body == content


def test_a_reused_service_object_marks_what_it_names_and_not_what_it_fetched_before(house: House) -> None:
    for number in (1, 2):
        a_letter(house, f"leg-{number}", number=number)
    client = house.client()
    client.envelope("leg-1")
    client.envelope("leg-2")
    assert client.mark("leg-1", "done", name="docid").members["status"] == "OK"
    assert client.kept["docId"] != client.kept["docid"]  # and both were signed
    assert client.envelope("leg-2")
    assert listed(client) == [("leg-2", "processing")]
    fresh = house.client()
    assert fresh.mark("leg-2", "done", name="docId").members["status"] == "OK"
    assert listed(fresh) == []


def test_a_document_that_cannot_be_taken_goes_back_as_refused_and_is_not_listed(house: House) -> None:
    a_letter(house)
    client = house.client()
    assert client.mark("leg-1", "fail").members["status"] == "OK"
    assert listed(client) == []
    assert said(house, "leg-1") == [("02", H41)]
    (status,) = house.desk.spool.submissions_about("leg-1")
    assert b"updateStatus fail" in house.desk.spool.envelope(status.digest)
    again = client.mark("leg-1", "fail").members
    assert again["status"] == "OK"
    late = client.mark("leg-1", "done").members
    assert (late["status"], late["ErrorCode"]) == ("FAIL", "21")
    assert said(house, "leg-1") == [("02", H41)]


def test_the_same_mark_again_changes_nothing_and_succeeds(house: House) -> None:
    a_letter(house)
    client = house.client()
    for _ in range(3):
        assert client.mark("leg-1", "done").members["status"] == "OK"
    assert said(house, "leg-1") == [("01", H41)]


def test_statuses_that_came_are_listed_fetched_and_marked_in_the_same_way(house: House) -> None:
    about = ResponseFor(organ_id=H41, code="1/UBND", document_id=DOCUMENT_ID)
    content = house.deliver(a_status(sender=an_organ(SENDER), response_for=about), leg="leg-s")
    a_letter(house)
    client = house.client()
    assert listed(client, "status") == [("leg-s", "initial")]
    assert listed(client) == [("leg-1", "initial")]
    assert (client.count("Edoc").members["count"], client.count("Status").members["count"]) == (1, 1)
    assert client.envelope("leg-s") == content
    assert client.mark("leg-s", "done").members["status"] == "OK"
    assert listed(client, "status") == []


def test_messagetype_counts_in_any_case_and_documents_are_what_is_asked_for_without_it(house: House) -> None:
    a_letter(house)
    client = house.client()
    assert listed(client, "EDOC") == [("leg-1", "initial")]
    fresh = house.client()
    fresh.kept["Content-Type"] = "application/json"
    answer = fresh.exchange("POST", "/getReceivedEdocList", fresh.headers(), b"")
    assert len(answer.members["data"]) == 1
    wrong = client.received("thu")
    assert wrong.members["ErrorCode"] == "21"
    assert "thu" in wrong.members["ErrorDesc"]
    assert wrong.members["data"] == []


def test_one_system_lists_all_its_organs_and_no_other_s(house: House) -> None:
    a_letter(house, "leg-1", recipient=H41, number=1)
    a_letter(house, "leg-2", recipient=RENAMED, number=2)
    assert listed(house.client("ca-hai", organs=[H41, RENAMED])) == [("leg-1", "initial"), ("leg-2", "initial")]
    assert listed(house.client("mot", organs=[RENAMED])) == [("leg-2", "initial")]


def test_what_is_another_s_and_what_is_not_there_get_one_answer(house: House) -> None:
    a_letter(house, "leg-1", recipient=H41)
    stranger = house.client("khac", organs=[RENAMED])
    for act in (stranger.fetch, lambda doc_id: stranger.mark(doc_id, "done"), stranger.download):
        answers = [act(doc_id) for doc_id in ("leg-1", "leg-9")]
        told = [(each.status, each.body, each.headers.get("XroadVnpt-ErrorCode".lower())) for each in answers]
        assert str(told[0]).replace("leg-1", "leg-9") == str(told[1])
    assert listed(house.client()) == [("leg-1", "initial")]


def test_while_one_system_has_it_in_hand_another_of_the_same_organ_waits(house: House) -> None:
    a_letter(house)
    first, second = house.client("mot"), house.client("hai")
    first.envelope("leg-1")
    told = second.fetch("leg-1").members
    assert (told["status"], told["ErrorCode"], told["data"]) == ("FAIL", "21", "")
    assert "09:10:00" in told["ErrorDesc"]
    assert second.mark("leg-1", "done").members["status"] == "FAIL"
    house.pass_time(timedelta(minutes=11))
    assert listed(second) == [("leg-1", "initial")]
    assert second.envelope("leg-1")


def test_a_download_that_fails_has_no_content_because_the_client_takes_any_for_the_document(house: House) -> None:
    answer = house.client().download("leg-9")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["xroadvnpt-status"] == "FAIL"
    assert answer.headers["xroadvnpt-errorcode"] == "21"
    assert "leg-9" in unquote(answer.headers["xroadvnpt-errordesc"])
    assert answer.headers["xroadvnpt-errordesc"].isascii()


def test_a_missing_or_wrong_argument_is_named(house: House) -> None:
    client = house.client()
    for answer, name in (
        (client.mark("", "done"), "docid"),
        (client.fetch(""), "docId"),
        (client.mark("leg-1", ""), "status"),
        (client.mark("leg-1", "xong"), "status"),
    ):
        assert answer.members["ErrorCode"] == "21"
        assert f"XroadVnpt-{name}" in answer.members["ErrorDesc"]


def test_a_key_without_the_right_takes_nothing(house: House) -> None:
    a_letter(house)
    reader = house.client("doc", rights=[Right.READ])
    assert listed(reader) == [("leg-1", "initial")]
    assert reader.fetch("leg-1").members["status"] == "FAIL"
    assert reader.mark("leg-1", "done").members["status"] == "FAIL"
    item = house.desk.spool.item("leg-1")
    assert item is not None
    assert item.taking(house.clock.at) is Taking.NEW


def test_a_list_longer_than_a_page_is_one_list(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.gateway.vxp import documents

    for number in range(5):
        a_letter(house, f"leg-{number}", number=number)
    client = house.client()
    for page in (1, 2, 5, 6):
        monkeypatch.setattr(documents, "PAGE", page)
        assert [row for row, _ in listed(client)] == [f"leg-{number}" for number in range(5)]
    monkeypatch.setattr(documents, "PAGE", 2)
    monkeypatch.setattr(documents, "MOST_LISTED", 4)
    assert len(listed(client)) == 4


def test_answers_are_one_line_of_us_ascii(house: House) -> None:
    a_letter(house)
    client = house.client()
    for answer in (client.received(), client.fetch("leg-1"), client.mark("leg-9", "done"), client.sent()):
        assert answer.headers["content-type"] == "application/json"
        assert re.fullmatch(rb"[\x20-\x7e]+", answer.body)


def test_what_was_sent_to_another_organ_is_not_in_the_list(house: House) -> None:
    a_letter(house, "leg-1", recipient=H41)
    assert listed(house.client("la", organs=[H14])) == []


@pytest.mark.parametrize("download", [False, True])
def test_a_large_letter_is_read_and_answered_in_its_turn(
    house: House, monkeypatch: pytest.MonkeyPatch, download: bool
) -> None:
    data = a_letter(house)
    seen: list[str] = []

    @asynccontextmanager
    async def turn(_: Gateway, size: int) -> AsyncIterator[None]:
        seen.append(f"begin {size}")
        yield
        seen.append("end")

    fetch, answer = Office.fetch, long_answer

    def fetched(*values: Any, **named: Any) -> Any:
        seen.append("fetch")
        return fetch(*values, **named)

    async def answered(*values: Any, **named: Any) -> Any:
        seen.append("answer")
        return await answer(*values, **named)

    monkeypatch.setattr(Gateway, "turn", turn)
    monkeypatch.setattr(Office, "fetch", fetched)
    monkeypatch.setattr(documents, "long_answer", answered)
    client = house.client()
    if download:
        client.download("leg-1")
    else:
        client.envelope("leg-1")
    assert seen == [f"begin {len(data)}", "fetch", "answer", "end"]
