"""A signature that was made in earnest stays one when its certificate is damaged; decoration stays decoration."""

import base64
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edxml_schemas.dsig.profile import PLACEHOLDER_CHARS
from edxml_schemas.findings import FindingCode, codes
from edxml_schemas.names import DSIG_NS
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, Signer, check_integrity, sign
from tests.support.envelopes import DECORATIVE_SIGNATURE, envelope_bytes
from tests.support.pki import Kind, Pki

PKI = Pki(datetime.now(UTC))
BROKEN = (FindingCode.SIGNATURE_CERTIFICATE,)
DECORATION = (FindingCode.SIGNATURE_DECORATIVE,)
CERTIFICATE = re.compile(rb"(<X509Certificate>)([^<]*)")
VALUE = re.compile(rb"(<SignatureValue>)([^<]*)")
DIGEST = re.compile(rb"(<DigestValue>)([^<]*)")
KNOWN = b"MIIFqTCCBJG"


def genuine(kind: Kind = "rsa") -> bytes:
    credential = PKI.issue("Văn phòng", kind=kind)
    return sign(envelope_bytes(), Signer(credential.key, credential.cert, chain=PKI.chain))


RSA = genuine()


def with_text(data: bytes, part: re.Pattern[bytes], text: bytes) -> bytes:
    return part.sub(lambda found: found[1] + text, data, count=1)


def found(data: bytes) -> tuple[FindingCode, ...]:
    parsed = parse(data)
    assert isinstance(parsed, Parsed)
    verdict = check_integrity(parsed)
    assert not isinstance(verdict, Signed)
    return codes(verdict)


def a_vendor_s(*, certificate: bytes, value: int = 256, digest: int = 20) -> bytes:
    """As vendors write it, RSA with SHA-1, yet in the namespace of XML Signature; lengths in bytes."""
    signature = DECORATIVE_SIGNATURE.replace("<Signature>", f'<Signature xmlns="{DSIG_NS}">')
    data = envelope_bytes(signature=signature)
    data = with_text(data, CERTIFICATE, certificate)
    data = with_text(data, VALUE, base64.b64encode(b"v" * value))
    return with_text(data, DIGEST, base64.b64encode(b"d" * digest))


def a_certificate() -> bytes:
    match = CERTIFICATE.search(RSA)
    assert match is not None
    return match[2]


@pytest.mark.parametrize("kind", ["rsa", "ec", "ec384"])
def test_a_certificate_that_was_cut_makes_a_real_signature_broken_and_not_decoration(kind: Kind) -> None:
    data = genuine(kind)
    match = CERTIFICATE.search(data)
    assert match is not None
    for length in (4, 11, 60, PLACEHOLDER_CHARS - 1):
        assert found(with_text(data, CERTIFICATE, match[2][:length])) == BROKEN, length


@given(length=st.integers(1, PLACEHOLDER_CHARS + 50))
def test_no_beginning_of_a_certificate_passes_for_decoration(length: int) -> None:
    assert found(with_text(RSA, CERTIFICATE, a_certificate()[:length])) == BROKEN


@pytest.mark.parametrize("text", [b"AAAA", b"x", b"CN=user05", b"\xe2\x80\xa6", b"MII"])
def test_a_signature_that_has_all_the_profile_asks_for_is_no_decoration_whatever_its_certificate_says(
    text: bytes,
) -> None:
    assert found(with_text(RSA, CERTIFICATE, text)) == BROKEN


def test_a_real_signature_by_other_methods_with_a_certificate_that_was_cut_is_broken() -> None:
    assert found(a_vendor_s(certificate=a_certificate()[:60])) != DECORATION
    assert FindingCode.SIGNATURE_CERTIFICATE in found(a_vendor_s(certificate=a_certificate()[:60]))


@pytest.mark.parametrize("certificate", [KNOWN, KNOWN + b"...", b"\n  " + KNOWN + b"\n", b"CERTIFICATE", b"AAAA"])
def test_what_vendors_write_for_a_certificate_stays_decoration_under_values_that_look_real(certificate: bytes) -> None:
    assert found(a_vendor_s(certificate=certificate)) == DECORATION


@pytest.mark.parametrize(("value", "digest"), [(16, 20), (255, 20), (256, 32), (256, 3), (1, 1)])
def test_values_of_lengths_that_no_method_gives_are_decoration(value: int, digest: int) -> None:
    assert found(a_vendor_s(certificate=a_certificate()[:60], value=value, digest=digest)) == DECORATION


@given(text=st.text(st.characters(exclude_characters="<>&", exclude_categories=["Cs", "Cc", "Cn"]), max_size=99))
def test_any_short_text_gets_a_verdict(text: str) -> None:
    for data in (RSA, a_vendor_s(certificate=b"")):
        verdict = found(with_text(data, CERTIFICATE, text.encode()))
        assert verdict == DECORATION or FindingCode.SIGNATURE_CERTIFICATE in verdict
