"""No forgery of a signed envelope is taken for genuine, and each is named for what it is."""

from datetime import UTC, datetime

import pytest
from lxml import etree

from edxml_schemas.findings import FindingCode, Findings, codes
from edxml_schemas.names import RECEIPT_NS
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, Signer, check_integrity, sign
from tests.attacks.signature_corpus import ATTACKS, Attack, Setting, setting, signature, swap, without_signature
from tests.support.pki import Pki


@pytest.fixture(scope="module")
def scene() -> Setting:
    return setting(Pki(datetime.now(UTC)))


def judged(data: bytes) -> Signed | Findings:
    parsed = parse(data)
    return check_integrity(parsed) if isinstance(parsed, Parsed) else parsed


def test_the_genuine_envelope_is_good(scene: Setting) -> None:
    assert isinstance(judged(scene.genuine), Signed)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_forgery_is_refused_and_named(attack: Attack, scene: Setting) -> None:
    data = attack.forge(scene)
    assert data != scene.genuine
    verdict = judged(data)
    assert not isinstance(verdict, Signed)
    assert attack.expected & set(codes(verdict)), codes(verdict)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_fault_says_where_it_is(attack: Attack, scene: Setting) -> None:
    verdict = judged(attack.forge(scene))
    assert not isinstance(verdict, Signed)
    assert verdict
    assert all(fault.xpath and fault.line for fault in verdict)


def test_names_of_attacks_are_unique() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_all_faults_of_a_signature_are_named_at_once(scene: Setting) -> None:
    data = swap(scene.genuine, "#ecdsa-sha256", "#ecdsa-sha1")
    data = swap(data, '<Reference URI="">', '<Reference URI="#x">')
    data = swap(data, "</X509Data>", "<X509CRL/></X509Data>")
    data = swap(data, "000.00.00.G22", "000.00.00.G2<!-- -->2")
    verdict = judged(data)
    assert not isinstance(verdict, Signed)
    assert set(codes(verdict)) == {
        FindingCode.SIGNATURE_COMMENT,
        FindingCode.SIGNATURE_ALGORITHM,
        FindingCode.SIGNATURE_REFERENCE,
        FindingCode.SIGNATURE_KEY_INFO,
    }


def test_a_wrong_digest_and_a_wrong_value_are_both_named(scene: Setting) -> None:
    data = swap(scene.genuine, "000.00.00.G22", "000.00.00.G66")
    data = swap(data, "<SignatureValue>", "<SignatureValue>AAAA")
    verdict = judged(data)
    assert not isinstance(verdict, Signed)
    assert set(codes(verdict)) == {FindingCode.SIGNATURE_DIGEST, FindingCode.SIGNATURE_VALUE}


def test_a_thousand_second_signatures_give_a_handful_of_findings(scene: Setting) -> None:
    data = swap(scene.genuine, "</edXML:edXMLHeader>", "<Signature/>" * 1000 + "</edXML:edXMLHeader>")
    verdict = judged(data)
    assert not isinstance(verdict, Signed)
    assert 1 <= len(verdict) <= 100


def test_a_document_type_is_refused_even_when_the_parser_let_it_pass(scene: Setting) -> None:
    data = swap(scene.genuine, "?>\n<edXML", '?>\n<!DOCTYPE edXML [<!ATTLIST To a CDATA "b">]><edXML')
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
    verdict = check_integrity(Parsed(root, len(data), comments=False))
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (FindingCode.XML_DTD,)


def a_receipt(scene: Setting) -> bytes:
    receipt = f'<Receipt xmlns="{RECEIPT_NS}"><Kind>accepted</Kind><Legs><Leg/></Legs></Receipt>'
    return sign(receipt.encode(), Signer(scene.victim.key, scene.victim.cert))


def test_a_signed_receipt_is_good(scene: Setting) -> None:
    assert isinstance(judged(a_receipt(scene)), Signed)


def test_a_changed_receipt_is_refused(scene: Setting) -> None:
    verdict = judged(swap(a_receipt(scene), "accepted", "refused"))
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (FindingCode.SIGNATURE_DIGEST,)


def test_a_signature_deeper_in_a_receipt_is_misplaced(scene: Setting) -> None:
    receipt = a_receipt(scene)
    moved = swap(without_signature(receipt), "<Leg/>", signature(receipt) + "<Leg/>")
    verdict = judged(moved)
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (FindingCode.SIGNATURE_MISPLACED,)
    assert dict(verdict[0].facts)["expected"] == "Receipt"


def test_a_receipt_in_another_namespace_is_no_receipt(scene: Setting) -> None:
    verdict = judged(swap(a_receipt(scene), RECEIPT_NS, "urn:other"))
    assert not isinstance(verdict, Signed)
    assert FindingCode.SIGNATURE_MISPLACED in codes(verdict)
