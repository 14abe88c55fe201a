"""The page of a document: what it shows, and to whom."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from edxml_schemas.model import Bussiness, Code, ReplacementInfo, ResponseFor
from edxml_schemas.statuses import BussinessDocType
from router.core.people import Role
from tests.support.console import Browser
from tests.support.document_house import G17, H14, H41, MINISTRY, SENDER, DocumentHouse
from tests.support.envelopes import A_PDF, a_document, an_organ


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


def page_of(house: DocumentHouse) -> str:
    return f"/documents/{house.hub.document.id}"


# ── Who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_who_sees_the_sender_sees_everybody(shared: DocumentHouse) -> None:
    for root in (SENDER, MINISTRY):
        async with shared.console.browser(Role.VIEWER, root=root) as browser:
            told = await browser.data(page_of(shared))

        assert [each["recipient"]["code"] for each in told["matrix"]["rows"]] == [H41, H14, G17]
        assert told["whole"]


async def test_a_recipient_sees_nothing_of_the_other_recipients(shared: DocumentHouse) -> None:
    async with shared.console.browser(Role.VIEWER, root=H41) as browser:
        told = await browser.data(page_of(shared))
        page = (await browser.get(page_of(shared))).text
        row = (await browser.data("/search?q=7816"))["documents"][0]
        listed = (await browser.get("/search?q=7816&list=1")).text

    assert [each["recipient"]["code"] for each in told["matrix"]["rows"]] == [H41]
    assert not told["whole"]
    assert (row["recipients"]["count"], row["recipients"]["all"], row["findings"]) == (1, False, [])
    assert told["findings"] == []
    for other in (H14, G17, "Cao Bằng", "Bộ Xây dựng", "Gửi nhầm", "lan-gui-1", "Ủy ban nhân dân các tỉnh"):
        assert other not in str(told), other
        assert other not in page, other
        assert other not in listed, other
    assert {each["relation"] for each in told["related"]} <= {"status"}


async def test_a_recipient_finds_nothing_by_the_other_recipients(shared: DocumentHouse) -> None:
    async with shared.console.browser(Role.VIEWER, root=H41) as browser:
        for query in ("q=cao+bang", "recipient=H14", "delivery=parked", "status=02", "organ=000.00.00.G17", "q=H14"):
            found = await browser.data(f"/search?{query}")
            assert (found["documents"], found["count"]["number"]) == ([], 0), query
            assert shared.hub.document.id not in (await browser.get(f"/search?{query}")).text


@pytest.mark.parametrize("tail", ["", ".json", "/files/1", "/envelope", "/evidence"])
async def test_who_is_no_party_gets_the_answer_for_what_is_not_there(shared: DocumentHouse, tail: str) -> None:
    async with shared.console.browser(Role.AUDITOR, root="H99.01") as browser:
        theirs = await browser.get(f"{page_of(shared)}{tail}")
        nobodys = await browser.get(f"/documents/00000000-0000-0000-0000-000000000000{tail}")

    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert shared.hub.document.code not in theirs.text
    if tail == ".json":
        assert theirs.json() == nobodys.json()


async def test_who_is_no_party_finds_nothing(shared: DocumentHouse) -> None:
    async with shared.console.browser(Role.VIEWER, root="H99.01") as browser:
        for query in ("", "?q=7816", f"?q={shared.hub.document.id}", "?q=lan-gui-1", "?delivery=parked"):
            assert ids(await browser.data(f"/search{query}")) == [], query


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.REGISTRAR])
@pytest.mark.parametrize("tail", ["/files/1", "/envelope", "/evidence"])
async def test_contents_are_for_who_may_read_them(house: DocumentHouse, role: Role, tail: str) -> None:
    async with house.console.browser(role) as browser:
        answer = await browser.get(f"{page_of(house)}{tail}")
        page = (await browser.get(page_of(house))).text

    assert answer.status_code == 403
    assert "/files/1" not in page
    assert "/evidence" not in page
    assert house.events("content.opened") == []


@pytest.mark.parametrize("tail", ["/envelope", "/evidence"])
async def test_what_names_every_recipient_is_not_for_one_of_them(house: DocumentHouse, tail: str) -> None:
    async with house.console.browser(Role.AUDITOR, root=H41) as browser:
        answer = await browser.get(f"{page_of(house)}{tail}")
        file = await browser.get(f"{page_of(house)}/files/1")
        page = (await browser.get(page_of(house))).text

    assert answer.status_code == 404
    assert file.content == A_PDF
    assert tail not in page


async def test_only_who_may_audit_sees_who_opened_what(house: DocumentHouse) -> None:
    async with house.console.browser(Role.AUDITOR) as browser:
        await browser.get(f"{page_of(house)}/files/1")
        told = await browser.data(page_of(house))
    async with house.console.browser(Role.OPERATOR) as browser:
        less = await browser.data(page_of(house))

    assert "content.opened" in [each["name"] for each in told["timeline"]["entries"]]
    assert "content.opened" not in [each["name"] for each in less["timeline"]["entries"]]


# ── The page of a document ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_matrix_tells_time_staff_reason_and_deadline(shared: DocumentHouse, administrator: Browser) -> None:
    told = await administrator.data(page_of(shared))
    received, refused, parked = told["matrix"]["rows"]
    codes = [each["code"] for each in told["matrix"]["codes"]]

    arrived = received["statuses"][codes.index("01")]
    assert arrived["staff"] == "Nguyễn Thị Ngọc Trâm"
    assert arrived["at"].startswith("2026-10-01T09:03")  # when it was said first
    assert [each["code"] for each in received["history"]] == ["01", "03", "01", "13", "15"]
    assert refused["statuses"][codes.index("02")]["reason"] == "Gửi nhầm nơi nhận"
    assert parked["can_resend"]
    kinds = {each["kind"] for each in parked["deadlines"]}
    assert {"not-delivered", "not-finished"} <= kinds
    page = (await administrator.get(page_of(shared))).text
    for text in ("Nguyễn Thị Ngọc Trâm", "Gửi nhầm nơi nhận", "Bộ Xây dựng", "Chưa chuyển được đến hộp thư"):
        assert text in page


async def test_the_timeline_goes_down_to_receipts(shared: DocumentHouse, administrator: Browser) -> None:
    told = await administrator.data(page_of(shared))
    names = [each["name"] for each in told["timeline"]["entries"]]

    assert names[0] == "message.accepted"
    assert {"leg.handed-over", "leg.delivered", "leg.status", "leg.recall", "leg.parked", "receipt.sent"} <= {*names}
    assert told["timeline"]["left_out"] == 0


async def test_the_signature_is_told_in_words(shared: DocumentHouse, administrator: Browser) -> None:
    told = await administrator.data(page_of(shared))

    assert told["standing"]["state"] == "good"
    assert told["signature"]["intact"]
    assert f"Cơ quan {SENDER}" in told["signature"]["subject"]
    assert told["signature"]["bound_now"]
    assert told["signature"]["valid_to"] > told["message"]["received_at"]
    assert told["vouched"] is None
    assert {"name": "SignerInfo", "text": {"vi": "Người ký", "en": "Signer"}}.items() <= next(
        each for each in told["header"] if each["name"] == "SignerInfo"
    ).items()


async def test_repetitions_and_statuses_are_related(shared: DocumentHouse, administrator: Browser) -> None:
    told = await administrator.data(page_of(shared))
    relations = [each["relation"] for each in told["related"]]

    assert relations.count("repetition") == 1
    assert relations.count("status") == 6
    for each in told["related"]:
        assert (await administrator.get(f"/documents/{each['message_id']}")).status_code == 200


async def test_changes_and_answers_are_related(house: DocumentHouse) -> None:
    original = house.hub.document

    def change(kind: BussinessDocType, number: str, **fields: Any) -> str:
        made = a_document(
            document_id=f"{SENDER},2026/10/01,{number}/X",
            code=Code(code_number=number, code_notation="X"),
            bussiness=Bussiness(bussiness_doc_type=kind, document_id=original.document_id, **fields),
            response_for=(ResponseFor(organ_id=SENDER, document_id=original.document_id),),
            recipients=(an_organ(H41),),
        )
        return house.desk.accept(made).id

    revoked = change(BussinessDocType.REVOKE, "1")
    updated = change(BussinessDocType.UPDATE, "2")
    replaced = change(
        BussinessDocType.REPLACE, "3", replacement_info_list=(ReplacementInfo(document_id=original.document_id),)
    )
    answer = house.desk.accept(
        a_document(
            sender=an_organ(H41),
            recipients=(an_organ(SENDER),),
            document_id=f"{H41},2026/10/01,4/Y",
            code=Code(code_number="4", code_notation="Y"),
            response_for=(ResponseFor(organ_id=SENDER, document_id=original.document_id),),
        )
    )
    by_code = house.desk.accept(
        a_document(
            sender=an_organ(H41),
            recipients=(an_organ(SENDER),),
            document_id=f"{H41},2026/10/01,5/Y",
            code=Code(code_number="5", code_notation="Y"),
            response_for=(ResponseFor(organ_id=SENDER, code=original.code),),
        )
    )
    of_another = house.desk.accept(
        a_document(
            sender=an_organ(H41),
            recipients=(an_organ(SENDER),),
            document_id=f"{H41},2026/10/01,6/Y",
            code=Code(code_number="6", code_notation="Y"),
            response_for=(ResponseFor(organ_id=H14, code=original.code),),
        )
    )
    async with house.console.browser(Role.VIEWER) as browser:
        told = await browser.data(f"/documents/{original.id}")
        other = await browser.data(f"/documents/{answer.id}")
        page = (await browser.get(f"/documents/{original.id}")).text
    async with house.console.browser(Role.VIEWER, root=H14) as browser:
        theirs = await browser.data(f"/documents/{original.id}")
        shown = (await browser.get(f"/documents/{original.id}")).text

    known = {each["message_id"]: each["relation"] for each in told["related"]}
    assert (known[revoked], known[updated], known[replaced]) == ("revokes", "updates", "replaces")
    assert (known[answer.id], known[by_code.id]) == ("answers", "answers")
    assert of_another.id not in known  # a document of the same number from somebody else
    assert {each["message_id"]: each["relation"] for each in other["related"]} == {original.id: "answered"}
    (row,) = (each for each in told["related"] if each["message_id"] == revoked)
    assert (row["code"], row["sender"]["code"], row["relation_text"]["vi"]) == ("1/X", SENDER, "Bị thu hồi bởi")
    assert row["subject"] == original.subject
    assert row["promulgation_date"] is not None
    assert f'<a href="/console/documents/{revoked}"><b>1/X</b></a>' in page
    assert {each["relation"] for each in theirs["related"]} == {"status"}  # the changes went to H41 alone
    for name in (revoked, updated, replaced, answer.id, by_code.id):
        assert name not in str(theirs)
        assert name not in shown


async def test_many_recipients_come_in_pages(house: DocumentHouse) -> None:
    many = tuple(an_organ(f"H77.{number:03d}") for number in range(230))
    house.store.put_organs(
        [replace(house.store.registry().organs[H41], code=each.organ_id, old_code="") for each in many]
    )
    sent = house.desk.accept(a_document(recipients=many, document_id=f"{SENDER},2026/10/01,5/Z"))
    house.index()
    async with house.console.browser(Role.VIEWER) as browser:
        first = await browser.data(f"/documents/{sent.id}")
        last = await browser.data(f"/documents/{sent.id}?from=200")
        beyond = await browser.get(f"/documents/{sent.id}?from=9999")
        row = (await browser.data("/search?document_id=000.00.00.G22,2026/10/01,5"))["documents"][0]
        assert (await browser.get(f"/documents/{sent.id}")).text.count("H77.") < 900

    assert (len(first["matrix"]["rows"]), first["matrix"]["next"]) == (100, 100)
    assert (len(last["matrix"]["rows"]), last["matrix"]["next"], last["matrix"]["previous"]) == (30, None, 100)
    assert beyond.status_code == 200
    assert (row["recipients"]["count"], len(row["recipients"]["shown"])) == (230, 6)
    assert first["timeline"]["left_out"] == 0
