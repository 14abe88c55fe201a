"""What the stages say of an envelope by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edxml_schemas.contract import MessageType
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.model import Document
from edxml_schemas.trust import TrustValue
from router.pipeline.examine import STAGES
from router.pipeline.passage import Passage
from tests.support.envelopes import DECORATIVE_SIGNATURE, SENDER, a_document, a_status, an_attachment, envelope_bytes
from tests.support.hub_desk import NOW, Desk


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def examined(desk: Desk, body: bytes, **changes: object) -> Passage:
    return desk.ingest.examine(desk.submission(body, **changes)).passage  # type: ignore[arg-type]  # fields by name


def test_the_stages_have_names_in_the_order_of_the_way() -> None:
    assert [each.name for each in STAGES] == [
        "transport",
        "vouching",
        "structure",
        "signature",
        "trust",
        "reading",
        "secrecy",
    ]


def test_a_sound_document_passes_with_evidence_and_without_findings(desk: Desk) -> None:
    passage = desk.ingest.examine(desk.submission(a_document())).passage
    assert passage.findings == ()
    assert isinstance(passage.envelope, Document)
    assert passage.envelope.document_id == a_document().document_id
    assert passage.signed is not None
    assert passage.signed.fingerprint == desk.keys[SENDER].fingerprint
    assert passage.trust is not None
    assert passage.trust.value is TrustValue.GOOD
    assert passage.digest == passage.submission.digest


def test_a_sound_status_passes(desk: Desk) -> None:
    passage = desk.ingest.examine(desk.submission(a_status())).passage
    assert passage.findings == ()


def test_schema_faults_and_signature_faults_are_named_together(desk: Desk) -> None:
    body = envelope_bytes(a_document(), signature=DECORATIVE_SIGNATURE).replace(b"Priority>0<", b"Priority>9<")
    found = codes(examined(desk, body).findings)
    assert FindingCode.SCHEMA_BAD_VALUE in found
    assert FindingCode.SIGNATURE_DECORATIVE in found


def test_attachment_faults_are_named_beside_a_missing_signature(desk: Desk) -> None:
    found = codes(examined(desk, envelope_bytes(a_document(attachments=(an_attachment(encoded="!!!"),)))).findings)
    assert FindingCode.SIGNATURE_MISSING in found
    assert FindingCode.ATTACHMENT_BASE64 in found


def test_changed_content_breaks_the_signature_and_is_not_believed(desk: Desk) -> None:
    body = desk.signed(a_document()).replace("kết nối, liên thông".encode(), "kết nối, liên tục".encode())
    passage = examined(desk, body)
    assert codes(passage.findings) == (FindingCode.SIGNATURE_DIGEST,)
    assert passage.signed is None
    assert passage.trust is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", FindingCode.XML_EMPTY),
        (b"hello", FindingCode.XML_NOT_XML),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', FindingCode.XML_DTD),
        (b"<a><b></a>", FindingCode.XML_NOT_WELL_FORMED),
    ],
)
def test_what_is_no_tree_ends_there(desk: Desk, body: bytes, code: FindingCode) -> None:
    passage = examined(desk, body)
    assert codes(passage.findings) == (code,)
    assert passage.envelope is None


def test_another_digest_than_stated_is_named_beside_everything_else(desk: Desk) -> None:
    passage = examined(desk, envelope_bytes(a_document()), digest="0" * 64)
    assert codes(passage.findings) == (FindingCode.TRANSPORT_DIGEST, FindingCode.SIGNATURE_MISSING)


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({"digest": "ABC"}, "x-edxml-digest"),
        ({"digest": ""}, "x-edxml-digest"),
        ({"size": 5}, "x-edxml-size"),
        ({"submission_id": ""}, "message_id"),
        ({"submission_id": "x" * 201}, "message_id"),
        ({"type": MessageType.STATUS}, "type"),
    ],
)
def test_a_header_that_is_wrong_is_named(desk: Desk, changes: dict[str, object], header: str) -> None:
    passage = examined(desk, desk.signed(a_document()), **changes)
    (finding,) = passage.findings
    assert (finding.code, dict(finding.facts)["header"]) == (FindingCode.TRANSPORT_HEADERS, header)


def test_a_wrong_type_is_named_although_the_schema_has_faults(desk: Desk) -> None:
    body = envelope_bytes(a_document()).replace(b"Priority>0<", b"Priority>9<")
    found = codes(examined(desk, body, type=MessageType.STATUS).findings)
    assert FindingCode.TRANSPORT_HEADERS in found
    assert FindingCode.SCHEMA_BAD_VALUE in found


def test_a_claim_that_is_not_there_is_named(desk: Desk) -> None:
    passage = desk.ingest.examine(replace(desk.submission(b"x"), body=None)).passage
    assert codes(passage.findings) == (FindingCode.TRANSPORT_CLAIM,)


def test_a_claim_is_examined_like_a_body() -> None:
    desk = Desk()
    whole = desk.submission(a_document())
    assert whole.body is not None
    reference = desk.payloads.put_blob([whole.body], digest=whole.digest, limit=2**20)
    passage = desk.ingest.examine(replace(whole, body=None)).passage
    assert passage.findings == ()
    assert passage.payload == reference


def test_a_certificate_from_elsewhere_is_named(desk: Desk) -> None:
    key = desk.pki.self_signed("Ai đó")
    passage = examined(desk, desk.signed(a_document(), key=key))
    assert codes(passage.findings) == (FindingCode.TRUST_UNKNOWN_ISSUER,)
    assert passage.open_questions == ()


def test_a_revocation_list_out_of_reach_is_a_question_and_no_fault() -> None:
    desk = Desk()
    desk.trust.now_trusted = desk.material(())
    passage = desk.ingest.examine(desk.submission(a_document())).passage
    assert passage.findings == ()
    assert set(codes(passage.open_questions)) == {FindingCode.TRUST_REVOCATION_UNKNOWN}


def test_a_remembered_answer_about_a_certificate_ends_with_the_material_it_came_from() -> None:
    desk = Desk()
    assert desk.ingest.examine(desk.submission(a_document())).passage.findings == ()
    desk.pki.revoke(desk.keys[SENDER], NOW - timedelta(hours=1))
    desk.trust.now_trusted = desk.material(desk.pki.crls())
    passage = desk.ingest.examine(desk.submission(a_document())).passage
    assert codes(passage.findings) == (FindingCode.TRUST_REVOKED,)


def test_a_later_attempt_may_use_a_list_that_was_issued_after_the_receipt() -> None:
    desk = Desk()
    later = NOW + timedelta(hours=1)
    desk.trust.now_trusted = desk.material(desk.pki.crls(this_update=NOW + timedelta(minutes=30)))
    submission = desk.submission(a_document())
    assert desk.ingest.examine(submission).passage.open_questions
    assert not desk.ingest.examine(submission, at=later).passage.open_questions


@pytest.mark.parametrize("junk", [b"\x00", b"<", b"\xff\xfe<\x00", b"<?xml version='1.0' encoding='x'?><a/>", b"<a/>"])
def test_no_bytes_make_the_stages_raise(desk: Desk, junk: bytes) -> None:
    assert examined(desk, junk).findings
