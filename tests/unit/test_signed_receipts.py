"""The hub's signature under its word: canonical as written, verified by others, refused when anything moved."""

import hashlib
import importlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from edxml_schemas.findings import Finding, FindingCode, codes
from edxml_schemas.names import DSIG_NS, RECEIPT_NS, ds
from edxml_schemas.receipts import Receipt, ReceiptKind, ReceiptLeg, decode_receipt, encode_receipt
from edxml_schemas.signatures import Signer, SignerError, sign
from edxml_schemas.signed_receipts import (
    HubTrust,
    ReceiptPen,
    SignedReceipt,
    open_receipt,
    sign_receipt,
    verify_receipt,
)
from edxml_schemas.trust import TrustMaterial
from tests.support.envelopes import envelope_bytes
from tests.support.pki import SIGNING, Credential, Kind, Pki, build_certificate, name_of, usages

xmlsec: Any = importlib.import_module("xmlsec")  # its stubs disagree with the module
signxml: Any = importlib.import_module("signxml")  # as a namespace it re-exports without saying so

KINDS: tuple[Kind, ...] = ("ec", "ec384", "rsa")
NOW = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
RECEIPT = Receipt(
    receipt_id="r-1",
    kind=ReceiptKind.ACCEPTED,
    message_id="m-1",
    submission_id="s-1",
    message_type="edoc",
    document_id="000.00.00.G22,2026/09/30,7816/VPCP-TTĐT",
    sender="000.00.00.G22",
    digest="ab" * 32,
    size=4_096,
    received_at=NOW,
    decided_at=NOW + timedelta(milliseconds=3),
    legs=(ReceiptLeg(recipient="000.00.00.H41", leg_id="l-1"),),
    findings=(
        Finding(FindingCode.ORGAN_CODE_FORM, 7, "/edXML:edXML[1]", ' a<b & "c"\r\n\td > e]]>', (('n"<\t\n\r', "x"),)),
    ),
)
WORDS = encode_receipt(RECEIPT)
ODD = st.text(
    st.characters(categories=["L", "N", "P", "S", "Z", "Cc", "Cs", "Co", "Cn"])
    | st.sampled_from("&<>\"'\r\n\t\x00\x7f\x85\u2028\ud800\ufffe\U0001f600]"),
    max_size=12,
)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(NOW)


@pytest.fixture(scope="module")
def hub_key(pki: Pki) -> Credential:
    return pki.self_signed("Trục")


@pytest.fixture(scope="module")
def hub(hub_key: Credential) -> HubTrust:
    return HubTrust.from_pem(hub_key.cert_pem)


@pytest.fixture(scope="module")
def signed(hub_key: Credential) -> bytes:
    return signed_by(hub_key)


def signed_by(key: Credential, receipt: Receipt = RECEIPT) -> bytes:
    return sign_receipt(encode_receipt(receipt), Signer(key.key, key.cert))


def refused(data: bytes, hub: HubTrust) -> tuple[FindingCode, ...]:
    outcome = open_receipt(data, hub)
    assert isinstance(outcome, tuple), outcome
    return codes(outcome)


def the_signature(data: bytes) -> bytes:
    match = re.search(rb"<Signature .*</Signature>", data, re.DOTALL)
    assert match
    return match[0]


# ── Written ─────────────────────────────────────────────────────────────────────────────────────────────────────────

FINDING = st.builds(
    Finding,
    st.sampled_from(FindingCode),
    st.none() | st.integers(1, 9_999),
    ODD,
    ODD,
    st.lists(st.tuples(ODD, ODD), max_size=2).map(tuple),
)


