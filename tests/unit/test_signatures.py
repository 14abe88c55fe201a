"""Signing leaves the envelope as it is; checking believes nothing that the signature does not cover."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from edxml_schemas.findings import FindingCode, Findings, codes
from edxml_schemas.names import DSIG_NS, EDXML_NS, RECEIPT_NS, ds
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, Signer, SignerError, SigningError, check_integrity, sign
from edxml_schemas.trust import TrustMaterial, TrustValue, check_trust
from tests.support.envelopes import DECORATIVE_SIGNATURE, a_status, envelope_bytes, of_size
from tests.support.pki import Credential, Kind, Pki

PKI = Pki(datetime.now(UTC))
CREDENTIAL = PKI.issue("Văn phòng")
SIGNER = Signer(CREDENTIAL.key, CREDENTIAL.cert)
MATERIAL = TrustMaterial(anchors=(PKI.root.cert,), intermediates=PKI.chain, crls=PKI.crls())
SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
SIGNATURE = re.compile(rb"\s*<Signature .*?</Signature>", re.DOTALL)


def judged(data: bytes) -> Signed | Findings:
    parsed = parse(data)
    return check_integrity(parsed) if isinstance(parsed, Parsed) else parsed


def canonical_of(data: bytes) -> bytes:
    """The canonical document without its signature, by other means than the product's."""
    root = etree.fromstring(data, etree.XMLParser(huge_tree=True, resolve_entities=False))
    for signature in list(root.iter(ds("Signature"))):
        parent = signature.getparent()
        before = signature.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + (signature.tail or "")
        else:
            parent.text = (parent.text or "") + (signature.tail or "")
        parent.remove(signature)
    return etree.tostring(root, method="c14n")


def canonical_signed(signed: Signed) -> bytes:
    return etree.tostring(signed.root, method="c14n")


GENUINE = sign(envelope_bytes(), SIGNER)
GENUINE_CANONICAL = canonical_of(GENUINE)


# Signing


@pytest.mark.parametrize("kind", ["ec", "ec384", "rsa"])
def test_what_is_signed_is_good_and_names_its_signer(kind: Kind) -> None:
    credential = PKI.issue("Bộ", kind=kind)
    verdict = judged(sign(envelope_bytes(), Signer(credential.key, credential.cert, PKI.chain)))
    assert isinstance(verdict, Signed)
    assert verdict.certificate == credential.cert
    assert verdict.certificate_der == credential.cert.public_bytes(serialization.Encoding.DER)
    assert verdict.fingerprint == credential.fingerprint
    assert verdict.chain == PKI.chain
    assert verdict.algorithm == {"ec": "ecdsa-sha256", "ec384": "ecdsa-sha384", "rsa": "rsa-sha256"}[kind]


@pytest.mark.parametrize("data", [envelope_bytes(), envelope_bytes(a_status()), envelope_bytes(indent=False)])
def test_signing_changes_no_byte_beside_the_signature(data: bytes) -> None:
    assert SIGNATURE.sub(b"", sign(data, SIGNER)) == data


def test_the_signature_is_the_last_child_of_the_header_on_a_line_of_its_own() -> None:
    root = etree.fromstring(GENUINE)
    (signature,) = root.iter(ds("Signature"))
    header = signature.getparent()
    assert header is not None
    assert header.tag == f"{{{EDXML_NS}}}edXMLHeader"
    assert header[-1] is signature
    assert re.search(rb"\n      <Signature xmlns=.*</Signature>\n    </edXML:edXMLHeader>", GENUINE)


def test_vendors_find_the_parts_by_local_name_without_a_prefix() -> None:
    for name in (b"Signature", b"SignedInfo", b"SignatureValue", b"KeyInfo", b"X509Data", b"X509Certificate"):
        assert re.search(rb"<" + name + rb"[ >]", GENUINE), name


def test_the_signed_tree_holds_the_document_and_not_the_signature() -> None:
    verdict = judged(GENUINE)
    assert isinstance(verdict, Signed)
    assert not list(verdict.root.iter(ds("Signature")))
    assert canonical_signed(verdict) == GENUINE_CANONICAL


def test_signing_again_replaces_the_signature_and_keeps_the_layout() -> None:
    other = PKI.issue("Khác", kind="rsa")
    again = sign(GENUINE, Signer(other.key, other.cert))
    assert again.count(b"<Signature ") == 1
    assert SIGNATURE.sub(b"", again) == SIGNATURE.sub(b"", GENUINE)
    assert sign(again, Signer(other.key, other.cert)) == again
    verdict = judged(again)
    assert isinstance(verdict, Signed)
    assert verdict.certificate == other.cert


