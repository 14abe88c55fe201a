"""The codec on real shapes: tolerance on the way in, one layout on the way out."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lxml import etree

from edxml_schemas.catalogue import errors
from edxml_schemas.codec import VIETNAM_TIME, Decoded, decode, encode, read
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import (
    Bussiness,
    Code,
    Document,
    ResponseFor,
    StatusMessage,
    TraceHeader,
)
from edxml_schemas.names import EDXML_NS
from tests.support.envelopes import a_document, a_status, an_attachment, an_organ

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendor samples are not on this machine")


def decoded(data: bytes) -> Decoded:
    outcome = decode(data)
    assert isinstance(outcome, Decoded), outcome
    return outcome


def document(data: bytes) -> Document:
    envelope = decoded(data).envelope
    assert isinstance(envelope, Document)
    return envelope


def changed(old: str, new: str, *, data: bytes | None = None) -> bytes:
    text = (data or encode(a_document())).decode()
    assert old in text
    return text.replace(old, new).encode()


def test_what_is_written_is_read_back() -> None:
    for envelope in (a_document(), a_status()):
        assert decoded(encode(envelope)).envelope == envelope


def test_a_good_envelope_has_nothing_to_remark() -> None:
    assert decoded(encode(a_document())).findings == ()
    assert decoded(encode(a_status())).findings == ()


def test_the_writer_keeps_to_the_layout_that_vendors_read() -> None:
    text = encode(a_document()).decode()
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns=')
    assert f'<edXML:edXMLEnvelope xmlns:edXML="{EDXML_NS}">' in text
    assert "<edXML:ContentId>cid:1</edXML:ContentId>" in text
    assert "<AttachmentEncoded>\n<Attachment>\n<ContentId>cid:1</ContentId>" in text
    assert '<edXML:edXMLManifest version="1.0">' in text
    assert "<edXML:BussinessDocType>0</edXML:BussinessDocType>" in text


def test_prefixes_make_no_difference() -> None:
    plain = changed("edXML:", "", data=changed(f' xmlns:edXML="{EDXML_NS}"', ""))
    other = changed("edXML:", "x:", data=changed("xmlns:edXML", "xmlns:x"))
    assert document(plain) == document(other) == a_document()


def test_the_order_of_children_makes_no_difference() -> None:
    root = etree.fromstring(encode(a_document(recipients=(an_organ("000.00.00.H41"),))))
    for element in list(root.iter(etree.Element)):
        element[:] = reversed(element)
    turned = document(etree.tostring(root))
    expected = a_document(recipients=(an_organ("000.00.00.H41"),))
    assert turned == replace(expected, to_places=expected.to_places[::-1])


def test_white_space_and_windows_line_ends_around_values_are_dropped() -> None:
    data = changed("<edXML:OrganId>000.00.00.G22<", "<edXML:OrganId>\r\n\t 000.00.00.G22 \r\n<")
    assert document(data.replace(b"\n", b"\r\n")) == a_document()


def test_a_comment_inside_a_value_hides_nothing() -> None:
    data = changed("<edXML:OrganId>000.00.00.G22<", "<edXML:OrganId>000.00<!-- x -->.00.G22<")
    assert document(data).sender.organ_id == "000.00.00.G22"


@pytest.mark.parametrize("spelling", ["Bussiness", "Business"])
def test_both_spellings_of_bussiness_are_read(spelling: str) -> None:
    data = changed("edXML:Bussiness>", f"edXML:{spelling}>")
    outcome = decoded(data)
    assert isinstance(outcome.envelope, Document)
    assert outcome.envelope.bussiness == a_document().bussiness
    told = [FindingCode.COMPAT_BUSINESS_SPELLING] if spelling == "Business" else []
    assert [each.code for each in outcome.findings] == told


def test_without_bussiness_it_is_a_new_document() -> None:
    text = encode(a_document()).decode()
    head, _, rest = text.partition("<edXML:Bussiness>")
    outcome = decoded((head + rest.partition("</edXML:Bussiness>")[2]).encode())
    assert isinstance(outcome.envelope, Document)
    assert outcome.envelope.bussiness == Bussiness()
    assert codes(outcome.findings) == (FindingCode.COMPAT_BUSSINESS_MISSING,)


def test_without_a_trace_it_is_a_new_document() -> None:
    text = encode(a_document()).decode()
    head, _, rest = text.partition("<edXML:TraceHeaderList>")
    outcome = decoded((head + rest.partition("</edXML:TraceHeaderList>")[2]).encode())
    assert codes(outcome.findings) == (FindingCode.COMPAT_BUSSINESS_MISSING,)


@pytest.mark.parametrize("organ", ["", "<edXML:OrganId>null</edXML:OrganId>", "<edXML:OrganId/>"])
def test_a_hop_without_an_organ_is_read_and_told(organ: str) -> None:
    hop = f"<edXML:TraceHeader>{organ}<edXML:Timestamp>2026/10/01 09:00:05</edXML:Timestamp></edXML:TraceHeader>"
    outcome = decoded(changed("<edXML:TraceHeaderList>", f"<edXML:TraceHeaderList>{hop}"))
    assert isinstance(outcome.envelope, Document)
    assert outcome.envelope.trace_headers[0] == TraceHeader(
        timestamp=datetime(2026, 10, 1, 9, 0, 5, tzinfo=VIETNAM_TIME)
    )
    assert codes(outcome.findings) == (FindingCode.COMPAT_TRACE_ORGAN,)


def test_a_remark_made_very_often_is_told_twenty_times() -> None:
    hops = "<edXML:TraceHeader/>" * 500
    outcome = decoded(changed("<edXML:TraceHeaderList>", f"<edXML:TraceHeaderList>{hops}"))
    assert [each.code for each in outcome.findings] == [FindingCode.COMPAT_TRACE_ORGAN] * 20


def test_a_timestamp_is_vietnam_time_whatever_zone_it_was_given_in() -> None:
    moment = datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
    data = encode(a_status(timestamp=moment))
    assert b"<edXML:Timestamp>2026/10/01 01:30:00</edXML:Timestamp>" in data
    status = decoded(data).envelope
    assert isinstance(status, StatusMessage)
    assert status.timestamp == moment


def test_an_empty_response_for_is_read_and_told() -> None:
    outcome = decoded(changed("<edXML:SteeringType>", "<edXML:ResponseFor/><edXML:SteeringType>"))
    assert isinstance(outcome.envelope, Document)
    assert outcome.envelope.response_for == (ResponseFor(),)
    assert codes(outcome.findings) == (FindingCode.COMPAT_EMPTY_RESPONSE_FOR,)


@pytest.mark.parametrize(
    "written",
    [
        "7816/VPCP-TTĐT",
        "<edXML:CodeNumber>7816</edXML:CodeNumber><edXML:CodeNotation>VPCP-TTĐT</edXML:CodeNotation>",
        "\n<edXML:CodeNotation> VPCP-TTĐT </edXML:CodeNotation>\n<edXML:CodeNumber>7816</edXML:CodeNumber>\n",
    ],
)
def test_a_code_is_text_or_two_children_everywhere(written: str) -> None:
    data = changed("<edXML:SteeringType>", "<edXML:ResponseFor><edXML:Code/></edXML:ResponseFor><edXML:SteeringType>")
    text = data.decode()
    head, _, rest = text.partition("<edXML:Code>")
    text = f"{head}<edXML:Code>{written}</edXML:Code>{rest.partition('</edXML:Code>')[2]}"
    read_back = document(text.replace("<edXML:Code/>", f"<edXML:Code>{written}</edXML:Code>").encode())
    assert read_back.code == Code(code_number="7816", code_notation="VPCP-TTĐT")
    assert read_back.response_for == (ResponseFor(code="7816/VPCP-TTĐT"),)


@pytest.mark.parametrize("written", ["cid:1", "1", "CID:1", " cid:1 "])
def test_a_content_id_matches_with_and_without_cid(written: str) -> None:
    data = changed("<ContentId>cid:1<", f"<ContentId>{written}<")
    assert decoded(data).findings == ()
    assert document(data).attachments[0].content_id == "1"


def test_an_attachment_knows_its_line() -> None:
    data = encode(a_document())
    line = document(data).attachments[0].line
    assert line is not None
    assert data.split(b"\n")[line - 1] == b"<Attachment>"


def test_characters_that_xml_cannot_carry_are_left_out_and_the_others_escaped() -> None:
    subject = "a<b> & \"c\" ]]> \x01\x0b\ufffe'd' ệ \U0001f4c4"
    assert document(encode(a_document(subject=subject))).subject == "a<b> & \"c\" ]]> 'd' ệ \U0001f4c4"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"document_id": "so 12"}, FindingCode.DOCUMENT_ID_FORM),
        ({"document_id": "000.00.00.H99,2026/09/30,1/AB"}, FindingCode.DOCUMENT_ID_FOREIGN),
        ({"recipients": (an_organ("vxp.saas.03"),)}, FindingCode.ORGAN_CODE_FORM),
        ({"sender": an_organ("H37.DN.001"), "document_id": "H37.DN.001,2026/09/30,1"}, FindingCode.ORGAN_CODE_FORM),
    ],
)
def test_unusual_codes_and_ids_pass_with_a_remark_at_their_place(change: dict[str, object], code: FindingCode) -> None:
    outcome = decoded(encode(a_document(**change)))
    assert codes(outcome.findings) == (code,)
    assert outcome.findings[0].line
    assert outcome.findings[0].xpath.startswith("/edXML:edXML/")
    assert outcome.findings[0].value


@pytest.mark.parametrize(
    "document_id",
    ["3F2504E0-4F89-11D3-9A0C-0305E82C3301", "3f2504e04f8911d39a0c0305e82c3301", "G22,2026/09/30,7816/VPCP-TTĐT"],
)
def test_a_uuid_and_the_senders_other_code_form_are_usual_ids(document_id: str) -> None:
    assert decoded(encode(a_document(document_id=document_id))).findings == ()


def test_the_same_recipient_twice_is_refused() -> None:
    twice = (an_organ("000.00.00.H41"), an_organ("000.00.00.h41 "))
    outcome = decode(encode(a_document(recipients=twice)))
    assert isinstance(outcome, tuple)
    assert FindingCode.RECIPIENT_REPEATED in codes(outcome)


def test_all_faults_come_at_once() -> None:
    bad = a_document(attachments=(an_attachment(encoded="@@@"), an_attachment(content_id="2", encoded="QQ")))
    outcome = decode(encode(bad))
    assert isinstance(outcome, tuple)
    assert [each.code for each in errors(outcome)] == [FindingCode.ATTACHMENT_BASE64] * 2


def test_a_schema_fault_is_refused() -> None:
    outcome = decode(changed("2026/10/15", "15/10/2026"))
    assert isinstance(outcome, tuple)
    assert errors(outcome)


@pytest.mark.parametrize("data", [b"<a/>", b"<edXML/>", f'<edXML xmlns="{EDXML_NS}"/>'.encode()])
def test_well_formed_strangers_are_refused_not_raised(data: bytes) -> None:
    outcome = decode(data)
    assert isinstance(outcome, tuple)
    assert errors(outcome)


def test_reading_a_tree_that_never_passed_a_check_raises_nothing() -> None:
    root = etree.fromstring(
        f'<edXML xmlns="{EDXML_NS}"><edXMLEnvelope><!-- a --><edXMLHeader><MessageHeader><To/><DueDate>x</DueDate>'
        "<SteeringType>y</SteeringType><OtherInfo><Priority>z</Priority><Direction>?</Direction></OtherInfo>"
        "<StaffInfo/></MessageHeader><TraceHeaderList><TraceHeader><Timestamp>1/2/3 4</Timestamp></TraceHeader>"
        "<Bussiness><BussinessDocumentInfo><ReceiverList><Receiver/></ReceiverList></BussinessDocumentInfo>"
        "<ReplacementInfoList><ReplacementInfo/></ReplacementInfoList></Bussiness></TraceHeaderList></edXMLHeader>"
        "<edXMLBody><edXMLManifest><Reference/></edXMLManifest></edXMLBody></edXMLEnvelope>"
        "<AttachmentEncoded><Attachment/></AttachmentEncoded></edXML>"
    )
    envelope = read(root)
    assert isinstance(envelope, Document)
    assert envelope.due_date is None
    assert envelope.other_info.priority == 0


def test_limits_reach_the_attachments() -> None:
    limits = replace(DEFAULT_LIMITS, attachment_bytes=1_000)
    outcome = decode(encode(a_document(attachments=(an_attachment(b"x" * 1_001),))), limits)
    assert isinstance(outcome, tuple)
    assert codes(outcome) == (FindingCode.ATTACHMENT_TOO_LARGE,)


@needs_samples
def test_every_vendor_sample_is_read_except_the_one_with_stray_bytes() -> None:
    verdicts = {path.name: decode(path.read_bytes()) for path in sorted(SAMPLES.glob("*.edxml"))}
    assert len(verdicts) == 13
    refused = {name: verdict for name, verdict in verdicts.items() if not isinstance(verdict, Decoded)}
    assert list(refused) == ["edoc_new.edxml"]
    faults = refused["edoc_new.edxml"]
    assert isinstance(faults, tuple)
    assert [each.code for each in faults] == [FindingCode.XML_LEADING_BYTES]


@needs_samples
def test_the_vendors_replacement_is_understood() -> None:
    replacement = document((SAMPLES / "edoc_replacement.edxml").read_bytes())
    assert replacement.bussiness.bussiness_doc_type == 3
    assert replacement.bussiness.replacement_info_list[0].organ_id_list == ("000.00.00.H41", "000.00.00.H14")
    assert replacement.promulgation_info.promulgation_date == date(2018, 9, 28)
    assert [each.organ_id for each in replacement.recipients] == ["000.00.00.H41", "000.00.00.H14", "000.00.00.G17"]


@needs_samples
def test_the_vendors_status_13_is_understood() -> None:
    status = decoded((SAMPLES / "status_cancellation_13.edxml").read_bytes()).envelope
    assert isinstance(status, StatusMessage)
    assert (status.status_code, status.response_for.organ_id) == ("13", "000.00.00.H41")
    assert status.response_for.code == "7816/VPCP-TTĐT"
    assert status.staff_info
    assert status.staff_info.mobile == "84912000001"


@needs_samples
def test_what_vendors_wrote_survives_writing_and_reading() -> None:
    for path in SAMPLES.glob("*.edxml"):
        outcome = decode(path.read_bytes().removeprefix(b"1212"))
        assert isinstance(outcome, Decoded), path.name
        assert decoded(encode(outcome.envelope)).envelope == outcome.envelope