@given(
    st.builds(
        Receipt,
        receipt_id=ODD,
        kind=st.sampled_from(ReceiptKind),
        message_id=ODD,
        submission_id=ODD,
        message_type=ODD,
        document_id=ODD | st.text("\ud800&", min_size=290, max_size=310),
        sender=ODD,
        digest=st.just("0" * 64),
        size=st.integers(0, 10**15 - 1),
        received_at=st.datetimes(timezones=st.just(UTC)),
        decided_at=st.datetimes(timezones=st.just(UTC)),
        duplicate=st.booleans(),
        legs=st.lists(st.builds(ReceiptLeg, recipient=ODD, leg_id=ODD), max_size=3).map(tuple),
        findings=st.lists(FINDING, max_size=2).map(tuple),
    )
)
def test_the_words_of_a_receipt_are_their_own_exclusive_canonical_form(receipt: Receipt) -> None:
    words = encode_receipt(receipt)
    assert etree.tostring(etree.fromstring(words), method="c14n", exclusive=True, with_comments=False) == words


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_is_opened_with_its_signer_and_the_digest_of_its_words(pki: Pki, kind: Kind) -> None:
    key = pki.self_signed("Trục liên thông", kind=kind)
    opened = open_receipt(signed_by(key), HubTrust.from_pem(key.cert_pem))
    assert isinstance(opened, SignedReceipt), opened
    assert opened.receipt == decode_receipt(WORDS)
    assert (opened.signer, opened.fingerprint) == ("Trục liên thông", key.fingerprint)
    assert opened.words_digest == hashlib.sha256(WORDS).hexdigest()
    assert opened.algorithm == {"ec": "ecdsa-sha256", "ec384": "ecdsa-sha384", "rsa": "rsa-sha256"}[kind]


def test_the_signature_is_the_last_child_and_the_words_around_it_are_the_same(signed: bytes) -> None:
    assert signed.replace(the_signature(signed), b"") == WORDS
    assert etree.fromstring(signed)[-1].tag == ds("Signature")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_words_get_the_same_signature(pki: Pki, kind: Kind) -> None:
    key = pki.self_signed("Trục", kind=kind)
    pen = ReceiptPen(Signer(key.key, key.cert))
    assert pen.sign(WORDS) == pen.sign(WORDS) == signed_by(key)


def test_what_are_no_words_of_a_receipt_is_not_signed(hub_key: Credential) -> None:
    with pytest.raises(ValueError, match="no words"):
        sign_receipt(WORDS + b"\n", Signer(hub_key.key, hub_key.cert))


