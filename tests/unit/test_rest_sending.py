"""The native interface: documents in all three forms, what became of them, and asking for them back."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.gateway.callers import Right
from agents.gateway.rest import reading
from agents.gateway.rest.problems import MOST_FINDINGS
from edxml_schemas import codec
from edxml_schemas.attachments import OpenedAttachment, open_attachment
from edxml_schemas.limits import Limits
from edxml_schemas.model import Document, ResponseFor, StatusMessage
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, check_integrity
from tests.support.access import make_cheap
from tests.support.envelopes import A_PDF, SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import H14, H41, RENAMED
from tests.support.rest_house import RestHouse, as_json, metadata, one_file, problem_of, rest_house


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RestHouse]:
    make_cheap(monkeypatch)
    async with rest_house(tmp_path, body_limit=4 * 2**20, rest={"json_limit": 2**20}) as made:
        yield made


def kept(house: RestHouse, submission_id: str) -> bytes:
    submission = house.at.spool.submission(submission_id)
    assert submission is not None
    return house.at.spool.envelope(submission.digest)


def document_in(content: bytes) -> Document:
    decoded = codec.decode(content)
    assert isinstance(decoded, codec.Decoded), decoded
    assert isinstance(decoded.envelope, Document)
    return decoded.envelope


def files_of(document: Document) -> dict[str, bytes]:
    opened = [open_attachment(each) for each in document.attachments]
    return {each.name: each.content for each in opened if isinstance(each, OpenedAttachment)}


def signed_content(content: bytes) -> bool:
    parsed = parse(content)
    return isinstance(parsed, Parsed) and isinstance(check_integrity(parsed), Signed)


def form(values: dict[str, Any], **files: bytes) -> dict[str, Any]:
    parts = [("files", (name.replace("_", "."), content)) for name, content in files.items()]
    return {"data": {"metadata": json.dumps(values)}, "files": parts}


# ── Three ways to say the same ──────────────────────────────────────────────────────────────────────────────────────


async def test_json_with_files_is_packaged_signed_and_durable(house: RestHouse) -> None:
    answered = await house.post("/documents", json=as_json(metadata(), congvan_pdf=A_PDF, phuluc_txt=b"phu luc"))
    assert answered.status_code == 202
    told = answered.json()
    assert answered.headers["location"] == f"/api/v1/documents/{told['submission_id']}"
    content = kept(house, told["submission_id"])
    assert signed_content(content)
    assert files_of(document_in(content)) == {"congvan.pdf": A_PDF, "phuluc.txt": b"phu luc"}
    assert told["vouched"]["repairs"] == ["signature-added"]


async def test_a_form_with_files_says_the_same_as_json(house: RestHouse) -> None:
    one = (await house.post("/documents", **form(metadata(), congvan_pdf=A_PDF))).json()
    other = (await house.post("/documents", json=one_file())).json()
    assert one["submission_id"] == other["submission_id"]
    assert (one["repeated"], other["repeated"]) == (False, True)


async def test_a_file_keeps_its_vietnamese_name_and_loses_its_path(house: RestHouse) -> None:
    values = metadata(attachments=[{"file": "../../Công văn số 1.pdf", "description": "Bản chính", "zipped": True}])
    sent = await house.post(
        "/documents",
        data={"metadata": json.dumps(values)},
        files=[("files", ("../../Công văn số 1.pdf", A_PDF)), ("files", ("phụ lục.pdf", A_PDF))],
    )
    document = document_in(kept(house, sent.json()["submission_id"]))
    assert list(files_of(document)) == ["Công văn số 1.pdf", "phụ lục.pdf"]
    assert document.attachments[0].description == "Bản chính"


async def test_a_finished_envelope_travels_byte_for_byte(house: RestHouse) -> None:
    content = house.at.hub.signed(a_document(sender=an_organ(H41), recipients=(an_organ(SENDER),)))
    ways: list[dict[str, Any]] = [
        {"content": content, "headers": {"content-type": "application/xml"}},
        {"json": {"envelope": base64.b64encode(content).decode()}},
        {"files": [("envelope", ("a.edxml", content))]},
    ]
    answers = [(await house.post("/documents", **way)).json() for way in ways]
    assert {each["submission_id"] for each in answers} == {answers[0]["submission_id"]}
    assert answers[0]["vouched"] is None
    assert kept(house, answers[0]["submission_id"]) == content


async def test_the_sender_may_be_left_out_when_the_key_has_one_organ(house: RestHouse) -> None:
    values = metadata()
    del values["from"]
    one = house.key("one", organs=[H41])
    sent = await house.call("POST", "/documents", key=one, json={"metadata": values})
    assert document_in(kept(house, sent.json()["submission_id"])).sender.organ_id == H41
    refused = problem_of(await house.post("/documents", json={"metadata": values}), 422, "refused")
    assert [each["where"] for each in refused["findings"]] == ["from.organ_id"]


# ── What is not taken ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_fault_of_a_draft_is_told_at_once(house: RestHouse) -> None:
    answered = await house.post("/documents", json={"metadata": {"subjekt": "x", "to": []}})
    told = problem_of(answered, 422, "refused")
    assert {"subjekt", "to", "subject", "code.code_number"} <= {each["where"] for each in told["findings"]}
    assert house.at.outgoing() == []


async def test_findings_of_an_envelope_have_code_urn_place_and_remedy(house: RestHouse) -> None:
    content = house.at.hub.signed(a_document(sender=an_organ(H41), recipients=(an_organ(SENDER),)))
    torn = content.replace(b"<edXML:Subject>", b"<edXML:Subject>!", 1)
    answered = await house.post("/documents", content=torn, headers={"content-type": "application/xml"})
    told = problem_of(answered, 422, "refused")["findings"][0]
    assert told["code"] == "signature.digest-mismatch"
    assert told["type"] == "urn:vn:truc-lien-thong:finding:signature.digest-mismatch"
    assert told["message"]["vi"]
    assert told["remedy"]["en"]


async def test_nobody_sends_for_an_organ_of_others(house: RestHouse) -> None:
    key = house.key("one", organs=[RENAMED])
    for sender in (H41, H14):
        answered = await house.call("POST", "/documents", key=key, json={"metadata": metadata(sender=sender)})
        told = problem_of(answered, 422, "refused")
        assert told["findings"][0]["code"] == "sender.agent-not-allowed"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metadata": {}, "envelope": ""},
        {"envelope": "", "files": [{"name": "a", "content": ""}]},
        {"metadata": []},
        {"metadata": {}, "files": [{"name": "a.pdf", "content": "không phải base64"}]},
        {"metadata": {}, "files": [{"name": "", "content": ""}]},
        {"metadata": {}, "more": 1},
        [],
    ],
)
async def test_json_of_another_shape_is_invalid(house: RestHouse, body: Any) -> None:
    assert problem_of(await house.post("/documents", json=body), 422, "invalid")["findings"]


@pytest.mark.parametrize(
    "body", [b'{"metadata": {"a": 1, "a": 2}}', b'{"metadata": NaN}', b"\xff", b'{"metadata": {"a": 1}} x', b""]
)
async def test_json_that_is_none_is_malformed(house: RestHouse, body: bytes) -> None:
    answered = await house.post("/documents", content=body, headers={"content-type": "application/json"})
    problem_of(answered, 400, "malformed")


async def test_a_form_of_another_shape_is_told_what_it_should_be(house: RestHouse) -> None:
    cut = b'--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}'
    kind = {"content-type": "multipart/form-data; boundary=x"}
    problem_of(await house.post("/documents", content=cut, headers=kind), 400, "malformed")
    problem_of(await house.post("/documents", files=[("other", ("a", b""))]), 422, "invalid")
    two = [("metadata", ("", b"{}")), ("metadata", ("", b"{}"))]
    problem_of(await house.post("/documents", files=two), 422, "invalid")
    problem_of(await house.post("/documents", files=[("metadata", ("m.json", b"[]"))]), 422, "invalid")


async def test_json_has_its_own_limit_and_forms_the_gateways(house: RestHouse) -> None:
    big = b"%PDF" + bytes(2**20)
    told = problem_of(await house.post("/documents", json=as_json(metadata(), a_pdf=big)), 413, "too-large")
    assert "multipart/form-data" in told["detail"]
    assert (await house.post("/documents", **form(metadata(), a_pdf=big))).status_code == 202
    problem_of(await house.post("/documents", **form(metadata("13"), a_pdf=big * 4)), 413, "too-large")


@pytest.mark.parametrize(
    "values",
    [
        {"to": [{}] * 5001},
        {str(number): 1 for number in range(5001)},
        {"to": [{str(key): 1 for key in range(100)}] * 700},
        {"from": json.loads('{"a":' * 30 + "1" + "}" * 30)},
    ],
    ids=["recipients", "keys", "values", "depth"],
)
async def test_metadata_that_no_document_has_are_not_read_on(house: RestHouse, values: dict[str, Any]) -> None:
    told = problem_of(await house.post("/documents", json={"metadata": values}), 422, "invalid")
    assert [each["where"] for each in told["findings"]] == ["metadata"]


async def test_a_book_of_faults_is_told_in_part(house: RestHouse) -> None:
    values = {f"khoa-{number}": 1 for number in range(1000)}
    told = problem_of(await house.post("/documents", json={"metadata": values}), 422, "refused")
    assert len(told["findings"]) == MOST_FINDINGS


async def test_files_that_no_envelope_can_hold_are_not_read_into_memory(
    house: RestHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "DEFAULT_LIMITS", Limits(envelope_bytes=1000, unzipped_bytes=2000))
    sizes = [(500, False, 202), (1500, False, 413), (1500, True, 202), (2500, True, 413)]
    for number, (size, zipped, status) in enumerate(sizes):
        values = metadata(str(number), attachments=[{"file": "a.pdf", "zipped": zipped}])
        answered = await house.post("/documents", **form(values, a_pdf=b"%PDF" + bytes(size - 4)))
        assert answered.status_code == status, (size, zipped)


async def test_an_upload_for_which_there_is_no_room_is_told_why(tmp_path: Path) -> None:
    bounds: dict[str, Any] = {"body_limit": 10_000, "incoming_bytes": 20_000}
    async with rest_house(tmp_path, rest={"json_limit": 2**20}, **bounds) as house:
        with house.gateway.uploads.place(".body") as (_, share):
            share.grow(15_000)
            body = form(metadata(), a_pdf=b"%PDF" + bytes(4000))  # which fits, but not its parts as well
            told = problem_of(await house.post("/documents", **body), 503, "unavailable")
            assert "cùng lúc" in told["detail"]
        assert (await house.post("/documents", **body)).status_code == 202
    async with rest_house(tmp_path / "full", free_bytes=2**62) as house:
        problem_of(await house.post("/documents", json=one_file()), 507, "no-room")
        assert list(house.gateway.incoming.iterdir()) == []


async def test_nothing_of_a_body_stays_behind(house: RestHouse) -> None:
    await house.post("/documents", **form(metadata(), a_pdf=A_PDF))
    await house.post("/documents", **form({"subjekt": ""}, a_pdf=A_PDF))
    assert list(house.gateway.incoming.iterdir()) == []


# ── What became of it ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_history_of_a_submission_grows_with_what_hub_and_recipient_say(house: RestHouse) -> None:
    sent = (await house.post("/documents", json=one_file())).json()["submission_id"]
    place = f"/documents/{sent}"
    assert (await house.get(place)).json()["state"] == "spooled"
    house.at.answer(sent)
    original = document_in(kept(house, sent))
    about = ResponseFor(organ_id=H41, code=str(original.code), document_id=original.document_id)
    said = a_status(sender=an_organ(SENDER), response_for=about)
    leg = house.at.deliver(said, recipient=H41)
    told = (await house.get(place)).json()
    assert told["state"] == "accepted"
    assert [each["kind"] for each in told["receipts"]] == ["accepted"]
    assert [(each["leg_id"], each["status_code"], each["from"]) for each in told["statuses"]] == [(leg, "03", SENDER)]
    receipt = await house.get(f"{place}/receipts/{told['receipts'][0]['receipt_id']}")
    assert receipt.headers["content-type"] == "application/xml"
    assert receipt.content == house.at.spool.receipts_of(sent)[0].body
    problem_of(await house.get(f"{place}/receipts/nothing"), 404, "not-found")


async def test_a_refusal_of_the_hub_is_shown_with_its_state(house: RestHouse) -> None:
    sent = (await house.post("/documents", json=one_file())).json()["submission_id"]
    house.at.answer(sent, ReceiptKind.REFUSED)
    assert (await house.get(f"/documents/{sent}")).json()["state"] == "refused"


async def test_pages_of_what_was_sent_do_not_move_when_more_is_sent(house: RestHouse) -> None:
    ids = [
        (await house.post("/documents", json={"metadata": metadata(str(number))})).json()["submission_id"]
        for number in range(5)
    ]
    first = (await house.get("/documents?limit=2")).json()
    assert [each["submission_id"] for each in first["items"]] == [ids[4], ids[3]]
    await house.post("/documents", json={"metadata": metadata("99")})
    seen, cursor = [], first["next"]
    while cursor is not None:
        page = (await house.get("/documents", params={"limit": 2, "cursor": cursor})).json()
        seen += [each["submission_id"] for each in page["items"]]
        cursor = page["next"]
    assert seen == [ids[2], ids[1], ids[0]]
    found = (await house.get("/documents", params={"name": "3/UBND"})).json()
    assert [each["submission_id"] for each in found["items"]] == [ids[3]]


async def test_a_cursor_belongs_to_its_list_and_filters(house: RestHouse) -> None:
    for number in range(2):
        await house.post("/documents", json={"metadata": metadata(str(number))})
    cursor = (await house.get("/documents?limit=1")).json()["next"]
    for params in ({"kind": "document"}, {"organ": H41}, {"name": "x"}):
        problem_of(await house.get("/documents", params={**params, "cursor": cursor}), 400, "cursor")
    for path, wrong in (("/inbox", cursor), ("/documents", "abc"), ("/documents", "MS4w"), ("/documents", "é")):
        problem_of(await house.get(path, params={"cursor": wrong}), 400, "cursor")


async def test_a_document_is_asked_back_from_one_recipient(house: RestHouse) -> None:
    sent = (await house.post("/documents", json=one_file())).json()["submission_id"]
    place = f"/documents/{sent}/recall"
    asked = {"recipient": SENDER, "reason": "Ban hành nhầm"}
    answered = await house.post(place, json=asked, headers={"idempotency-key": "thu-hoi"})
    assert answered.status_code == 202
    decoded = codec.decode(kept(house, answered.json()["submission_id"]))
    assert isinstance(decoded, codec.Decoded)
    assert isinstance(decoded.envelope, StatusMessage)
    assert (decoded.envelope.status_code, decoded.envelope.description) == ("13", "Ban hành nhầm")
    house.at.clock.move(timedelta(minutes=1))
    again = await house.post(place, json=asked, headers={"idempotency-key": "thu-hoi"})
    assert again.json() == answered.json()
    problem_of(await house.post(place, json={"recipient": H14, "reason": "x"}), 422, "refused")
    problem_of(await house.post(place, json={"recipient": SENDER, "reason": " "}), 422, "invalid")
    problem_of(await house.post("/documents/nothing/recall", json=asked), 404, "not-found")
    receiver = house.key("receiver", rights=[Right.RECEIVE])
    problem_of(await house.call("POST", place, key=receiver, json=asked), 403, "forbidden")


async def test_several_large_documents_are_packaged_in_turn(house: RestHouse) -> None:
    big = b"%PDF" + bytes(2**20)
    answers = await asyncio.gather(
        *(house.post("/documents", **form(metadata(str(number)), a_pdf=big)) for number in range(5))
    )
    assert {each.status_code for each in answers} == {202}
    assert len(house.at.outgoing()) == 5
