"""Bytes become a tree or findings: where faults are placed, what limits let through, how places are named."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from edxml_schemas.codec import encode
from edxml_schemas.findings import Finding, FindingCode
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.safe_xml import Parsed, parse, text_of, xpath_of
from tests.support.envelopes import a_document, a_status, an_attachment, an_organ

ENVELOPE = encode(a_document())


def parsed(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Parsed:
    outcome = parse(data, limits)
    assert isinstance(outcome, Parsed), outcome
    return outcome


def refused(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Finding:
    outcome = parse(data, limits)
    assert not isinstance(outcome, Parsed)
    return outcome[0]


def test_an_envelope_becomes_a_tree_that_knows_its_size() -> None:
    tree = parsed(ENVELOPE)
    assert (tree.size, tree.comments) == (len(ENVELOPE), False)


@pytest.mark.parametrize("inner", ["<!-- a -->", "<?a b?>"])
def test_a_comment_or_instruction_inside_the_root_is_told(inner: str) -> None:
    assert parsed(f"<a><b>{inner}</b></a>".encode()).comments
    assert not parsed(f"{inner}<a/>{inner}".encode()).comments


def test_stray_bytes_are_shown_as_text_and_in_hexadecimal_and_the_rest_is_judged() -> None:
    fault = refused(b"1212" + ENVELOPE)
    assert (fault.code, fault.value, fault.line) == (FindingCode.XML_LEADING_BYTES, "1212", 1)
    assert dict(fault.facts) == {"hex": "31 32 31 32", "count": "4", "rest": "fine"}


def test_stray_bytes_before_a_faulty_document_bring_both_findings() -> None:
    outcome = parse(b"\x0012<?xml version='1.0'?><a>")
    assert isinstance(outcome, tuple)
    assert [each.code for each in outcome] == [FindingCode.XML_LEADING_BYTES, FindingCode.XML_NOT_WELL_FORMED]
    assert dict(outcome[0].facts)["rest"] == "faulty"
    assert outcome[0].value == r"\x0012"


def test_a_fault_of_grammar_has_line_column_and_the_parsers_words() -> None:
    fault = refused(b"<a>\n<b>\n</a>")
    assert (fault.code, fault.line) == (FindingCode.XML_NOT_WELL_FORMED, 3)
    assert "mismatch" in dict(fault.facts)["detail"]
    assert int(dict(fault.facts)["column"]) > 0


def test_an_unbound_prefix_is_named_with_its_line() -> None:
    fault = refused(b'<a>\n<b xlink:href="x"/></a>')
    assert (fault.code, fault.line, fault.value) == (FindingCode.XML_UNBOUND_PREFIX, 2, "xlink")


def test_bytes_that_are_not_utf8_are_shown_with_their_place() -> None:
    fault = refused(b"<a>\n\xc4\xe3</a>")
    assert (fault.code, fault.line) == (FindingCode.XML_ENCODING, 2)
    assert dict(fault.facts)["offset"] == "4"


def test_a_document_at_its_size_limit_passes_and_one_byte_more_does_not() -> None:
    assert parsed(ENVELOPE, replace(DEFAULT_LIMITS, envelope_bytes=len(ENVELOPE)))
    fault = refused(ENVELOPE, replace(DEFAULT_LIMITS, envelope_bytes=len(ENVELOPE) - 1))
    assert fault.code is FindingCode.XML_TOO_LARGE


@pytest.mark.parametrize(("depth", "passes"), [(39, True), (40, True), (41, False), (255, False)])
def test_depth_is_counted_exactly(depth: int, passes: bool) -> None:
    outcome = parse(b"<a>" * depth + b"</a>" * depth)
    assert isinstance(outcome, Parsed) is passes


@pytest.mark.parametrize(("elements", "passes"), [(10, True), (11, False)])
@pytest.mark.parametrize("shape", ["<b/>", "<b></b>", "<b>text</b>", "<b a='>'/>"])
def test_elements_are_counted_exactly_whatever_their_shape(elements: int, passes: bool, shape: str) -> None:
    data = f"<a><!-- <b/> --><![CDATA[<b/>]]><?b <b/>?>{shape * (elements - 1)}</a>".encode()
    assert isinstance(parse(data, replace(DEFAULT_LIMITS, elements=10)), Parsed) is passes


@pytest.mark.parametrize(("attributes", "passes"), [(32, True), (33, False)])
def test_attributes_of_one_element_are_counted_exactly(attributes: int, passes: bool) -> None:
    written = "".join(f" a{number}='=\">'" for number in range(attributes))
    assert isinstance(parse(f"<a><b{written}/></a>".encode()), Parsed) is passes


@pytest.mark.parametrize(("chars", "passes"), [(4_096, True), (4_097, False)])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_an_attribute_is_measured_in_characters(chars: int, passes: bool, quote: str) -> None:
    assert isinstance(parse(f"<a b={quote}{'ệ' * chars}{quote}/>".encode()), Parsed) is passes


def test_text_full_of_equals_signs_and_quotes_is_no_attribute() -> None:
    parsed(b"<a>" + b"=" * 30_000 + b'="' + b"x" * 9_000 + b"</a>")


@pytest.mark.parametrize("padding", [0, 20_000])
def test_limits_hold_in_front_of_behind_and_between_long_texts(padding: int) -> None:
    text = "x" * padding
    attributes = " ".join(f"a{number}=''" for number in range(33))
    hidden = f"<r><t c='>'>{text}</t><b {attributes}>{text}</b><t>{text}</t></r>"
    assert refused(hidden.encode()).code is FindingCode.XML_TOO_MANY_ATTRIBUTES


def test_an_envelope_of_many_recipients_and_attachments_is_within_limits() -> None:
    many = a_document(
        recipients=tuple(an_organ(f"000.00.{n // 100:02}.H{n % 100:02}") for n in range(5_000)),
        attachments=tuple(an_attachment(content_id=str(n)) for n in range(300)),
    )
    parsed(encode(many))


def test_a_place_is_named_with_the_norms_prefix_and_positions_among_equals() -> None:
    tree = parsed(encode(a_document()))
    places = [xpath_of(each) for each in tree.root.iter() if str(each.tag).endswith("}To")]
    head = "/edXML:edXML/edXML:edXMLEnvelope/edXML:edXMLHeader/edXML:MessageHeader/edXML:To"
    assert places == [f"{head}[1]", f"{head}[2]"]


def test_a_place_in_another_namespace_is_named_by_local_name() -> None:
    root = parsed(b"<a xmlns='u'><b xmlns=''><!-- c --></b></a>").root
    assert xpath_of(root[0][0]) == "/*[local-name()='a']/b/comment()"


def test_text_goes_on_behind_a_comment() -> None:
    root = parsed(b"<a> 000.00<!-- x -->.00<?y z?>.H41 </a>").root
    assert text_of(root) == "000.00.00.H41"


def test_text_of_an_empty_element_is_empty() -> None:
    assert text_of(etree.Element("a")) == ""


@given(st.binary(max_size=300))
@example(b"<")
@example(b"<?xml")
@example(b"<!--")
@example(b"\xef\xbb\xbf<?xml ?>")
@example(b"x<?xml version='1.0' encoding='utf-16'?>")
def test_any_bytes_become_a_tree_or_a_finding(data: bytes) -> None:
    outcome = parse(data)
    assert isinstance(outcome, Parsed) or outcome


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([ENVELOPE, encode(a_status())]),
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 40), st.binary(max_size=12)), max_size=4),
)
def test_a_damaged_envelope_becomes_a_tree_or_a_finding(data: bytes, damages: list[tuple[int, int, bytes]]) -> None:
    for place, length, instead in damages:
        at = place % (len(data) + 1)
        data = data[:at] + instead + data[at + length :]
    outcome = parse(data)
    assert isinstance(outcome, Parsed) or outcome


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["", "text", "<!-- <x> = -->", "<![CDATA[<x a='']]>", "<?p <x> ?>"]),
        lambda inner: st.tuples(
            st.integers(0, 5), st.sampled_from(["'", '"']), st.lists(inner, max_size=4), st.booleans()
        ).map(
            lambda part: (
                f"<e{''.join(f' a{n}={part[1]}>= {part[1]}' for n in range(part[0]))}>{''.join(part[2])}</e>"
                if part[3] or part[2]
                else "<e/>"
            )
        ),
        max_leaves=25,
    ),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_the_count_before_parsing_agrees_with_the_tree(inner: str, elements: int, attributes: int) -> None:
    data = f"<r>{inner}</r>".encode()
    tree = parsed(data).root
    all_elements = list(tree.iter(etree.Element))
    fits = len(all_elements) <= elements and sum(len(each.attrib) for each in all_elements) <= attributes
    limits = replace(DEFAULT_LIMITS, elements=elements, attributes=attributes)
    assert isinstance(parse(data, limits), Parsed) is fits
