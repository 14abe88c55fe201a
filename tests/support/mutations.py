"""Envelopes gone wrong in every way a vendor or an enemy finds: small changes to a tree, drawn from a seed."""

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from lxml import etree

from edxml_schemas.model import (
    Bussiness,
    BussinessDocumentInfo,
    Code,
    Envelope,
    Receiver,
    ReplacementInfo,
    ResponseFor,
)
from edxml_schemas.names import DSIG_NS, EDXML_NS, XLINK_NS, q
from tests.support.envelopes import (
    DECORATIVE_SIGNATURE,
    RECIPIENTS,
    SENDER,
    a_document,
    a_lean_document,
    a_status,
    envelope_bytes,
)

NAMES: Final = (
    *("edXML", "edXMLEnvelope", "edXMLHeader", "edXMLBody", "edXMLManifest", "MessageHeader", "From", "To"),
    *("OrganId", "OrganName", "DocumentId", "Code", "CodeNumber", "PromulgationInfo", "PromulgationDate", "Place"),
    *("DocumentType", "Type", "Subject", "Content", "SignerInfo", "DueDate", "ToPlaces", "OtherInfo", "Priority"),
    *("ResponseFor", "ResponseForTask", "TaskCode", "SteeringType", "StaffInfo", "StatusCode", "Timestamp"),
    *("TraceHeaderList", "TraceHeader", "Bussiness", "Business", "BussinessDocType", "BusinessDocType", "Paper"),
    *("ReplyFors", "ReplyFor", "ReferenceCodes", "ReferenceCode", "Signature", "Reference", "Attachment"),
    *("AttachmentEncoded", "ContentTransferEncoded", "Unknown", "organId"),
)
VALUES: Final = (
    *("", " ", "0", "1", "2", "3", "4", "5", "-1", "01", " 01 ", "13", "17", "true", "True", "yes", "null"),
    *("2026/02/28", "2026/02/29", "2024/02/29", "2026/04/31", "2026/13/01", "2026-01-01", "1899/01/01", "2026/1/1"),
    *("2026/09/30 08:15:00", "2026/09/30 24:00:00", "2026/09/30T08:15:00", "2026/02/30 08:15:00", " 2026/09/30 "),
    *("1234567890", "12.5", "+1", "Văn phòng Chính phủ", "a\tb\n c", "\u00a0", "\u2003", "９", "٣", "<&>"),
    *("x" * 100, "x" * 101, "ữ" * 300, "ữ" * 301, "x " * 250, "x" * 501, "😀" * 100, "😀" * 101, "x" * 4_001),
)
ATTRIBUTES: Final = (
    *("version", "id", "actor", "mustUnderstand", "href"),
    *(f"{{{XLINK_NS}}}href", "{urn:foreign}x", f"{{{EDXML_NS}}}version"),
    "{http://www.w3.org/XML/1998/namespace}lang",
    *(f"{{http://www.w3.org/2001/XMLSchema-instance}}{name}" for name in ("nil", "type", "schemaLocation")),
)

Mutation = Callable[[random.Random, etree._Element], None]


def elements(root: etree._Element) -> list[etree._Element]:
    return [each for each in root.iter() if isinstance(each.tag, str)]


def _inner(rng: random.Random, root: etree._Element) -> etree._Element:
    """Any element but the root."""
    return rng.choice(elements(root)[1:] or [root])


def drop(rng: random.Random, root: etree._Element) -> None:
    victim = _inner(rng, root)
    parent = victim.getparent()
    if parent is not None:
        parent.remove(victim)


def duplicate(rng: random.Random, root: etree._Element) -> None:
    victim = _inner(rng, root)
    for _ in range(rng.choice((1, 1, 2))):
        victim.addnext(copy.deepcopy(victim))


def rename(rng: random.Random, root: etree._Element) -> None:
    _inner(rng, root).tag = q(rng.choice(NAMES))


def estrange(rng: random.Random, root: etree._Element) -> None:
    """The same local name in another namespace, or in none."""
    victim = _inner(rng, root)
    victim.tag = rng.choice((f"{{{DSIG_NS}}}Signature", "{urn:foreign}x", etree.QName(victim).localname))