def test_a_decorative_signature_gives_way() -> None:
    done = sign(envelope_bytes(signature=DECORATIVE_SIGNATURE), SIGNER)
    assert isinstance(judged(done), Signed)
    assert b"MIIFqTCCBJG" not in done


def test_several_old_signatures_give_way() -> None:
    assert isinstance(judged(sign(envelope_bytes(signature=3 * DECORATIVE_SIGNATURE), SIGNER)), Signed)


def test_a_signature_is_kept_when_replacing_is_not_allowed() -> None:
    with pytest.raises(SigningError) as caught:
        sign(GENUINE, SIGNER, replace=False)
    assert codes(caught.value.findings) == (FindingCode.SIGNATURE_SEVERAL,)


@pytest.mark.parametrize(
    "data",
    [
        f'<edXML xmlns="{EDXML_NS}"><edXMLEnvelope><edXMLHeader/></edXMLEnvelope></edXML>',
        f'<edXML xmlns="{EDXML_NS}"><edXMLEnvelope><edXMLHeader a="x>y" /></edXMLEnvelope></edXML>',
        f'<edXML xmlns="{EDXML_NS}"><edXMLEnvelope><edXMLHeader></edXMLHeader></edXMLEnvelope></edXML>',
        f'<x:edXML xmlns:x="{EDXML_NS}"><x:edXMLEnvelope><x:edXMLHeader\n/></x:edXMLEnvelope></x:edXML>',
        f'<x:edXML xmlns:x="{EDXML_NS}"><x:edXMLEnvelope><x:edXMLHeader><x:Signature/></x:edXMLHeader>'
        "</x:edXMLEnvelope></x:edXML>",
        f'\ufeff<edXML xmlns="{EDXML_NS}"><edXMLEnvelope><edXMLHeader>ầ</edXMLHeader ></edXMLEnvelope></edXML>',
        f'<edXML xmlns="{EDXML_NS}" xmlns:ds="{DSIG_NS}"><edXMLEnvelope><edXMLHeader>\r\n'
        "<ds:Signature>\r\n</ds:Signature >\r\n</edXMLHeader></edXMLEnvelope></edXML>\r\n",
        f'<Receipt xmlns="{RECEIPT_NS}"><a/></Receipt>',
        f'<r:Receipt xmlns:r="{RECEIPT_NS}">\n  <r:a>1 &lt; 2</r:a>\n</r:Receipt>',
        f'<Receipt xmlns="{RECEIPT_NS}"/>',
    ],
)
def test_every_way_to_write_a_header_can_be_signed(data: str) -> None:
    done = sign(data.encode(), SIGNER)
    verdict = judged(done)
    assert isinstance(verdict, Signed), (verdict, done)
    assert sign(done, SIGNER).count(b"<Signature ") == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", FindingCode.XML_EMPTY),
        (b"<a>", FindingCode.XML_NOT_WELL_FORMED),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', FindingCode.XML_DTD),
        (b"<a/>", FindingCode.SCHEMA_MISSING),
        (envelope_bytes().replace(b"edXMLHeader", b"edXMLHead"), FindingCode.SCHEMA_MISSING),
        (envelope_bytes().replace(b"<edXML:From>", b"<edXML:From><!-- x -->"), FindingCode.SIGNATURE_COMMENT),
        (envelope_bytes().replace(b"<edXML:From>", b"<edXML:From><?x y?>"), FindingCode.SIGNATURE_COMMENT),
        (envelope_bytes() + b"<!-- x -->", FindingCode.SIGNATURE_COMMENT),
        (
            envelope_bytes().replace(b"<edXML:From>", b"<edXML:From><Signature/>"),
            FindingCode.SIGNATURE_SEVERAL,
        ),
        (envelope_bytes().replace(b"Code>", b"Code>\xff", 1), FindingCode.XML_ENCODING),
    ],
)
def test_what_cannot_be_signed_is_said_with_findings(data: bytes, code: FindingCode) -> None:
    with pytest.raises(SigningError) as caught:
        sign(data, SIGNER)
    assert code in codes(caught.value.findings)


# Signers


def test_a_signer_is_loaded_from_pem_with_its_chain() -> None:
    key_pem = CREDENTIAL.encrypted_key_pem(b"mat-khau")
    signer = Signer.load(key_pem, CREDENTIAL.cert_pem + PKI.issuing.credential.cert_pem, b"mat-khau")
    assert signer.chain == PKI.chain
    assert isinstance(judged(sign(envelope_bytes(), signer)), Signed)


