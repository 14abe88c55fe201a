"""The schema check: what is accepted, what is refused, and how a fault is named."""

import threading
from collections.abc import Iterator

import pytest
from lxml import etree
from xmlschema.validators import XsdElement

from edxml_schemas import schemas
from edxml_schemas.checks.engines import compiled
from edxml_schemas.checks.second_engine import explainer
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import Finding, FindingCode, Findings, codes
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.names import DSIG_NS, EDXML_NS, RECEIPT_NS, XLINK_NS, q
from tests.support.envelopes import (
    DECORATIVE_SIGNATURE,
    a_document,
    a_lean_document,
    a_status,
    envelope_bytes,
    of_size,
)
from tests.support.mutations import safe_parser

HEADER = "/edXML:edXML/edXML:edXMLEnvelope/edXML:edXMLHeader/edXML:MessageHeader"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def tree(data: bytes) -> etree._Element:
    return etree.fromstring(data, safe_parser())


def check(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Findings:
    """The verdict of the hot path, after holding the slow engine to the same places."""
    found = schemas.check(tree(data), limits)
    slow = schemas.explain(data, limits)
    assert [(each.code, each.line, each.xpath) for each in found] == [
        (each.code, each.line, each.xpath) for each in slow
    ]
    return found


def document_with(name: str, text: str) -> bytes:
    """A full document in which the first leaf of this name holds this text."""
    root = tree(envelope_bytes())
    leaf = next(root.iter(q(name)))
    leaf.text = text
    return etree.tostring(root, encoding="UTF-8")


def fact(found: Finding, name: str) -> str:
    return dict(found.facts)[name]


@pytest.mark.parametrize("size", [2_500, 4_096, 4_097, 100_000])
def test_generated_envelopes_of_any_size_are_valid_and_exact(size: int) -> None:
    assert len(of_size(size)) == size
    assert check(of_size(size)) == ()


def test_full_and_lean_documents_and_statuses_are_valid() -> None:
    for envelope in (a_document(), a_lean_document(), a_status()):
        for indent in (True, False):
            assert check(envelope_bytes(envelope, indent=indent)) == ()


def test_prefixes_do_not_matter() -> None:
    data = envelope_bytes().decode().replace("edXML:", "x:").replace(":edXML=", ":x=")
    assert check(data.encode()) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Priority", "4"),
        ("Priority", ""),
        ("DueDate", ""),
        ("DueDate", "2024/02/29"),
        ("DueDate", " 2026/12/31 "),
        ("PromulgationDate", ""),
        ("Timestamp", "2026/12/31 23:59:59"),
        ("Timestamp", ""),
        ("Direction", "True"),
        ("Direction", "0"),
        ("Paper", "1"),
        ("Paper", ""),
        ("Type", ""),
        ("PageAmount", ""),
        ("SteeringType", "-1"),
        ("BussinessDocType", " 3 "),
        ("Content", "ữ" * 65_536),
        ("ContentTransferEncoded", "this is not base64, and not for the schema to say"),
    ],
)
def test_a_value_that_real_systems_send_is_accepted(name: str, text: str) -> None:
    assert check(document_with(name, text)) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Priority", "5"),
        ("Priority", "khẩn"),
        ("DueDate", "2026-12-31"),
        ("DueDate", "31/12/2026"),
        ("DueDate", "2026/02/29"),
        ("DueDate", "2100/02/29"),
        ("DueDate", "2026/04/31"),
        ("DueDate", "2026/00/10"),
        ("DueDate", "1899/12/31"),
        ("DueDate", "\u00a0"),
        ("Timestamp", "2026/12/31"),
        ("Timestamp", "2026/12/31 24:00:00"),
        ("Timestamp", "2026/12/31T10:00:00"),
        ("Timestamp", "2026/12/31  10:00:60"),
        ("Direction", "yes"),
        ("Paper", "2"),
        ("Type", "3"),
        ("TypeDetail", "-1"),
        ("PageAmount", "1.5"),
        ("PageAmount", "٣"),
        ("SteeringType", "1234567890"),
        ("BussinessDocType", "4"),
        ("PromulgationAmount", "many"),
    ],
)
def test_a_wrong_value_is_named_with_line_place_value_and_what_was_expected(name: str, text: str) -> None:
    (found,) = check(document_with(name, text))
    assert found.code is FindingCode.SCHEMA_BAD_VALUE
    assert found.line is not None
    assert found.xpath.endswith(f"/edXML:{name}")
    assert found.value == text.strip()
    assert fact(found, "element") == name
    assert fact(found, "expected") == schemas.EXPECTED[name]