def shuffle(rng: random.Random, root: etree._Element) -> None:
    """Siblings in another order: never a fault."""
    for parent in elements(root):
        children = list(parent)
        rng.shuffle(children)
        parent[:] = children


def put_value(rng: random.Random, root: etree._Element) -> None:
    leaves = [each for each in elements(root) if not len(each)]
    rng.choice(leaves).text = rng.choice(VALUES)


def put_text(rng: random.Random, root: etree._Element) -> None:
    victim = _inner(rng, root)
    if rng.random() < 0.5:
        victim.tail = rng.choice(("stray", "\u00a0", "  ", "ữ"))
    else:
        victim.text = rng.choice(("stray", "1", "  ", ""))


def put_child(rng: random.Random, root: etree._Element) -> None:
    etree.SubElement(rng.choice(elements(root)), q(rng.choice(NAMES))).text = rng.choice(("", "1", "000.00.00.H41"))


def put_attribute(rng: random.Random, root: etree._Element) -> None:
    rng.choice(elements(root)).set(rng.choice(ATTRIBUTES), rng.choice(("1", "", "true", "x" * 501)))


def put_remark(rng: random.Random, root: etree._Element) -> None:
    """A comment or processing instruction somewhere, in a value too."""
    victim = rng.choice(elements(root))
    remark = rng.choice((etree.Comment("remark"), etree.ProcessingInstruction("remark", "x")))
    remark.tail = rng.choice(("", " ", "tail"))
    victim.insert(0, remark)


def move(rng: random.Random, root: etree._Element) -> None:
    victim, home = _inner(rng, root), rng.choice(elements(root))
    if victim is not root and victim not in home.iterancestors() and home is not victim:
        home.append(victim)


def hollow(rng: random.Random, root: etree._Element) -> None:
    victim = _inner(rng, root)
    for child in tuple(victim):
        victim.remove(child)
    victim.text = None


MUTATIONS: Final[tuple[Mutation, ...]] = (
    *(drop, duplicate, rename, estrange, shuffle, put_value, put_text, put_child, put_attribute, put_remark),
    *(move, hollow, put_value),
)


def starts() -> tuple[bytes, ...]:
    """Valid envelopes of every shape, to begin from."""
    update = BussinessDocumentInfo(
        document_info=1, document_receiver=1, receiver_list=(Receiver(organ_id=RECIPIENTS[0], receiver_type=0),)
    )
    replaced = ReplacementInfo(document_id="000.00.00.G22,2014/01/30,7806/VPCP", organ_id_list=RECIPIENTS)
    answer = ResponseFor(
        organ_id=SENDER, code="267/VPCP", promulgation_date=date(2018, 9, 28), document_id="000.00.04.G14,2012,267"
    )
    lean = a_lean_document(code=Code(code_number="1"))
    envelopes: tuple[Envelope, ...] = (
        lean,
        a_document(),
        replace(lean, bussiness=Bussiness(bussiness_doc_type=2, bussiness_document_info=update)),
        replace(lean, bussiness=Bussiness(bussiness_doc_type=3, replacement_info_list=(replaced, replaced))),
        replace(lean, response_for=(answer, ResponseFor(organ_id=SENDER)), response_for_task=("T1", "T2")),
        replace(lean, attachments=(), manifest=(), trace_headers=()),
        a_status(),
        a_status(status_code="13", staff_info=None),
    )
    return (
        *(envelope_bytes(each) for each in envelopes),
        envelope_bytes(lean, signature=DECORATIVE_SIGNATURE),
        envelope_bytes(a_status(), signature=f'<ds:Signature xmlns:ds="{DSIG_NS}"><x/></ds:Signature>'),
    )


def mutated(count: int, *, seed: int, begin: tuple[bytes, ...] = ()) -> Iterator[bytes]:
    """`count` envelopes, each a start with one to four mutations; the same ones for the same seed."""
    rng = random.Random(seed)  # noqa: S311  repeatable, no secret
    trees = [etree.fromstring(each, safe_parser()) for each in begin or starts()]
    for _ in range(count):
        root = copy.deepcopy(rng.choice(trees))
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            rng.choice(MUTATIONS)(rng, root)
        yield etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def safe_parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