def a_foreign_key() -> bytes:
    return ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("key_pem", "cert_pem", "password"),
    [
        (CREDENTIAL.encrypted_key_pem(b"right"), CREDENTIAL.cert_pem, b"wrong"),
        (CREDENTIAL.encrypted_key_pem(b"right"), CREDENTIAL.cert_pem, None),
        (b"no key", CREDENTIAL.cert_pem, None),
        (CREDENTIAL.key_pem, b"no certificate", None),
        (PKI.issue("Khác").key_pem, CREDENTIAL.cert_pem, None),
        (PKI.issue("RSA", kind="rsa").key_pem, CREDENTIAL.cert_pem, None),
        (PKI.issue("Yếu", kind="rsa1024").key_pem, PKI.issue("Yếu", kind="rsa1024").cert_pem, None),
        (a_foreign_key(), CREDENTIAL.cert_pem, None),
        (CREDENTIAL.key_pem, CREDENTIAL.cert_pem * 7, None),
    ],
    ids=["wrong password", "no password", "no key", "no cert", "other key", "other kind", "weak", "foreign", "chain"],
)
def test_a_key_that_cannot_sign_is_refused_in_both_languages(
    key_pem: bytes, cert_pem: bytes, password: bytes | None
) -> None:
    with pytest.raises(SignerError) as caught:
        Signer.load(key_pem, cert_pem, password)
    assert caught.value.vi
    assert caught.value.en


def test_a_curve_outside_the_profile_does_not_sign() -> None:
    odd: Credential = PKI.issue("P-521", kind="ec521")
    with pytest.raises(SignerError):
        Signer(odd.key, odd.cert)


# Checking


def test_an_unsigned_envelope_says_so() -> None:
    verdict = judged(envelope_bytes())
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (FindingCode.SIGNATURE_MISSING,)


def test_a_decorative_signature_is_called_so_with_what_gave_it_away() -> None:
    verdict = judged(envelope_bytes(signature=DECORATIVE_SIGNATURE))
    assert not isinstance(verdict, Signed)
    (fault,) = verdict
    assert fault.code is FindingCode.SIGNATURE_DECORATIVE
    facts = dict(fault.facts)
    assert facts["why"] == "namespace"
    assert facts["namespace"] == EDXML_NS
    assert facts["algorithm"].endswith("rsa-sha1")
    assert fault.value == "MIIFqTCCBJG"


def test_a_placeholder_certificate_makes_a_signature_decorative_in_any_namespace() -> None:
    decorated = DECORATIVE_SIGNATURE.replace("<Signature>", f'<Signature xmlns="{DSIG_NS}">')
    verdict = judged(envelope_bytes(signature=decorated))
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (FindingCode.SIGNATURE_DECORATIVE,)
    assert dict(verdict[0].facts)["why"] == "certificate"


def test_the_samples_of_vendors_are_unsigned_or_decorated() -> None:
    if not SAMPLES.is_dir():
        pytest.skip("the vendors' samples are not here")
    seen = {}
    for path in sorted(SAMPLES.glob("*.edxml")):
        parsed = parse(path.read_bytes())
        if isinstance(parsed, Parsed):
            verdict = check_integrity(parsed)
            assert not isinstance(verdict, Signed)
            seen[path.stem] = codes(verdict)
    assert seen
    for name, found in seen.items():
        expected = FindingCode.SIGNATURE_DECORATIVE if name.startswith("edoc") else FindingCode.SIGNATURE_MISSING
        assert found == (expected,), name


def test_white_space_in_the_base64_of_a_signature_is_allowed() -> None:
    def folded(match: re.Match[bytes]) -> bytes:
        text = match.group(2)
        lines = b"\r\n\t".join(text[at : at + 64] for at in range(0, len(text), 64))
        return match.group(1) + b"\n" + lines + b"\n" + match.group(3)

    data = re.sub(rb"(<(?:SignatureValue|X509Certificate)>)([^<]*)(<)", folded, GENUINE)
    assert data != GENUINE
    assert isinstance(judged(data), Signed)


def test_remarks_about_the_certificate_are_read_past() -> None:
    data = GENUINE.replace(
        b"</X509Data>",
        b"<X509SubjectName>CN=user05</X509SubjectName><X509IssuerSerial><X509IssuerName>x</X509IssuerName>"
        b"<X509SerialNumber>1</X509SerialNumber></X509IssuerSerial><X509SKI>AAAA</X509SKI></X509Data>",
    )
    verdict = judged(data)
    assert isinstance(verdict, Signed)
    assert verdict.certificate == CREDENTIAL.cert


