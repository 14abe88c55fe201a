"""The search and the page of a document: what they show, to whom, and what can be taken from them."""

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edxml_schemas.evidence.verify import Known, verify
from edxml_schemas.model import Bussiness, Code, ReplacementInfo, ResponseFor
from edxml_schemas.statuses import BussinessDocType
from router.adapters.payloads import FilePayloads
from router.core.people import Role
from router.core.records import PutEvent, PutMessage
from tests.support.console import Browser
from tests.support.document_house import G17, H14, H41, MINISTRY, SENDER, DocumentHouse
from tests.support.envelopes import A_PDF, a_document, an_attachment, an_organ
from tests.support.records import event, message

HOSTILE = (
    "\u202egnud\u0007 <script>alert(1)</script> <img src=x onerror=alert(2)> {{ 7*7 }} \" ' & " + "rất dài " * 2000
)


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
    async with house.console.browser(Role.VIEWER) as browser:
        told = await browser.data(f"/documents/{original.id}")
        other = await browser.data(f"/documents/{answer.id}")

    known = {each["message_id"]: each["relation"] for each in told["related"]}
    assert (known[revoked], known[updated], known[replaced]) == ("revokes", "updates", "replaces")
    assert {each["message_id"]: each["relation"] for each in other["related"]} == {original.id: "answered"}


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


# ── Contents ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_attachments_are_told_with_sizes_and_digests(shared: DocumentHouse, administrator: Browser) -> None:
    (file,) = (await administrator.data(page_of(shared)))["files"]

    assert (file["name"], file["type"], file["size"]) == ("Công văn 7816.pdf", "application/pdf", len(A_PDF))
    assert len(file["digest"]) == 64


async def test_an_attachment_is_given_out_and_written_down(house: DocumentHouse) -> None:
    async with house.console.browser(Role.AUDITOR, name="kiemtoan") as browser:
        answer = await browser.get(f"{page_of(house)}/files/1")
        digest = (await browser.data(page_of(house)))["files"][0]["digest"]
        none = [(await browser.get(f"{page_of(house)}/files/{place}")).status_code for place in ("0", "2", "999999999")]

    assert answer.content == A_PDF
    assert answer.headers["content-type"] == "application/octet-stream"
    named = answer.headers["content-disposition"]
    assert named.startswith('attachment; filename="C-ng-v-n-7816.pdf"; filename*=UTF-8')
    assert "C%C3%B4ng%20v%C4%83n%207816.pdf" in named
    assert none == [404, 404, 404]
    (said,) = house.events("content.opened")
    assert said == {"what": "attachment 1", "digest": digest, "address": "192.0.2.7", "actor": "user:kiemtoan"}


async def test_the_envelope_is_given_out_byte_for_byte(house: DocumentHouse) -> None:
    async with house.console.browser(Role.ADMINISTRATOR) as browser:
        answer = await browser.get(f"{page_of(house)}/envelope")

    assert answer.content == house.payloads.read(house.hub.document.payload)
    assert house.events("content.opened")[0]["digest"] == house.hub.document.digest


async def test_the_evidence_holds_and_is_written_down(house: DocumentHouse) -> None:
    async with house.console.browser(Role.AUDITOR, root=SENDER) as browser:
        await browser.get(f"{page_of(house)}/files/1")
        answer = await browser.get(f"{page_of(house)}/evidence")

    assert answer.status_code == 200
    assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
    assert verify(answer.content, Known(hub_certificates=(house.desk.hub_key.cert,))).good
    assert len(house.events("evidence.exported")) == 1


async def test_evidence_that_does_not_hold_is_not_given_out(house: DocumentHouse) -> None:
    tables = house.store._tables
    leg = next(iter(house.store.legs_of(house.hub.document.id)))
    tables.legs[leg.id] = replace(leg, status="06")  # behind the hub's back
    async with house.console.browser(Role.AUDITOR) as browser:
        answer = await browser.get(f"{page_of(house)}/evidence")

    assert answer.status_code == 409
    assert house.events("evidence.exported") == []