def test_a_bussiness_without_a_type_is_refused_and_not_taken_for_a_new_document() -> None:
    assert set(codes(check(document_with("BussinessDocType", "")))) == {
        FindingCode.SCHEMA_MISSING,
        FindingCode.SCHEMA_BAD_VALUE,
    }


@pytest.mark.parametrize("code", ["01", "02", "03", "04", "05", "06", "13", "15", "16", " 01\n"])
def test_the_nine_status_codes_are_accepted(code: str) -> None:
    assert check(envelope_bytes(a_status(status_code=code))) == ()


@pytest.mark.parametrize("code", ["1", "00", "07", "14", "17", "001", "Đã đến"])
def test_any_other_status_code_is_refused(code: str) -> None:
    (found,) = check(envelope_bytes(a_status(status_code=code)))
    assert (found.code, found.value) == (FindingCode.SCHEMA_BAD_VALUE, code)
    assert found.xpath == f"{HEADER}/edXML:StatusCode"


def leaves() -> Iterator[tuple[str, int | None]]:
    """Every element of the XSD that holds a value, with its longest text in characters, None without one."""
    for component in explainer().iter_components():
        kind = getattr(component, "type", None)
        name = getattr(component, "local_name", None)
        if isinstance(component, XsdElement) and name and kind is not None and kind.is_simple():
            yield str(name), kind.max_length


def bounded_texts() -> Iterator[tuple[str, int]]:
    """Leaves of the full document with the longest text that the XSD allows them there."""
    present = {etree.QName(element).localname for element in tree(envelope_bytes()).iter(etree.Element)}
    bounds: dict[str, int] = {}
    for name, length in leaves():
        if name in present and length is not None:
            bounds[name] = min(length, bounds.get(name, length))
    yield from bounds.items()


@pytest.mark.parametrize(("name", "length"), sorted(set(bounded_texts())))
def test_every_text_has_a_bound_counted_in_characters(name: str, length: int) -> None:
    assert check(document_with(name, "ữ" * length)) == ()
    (found,) = check(document_with(name, "ữ" * (length + 1)))
    assert found.code is FindingCode.SCHEMA_TOO_LONG
    assert (fact(found, "limit"), fact(found, "length")) == (str(length), str(length + 1))
    assert len(found.value) <= 201


def test_every_leaf_of_the_schema_has_a_bound_or_a_set_of_values() -> None:
    found = tuple(leaves())
    assert len(found) > 60
    unbounded = {name for name, length in found if length is None and name not in schemas.EXPECTED}
    assert unbounded == {"ContentTransferEncoded"}


def test_the_reason_of_a_status_has_room_for_four_thousand_characters() -> None:
    assert check(envelope_bytes(a_status(description="ữ" * 4_000))) == ()
    assert codes(check(envelope_bytes(a_status(description="ữ" * 4_001)))) == (FindingCode.SCHEMA_TOO_LONG,)


def test_an_element_of_a_vendor_is_named_and_hides_nothing_behind_it() -> None:
    root = tree(envelope_bytes(a_document()))
    header = next(root.iter(q("MessageHeader")))
    header.insert(0, etree.Element(q("VendorField")))
    header.insert(0, etree.Element("{urn:vendor}Extension"))
    next(root.iter(q("Priority"))).text = "9"
    next(root.iter(q("DueDate"))).text = "soon"
    found = check(etree.tostring(root, encoding="UTF-8"))
    unknown = [each for each in found if each.code is FindingCode.SCHEMA_UNKNOWN_ELEMENT]
    assert {fact(each, "element") for each in unknown} == {"VendorField", "{urn:vendor}Extension"}
    assert "Subject" in fact(unknown[0], "expected")
    assert {each.value for each in found if each.code is FindingCode.SCHEMA_BAD_VALUE} == {"9", "soon"}


def test_a_child_inside_a_value_is_named() -> None:
    data = envelope_bytes().replace(b"<edXML:Subject>", b"<edXML:Subject><b/>")
    (found,) = check(data)
    assert found.code is FindingCode.SCHEMA_UNKNOWN_ELEMENT
    assert (fact(found, "element"), fact(found, "parent")) == ("b", "Subject")