@pytest.mark.parametrize(
    "data",
    [
        GENUINE.replace(b"\n", b"\r\n"),
        GENUINE.replace(b"000.00.00.G22", b"<![CDATA[000.00.00.G22]]>"),
        GENUINE.replace(b"000.00.00.G22", b"&#48;00.00.00.G22"),
        GENUINE.replace(b'xmlns="http://www.mic.gov.vn', b"\n xmlns='http://www.mic.gov.vn", 1).replace(
            b'2016">', b"2016'>", 1
        ),
        b"\xef\xbb\xbf" + GENUINE,
        GENUINE.replace(b"?>\n", b"?>", 1),
        GENUINE + b"\n\n",
    ],
    ids=["CRLF", "CDATA", "character reference", "quotes", "byte order mark", "no line break", "trailing lines"],
)
def test_other_bytes_for_the_same_document_stay_good_and_mean_the_same(data: bytes) -> None:
    assert data != GENUINE
    verdict = judged(data)
    assert isinstance(verdict, Signed)
    assert canonical_signed(verdict) == GENUINE_CANONICAL


def test_a_change_in_a_large_attachment_is_seen() -> None:
    data = sign(of_size(1_500_000), SIGNER)
    assert isinstance(judged(data), Signed)
    at = 1_000_000
    changed = data[:at] + (b"A" if data[at : at + 1] != b"A" else b"B") + data[at + 1 :]
    verdict = judged(changed)
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (FindingCode.SIGNATURE_DIGEST,)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(at=st.integers(0, len(GENUINE) - 1), to=st.integers(0, 255))
def test_any_byte_may_change_and_no_other_document_is_accepted(at: int, to: int) -> None:
    data = GENUINE[:at] + bytes([to]) + GENUINE[at + 1 :]
    verdict = judged(data)
    if isinstance(verdict, Signed):
        assert canonical_signed(verdict) == GENUINE_CANONICAL
        # KeyInfo is not covered. A certificate that was tampered with has lost its issuer's signature.
        trust = check_trust(verdict.certificate, MATERIAL, at=PKI.now)
        assert (trust.value is TrustValue.GOOD) == (verdict.certificate == CREDENTIAL.cert)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.integers(0, len(GENUINE)), length=st.integers(0, 200), put=st.binary(max_size=40))
def test_any_part_may_be_cut_or_filled_and_no_other_document_is_accepted(start: int, length: int, put: bytes) -> None:
    verdict = judged(GENUINE[:start] + put + GENUINE[start + length :])
    if isinstance(verdict, Signed):
        assert canonical_signed(verdict) == GENUINE_CANONICAL


ELEMENTS = [each for each in etree.fromstring(envelope_bytes()).iter() if (each.text or "").strip()]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    which=st.integers(0, len(ELEMENTS) - 1),
    text=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=30),
)
def test_any_text_may_change_and_the_signature_is_refused(which: int, text: str) -> None:
    root = etree.fromstring(GENUINE)
    leaves = [
        each for each in root.iter() if (each.text or "").strip() and not str(each.tag).startswith(f"{{{DSIG_NS}}}")
    ]
    if leaves[which].text == text:
        return
    leaves[which].text = text
    verdict = judged(etree.tostring(root))
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (FindingCode.SIGNATURE_DIGEST,)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    subject=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=60),
    indent=st.booleans(),
)
def test_any_text_can_be_signed(subject: str, indent: bool) -> None:
    root = etree.fromstring(envelope_bytes(indent=indent))
    next(root.iter(f"{{{EDXML_NS}}}Subject")).text = subject
    verdict = judged(sign(etree.tostring(root, encoding="UTF-8", xml_declaration=True), SIGNER))
    assert isinstance(verdict, Signed)
    assert next(verdict.root.iter(f"{{{EDXML_NS}}}Subject")).text == (subject or None)


def test_an_encoding_that_nobody_knows_is_a_finding_and_no_crash() -> None:
    odd = envelope_bytes().replace(b'encoding="UTF-8"', b'encoding="UF-8"', 1)
    assert b"UF-8" in odd
    with pytest.raises(SigningError) as told:
        sign(odd, Signer(CREDENTIAL.key, CREDENTIAL.cert))
    assert told.value.findings