async def test_hostile_names_become_safe_file_names(house: DocumentHouse) -> None:
    name = '../../etc/\u202epasswd\r\nSet-Cookie: x="1".pdf'
    sent = house.desk.accept(
        a_document(document_id=f"{SENDER},2026/10/01,6/H", attachments=(an_attachment(attachment_name=name),))
    )
    async with house.console.browser(Role.AUDITOR) as browser:
        told = await browser.data(f"/documents/{sent.id}")
        answer = await browser.get(f"/documents/{sent.id}/files/1")

    assert "/" not in told["files"][0]["name"]
    assert "\u202e" not in told["files"][0]["name"]
    assert answer.content == A_PDF
    assert "set-cookie" not in answer.headers
    assert ".." not in answer.headers["content-disposition"].partition("filename*")[0].replace(".pdf", "")


async def test_hostile_texts_are_shown_harmlessly(house: DocumentHouse) -> None:
    sent = house.desk.send(
        a_document(
            subject=HOSTILE.replace("\u0007", "")[:60],
            document_id=f"{SENDER},2026/10/01,<b>7</b>",
            code=Code(code_number="8", code_notation="<i>'\"&"),
            other_info=replace(a_document().other_info, typer_notation="<script>alert(3)</script>"),
        )
    ).message
    odd = message("odd", sender=SENDER, subject=HOSTILE, code=HOSTILE[:3000], document_id=HOSTILE[:3000])
    odd = replace(odd, submission_id=HOSTILE[:500], vouched=None)
    said = event("leg.resent", odd.id, actor="admin:<b>", facts={"reason": HOSTILE})
    with house.store.begin() as tx:
        tx.apply([PutMessage(odd), PutEvent(event("message.accepted", odd.id)), PutEvent(said)])
    house.index()
    async with house.console.browser(Role.ADMINISTRATOR) as browser:
        pages = [
            await browser.get(path)
            for path in (
                f"/documents/{sent.id}",
                f"/documents/{odd.id}",
                "/search",
                "/search?subject=dai",
                "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
                "/search?organ=%3Cscript%3E&q=%22%3E%3Cu%3E&list=1",
            )
        ]
        assert ids(await browser.data("/search?subject=rat+dai")) == [odd.id]

    for page in pages:
        assert page.status_code == 200
        for harm in ("<script>alert", "<img src=x", "\u202e", "\u0007", "<b>7</b>", "<u>"):
            assert harm not in page.text, harm
        assert len(page.text) < 200_000
    assert "{{ 7*7 }}" in pages[1].text


async def test_kept_bytes_that_were_altered_are_called_so(house: DocumentHouse) -> None:
    document = house.hub.document
    house.payloads._kept[document.payload] = b"<other/>"
    async with house.console.browser(Role.ADMINISTRATOR) as browser:
        told = await browser.data(page_of(house))
        gone = await browser.get(f"{page_of(house)}/envelope")

    assert (told["reading"]["state"], told["files"], told["signature"]) == ("altered", [], None)
    assert gone.status_code == 404


async def test_a_page_stands_without_its_payload(house: DocumentHouse, tmp_path: Any) -> None:
    room = house.console.rooms.documents
    room.dossiers._envelopes._payloads = FilePayloads(tmp_path, "nobody")
    async with house.console.browser(Role.ADMINISTRATOR) as browser:
        told = await browser.data(page_of(house))
        page = await browser.get(page_of(house))

    assert (told["reading"]["state"], page.status_code) == ("away", 200)
    assert len(told["matrix"]["rows"]) == 3


async def test_pages_are_in_the_language_that_was_chosen(shared: DocumentHouse, administrator: Browser) -> None:
    administrator.client.cookies.set("truc-language", "en", path="/console")
    for path, text in ((page_of(shared), "Recipients × statuses"), ("/search", "The hub&#39;s verdict")):
        assert text in (await administrator.get(path)).text
