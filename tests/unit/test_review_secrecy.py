"""A marked document stays out whatever it looks like inside, and whatever else is wrong with it."""

import hashlib

import pytest

from edxml_schemas.findings import FindingCode
from edxml_schemas.model import Code, Document
from router.core.policy import Policy
from router.core.records import MessageState
from tests.support.envelopes import a_document, an_attachment, envelope_bytes, manifest_of
from tests.support.hub_desk import Desk, found, receipt_in

SECRET = "Phương án phòng thủ"


def with_file(name: str) -> Document:
    attachment = an_attachment(attachment_name=name)
    return a_document(attachments=(attachment,), manifest=manifest_of((attachment,)))


DISGUISED = {
    "zero width inside": a_document(subject=f"M\u200bẬT. {SECRET}"),
    "zero width between": a_document(subject=f"TỐI\u200bMẬT. {SECRET}"),
    "soft hyphen": a_document(subject=f"MẬ\u00adT. {SECRET}"),
    "joiner inside a letter": a_document(subject=f"MA\u0302\u034f\u0323T. {SECRET}"),
    "Cyrillic": a_document(subject=f"\u041cẬ\u0422. {SECRET}"),
    "Cyrillic with tones": a_document(subject=f"M\u0410\u0302\u0323T. {SECRET}"),
    "Greek, notation": a_document(code=Code(code_number="12", code_notation="UBND-\u039cẬ\u03a4")),
    "full width": a_document(subject=f"\uff2d\uff21\u0302\u0323\uff34. {SECRET}"),
    "mathematical": a_document(subject=f"\U0001d40c\U0001d400\u0302\u0323\U0001d413. {SECRET}"),
    "struck through": a_document(subject=f"M\u0336ẬT\u0336. {SECRET}"),
    "letters apart": a_document(subject=f"M Ậ T. {SECRET}"),
    "a degree before a harmless word": a_document(subject=f"TỐI MẬT MÃ SỐ 5. {SECRET}"),
    "a degree before a harmless word, in a file": with_file("TUYỆT_MẬT_KHẨU_LỆNH.pdf"),
}


@pytest.mark.parametrize("document", DISGUISED.values(), ids=DISGUISED.keys())
def test_a_mark_in_disguise_is_a_mark(document: Document) -> None:
    desk = Desk()
    settled = desk.send(document)
    assert FindingCode.POLICY_STATE_SECRET in found(settled)
    assert desk.payloads.references() == ()


@pytest.mark.parametrize(
    "subject", ["Về xe МАЗ và МАТ", "Số 5 № 12 – “mật mã”", "BÍ MẬT\u200b NHÀ NƯỚC", "tối bí mật", "Làm ật"]
)
def test_foreign_letters_and_harmless_words_are_carried(subject: str) -> None:
    assert Desk().send(a_document(subject=subject)).message.state is MessageState.ACCEPTED


BROKEN = {
    "an element left out": lambda body: body.replace(b"<edXML:Subject>", b"<edXML:Oops/><edXML:Subject>", 1),
    "not well-formed": lambda body: body.replace(b"</edXML:Subject>", b"</edXML:Subjekt>", 1),
    "cut off": lambda body: body[: body.index(b"</edXML:Subject>") + 20],
    "a DOCTYPE": lambda body: body.replace(b"?>", b"?><!DOCTYPE x>", 1),
    "character references": lambda body: body.replace(b"</edXML:Subject>", b"</edXML:Subjekt>", 1).replace(
        "MẬT".encode(), b"M&#x1EAC;T"
    ),
}


@pytest.mark.parametrize("fault", BROKEN.keys())
def test_a_faulty_document_that_is_marked_is_not_kept_as_evidence(fault: str) -> None:
    desk = Desk()
    body = envelope_bytes(a_document(subject=f"TUYỆT MẬT. {SECRET}"))
    broken = BROKEN[fault](body)
    assert broken != body
    settled = desk.send(broken)
    assert settled.message.state is MessageState.REFUSED
    assert FindingCode.POLICY_STATE_SECRET in found(settled)
    assert settled.message.payload == ""
    assert desk.payloads.references() == ()
    assert all(SECRET not in f"{each}" for each in receipt_in(settled.outbox).findings)


def test_a_faulty_document_without_a_mark_is_still_kept_as_evidence() -> None:
    desk = Desk()
    broken = BROKEN["not well-formed"](envelope_bytes(a_document(subject="Về bí mật nhà nước")))
    assert desk.send(broken).message.payload


def test_an_uploaded_secret_is_named_again_when_a_worker_died_before_it_was_removed() -> None:
    desk = Desk(Policy())
    body = desk.signed(a_document(subject=f"MẬT. {SECRET}"))
    digest = hashlib.sha256(body).hexdigest()
    desk.payloads.put_blob([body], digest=digest, limit=len(body))
    submission = desk.submission(body, body=None)
    assert desk.settle(submission)[0].secret_blob == digest  # and here the worker dies: nothing is removed
    assert desk.settle(submission)[0].secret_blob == digest