def test_stray_text_is_quoted() -> None:
    data = envelope_bytes().replace(b"<edXML:SignerInfo>", "<edXML:SignerInfo>Bộ trưởng".encode())
    (found,) = check(data)
    assert (found.code, found.value) == (FindingCode.SCHEMA_TEXT, "Bộ trưởng")


def test_an_unknown_attribute_is_named() -> None:
    data = envelope_bytes().replace(b"<edXML:From>", b'<edXML:From role="sender">')
    (found,) = check(data)
    assert found.code is FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE
    assert found.xpath == f"{HEADER}/edXML:From/@role"
    assert (found.value, fact(found, "attribute"), fact(found, "element")) == ("sender", "role", "From")


@pytest.mark.parametrize("typing", ['type="xs:token"', 'nil="true"', 'nil="false"', 'type="nowhere:none"'])
def test_an_envelope_may_not_change_how_the_schema_reads_it(typing: str) -> None:
    data = envelope_bytes().decode()
    data = data.replace("<edXML:Subject>", f'<edXML:Subject xmlns:xsi="{XSI}" xsi:{typing}>')
    assert codes(check(data.encode())) == (FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE,)


def test_a_schema_location_is_read_past() -> None:
    data = envelope_bytes().decode()
    data = data.replace(
        "<edXML xmlns", f'<edXML xmlns:xsi="{XSI}" xsi:schemaLocation="{EDXML_NS} nowhere.xsd" xmlns', 1
    )
    assert check(data.encode()) == ()


def test_trace_header_list_takes_its_attributes_plain_and_as_soap_qualifies_them() -> None:
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    data = envelope_bytes().decode()
    for attributes in (
        'id="1" version="1.0" mustUnderstand="1" actor="http://hub.example"',
        f'xmlns:soap="{soap}" soap:mustUnderstand="1" soap:actor="x"',
    ):
        changed = data.replace("<edXML:TraceHeaderList>", f"<edXML:TraceHeaderList {attributes}>")
        assert check(changed.encode()) == ()


@pytest.mark.parametrize("organ", ["<edXML:OrganId>null</edXML:OrganId>", "<edXML:OrganId/>", ""])
def test_a_hop_without_a_name_is_no_fault(organ: str) -> None:
    hop = f"<edXML:TraceHeader>{organ}<edXML:Timestamp>2026/10/01 00:00:00</edXML:Timestamp></edXML:TraceHeader>"
    data = envelope_bytes().decode().replace("<edXML:Bussiness>", f"{hop}<edXML:Bussiness>")
    assert check(data.encode()) == ()


def test_both_spellings_of_bussiness_and_none_are_accepted() -> None:
    data = envelope_bytes().decode()
    assert check(data.replace("edXML:Bussiness>", "edXML:Business>").encode()) == ()
    assert check(data.replace("Bussiness", "Business").encode()) == ()
    root = tree(data.encode())
    trace = next(root.iter(q("TraceHeaderList")))
    trace.remove(next(root.iter(q("Bussiness"))))
    assert check(etree.tostring(root)) == ()
    trace.getparent().remove(trace)  # type: ignore[union-attr]  # a TraceHeaderList has a parent
    assert check(etree.tostring(root)) == ()


def test_an_empty_response_for_and_a_code_as_text_are_accepted_in_a_document() -> None:
    data = envelope_bytes().decode().replace("<edXML:SteeringType>", "<edXML:ResponseFor/><edXML:SteeringType>")
    assert check(data.encode()) == ()
    start, _, rest = data.partition("<edXML:Code>")
    assert check(f"{start}<edXML:Code>7816/VPCP{rest[rest.index('</edXML:Code>') :]}".encode()) == ()
    assert check(f"{start}<edXML:Code>7816/{rest}".encode()) == ()


def test_a_reference_may_carry_a_link() -> None:
    data = envelope_bytes().decode()
    data = data.replace("<edXML:Reference>", f'<edXML:Reference xmlns:xlink="{XLINK_NS}" xlink:href="cid:1">')
    assert check(data.encode()) == ()


def test_no_attachments_need_no_manifest() -> None:
    root = tree(envelope_bytes(a_document(attachments=())))
    envelope = next(root.iter(q("edXMLEnvelope")))
    envelope.remove(next(root.iter(q("edXMLBody"))))
    assert check(etree.tostring(root)) == ()


