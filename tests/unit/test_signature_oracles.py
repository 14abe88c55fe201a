"""Two independent implementations testify: xmlsec (libxmlsec1) and signxml. They verify what we sign, and we theirs.

They also forge: envelopes that are rightly signed, only not in the profile.
"""

import base64
import importlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from lxml import etree

from edxml_schemas.findings import FindingCode, Findings, codes
from edxml_schemas.names import DSIG_NS, ds, q
from edxml_schemas.safe_xml import Parsed, parse
from edxml_schemas.signatures import Signed, Signer, check_integrity, sign
from tests.support.envelopes import DECORATIVE_SIGNATURE, a_status, envelope_bytes, of_size
from tests.support.pki import Credential, Kind, Pki

xmlsec: Any = importlib.import_module("xmlsec")  # its stubs disagree with the module
signxml: Any = importlib.import_module("signxml")  # as a namespace it re-exports without saying so

KINDS: tuple[Kind, ...] = ("ec", "ec384", "rsa")
ENVELOPES: dict[str, Callable[[], bytes]] = {
    "document": envelope_bytes,
    "document on one line": partial(envelope_bytes, indent=False),
    "document with a decorative signature": partial(envelope_bytes, signature=DECORATIVE_SIGNATURE),
    "status": partial(envelope_bytes, a_status()),
    "large document": partial(of_size, 700_000),
}
XMLSEC_METHODS = {
    "ec": xmlsec.Transform.ECDSA_SHA256,
    "ec384": xmlsec.Transform.ECDSA_SHA384,
    "rsa": xmlsec.Transform.RSA_SHA256,
}
SIGNXML_METHODS = {
    "ec": signxml.SignatureMethod.ECDSA_SHA256,
    "ec384": signxml.SignatureMethod.ECDSA_SHA384,
    "rsa": signxml.SignatureMethod.RSA_SHA256,
}
EXCLUSIVE = signxml.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(datetime.now(UTC))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]  # pytest's params are untyped


@pytest.fixture
def credential(pki: Pki, kind: Kind) -> Credential:
    return pki.issue("Văn phòng", kind=kind)


def judged(data: bytes) -> Signed | Findings:
    parsed = parse(data)
    assert isinstance(parsed, Parsed), parsed
    return check_integrity(parsed)


def header_of(root: etree._Element) -> etree._Element:
    header = root.find(f"{q('edXMLEnvelope')}/{q('edXMLHeader')}")
    assert header is not None
    return header


def xmlsec_signed(data: bytes, credential: Credential, method: Any, **changes: Any) -> bytes:
    """Signed by xmlsec with its own template; `changes` leave the profile."""
    root = etree.fromstring(data)
    template = xmlsec.template.create(
        root, changes.get("canonicalization", xmlsec.Transform.EXCL_C14N), method, ns=changes.get("prefix")
    )
    header_of(root).append(template)
    reference = xmlsec.template.add_reference(template, changes.get("digest", xmlsec.Transform.SHA256), uri="")
    for step in changes.get("steps", (xmlsec.Transform.ENVELOPED, xmlsec.Transform.EXCL_C14N)):
        xmlsec.template.add_transform(reference, step)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(template))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(credential.key_pem, xmlsec.KeyFormat.PEM)
    context.key.load_cert_from_memory(credential.cert_pem, xmlsec.KeyFormat.PEM)
    context.sign(template)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def xmlsec_accepts(data: bytes, credential: Credential) -> bool:
    root = etree.fromstring(data)
    context = xmlsec.SignatureContext()
    public = credential.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    context.key = xmlsec.Key.from_memory(public, xmlsec.KeyFormat.PEM)
    try:
        context.verify(next(root.iter(ds("Signature"))))
    except xmlsec.Error:
        return False
    return True


def signxml_signed(data: bytes, credential: Credential, kind: Kind, *, prefix: str | None = "ds") -> bytes:
    root = etree.fromstring(data)
    placeholder = etree.SubElement(header_of(root), ds("Signature"), nsmap={prefix: DSIG_NS})  # type: ignore[dict-item]  # None is the default prefix
    placeholder.set("Id", "placeholder")
    signer = signxml.XMLSigner(
        method=signxml.methods.enveloped,
        signature_algorithm=SIGNXML_METHODS[kind],
        digest_algorithm=signxml.DigestAlgorithm.SHA256,
        c14n_algorithm=EXCLUSIVE,
    )
    signer.namespaces = {prefix: DSIG_NS}
    signed = signer.sign(root, key=credential.key_pem, cert=credential.cert_pem.decode())
    return etree.tostring(signed, xml_declaration=True, encoding="UTF-8")


