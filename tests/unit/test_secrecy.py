"""What is marked as a state secret is refused everywhere, quoted nowhere and kept by nobody."""

import hashlib
import unicodedata

import pytest

from agents.packaging import Package, package
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.model import Code, Document, DocumentType
from edxml_schemas.secrecy import SecrecyRules
from router.core.policy import Policy
from router.core.records import MessageState
from router.errors import UsageProblem
from router.settings import load_settings
from router.settings.secrecy import SecrecySettings
from tests.support.envelopes import SENDER, a_document, an_attachment, envelope_bytes, manifest_of
from tests.support.hub_desk import Desk, found, receipt_in

SUBJECT = "Về phương án phòng thủ khu vực"


def with_file(name: str) -> Document:
    attachment = an_attachment(attachment_name=name)
    return a_document(attachments=(attachment,), manifest=manifest_of((attachment,)))


MARKED = {
    "notation": a_document(code=Code(code_number="12", code_notation="UBND-MẬT")),
    "notation, small letters": a_document(code=Code(code_number="12", code_notation="mật/UBND")),
    "type": a_document(document_type=DocumentType(type=2, type_detail=1, type_name="Công văn mật")),
    "type, top secret": a_document(document_type=DocumentType(type=2, type_detail=1, type_name="TỐI MẬT")),
    "subject, capitals": a_document(subject=f"MẬT - {SUBJECT}"),
    "subject, brackets": a_document(subject=f"{SUBJECT} (Mật)"),
    "subject, in words": a_document(subject=f"Tuyệt mật. {SUBJECT}"),
    "subject, decomposed": a_document(subject=unicodedata.normalize("NFD", f"{SUBJECT} [MẬT]")),
    "subject, secret beside a harmless word": a_document(subject=f"MẬT. Về bảo vệ bí mật nhà nước. {SUBJECT}"),
    "file": with_file("phuong-an_TỐI_MẬT.pdf"),
    "file without diacritics": with_file("PA.TUYET.MAT.v2.pdf"),
}
HARMLESS = (
    "Về công tác bảo vệ bí mật nhà nước",
    "TRIỂN KHAI CÔNG TÁC BẢO VỆ BÍ MẬT NHÀ NƯỚC",
    "Quy chế bảo mật và quản lý mật khẩu",
    "BẢO MẬT HỆ THỐNG THÔNG TIN, MẬT MÃ DÂN SỰ",
    "Báo cáo mật độ dân số, nuôi ong lấy mật",
    "Phối hợp chặt chẽ, mật thiết giữa các cơ quan",
    "Matching funds: MAT-2026",
)


@pytest.mark.parametrize("document", MARKED.values(), ids=MARKED.keys())
def test_a_marked_document_is_refused_and_its_content_is_not_kept(document: Document) -> None:
    desk = Desk()
    settled = desk.send(document)
    assert FindingCode.POLICY_STATE_SECRET in found(settled)
    assert settled.message.state is MessageState.REFUSED
    assert (settled.message.payload, settled.message.subject) == ("", "")
    assert desk.payloads.references() == ()


@pytest.mark.parametrize("subject", HARMLESS)
def test_words_that_only_look_like_a_mark_are_carried(subject: str) -> None:
    assert Desk().send(a_document(subject=subject)).message.state is MessageState.ACCEPTED


def test_file_names_that_only_look_like_a_mark_are_carried() -> None:
    assert Desk().send(with_file("quy-che_bao-mat.MAT.pdf")).message.state is MessageState.ACCEPTED


def test_the_receipt_names_the_place_and_the_mark_and_quotes_nothing_else() -> None:
    faulty = a_document(subject=f"TỐI MẬT {SUBJECT}", document_id="Kế hoạch hành quân")
    settled = Desk().send(faulty)
    told = receipt_in(settled.outbox)
    (mark,) = [each for each in told.findings if each.code is FindingCode.POLICY_STATE_SECRET]
    assert (mark.value, dict(mark.facts)["place"]) == ("TỐI MẬT", "Subject")
    assert SUBJECT.encode() not in settled.outbox[0].body
    others = [each for each in told.findings if each is not mark]
    assert FindingCode.DOCUMENT_ID_FORM in codes(others)
    assert {each.value for each in others} == {""}


def test_an_uploaded_secret_is_removed_unless_an_accepted_message_has_it() -> None:
    desk = Desk()
    body = desk.signed(MARKED["type"])
    digest = hashlib.sha256(body).hexdigest()
    desk.payloads.put_blob([body], digest=digest, limit=len(body))
    settled = desk.send(body, body=None)
    assert settled.secret_blob == digest
    assert settled.message.payload == ""
    desk.ingest.forget(desk.store, [settled.secret_blob])
    assert desk.payloads.claim(digest, len(body)) is None


def test_an_uploaded_blob_of_an_accepted_message_outlives_stricter_rules() -> None:
    lax, document = Desk(Policy(secrecy=None)), MARKED["type"]
    body = lax.signed(document)
    digest = hashlib.sha256(body).hexdigest()
    lax.payloads.put_blob([body], digest=digest, limit=len(body))
    assert lax.send(body, body=None).message.state is MessageState.ACCEPTED
    lax.ingest.forget(lax.store, [digest])
    assert lax.payloads.claim(digest, len(body)) is not None


def test_an_operator_may_set_marks_of_his_own() -> None:
    rules = SecrecySettings(text=(r"\bLƯU HÀNH NỘI BỘ\b",)).as_rules()
    assert rules is not None
    assert codes(rules.marks_in(a_document(subject="Lịch trực. LƯU HÀNH NỘI BỘ"))) == (FindingCode.POLICY_STATE_SECRET,)
    assert rules.marks_in(MARKED["subject, capitals"]) == ()
    assert rules.marks_in(MARKED["type"])


def test_harmless_phrases_may_be_none() -> None:
    rules = SecrecyRules(harmless=())
    assert rules.marks_in(a_document(subject=HARMLESS[1]))


def test_a_mark_that_is_no_expression_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_SECRECY__FILES", '["[mật"]')
    with pytest.raises(UsageProblem, match=r"secrecy\.files"):
        load_settings()


def test_an_agent_refuses_what_is_marked_before_it_leaves_the_agency() -> None:
    desk = Desk()
    keyring = _Keys(desk)
    marked = package(envelope_bytes(MARKED["type"]), keyring=keyring, organs=[SENDER])  # type: ignore[arg-type]  # only `signer` is asked
    assert not isinstance(marked, Package)
    assert FindingCode.POLICY_STATE_SECRET in {each.code for each in marked if hasattr(each, "code")}
    lax = package(envelope_bytes(MARKED["type"]), keyring=keyring, organs=[SENDER], secrecy=None)  # type: ignore[arg-type]  # as above
    assert isinstance(lax, Package)


class _Keys:
    """The one key that is asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def signer(self, organ: str) -> object:
        from edxml_schemas.signatures import Signer

        key = self._desk.keys[organ]
        return Signer(key.key, key.cert, self._desk.pki.chain)