@pytest.mark.parametrize(
    "signature",
    [
        DECORATIVE_SIGNATURE,
        DECORATIVE_SIGNATURE * 2,
        '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="s"><ds:Foo bar="1">x</ds:Foo>y</ds:Signature>',
        "<Signature/>",
    ],
)
def test_what_stands_where_a_signature_belongs_is_left_to_the_signature_check(signature: str) -> None:
    assert check(envelope_bytes(signature=signature)) == ()
    assert check(envelope_bytes(a_status(), signature=signature)) == ()


def test_a_signature_elsewhere_is_a_fault_of_the_schema() -> None:
    data = envelope_bytes().decode().replace("</edXML:MessageHeader>", f"{DECORATIVE_SIGNATURE}</edXML:MessageHeader>")
    assert codes(check(data.encode())) == (FindingCode.SCHEMA_UNKNOWN_ELEMENT,)


@pytest.mark.parametrize("root", ["<edXML/>", '<edxml xmlns="urn:x"/>', f'<EDXML xmlns="{EDXML_NS}"/>'])
def test_another_root_is_said_to_be_one(root: str) -> None:
    assert codes(check(root.encode())) == (FindingCode.SCHEMA_ROOT,)


def test_an_envelope_without_a_header_is_neither_document_nor_status() -> None:
    data = f'<edXML xmlns="{EDXML_NS}"><edXMLEnvelope><Wrong/></edXMLEnvelope></edXML>'.encode()
    assert schemas.kind_of(tree(data)) is None
    assert set(codes(check(data))) == {FindingCode.SCHEMA_KIND, FindingCode.SCHEMA_UNKNOWN_ELEMENT}


@pytest.mark.parametrize(
    ("children", "kind"),
    [
        ("<From/><To/><Subject/>", MessageType.DOCUMENT),
        ("<From/><To/>", MessageType.DOCUMENT),
        ("<From/><StatusCode/>", MessageType.STATUS),
        ("<From/><ResponseFor/>", MessageType.STATUS),
        ("<From/><To/><StatusCode/>", MessageType.STATUS),
        ("<To/><Subject/><Code/><StatusCode/>", MessageType.DOCUMENT),
        ("<From/>", None),
    ],
)
def test_the_kind_is_what_most_children_speak_for(children: str, kind: MessageType | None) -> None:
    header = f"<edXMLHeader><MessageHeader>{children}</MessageHeader></edXMLHeader>"
    root = tree(f'<edXML xmlns="{EDXML_NS}"><edXMLEnvelope>{header}</edXMLEnvelope></edXML>'.encode())
    assert schemas.kind_of(root) is kind


def test_faults_come_in_the_order_of_lines_and_each_once() -> None:
    data = envelope_bytes().decode().replace("2026/10/15", "x").replace("<edXML:Priority>0", "<edXML:Priority>7")
    data = data.replace("</edXML:From>", "<edXML:OrganId>1</edXML:OrganId></edXML:From>")
    found = check(data.encode())
    assert [each.code for each in found] == [
        FindingCode.SCHEMA_REPEATED,
        FindingCode.SCHEMA_BAD_VALUE,
        FindingCode.SCHEMA_BAD_VALUE,
    ]
    assert [each.line for each in found] == sorted(each.line or 0 for each in found)


def test_more_faults_than_the_limit_are_cut_and_said_to_be() -> None:
    root = tree(envelope_bytes())
    header = next(root.iter(q("MessageHeader")))
    for number in range(60):
        etree.SubElement(header, q(f"Vendor{number}"))
    limits = Limits(findings=10)
    found = check(etree.tostring(root), limits)
    assert len(found) == 11
    assert found[-1].code is FindingCode.SCHEMA_MORE
    assert fact(found[-1], "limit") == "10"


def test_tens_of_thousands_of_wrong_siblings_are_refused_without_asking_the_engines() -> None:
    root = tree(envelope_bytes())
    header = next(root.iter(q("MessageHeader")))
    for _ in range(30_000):
        etree.SubElement(header, q("DueDate")).text = "soon"
    assert codes(schemas.check(root)) == (FindingCode.SCHEMA_REPEATED,)


