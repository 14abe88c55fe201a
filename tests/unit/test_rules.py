"""The table of rules: every row holds, every row breaks, and nothing else does."""

import copy
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from lxml import etree

from edxml_schemas import schemas
from edxml_schemas.checks import rules
from edxml_schemas.checks.rule_table import TABLE, TEXT_TABLE, Rule, TextRule
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import FindingCode, Findings, codes
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import Bussiness, BussinessDocumentInfo, Document, Receiver, ReplacementInfo, ResponseFor
from edxml_schemas.names import local, q
from edxml_schemas.safe_xml import xpath_of
from tests.support.envelopes import (
    DECORATIVE_SIGNATURE,
    RECIPIENTS,
    SENDER,
    a_document,
    a_status,
    an_organ,
    envelope_bytes,
)
from tests.support.mutations import safe_parser

SMALL = replace(DEFAULT_LIMITS, recipients=4, attachments=3)


def tree(data: bytes) -> etree._Element:
    return etree.fromstring(data, safe_parser())


def full(kind: MessageType, *, spelling: str = "Bussiness") -> etree._Element:
    """An envelope that holds every element of the tables."""
    if kind is MessageType.STATUS:
        root = tree(envelope_bytes(a_status(), signature=DECORATIVE_SIGNATURE))
        header = next(root.iter(q("edXMLHeader")))
        trace = etree.SubElement(header, q("TraceHeaderList"))
        etree.SubElement(etree.SubElement(trace, q("TraceHeader")), q("OrganId")).text = "null"
    else:
        root = tree(envelope_bytes(a_full_document(), signature=DECORATIVE_SIGNATURE))
        other = next(root.iter(q("OtherInfo")))
        code = etree.SubElement(etree.SubElement(other, q("ReferenceCodes")), q("ReferenceCode"))
        etree.SubElement(code, q("CodeNumber")).text = "1"
        reply = etree.SubElement(etree.SubElement(other, q("ReplyFors")), q("ReplyFor"))
        for name, text in (("OrganId", SENDER), ("Code", "1/A"), ("PromulgationDate", ""), ("DocumentId", "x")):
            etree.SubElement(reply, q(name)).text = text
    header = next(root.iter(q("edXMLHeader")))
    header.append(etree.Element("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    if spelling == "Business":
        for element in root.iter(etree.Element):
            element.tag = element.tag.replace("Bussiness", "Business")
    return root


def a_full_document() -> Document:
    return a_document(
        response_for=(
            ResponseFor(organ_id=SENDER, code="267/VPCP", promulgation_date=None, document_id="000.00.04.G14,2012,267"),
        ),
        response_for_task=("T1",),
        application_type="eoffice",
        bussiness=Bussiness(
            bussiness_doc_type=2,
            document_id="x",
            bussiness_doc_reason="Cập nhật",
            paper=1,
            staff_info=a_status().staff_info,
            bussiness_document_info=BussinessDocumentInfo(
                document_info=1,
                document_receiver=0,
                receiver_list=(Receiver(organ_id=RECIPIENTS[0], receiver_type=1),),
            ),
            replacement_info_list=(ReplacementInfo(document_id="y", organ_id_list=RECIPIENTS),),
        ),
    )


def kinds_of(rule: Rule | TextRule) -> tuple[MessageType, ...]:
    kind = rule.kind if isinstance(rule, Rule) else None
    return (kind,) if kind else (MessageType.DOCUMENT, MessageType.STATUS)


def cases() -> Iterator[tuple[Rule, MessageType, etree._Element]]:
    """Each row with an envelope that holds its parent."""
    for rule in TABLE:
        for kind in kinds_of(rule):
            for spelling in ("Bussiness", "Business"):
                root = full(kind, spelling=spelling)
                if next(root.iter(q(rule.parent)), None) is not None:
                    yield rule, kind, root
                    break


CASES = tuple(cases())
NAMES = [f"{kind.value}-{rule.parent}-{'+'.join(rule.child)}" for rule, kind, _ in CASES]


def parent_of(root: etree._Element, rule: Rule | TextRule) -> etree._Element:
    """The first such parent outside the decorative signature, which has a Reference of its own."""
    inside = set(next(root.iter(q("Signature"))).iter())
    return next(each for each in root.iter(q(rule.parent)) if each not in inside)


def named(rule: Rule) -> tuple[str, ...]:
    return tuple(name if name.startswith("{") else q(name) for name in rule.child)


def held(parent: etree._Element, rule: Rule) -> list[etree._Element]:
    return [child for child in parent if child.tag in named(rule)]


def test_the_envelopes_of_these_tests_hold_every_parent_of_the_table_and_are_valid() -> None:
    assert {rule.parent for rule, _, _ in CASES} == {rule.parent for rule in TABLE}
    for kind in (MessageType.DOCUMENT, MessageType.STATUS):
        for spelling in ("Bussiness", "Business"):
            assert schemas.check(full(kind, spelling=spelling)) == ()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", [MessageType.DOCUMENT, MessageType.STATUS])
def test_children_in_any_order_are_no_fault(kind: MessageType, seed: int) -> None:
    rng, root = random.Random(seed), full(kind)  # noqa: S311  repeatable, no secret
    for parent in list(root.iter(etree.Element)):
        children = list(parent)
        rng.shuffle(children)
        parent[:] = children
    assert schemas.check(root) == ()


@pytest.mark.parametrize(("rule", "kind", "root"), CASES, ids=NAMES)
def test_a_row_that_asks_for_a_child_is_broken_by_its_absence_and_no_other_is(
    rule: Rule, kind: MessageType, root: etree._Element
) -> None:
    root = copy.deepcopy(root)
    parent = parent_of(root, rule)
    where = xpath_of(parent)
    for child in held(parent, rule):
        parent.remove(child)
    found = here(rules.check(root, kind), where)
    if rule.at_least:
        assert FindingCode.SCHEMA_MISSING in codes(found)
        assert any(("parent", rule.parent) in each.facts and each.line for each in found)
    elif rule.child[0] not in {"Subject", "Content"}:
        assert found == ()


@pytest.mark.parametrize(
    ("rule", "kind", "root"),
    [case for case in CASES if case[0].filled],
    ids=[name for name, case in zip(NAMES, CASES, strict=True) if case[0].filled],
)
def test_a_child_that_must_hold_text_is_missing_when_it_is_blank(
    rule: Rule, kind: MessageType, root: etree._Element
) -> None:
    root = copy.deepcopy(root)
    parent = parent_of(root, rule)
    for child in held(parent, rule):
        child[:] = [etree.Comment("nothing")]
        child.text = " \n "
    assert FindingCode.SCHEMA_MISSING in codes(here(rules.check(root, kind), xpath_of(parent)))


@pytest.mark.parametrize(("rule", "kind", "root"), CASES, ids=NAMES)
def test_a_row_with_a_bound_is_broken_by_one_child_more(rule: Rule, kind: MessageType, root: etree._Element) -> None:
    bound = rule.bound(SMALL)
    if bound is None:
        assert rule.child[-1] in {"Signature", "Content", "Code", "{http://www.w3.org/2000/09/xmldsig#}Signature"}
        return
    root = copy.deepcopy(root)
    parent = parent_of(root, rule)
    here_now = held(parent, rule)
    pattern = here_now[0] if here_now else etree.SubElement(parent, named(rule)[0])
    for number in range(bound + 1 - len(held(parent, rule))):
        twin = copy.deepcopy(pattern)
        for leaf in twin.iter(q(rule.distinct)) if rule.distinct else ():
            leaf.text = f"X.{number}"
        if len(rule.child) > 1:
            twin.tag = named(rule)[-1]  # the other spelling counts with the first
        parent.append(twin)
    found = rules.check(root, kind, SMALL)
    code = FindingCode.SCHEMA_REPEATED if bound == 1 else FindingCode.SCHEMA_TOO_MANY
    assert code in codes(found)
    fault = next(each for each in found if each.code is code)
    assert dict(fault.facts)["count"] == str(bound + 1)
    assert dict(fault.facts)["parent"] == rule.parent


@pytest.mark.parametrize("rule", TEXT_TABLE, ids=lambda rule: rule.parent)
def test_text_of_mixed_content_has_a_bound(rule: TextRule) -> None:
    root = full(MessageType.DOCUMENT)
    element = parent_of(root, rule)
    element.text = "x" * rule.at_most
    for child in element:
        child.tail = None
    assert FindingCode.SCHEMA_TOO_LONG not in codes(rules.check(root, MessageType.DOCUMENT))
    element.text = "x" * (rule.at_most + 1)
    assert FindingCode.SCHEMA_TOO_LONG in codes(rules.check(root, MessageType.DOCUMENT))


def here(found: Findings, where: str) -> Findings:
    """The findings of a parent and its children, not of their children."""
    return tuple(each for each in found if each.xpath.startswith(where) and each.xpath[len(where) :].count("/") <= 1)


@pytest.mark.parametrize("left_out", ["subject", "content"])
def test_a_document_with_only_one_of_subject_and_content_is_accepted(left_out: str) -> None:
    assert schemas.check(tree(envelope_bytes(a_document(**{left_out: ""})))) == ()


def test_a_document_without_subject_and_content_is_refused() -> None:
    found = schemas.check(tree(envelope_bytes(a_document(subject="", content=" "))))
    assert codes(found) == (FindingCode.SCHEMA_MISSING,)
    assert dict(found[0].facts)["element"] == "Subject / Content"


@pytest.mark.parametrize(
    "named_by",
    [ResponseFor(organ_id=SENDER, code="7816/VPCP"), ResponseFor(organ_id=SENDER, document_id="7816/VPCP")],
    ids=["code", "document_id"],
)
def test_a_status_may_name_its_document_by_code_or_by_document_id(named_by: ResponseFor) -> None:
    assert schemas.check(tree(envelope_bytes(a_status(response_for=named_by)))) == ()


def test_a_status_that_names_no_document_is_refused() -> None:
    unnamed = ResponseFor(organ_id=SENDER)
    assert codes(schemas.check(tree(envelope_bytes(a_status(response_for=unnamed))))) == (FindingCode.SCHEMA_MISSING,)


@pytest.mark.parametrize("again", [RECIPIENTS[0], f" {RECIPIENTS[0]}\n", RECIPIENTS[0].lower()])
def test_the_same_recipient_twice_is_named_where_it_stands_again(again: str) -> None:
    data = envelope_bytes(a_document(recipients=(an_organ(RECIPIENTS[0]), an_organ("H14"), an_organ(again))))
    (found,) = schemas.check(tree(data))
    assert found.code is FindingCode.RECIPIENT_REPEATED
    assert found.xpath.endswith("/edXML:To[3]/edXML:OrganId")
    assert dict(found.facts)["count"] == "2"


def test_a_recipient_named_over_and_over_is_told_once() -> None:
    data = envelope_bytes(a_document(recipients=tuple(an_organ(RECIPIENTS[0]) for _ in range(200))))
    assert codes(schemas.check(tree(data))) == (FindingCode.RECIPIENT_REPEATED,)
    assert len(schemas.check(tree(data))) == 1


def test_all_faults_of_all_rows_are_told_at_once() -> None:
    root = full(MessageType.DOCUMENT)
    for name in ("DocumentId", "PromulgationInfo", "DocumentType"):
        header = next(root.iter(q("MessageHeader")))
        header.remove(next(child for child in header if local(child.tag) == name))
    etree.SubElement(next(root.iter(q("MessageHeader"))), q("Vendor"))
    etree.SubElement(next(root.iter(q("From"))), q("TaxCode"))
    found = rules.check(root, MessageType.DOCUMENT)
    missing = {dict(each.facts)["element"] for each in found if each.code is FindingCode.SCHEMA_MISSING}
    unknown = {dict(each.facts)["element"] for each in found if each.code is FindingCode.SCHEMA_UNKNOWN_ELEMENT}
    assert missing == {"DocumentId", "PromulgationInfo", "DocumentType"}
    assert unknown == {"Vendor", "TaxCode"}


@pytest.mark.parametrize("name", ["StatusCode", "Timestamp"])
def test_an_element_of_a_status_is_unknown_in_a_document(name: str) -> None:
    root = full(MessageType.DOCUMENT)
    etree.SubElement(next(root.iter(q("MessageHeader"))), q(name)).text = "03" if name == "StatusCode" else ""
    assert codes(schemas.check(root)) == (FindingCode.SCHEMA_UNKNOWN_ELEMENT,)


@pytest.mark.parametrize("name", ["To", "Subject"])
def test_an_element_of_a_document_is_unknown_in_a_status(name: str) -> None:
    root = full(MessageType.STATUS)
    etree.SubElement(next(root.iter(q("MessageHeader"))), q(name))
    assert codes(schemas.check(root)) == (FindingCode.SCHEMA_UNKNOWN_ELEMENT,)


def test_a_status_has_neither_body_nor_attachments() -> None:
    root = full(MessageType.STATUS)
    etree.SubElement(root, q("AttachmentEncoded"))
    etree.SubElement(next(root.iter(q("edXMLEnvelope"))), q("edXMLBody"))
    found = schemas.check(root)
    assert {dict(each.facts)["element"] for each in found} == {"edXMLBody", "AttachmentEncoded"}
