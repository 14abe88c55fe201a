"""Reads one XMLDSig Signature element by element. Whatever the profile does not name is a fault, and has a place."""

import binascii
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from edxml_schemas.dsig.placeholder import is_placeholder
from edxml_schemas.dsig.profile import (
    ALGORITHMS,
    BLANK_CHARS,
    CERTIFICATE_CHARS,
    CHAIN_CERTIFICATES,
    PLACEHOLDER_CHARS,
    REMARK_CHARS,
    RSA_BITS,
    SHA256,
    TRANSFORMS,
    VALUE_CHARS,
    XML_BLANKS,
    ReadCertificate,
    SignatureAlgorithm,
    read_certificate,
)
from edxml_schemas.findings import Finding, FindingCode, finding
from edxml_schemas.names import EXC_C14N, ds, local
from edxml_schemas.safe_xml import line_of, xpath_of

# Clark names are put together once: this runs for every envelope.
_SIGNATURE_PARTS: Final = (ds("SignedInfo"), ds("SignatureValue"), ds("KeyInfo"))
_SIGNED_INFO_PARTS: Final = (ds("CanonicalizationMethod"), ds("SignatureMethod"), ds("Reference"))
_REFERENCE_PARTS: Final = (ds("Transforms"), ds("DigestMethod"), ds("DigestValue"))
_KEY_INFO_PARTS: Final = (ds("X509Data"),)
_TRANSFORM_PARTS: Final = (ds("Transform"), ds("Transform"))
_CERTIFICATE: Final = ds("X509Certificate")
_METHODS: Final = tuple(ALGORITHMS)
_REMARKS: Final = frozenset({ds("X509SubjectName"), ds("X509IssuerSerial"), ds("X509SKI")})
SHOWN_FAULTS: Final = 20  # findings of one kind; an attacker's thousandth comment tells nobody anything


def fault_at(
    code: FindingCode, element: etree._Element, *, found: object, expected: object, **facts: object
) -> Finding:
    """A finding at an element; what was found is its value, too."""
    return finding(
        code,
        line=line_of(element),
        xpath=xpath_of(element),
        value=str(found),
        found=found,
        expected=expected,
        **facts,
    )


def subject_of(certificate: ReadCertificate) -> str:
    """The subject as text; empty when it cannot be read."""
    try:
        return certificate.certificate.subject.rfc4514_string()
    except ValueError:
        return ""


def _names(elements: list[etree._Element]) -> str:
    return ", ".join(local(each.tag) for each in elements[:SHOWN_FAULTS])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSignature:
    """A Signature whose shape is that of the profile. `signed_bytes` is `SignedInfo` in canonical form, if known."""

    signed_info: etree._Element
    digest_value: etree._Element
    signature_value: etree._Element
    digest: bytes
    value: bytes
    algorithm: SignatureAlgorithm
    signer: ReadCertificate
    chain: tuple[ReadCertificate, ...]
    signed_bytes: bytes = b""


