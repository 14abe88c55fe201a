"""What was sent, over the VXP dialect: one row per recipient, with how far the letter is there."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.model import ResponseFor
from edxml_schemas.receipts import ReceiptKind
from tests.support.envelopes import SENDER, a_document, a_status, an_organ, envelope_bytes
from tests.support.hub_desk import H14, H41, RENAMED
from tests.support.vxp_house import DirectClient, House, a_house

THREE = (SENDER, H14, RENAMED)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as made:
        yield made


def sent(client: DirectClient, *, number: int = 1) -> str:
    document = a_document(
        sender=an_organ(H41),
        recipients=tuple(an_organ(each) for each in THREE),
        document_id=f"{H41},2026/09/30,{number}/UBND",
    )
    return str(client.send(envelope_bytes(document), sender=H41).members["DocId"])


def status(house: House, sender: str, code: str, *, number: int = 1, text: str = "") -> None:
    about = ResponseFor(organ_id=H41, code="7816/VPCP-TTĐT", document_id=f"{H41},2026/09/30,{number}/UBND")
    message = a_status(sender=an_organ(sender), response_for=about, status_code=code, description=text)
    leg = f"status-{sender}-{code}-{number}"
    house.deliver(message, leg=leg, content=envelope_bytes(message))


def rows(client: DirectClient, **arguments: str) -> dict[str, dict[str, Any]]:
    found = client.sent(**arguments).members["data"]
    assert all(isinstance(value, str) for row in found for value in row.values())
    return {row["toCode"]: row for row in found}


def stages(client: DirectClient) -> dict[str, str]:
    return {code: row["receiveStatus"] for code, row in rows(client).items()}


def test_a_letter_that_waits_is_shown_for_each_recipient(house: House) -> None:
    client = house.client()
    doc_id = sent(client)
    found = rows(client)
    assert set(found) == set(THREE)
    assert found[H14] == {
        "serviceType": "eDoc",
        "messageType": "edoc",
        "senderDocId": doc_id,
        "receiverDocId": "",
        "fromCode": H41,
        "toCode": H14,
        "title": "V/v kết nối, liên thông phần mềm quản lý văn bản",
        "notation": "7816/VPCP-TTĐT",
        "sentTime": "2026/10/01 09:00:00",
        "receivedTime": "",
        "sendStatus": "initial",
        "sendStatusDesc": "Chờ gửi lên trục",
        "receiveStatus": "initial",
        "receiveStatusDesc": "Chưa có xác nhận của nơi nhận",
    }


def test_sending_goes_from_waiting_to_done(house: House) -> None:
    client = house.client()
    doc_id = sent(client)
    house.desk.spool.mark_published([doc_id], now=house.clock.at)
    assert rows(client)[H14]["sendStatus"] == "processing"
    house.receipt(doc_id, ReceiptKind.ACCEPTED, *THREE)
    row = rows(client)[H14]
    assert (row["sendStatus"], row["sendStatusDesc"]) == ("done", "Trục đã tiếp nhận")
    assert row["receiverDocId"] == f"leg-{H14}"
    assert row["receiveStatus"] == "initial"


def test_each_recipient_is_as_far_as_its_own_receipts_and_statuses_say(house: House) -> None:
    client = house.client()
    doc_id = sent(client)
    house.receipt(doc_id, ReceiptKind.ACCEPTED, *THREE)
    house.receipt(doc_id, ReceiptKind.HANDED_OVER, H14)
    assert stages(client) == {SENDER: "initial", H14: "processing", RENAMED: "initial"}
    house.pass_time(timedelta(minutes=1))
    house.receipt(doc_id, ReceiptKind.DELIVERED, H14)
    row = rows(client)[H14]
    assert (row["receiveStatus"], row["receivedTime"]) == ("processing", "2026/10/01 09:01:00")
    status(house, H14, "01", text="Đã đến")
    status(house, RENAMED, "02", text="Gửi nhầm cơ quan")
    assert stages(client) == {SENDER: "initial", H14: "done", RENAMED: "fail"}
    found = rows(client)
    assert found[H14]["receiveStatusDesc"] == "01 - Đã đến"
    assert found[RENAMED]["receiveStatusDesc"] == "02 - Từ chối tiếp nhận: Gửi nhầm cơ quan"
    assert found[H14]["receivedTime"] == "2026/09/30 11:08:36"


def test_the_status_that_is_furthest_counts_in_whatever_order_they_come(house: House) -> None:
    client = house.client()
    sent(client)
    for code in ("05", "03", "01", "03"):
        status(house, H14, code, text="")
    assert rows(client)[H14]["receiveStatusDesc"] == "05 - Đang xử lý"
    status(house, H14, "06", text="Xong")
    row = rows(client)[H14]
    assert (row["receiveStatus"], row["receiveStatusDesc"]) == ("done", "06 - Hoàn thành: Xong")


def test_what_was_not_delivered_is_a_failure_until_it_is_delivered_after_all(house: House) -> None:
    client = house.client()
    doc_id = sent(client)
    house.receipt(doc_id, ReceiptKind.NOT_DELIVERED, H14)
    assert stages(client)[H14] == "fail"
    house.receipt(doc_id, ReceiptKind.DELIVERED, H14)
    assert stages(client)[H14] == "processing"


def test_a_refusal_of_the_hub_is_told_with_its_reasons(house: House) -> None:
    client = house.client()
    doc_id = sent(client)
    house.receipt(doc_id, ReceiptKind.REFUSED, findings=(finding(FindingCode.RECIPIENT_UNKNOWN, value=H14),))
    row = rows(client)[H14]
    assert (row["sendStatus"], row["receiveStatus"]) == ("fail", "fail")
    assert row["sendStatusDesc"].startswith("Trục từ chối: ")
    assert H14 in row["sendStatusDesc"]


def test_a_body_that_was_merged_is_shown_as_its_successor(house: House) -> None:
    client = house.client()
    doc_id = sent(client)
    house.receipt(doc_id, ReceiptKind.ACCEPTED, SENDER, "H14", RENAMED)
    status(house, "H14", "01")
    found = rows(client)
    assert set(found) == {SENDER, "H14", RENAMED}
    assert found["H14"]["receiveStatus"] == "done"


def test_one_letter_may_be_asked_for_by_its_id_or_its_code(house: House) -> None:
    client = house.client()
    first, second = sent(client, number=1), sent(client, number=2)
    assert {row["senderDocId"] for row in client.sent().members["data"]} == {first, second}
    assert {row["senderDocId"] for row in client.sent(docId=first).members["data"]} == {first}
    assert len(client.sent(docId="7816/VPCP-TTĐT").members["data"]) == 6
    assert client.sent(docId="khong-co").members["data"] == []


def test_an_id_left_over_from_a_fetch_does_not_narrow_the_list(house: House) -> None:
    client = house.client()
    sent(client)
    house.deliver(a_document(recipients=(an_organ(H41),)), leg="leg-1")
    client.envelope("leg-1")
    assert client.kept["docId"] == "leg-1"
    assert len(client.sent().members["data"]) == 3


def test_statuses_that_were_sent_are_a_list_of_their_own(house: House) -> None:
    client = house.client()
    sent(client)
    house.deliver(a_document(recipients=(an_organ(H41),)), leg="leg-1")
    client.mark("leg-1", "done")
    fresh = house.client()
    (row,) = fresh.sent("status").members["data"]
    assert (row["messageType"], row["fromCode"], row["toCode"]) == ("status", H41, SENDER)
    assert len(house.client().sent("edoc").members["data"]) == 3
    house.receipt(row["senderDocId"], ReceiptKind.DELIVERED, SENDER)
    (row,) = fresh.sent("status").members["data"]
    assert row["receiveStatus"] == "done"


def test_the_letters_of_others_are_not_in_the_list(house: House) -> None:
    doc_id = sent(house.client())
    stranger = house.client("khac", organs=[RENAMED])
    assert stranger.sent().members["data"] == []
    assert stranger.sent(docId=doc_id).members["data"] == []


def test_a_long_list_goes_page_by_page_and_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.gateway.vxp import documents

    client = house.client()
    ids = [sent(client, number=number) for number in range(4)]
    monkeypatch.setattr(documents, "SENT_PAGE", 2)
    assert [row["senderDocId"] for row in client.sent().members["data"]][::3] == ids[::-1]
    monkeypatch.setattr(documents, "MOST_SENT", 2)
    assert len(client.sent().members["data"]) == 6