def test_explaining_what_is_no_xml_gives_the_findings_of_the_reader() -> None:
    assert schemas.explain(b"")[0].code is FindingCode.XML_EMPTY
    assert schemas.explain(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')[0].code is FindingCode.XML_DTD


def test_threads_do_not_mix_their_faults() -> None:
    bad = [document_with("Priority", str(number)) for number in range(10, 18)]
    wrong: list[Findings] = []

    def work(number: int) -> None:
        for _ in range(150):
            found = schemas.check(tree(bad[number]))
            if [each.value for each in found] != [str(number + 10)]:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_schema_is_compiled_once() -> None:
    assert compiled() is compiled()
    assert explainer() is explainer()


RECEIPT = f"""<Receipt xmlns="{RECEIPT_NS}" version="1"><Kind>refused</Kind><ReceiptId>r-1</ReceiptId>
<MessageId>m-1</MessageId><Size>4096</Size><Digest>{"0a" * 32}</Digest><Duplicate>false</Duplicate>
<ReceivedAt>2026-11-21T08:00:00.123456+00:00</ReceivedAt><DecidedAt>2026-11-21T08:00:01Z</DecidedAt>
<Legs><Leg><LegId>l-1</LegId><Recipient>000.00.00.H41</Recipient></Leg></Legs>
<Findings><Finding><Code>schema.bad-value</Code><Severity>error</Severity><Lgsp>22</Lgsp><Retry>false</Retry>
<Line>5</Line><XPath>/a</XPath><Value>x</Value><Fact name="limit">5</Fact><MessageVi>Sai</MessageVi>
</Finding></Findings>
</Receipt>"""


def test_a_receipt_of_too_many_legs_is_refused_before_the_engine_sees_it() -> None:
    data = RECEIPT.replace("<Legs>", f"<Legs>{'<Leg><Wrong/></Leg>' * 7_000}")
    assert codes(schemas.check_receipt(tree(data.encode()))) == (FindingCode.SCHEMA_TOO_MANY,)


def test_a_receipt_of_the_hub_is_valid_in_any_order() -> None:
    assert schemas.check_receipt(tree(RECEIPT.encode())) == ()
    root = tree(RECEIPT.encode())
    root[:] = reversed(root)
    assert schemas.check_receipt(root) == ()


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        (">refused<", ">maybe<", FindingCode.SCHEMA_BAD_VALUE),
        ("<Legs>", "<Kind>refused</Kind><Legs>", FindingCode.SCHEMA_REPEATED),
        ("<LegId>", "<LegId>l-0</LegId><LegId>", FindingCode.SCHEMA_REPEATED),
        ("<Line>", "<Line>4</Line><Line>", FindingCode.SCHEMA_REPEATED),
        ("0a0a0a", "0A0A0A", FindingCode.SCHEMA_BAD_VALUE),
        ("01Z<", "01<", FindingCode.SCHEMA_BAD_VALUE),
        ("<Legs>", "<Foo/><Legs>", FindingCode.SCHEMA_UNKNOWN_ELEMENT),
        (">r-1<", f">{'r' * 301}<", FindingCode.SCHEMA_TOO_LONG),
        ('version="1"', 'edition="1"', FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE),
        ("<Receipt ", "<Quittung ", FindingCode.SCHEMA_ROOT),
    ],
)
def test_a_wrong_receipt_is_refused(right: str, wrong: str, code: FindingCode) -> None:
    data = RECEIPT.replace(right, wrong).replace("</Receipt>", "</Quittung>" if "Quittung" in wrong else "</Receipt>")
    assert codes(schemas.check_receipt(tree(data.encode()))) == (code,)


def test_a_receipt_has_room_for_one_signature_behind_everything_else() -> None:
    signature = f'<Signature xmlns="{DSIG_NS}"><SignedInfo/></Signature>'
    signed = RECEIPT.replace("</Receipt>", f"{signature}</Receipt>")
    assert schemas.check_receipt(tree(signed.encode())) == ()
    for wrong in (
        signed.replace("</Receipt>", f"{signature}</Receipt>"),
        signed.replace("<Kind>", f"{signature}<Kind>"),
        RECEIPT.replace("<Kind>", f"{signature}<Kind>"),
        RECEIPT.replace("<Legs>", f"<Legs>{signature}"),
    ):
        assert schemas.check_receipt(tree(wrong.encode())), wrong
