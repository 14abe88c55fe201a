"""The thirteen vendor samples get exactly the verdicts that their facts imply."""

import json
import sys
from pathlib import Path

import pytest

from edxml_schemas import cli
from edxml_schemas.attachments import OpenedAttachment, open_attachment
from edxml_schemas.catalogue import explain
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.judgement import Judgement, SignatureState, Verdict, judge
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import Document, StatusMessage
from edxml_schemas.statuses import BussinessDocType

FOLDER = Path(__file__).parents[3] / "shared" / "samples"
STATUSES = {
    "status_acceptance_03.edxml": "03",
    "status_assignment_04.edxml": "04",
    "status_cancellation_13.edxml": "13",
    "status_change-acceptance_15.edxml": "15",
    "status_change-rejection_16.edxml": "16",
    "status_finish_06.edxml": "06",
    "status_inbox_01.edxml": "01",
    "status_processing_05.edxml": "05",
    "status_rejection_02.edxml": "02",
}
DOCUMENTS = {
    "edoc_replacement.edxml": BussinessDocType.REPLACE,
    "edoc_revocation.edxml": BussinessDocType.REVOKE,
    "edoc_update.edxml": BussinessDocType.UPDATE,
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the vendor samples do not lie beside the repository")


def judged(name: str) -> Judgement:
    return judge((FOLDER / name).read_bytes())


def test_there_are_thirteen_samples() -> None:
    assert {each.name for each in FOLDER.glob("*.edxml")} == {*STATUSES, *DOCUMENTS, "edoc_new.edxml"}


@pytest.mark.parametrize(("name", "status_code"), STATUSES.items())
def test_a_vendor_status_is_right_but_unsigned(name: str, status_code: str) -> None:
    judgement = judged(name)
    assert judgement.verdict is Verdict.IF_SIGNED
    assert judgement.kind is MessageType.STATUS
    assert judgement.structure == judgement.attachments == ()
    assert judgement.signature_state is SignatureState.MISSING
    assert codes(judgement.signature) == (FindingCode.SIGNATURE_MISSING,)
    assert isinstance(judgement.envelope, StatusMessage)
    assert judgement.envelope.status_code == status_code
    (condition,) = judgement.would_be_accepted_if
    assert "vouches" in condition.en


@pytest.mark.parametrize(("name", "kind"), DOCUMENTS.items())
def test_a_vendor_document_is_right_but_its_signature_is_decoration(name: str, kind: BussinessDocType) -> None:
    judgement = judged(name)
    assert judgement.verdict is Verdict.IF_SIGNED
    assert judgement.kind is MessageType.DOCUMENT
    assert judgement.structure == judgement.attachments == ()
    assert judgement.signature_state is SignatureState.DECORATIVE
    (decorative,) = judgement.signature
    assert decorative.code is FindingCode.SIGNATURE_DECORATIVE
    assert "MIIFqTCCBJG" in explain(decorative).message_vi
    document = judgement.envelope
    assert isinstance(document, Document)
    assert document.bussiness.bussiness_doc_type == kind
    assert [each.organ_id for each in document.recipients] == ["000.00.00.H41", "000.00.00.H14", "000.00.00.G17"]
    (attachment,) = document.attachments
    opened = open_attachment(attachment, DEFAULT_LIMITS)
    assert isinstance(opened, OpenedAttachment)
    assert opened.zipped
    assert opened.name == "1896_QD-TTg_m_294779.doc"


def test_the_sample_with_stray_bytes_is_refused_for_them_alone_and_shows_them() -> None:
    judgement = judged("edoc_new.edxml")
    assert judgement.verdict is Verdict.REFUSED
    (stray,) = judgement.structure
    assert stray.code is FindingCode.XML_LEADING_BYTES
    assert stray.line == 1
    told = explain(stray)
    for message in (told.message_vi, told.message_en):
        assert "“1212”" in message
        assert "31 32 31 32" in message
    assert judgement.attachments == ()
    assert judgement.signature_state is SignatureState.DECORATIVE
    removed, signed = judgement.would_be_accepted_if
    assert "4 stray bytes" in removed.en
    assert "4 byte thừa" in removed.vi
    assert "signed" in signed.en
    document = judgement.envelope
    assert isinstance(document, Document)
    assert document.sender.organ_id == "002.00.20.H13"
    assert {FindingCode.ORGAN_CODE_FORM, FindingCode.DOCUMENT_ID_FOREIGN} <= set(codes(judgement.remarks))


def test_the_command_line_says_the_same_of_all_thirteen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = sorted(map(str, FOLDER.glob("*.edxml")))
    monkeypatch.setattr(sys, "argv", ["edxml", "check", *names, "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    shapes = json.loads(capsys.readouterr().out)
    assert [each["file"] for each in shapes] == names
    assert [each["verdict"] for each in shapes] == ["refused", *["accepted-if-signed"] * 12]
    assert [each["signature"]["state"] for each in shapes] == ["decorative"] * 4 + ["missing"] * 9