@dataclass(slots=True)
class SignatureReader:
    """Reads one Signature element by element; whatever the profile does not name is a fault."""

    faults: list[Finding] = field(default_factory=list)
    placeholder: etree._Element | None = None
    """The certificate element that holds a vendor's placeholder."""
    _short: etree._Element | None = None
    """The signer's certificate element, when its text is shorter than any certificate."""

    def read(self, signature: etree._Element) -> ReadSignature | None:
        """None when there are faults or a placeholder."""
        malformed = FindingCode.SIGNATURE_MALFORMED
        signed_info, value_part, key_info = self._children(signature, _SIGNATURE_PARTS, malformed)
        certificates = self._certificates(key_info)
        algorithm, digest, digest_value = self._signed_info(signed_info)
        value = self._bytes(value_part, VALUE_CHARS, malformed)
        if self._short is not None and self._decorates(signature, self._short, digest=digest, value=value):
            self.placeholder = self._short
            return None
        if signed_info is None or value_part is None or key_info is None or digest_value is None:
            return None
        if self.faults or self.placeholder is not None or algorithm is None:
            return None
        signer, *chain = certificates
        self._check_key(key_info, signer, algorithm)
        if self.faults:
            return None
        return ReadSignature(
            signed_info=signed_info,
            digest_value=digest_value,
            signature_value=value_part,
            digest=digest,
            value=value,
            algorithm=algorithm,
            signer=signer,
            chain=tuple(chain),
        )

    def _decorates(self, signature: etree._Element, short: etree._Element, *, digest: bytes, value: bytes) -> bool:
        sound = all(each.code is FindingCode.SIGNATURE_CERTIFICATE for each in self.faults)
        text = (short.text or "").strip(XML_BLANKS)
        return is_placeholder(text, signature=signature, digest=digest, value=value, sound=sound)

    def _signed_info(
        self, signed_info: etree._Element | None
    ) -> tuple[SignatureAlgorithm | None, bytes, etree._Element | None]:
        """The method, the digest of the content, and where that digest stands."""
        if signed_info is None:
            return None, b"", None
        code = FindingCode.SIGNATURE_MALFORMED
        if sum(1 for _ in signed_info.iterchildren(_SIGNED_INFO_PARTS[2])) != 1:
            code = FindingCode.SIGNATURE_REFERENCE
        canonicalization, method, reference = self._children(signed_info, _SIGNED_INFO_PARTS, code)
        self._algorithm(canonicalization, (EXC_C14N,), FindingCode.SIGNATURE_ALGORITHM)
        uri = self._algorithm(method, _METHODS, FindingCode.SIGNATURE_ALGORITHM)
        digest, digest_value = self._reference(reference)
        return ALGORITHMS.get(uri), digest, digest_value

    def _reference(self, reference: etree._Element | None) -> tuple[bytes, etree._Element | None]:
        if reference is None:
            return b"", None
        attributes = reference.items()
        if attributes != [("URI", "")]:
            found = " ".join(f'{local(name)}="{value!s}"' for name, value in attributes)
            self._fault(FindingCode.SIGNATURE_REFERENCE, reference, found, 'URI=""')
        code = FindingCode.SIGNATURE_MALFORMED
        if reference.find(_REFERENCE_PARTS[0]) is None:
            code = FindingCode.SIGNATURE_TRANSFORM
        transforms, method, digest_value = self._children(reference, _REFERENCE_PARTS, code, attributes=["URI"])
        self._transforms(transforms)
        self._algorithm(method, (SHA256,), FindingCode.SIGNATURE_ALGORITHM)
        digest = self._bytes(digest_value, VALUE_CHARS, FindingCode.SIGNATURE_MALFORMED)
        return digest, digest_value

    def _transforms(self, transforms: etree._Element | None) -> None:
        if transforms is None:
            return
        code = FindingCode.SIGNATURE_TRANSFORM
        steps = list(transforms)
        self._blanks_and_attributes(transforms, steps, code, [])
        uris = tuple(step.get("Algorithm") or local(step.tag) for step in steps)
        if uris != TRANSFORMS or tuple(step.tag for step in steps) != _TRANSFORM_PARTS:
            self._fault(code, transforms, ", ".join(uris[:SHOWN_FAULTS]), ", ".join(TRANSFORMS))
            return
        for step in steps:
            self._algorithm(step, TRANSFORMS, code)

    def _certificates(self, key_info: etree._Element | None) -> tuple[ReadCertificate, ...]:
        """The signer's certificate first, then those of authorities; empty when there are faults."""
        if key_info is None:
            return ()
        code = FindingCode.SIGNATURE_KEY_INFO
        (data,) = self._children(key_info, _KEY_INFO_PARTS, code)
        if data is None:
            return ()
        parts = list(data)
        self._blanks_and_attributes(data, parts, code, [])
        elements = []
        for part in parts:
            if part.tag == _CERTIFICATE:
                elements.append(part)
            elif part.tag not in _REMARKS or sum(len(text) for text in part.itertext()) > REMARK_CHARS:
                self._fault(code, part, local(part.tag), "X509Certificate")
        if not 1 <= len(elements) <= 1 + CHAIN_CERTIFICATES:
            self._fault(code, data, f"X509Certificate × {len(elements)}", f"1–{1 + CHAIN_CERTIFICATES}")
            return ()
        return tuple(read for index, each in enumerate(elements) if (read := self._certificate(each, index)))

    def _certificate(self, element: etree._Element, index: int) -> ReadCertificate | None:
        text = (element.text or "").strip(XML_BLANKS)
        if index == 0 and len(text) < PLACEHOLDER_CHARS and text:
            self._short = element
        before = len(self.faults)
        der = self._bytes(element, CERTIFICATE_CHARS, FindingCode.SIGNATURE_CERTIFICATE)
        if len(self.faults) > before:
            return None
        certificate = read_certificate(der)
        if certificate is None:
            self._fault(FindingCode.SIGNATURE_CERTIFICATE, element, f"{len(der)} bytes", "X.509 (DER)")
        elif index > 0 and not certificate.authority:
            self._fault(FindingCode.SIGNATURE_KEY_INFO, element, subject_of(certificate), "CA")
        return certificate

    def _check_key(self, key_info: etree._Element, signer: ReadCertificate, algorithm: SignatureAlgorithm) -> None:
        kind = signer.key_kind
        if not kind.strong:
            expected = f"RSA {RSA_BITS.start}–{RSA_BITS.stop - 1}, P-256, P-384"
            self._fault(FindingCode.SIGNATURE_WEAK_KEY, key_info, str(kind), expected, bits=kind.bits)
        elif kind.kind != algorithm.key_kind:
            fitting = kind.algorithm.name if kind.algorithm else ""
            self._fault(FindingCode.SIGNATURE_ALGORITHM, key_info, algorithm.name, fitting, key=kind)

    def _algorithm(self, element: etree._Element | None, allowed: tuple[str, ...], code: FindingCode) -> str:
        """The algorithm an empty element names; a parameter inside it (a key length, a prefix list) is a fault."""
        if element is None:
            return ""
        children = list(element)
        self._blanks_and_attributes(element, children, code, ["Algorithm"])
        uri = element.get("Algorithm") or ""
        if uri not in allowed:
            self._fault(code, element, uri, ", ".join(allowed))
        elif children:
            self._fault(code, element, _names(children), "")
        return uri

    def _children(
        self,
        parent: etree._Element,
        tags: tuple[str, ...],
        code: FindingCode,
        *,
        attributes: Sequence[str] = (),
    ) -> Sequence[etree._Element | None]:
        """The children with these tags, None for a missing one.

        Others than these, in this order and once each, are a fault with this code.
        """
        children = list(parent)
        self._blanks_and_attributes(parent, children, code, attributes)
        if tuple([each.tag for each in children]) == tags:
            return children
        self._fault(code, parent, _names(children), ", ".join(local(tag) for tag in tags))
        first = {each.tag: each for each in reversed(children)}
        return [first.get(tag) for tag in tags]

    def _blanks_and_attributes(
        self, element: etree._Element, children: list[etree._Element], code: FindingCode, allowed: Sequence[str]
    ) -> None:
        """Nothing but some white space between the children, and no attribute that the profile does not name."""
        for text in (element.text, *[each.tail for each in children]):
            if text and (len(text) > BLANK_CHARS or text.strip(XML_BLANKS)):
                self._fault(FindingCode.SIGNATURE_MALFORMED, element, text.strip(XML_BLANKS)[:80], "")
                break
        foreign = [name for name, _ in element.items() if name not in allowed]
        if foreign:
            self._fault(code, element, ", ".join(f"@{local(name)}" for name in foreign), "")

    def _bytes(self, element: etree._Element | None, limit_chars: int, code: FindingCode) -> bytes:
        """Strict base64 of a leaf, white space aside; empty with a fault when it is not that."""
        if element is None:
            return b""
        foreign = [f"@{local(name)}" for name, _ in element.items()] + [local(each.tag) for each in element]
        if foreign:
            self._fault(code, element, ", ".join(foreign[:SHOWN_FAULTS]), "base64")
            return b""
        text = element.text or ""
        if len(text) > 2 * limit_chars:
            self._fault(code, element, f"{len(text)} chars", f"≤ {limit_chars}")
            return b""
        packed = "".join(text.split()) if text.isascii() else ""
        try:
            content = binascii.a2b_base64(packed, strict_mode=True)
        except ValueError:
            content = b""
        if not content or len(packed) > limit_chars or b64encode(content).decode("ascii") != packed:
            self._fault(code, element, packed[:80], "base64")
            return b""
        return content

    def _fault(
        self, code: FindingCode, element: etree._Element, found: object, expected: object, **facts: object
    ) -> None:
        self.faults.append(fault_at(code, element, found=found, expected=expected, **facts))