@pytest.mark.parametrize("kind", KINDS)
def test_xmlsec_verifies_what_the_hub_signed(pki: Pki, kind: Kind) -> None:
    key = pki.self_signed("Trục", kind=kind)
    root = etree.fromstring(signed_by(key))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(key.cert_pem, xmlsec.KeyFormat.CERT_PEM)
    context.verify(root[-1])
    root[1].text = "refused"
    again = xmlsec.SignatureContext()
    again.key = context.key
    with pytest.raises(xmlsec.VerificationError):
        again.verify(root[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_signxml_verifies_what_the_hub_signed(pki: Pki, kind: Kind) -> None:
    key = pki.self_signed("Trục", kind=kind)
    verified = signxml.XMLVerifier().verify(signed_by(key), x509_cert=key.cert)
    assert etree.tostring(verified.signed_xml, method="c14n", exclusive=True) == WORDS


# ── Altered ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_altered_text_and_attribute_is_noticed(signed: bytes, hub: HubTrust) -> None:
    spots = [each.start(1) for each in re.finditer(rb"(?:>|name=\")([^<>\"\s][^<>\"]*)", WORDS)]
    assert len(spots) > 20
    for at in spots:
        other = b"7" if signed[at : at + 1] != b"7" else b"8"
        assert refused(signed[:at] + other + signed[at + 1 :], hub), signed[at - 20 : at + 5]


def test_every_altered_byte_is_noticed(signed: bytes, hub: HubTrust) -> None:
    believed = [
        at
        for at in range(len(signed))
        if isinstance(open_receipt(signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :], hub), SignedReceipt)
    ]
    assert believed == []


@pytest.mark.parametrize("name", ["MessageId", "Duplicate", "Legs", "Findings"])
def test_a_part_taken_out_is_noticed(name: str, signed: bytes, hub: HubTrust) -> None:
    cut = re.sub(rf"<{name}>.*</{name}>\n".encode(), b"", signed, count=1, flags=re.DOTALL)
    assert refused(cut, hub) == (FindingCode.SIGNATURE_DIGEST,)


def test_a_receipt_without_signature_is_not_believed(hub: HubTrust) -> None:
    assert refused(WORDS, hub) == (FindingCode.SIGNATURE_MISSING,)


def test_the_signature_of_another_receipt_is_not_good(signed: bytes, hub_key: Credential, hub: HubTrust) -> None:
    other = signed_by(hub_key, replace(RECEIPT, kind=ReceiptKind.DELIVERED))
    swapped = other.replace(the_signature(other), the_signature(signed))
    assert refused(swapped, hub) == (FindingCode.SIGNATURE_DIGEST,)


def test_two_signatures_are_one_too_many(signed: bytes, hub: HubTrust) -> None:
    mine = the_signature(signed)
    assert FindingCode.SIGNATURE_SEVERAL in refused(signed.replace(mine, mine + mine), hub)


def test_the_signature_has_to_be_the_last_child(signed: bytes, hub: HubTrust) -> None:
    mine = the_signature(signed)
    moved = signed.replace(mine, b"").replace(b"<ReceiptId>", mine + b"<ReceiptId>")
    assert refused(moved, hub) == (FindingCode.SIGNATURE_MISPLACED,)


@pytest.mark.parametrize("place", [b"<Legs>\n", b"<Findings>\n", b"<Finding>\n"])
def test_a_signature_deeper_in_the_receipt_is_misplaced(place: bytes, signed: bytes, hub: HubTrust) -> None:
    mine = the_signature(signed)
    moved = signed.replace(mine, b"").replace(place, place + mine, 1)
    assert FindingCode.SIGNATURE_MISPLACED in refused(moved, hub)


def test_a_good_receipt_inside_another_lends_it_nothing(signed: bytes, hub: HubTrust) -> None:
    outer = encode_receipt(replace(RECEIPT, kind=ReceiptKind.DELIVERED))
    for place in (b"<Legs>\n", b"</Findings>\n"):
        assert refused(outer.replace(place, place + signed, 1), hub)
    mine = the_signature(signed)
    inner = signed.replace(mine, b"")
    wrapped = outer.replace(b"</Receipt>", mine.replace(b"</KeyInfo>", b"</KeyInfo><Object>%b</Object>" % inner))
    assert refused(wrapped + b"</Receipt>", hub)


def test_a_stray_part_of_a_signature_is_noticed(signed: bytes, hub: HubTrust) -> None:
    stray = f'<Object xmlns="{DSIG_NS}"></Object>'.encode()
    assert refused(signed.replace(b"<Legs>", stray + b"<Legs>", 1), hub)
    assert refused(signed.replace(b"</Receipt>", stray + b"</Receipt>"), hub)


@pytest.mark.parametrize("remark", [b"<!-- -->", b"<?pi?>"])
def test_comments_and_instructions_are_refused(remark: bytes, signed: bytes, hub: HubTrust) -> None:
    for data in (remark + signed, signed + remark, signed.replace(b"accepted<", b"acc" + remark + b"epted<")):
        assert FindingCode.SIGNATURE_COMMENT in refused(data, hub)


def test_a_document_type_declaration_is_refused(signed: bytes, hub: HubTrust) -> None:
    assert refused(b"<!DOCTYPE Receipt>" + signed, hub) == (FindingCode.XML_DTD,)


def test_what_is_signed_by_the_hub_and_is_no_receipt_is_not_one(hub_key: Credential, hub: HubTrust) -> None:
    signer = Signer(hub_key.key, hub_key.cert)
    assert refused(sign(envelope_bytes(), signer), hub) == (FindingCode.SCHEMA_ROOT,)
    bare = sign(f'<Receipt xmlns="{RECEIPT_NS}"><Kind>accepted</Kind></Receipt>'.encode(), signer)
    assert FindingCode.SCHEMA_MISSING in refused(bare, hub)
    assert refused(b"", hub)


# ── By whom ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_key_under_the_hubs_name_or_another_is_not_the_hub(pki: Pki, hub: HubTrust) -> None:
    assert refused(signed_by(pki.self_signed("Trục")), hub) == (FindingCode.TRUST_CHAIN,)
    assert refused(signed_by(pki.self_signed("Trục khác")), hub) == (FindingCode.TRUST_UNKNOWN_ISSUER,)


def test_the_hubs_certificate_beside_another_key_does_not_help(pki: Pki, hub: HubTrust, signed: bytes) -> None:
    forged = signed_by(pki.self_signed("Trục"))
    certificate = re.search(rb"<X509Certificate>(.*)</X509Certificate>", signed)
    own = re.search(rb"<X509Certificate>(.*)</X509Certificate>", forged)
    assert certificate
    assert own
    assert refused(forged.replace(own[1], certificate[1]), hub) == (FindingCode.SIGNATURE_VALUE,)


def test_several_hubs_may_be_pinned(pki: Pki, signed: bytes, hub_key: Credential) -> None:
    other = pki.self_signed("Trục mới")
    both = HubTrust.from_pem(hub_key.cert_pem + other.cert_pem)
    assert isinstance(verify_receipt(signed, both), Receipt)
    assert isinstance(verify_receipt(signed_by(other), both), Receipt)


def test_an_authority_vouches_for_the_hub_that_is_named_and_for_nobody_else(pki: Pki) -> None:
    pem = pki.issuing.credential.cert_pem
    named = HubTrust.from_pem(pem, name="Trục quốc gia")
    assert isinstance(verify_receipt(signed_by(pki.issue("Trục quốc gia")), named), Receipt)
    assert refused(signed_by(pki.issue("Văn phòng Chính phủ")), named) == (FindingCode.RECEIPT_SIGNER,)
    with pytest.raises(SignerError):
        HubTrust.from_pem(pem)


def test_the_path_to_an_authority_may_come_with_the_receipt(pki: Pki) -> None:
    key = pki.issue("Trục quốc gia")
    root = pki.root.credential.cert_pem
    hub, fresh = (HubTrust.from_pem(root, name="Trục quốc gia") for _ in range(2))
    with_chain = sign_receipt(WORDS, Signer(key.key, key.cert, pki.chain))
    assert isinstance(verify_receipt(with_chain, hub), Receipt)
    assert refused(sign_receipt(WORDS, Signer(key.key, key.cert)), fresh) == (FindingCode.TRUST_UNKNOWN_ISSUER,)


def test_a_certificate_counts_at_the_time_of_the_receipt(hub_key: Credential, hub: HubTrust) -> None:
    late = replace(RECEIPT, decided_at=NOW + timedelta(days=400))
    assert refused(signed_by(hub_key, late), hub) == (FindingCode.TRUST_EXPIRED,)
    early = replace(RECEIPT, decided_at=NOW - timedelta(days=2))
    assert refused(signed_by(hub_key, early), hub) == (FindingCode.TRUST_NOT_YET_VALID,)


def test_a_pinned_certificate_that_is_not_for_signing_does_not_sign(pki: Pki) -> None:
    key = pki.issue("Trục", key_usage=usages("key_encipherment"))
    assert refused(signed_by(key), HubTrust.from_pem(key.cert_pem)) == (FindingCode.TRUST_KEY_USAGE,)


def test_a_hub_on_the_revocation_list_is_not_believed(pki: Pki) -> None:
    key = pki.issue("Trục bị thu hồi")
    pki.revoke(key, NOW - timedelta(hours=1))
    material = TrustMaterial(anchors=(pki.issuing.cert,), crls=(pki.crl(),))
    assert refused(signed_by(key), HubTrust(material, name="Trục bị thu hồi")) == (FindingCode.TRUST_REVOKED,)


def test_a_certificate_without_a_common_name_is_told_by_its_subject(hub_key: Credential) -> None:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Cục")])
    bare = build_certificate(
        subject=subject,
        key=hub_key.key,
        issuer=None,
        not_before=NOW - timedelta(days=1),
        not_after=NOW + timedelta(days=1),
        extensions=[(SIGNING, True)],
    )
    assert name_of("x") != subject
    key = Credential(hub_key.key, bare)
    opened = open_receipt(signed_by(key), HubTrust.from_pem(key.cert_pem))
    assert isinstance(opened, SignedReceipt)
    assert opened.signer == "O=Cục"


@pytest.mark.parametrize("pem", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_not_pinned(pem: bytes) -> None:
    with pytest.raises(SignerError):
        HubTrust.from_pem(pem)


def test_nothing_pinned_is_no_trust() -> None:
    with pytest.raises(SignerError):
        HubTrust(TrustMaterial(anchors=()))