def signxml_accepts(data: bytes, credential: Credential, kind: Kind) -> bool:
    configuration = signxml.SignatureConfiguration(
        location=".//",
        signature_methods=frozenset({SIGNXML_METHODS[kind]}),
        digest_algorithms=frozenset({signxml.DigestAlgorithm.SHA256}),
        expect_references=1,
    )
    verifier = signxml.XMLVerifier()
    try:
        verifier.verify(etree.fromstring(data), x509_cert=credential.cert, expect_config=configuration)
    except (signxml.InvalidSignature, signxml.InvalidDigest):
        return False
    return True


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_xmlsec_accepts_what_we_sign(envelope: str, credential: Credential) -> None:
    data = sign(ENVELOPES[envelope](), Signer(credential.key, credential.cert))
    assert isinstance(judged(data), Signed)
    assert xmlsec_accepts(data, credential)


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_signxml_accepts_what_we_sign(envelope: str, credential: Credential, kind: Kind) -> None:
    data = sign(ENVELOPES[envelope](), Signer(credential.key, credential.cert))
    assert signxml_accepts(data, credential, kind)


def test_both_refuse_what_we_refuse_after_a_change(credential: Credential, kind: Kind) -> None:
    data = sign(envelope_bytes(), Signer(credential.key, credential.cert)).replace(b"G22", b"G66")
    assert not isinstance(judged(data), Signed)
    assert not xmlsec_accepts(data, credential)
    assert not signxml_accepts(data, credential, kind)


@pytest.mark.parametrize("prefix", [None, "ds", "dsig"])
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_we_accept_what_xmlsec_signs(envelope: str, prefix: str | None, credential: Credential, kind: Kind) -> None:
    unsigned = b"".join(ENVELOPES[envelope]().split(DECORATIVE_SIGNATURE.encode()))
    data = xmlsec_signed(unsigned, credential, XMLSEC_METHODS[kind], prefix=prefix)
    verdict = judged(data)
    assert isinstance(verdict, Signed), verdict
    assert verdict.certificate == credential.cert
    assert verdict.fingerprint == credential.fingerprint


@pytest.mark.parametrize("prefix", [None, "ds"])
def test_we_accept_what_signxml_signs(prefix: str | None, credential: Credential, kind: Kind) -> None:
    verdict = judged(signxml_signed(envelope_bytes(), credential, kind, prefix=prefix))
    assert isinstance(verdict, Signed), verdict
    assert verdict.certificate == credential.cert


def test_namespaces_declared_around_a_foreign_signature_do_not_matter(credential: Credential, kind: Kind) -> None:
    unsigned = envelope_bytes().replace(
        b"<edXML xmlns=", f'<edXML xmlns:ds="{DSIG_NS}" xmlns:x="urn:x" xmlns:y="urn:y" xmlns='.encode(), 1
    )
    data = xmlsec_signed(unsigned, credential, XMLSEC_METHODS[kind], prefix="ds")
    assert isinstance(judged(data), Signed)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"canonicalization": xmlsec.Transform.C14N}, FindingCode.SIGNATURE_ALGORITHM),
        ({"canonicalization": xmlsec.Transform.EXCL_C14N_COMMENTS}, FindingCode.SIGNATURE_ALGORITHM),
        ({"digest": xmlsec.Transform.SHA512}, FindingCode.SIGNATURE_ALGORITHM),
        ({"digest": xmlsec.Transform.SHA1}, FindingCode.SIGNATURE_ALGORITHM),
        ({"steps": (xmlsec.Transform.ENVELOPED,)}, FindingCode.SIGNATURE_TRANSFORM),
        ({"steps": (xmlsec.Transform.ENVELOPED, xmlsec.Transform.C14N)}, FindingCode.SIGNATURE_TRANSFORM),
        ({"steps": (xmlsec.Transform.ENVELOPED, xmlsec.Transform.EXCL_C14N_COMMENTS)}, FindingCode.SIGNATURE_TRANSFORM),
        (
            {"steps": (xmlsec.Transform.ENVELOPED, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.EXCL_C14N)},
            FindingCode.SIGNATURE_TRANSFORM,
        ),
    ],
)
def test_a_right_signature_outside_the_profile_is_refused(
    changes: dict[str, Any], expected: FindingCode, pki: Pki
) -> None:
    credential = pki.issue("Văn phòng", kind="rsa")
    data = xmlsec_signed(envelope_bytes(), credential, xmlsec.Transform.RSA_SHA256, **changes)
    assert xmlsec_accepts(data, credential)
    verdict = judged(data)
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (expected,)


@pytest.mark.parametrize("method", [xmlsec.Transform.RSA_SHA1, xmlsec.Transform.RSA_SHA512])
def test_a_right_signature_with_another_method_is_refused(method: Any, pki: Pki) -> None:
    credential = pki.issue("Văn phòng", kind="rsa")
    verdict = judged(xmlsec_signed(envelope_bytes(), credential, method))
    assert not isinstance(verdict, Signed)
    assert codes(verdict) == (FindingCode.SIGNATURE_ALGORITHM,)


def test_the_digest_is_that_of_the_document_without_its_signature(credential: Credential) -> None:
    data = sign(envelope_bytes(), Signer(credential.key, credential.cert))
    root = etree.fromstring(data)
    expected = next(root.iter(ds("DigestValue"))).text
    verdict = judged(data)
    assert isinstance(verdict, Signed)
    assert base64.b64encode(bytes.fromhex(verdict.content_digest)).decode() == expected
    assert not list(verdict.root.iter(ds("Signature")))
