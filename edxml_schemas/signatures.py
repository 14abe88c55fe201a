"""Integrity: is what was signed what is here? Knows the one profile of `dsig/profile.py` and nothing else.

The check says nothing about whether the key may sign; that is `trust.py`. What it hands back is the tree that the
signature covers, and only that is to be believed.
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from edxml_schemas.dsig.plain import PlainSignature, read_plain, read_text
from edxml_schemas.dsig.profile import ENVELOPE_HOME, RECEIPT_HOME, STREAMED_ABOVE, canonical, content_digest
from edxml_schemas.dsig.reader import SHOWN_FAULTS, ReadSignature, SignatureReader, fault_at, subject_of
from edxml_schemas.dsig.signing import Signer, SignerError, SigningError, sign
from edxml_schemas.findings import Finding, FindingCode, Findings, finding
from edxml_schemas.names import DSIG_NS, ds, local
from edxml_schemas.safe_xml import Parsed, line_of, xpath_of

__all__ = ["Proof", "Signed", "Signer", "SignerError", "SigningError", "check_integrity", "check_texts", "sign"]

_SIGNATURE: Final = ds("Signature")
_HOMES: Final = (ENVELOPE_HOME, RECEIPT_HOME)
_PKCS1: Final = padding.PKCS1v15()
_OF_INTEREST: Final = ("{*}Signature", f"{{{DSIG_NS}}}*", etree.Comment, etree.PI, etree.Entity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Who made a good signature, and over what.

    `fingerprint` is the SHA-256 of `certificate_der`, and `content_digest` the SHA-256 of the canonical content, both
    lower-case hexadecimal. `chain` holds the further certificates that came along: a help to build a path, and no
    evidence. `algorithm` is `rsa-sha256`, `ecdsa-sha256` or `ecdsa-sha384`.
    """

    certificate: x509.Certificate
    certificate_der: bytes
    fingerprint: str
    chain: tuple[x509.Certificate, ...]
    content_digest: str
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed(Proof):
    """A proof with what it covers: `root` is the signed tree without the Signature."""

    root: etree._Element


def check_texts(signature: bytes, content_digest: bytes) -> Proof | None:
    """The proof in a Signature of the usual layout over content with this SHA-256; None when there is none.

    `signature` is the Signature in canonical form as it stands in its document. None says nothing about what is
    wrong: `check_integrity` does. Never raises.
    """
    read = read_text(signature)
    if read is None or read.digest != content_digest or _value_fault(read, read.signed_bytes):
        return None
    return Proof(
        certificate=read.signer.certificate,
        certificate_der=read.signer.der,
        fingerprint=read.signer.fingerprint,
        chain=tuple([each.certificate for each in read.chain]),
        content_digest=content_digest.hex(),
        algorithm=read.algorithm.name,
    )


def check_integrity(parsed: Parsed) -> Signed | Findings:
    """The signed tree, or every fault of the signature that can be named.

    Consumes the tree: the Signature is detached from it. Never raises. Costs one canonicalisation of the tree and one
    verification, and neither unless the signature has exactly the shape of the profile.
    """
    root = parsed.root
    if root.getroottree().docinfo.internalDTD is not None:
        return (finding(FindingCode.XML_DTD, line=1),)
    found = list(root.iter(*_OF_INTEREST))
    plain = read_plain(found) if found and _nothing_odd(parsed, found[0]) else None
    if plain is not None:
        return _verify(root, found[0], plain, parsed.size)
    signatures = [each for each in found if each.tag == _SIGNATURE]
    others = [each for each in found if local(each.tag) == "Signature" and each.tag != _SIGNATURE]
    if not signatures:
        return (_decorative(others[0], "namespace") if others else _missing(root),)
    faults = _remarks_in_signed(root, found, noticed=parsed.comments)
    signature = signatures[0]
    if len(signatures) + len(others) > 1:
        faults += [
            fault_at(FindingCode.SIGNATURE_SEVERAL, each, found=len(signatures) + len(others), expected=1)
            for each in [*signatures, *others][1 : SHOWN_FAULTS + 1]
        ]
    faults += _misplaced(signature, found)
    reader = SignatureReader()
    read = reader.read(signature)
    if reader.placeholder is not None:
        return (_decorative(reader.placeholder, "certificate"), *faults)
    faults += reader.faults
    if faults or read is None:
        return tuple(faults)
    return _verify(root, signature, read, parsed.size)


def _nothing_odd(parsed: Parsed, signature: etree._Element) -> bool:
    """Whether the Signature is at home, in an envelope of common size without remarks. So nearly every one is."""
    root = parsed.root
    return (
        not parsed.comments
        and root.getprevious() is None
        and root.getnext() is None
        and parsed.size <= STREAMED_ABOVE  # above, no second copy of what may be a huge value
        and tuple([each.tag for each in signature.iterancestors()])[::-1] in _HOMES
    )


def _missing(root: etree._Element) -> Finding:
    return finding(
        FindingCode.SIGNATURE_MISSING,
        line=line_of(root),
        xpath=xpath_of(root),
        expected=_home(root),
    )


def _home(root: etree._Element) -> str:
    """Where the Signature belongs in a document with this root."""
    return "/".join(local(tag) for tag in (RECEIPT_HOME if root.tag == RECEIPT_HOME[0] else ENVELOPE_HOME))


def _decorative(element: etree._Element, why: str) -> Finding:
    """A Signature that was never meant to be verified. `why` names what gives it away: namespace or certificate."""
    signature = next(element.iterancestors("{*}Signature"), element)
    method = next(signature.iter("{*}SignatureMethod"), None)
    certificate = next(signature.iter("{*}X509Certificate"), None)
    return finding(
        FindingCode.SIGNATURE_DECORATIVE,
        line=line_of(signature),
        xpath=xpath_of(signature),
        value=(certificate.text or "").strip() if certificate is not None else "",
        why=why,
        namespace=etree.QName(signature).namespace or "",
        algorithm=(method.get("Algorithm") or "") if method is not None else "",
    )


def _remarks_in_signed(root: etree._Element, found: list[etree._Element], *, noticed: bool) -> list[Finding]:
    """Comments, processing instructions and entity references, inside the root and beside it."""
    remarks = [each for each in found if not isinstance(each.tag, str)]
    remarks += [*root.itersiblings(preceding=True), *root.itersiblings()]
    faults = [
        finding(
            FindingCode.SIGNATURE_COMMENT,
            line=line_of(each),
            xpath=xpath_of(parent) if (parent := each.getparent()) is not None else "/",
            value=each.text or "",
            found=len(remarks),
        )
        for each in remarks[:SHOWN_FAULTS]
    ]
    if noticed and not faults:
        faults.append(finding(FindingCode.SIGNATURE_COMMENT, line=line_of(root), xpath=xpath_of(root), found=1))
    return faults


def _misplaced(signature: etree._Element, found: list[etree._Element]) -> list[Finding]:
    """The Signature somewhere else than its home, and parts of a signature outside it."""
    faults = []
    place = tuple(each.tag for each in signature.iterancestors())[::-1]
    if place not in _HOMES:
        faults.append(
            fault_at(
                FindingCode.SIGNATURE_MISPLACED,
                signature,
                found="/".join(local(tag) for tag in place),
                expected=_home(signature.getroottree().getroot()),
            )
        )
    inside = set(signature.iter(f"{{{DSIG_NS}}}*"))
    strays = [each for each in found if isinstance(each.tag, str) and each not in inside]
    faults += [
        fault_at(FindingCode.SIGNATURE_MISPLACED, each, found=local(each.tag), expected="Signature")
        for each in strays[:SHOWN_FAULTS]
        if local(each.tag) != "Signature"  # those are named as several
        and next(each.iterancestors("{*}Signature"), None) is None
    ]
    return faults


def _verify(root: etree._Element, signature: etree._Element, read: ReadSignature, size: int) -> Signed | Findings:
    """The mathematics, after the shape is known to be that of the profile. Names a wrong value and a wrong digest."""
    home = signature.getparent()
    try:
        # In its document: the canonical form depends on the namespaces declared around it.
        wrong_value = _value_fault(read, read.signed_bytes or canonical(read.signed_info))
        _detach(signature)
        computed = content_digest(root, size)
    except (etree.LxmlError, ValueError) as problem:  # relative namespace names have no canonical form
        return (fault_at(FindingCode.SIGNATURE_MALFORMED, root, found=str(problem), expected="C14N"),)
    if not wrong_value and computed == read.digest:
        return Signed(
            root=root,
            certificate=read.signer.certificate,
            certificate_der=read.signer.der,
            fingerprint=read.signer.fingerprint,
            chain=tuple(each.certificate for each in read.chain),
            content_digest=computed.hex(),
            algorithm=read.algorithm.name,
        )
    if home is not None:
        home.append(signature)  # the places named below are places in the envelope
    faults: list[Finding] = []
    if wrong_value:
        width = read.algorithm.integer_bytes
        faults.append(
            fault_at(
                FindingCode.SIGNATURE_VALUE,
                read.signature_value,
                found=wrong_value,
                expected=f"r‖s, {2 * width} bytes" if width else str(read.signer.key_kind),
                algorithm=read.algorithm.name,
                subject=subject_of(read.signer),
            )
        )
    if computed != read.digest:
        found, expected = (b64encode(each).decode("ascii") for each in (read.digest, computed))
        faults.append(fault_at(FindingCode.SIGNATURE_DIGEST, read.digest_value, found=found, expected=expected))
    return tuple(faults)


def _value_fault(read: ReadSignature | PlainSignature, signed_bytes: bytes) -> str:
    """What is wrong with the signature value; empty when it is right."""
    key, value, width = read.signer.public_key, read.value, read.algorithm.integer_bytes
    try:
        if width and isinstance(key, ec.EllipticCurvePublicKey):
            if len(value) != 2 * width:
                # DER begins with a SEQUENCE; XMLDSig wants the two integers bare.
                return f"{'DER, ' if value[0] == 0x30 else ''}{len(value)} bytes"
            pair = encode_dss_signature(int.from_bytes(value[:width]), int.from_bytes(value[width:]))
            key.verify(pair, signed_bytes, ec.ECDSA(read.algorithm.digest))
        elif not width and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed_bytes, _PKCS1, read.algorithm.digest)
        else:
            return str(read.signer.key_kind)
    except InvalidSignature:
        return f"{len(value)} bytes"
    return ""


def _detach(signature: etree._Element) -> None:
    """Takes the Signature out. The text after it belongs to the document and stays."""
    parent = signature.getparent()
    if parent is None:
        return
    tail = signature.tail
    if tail:
        before = signature.getprevious()
        if before is None:
            parent.text = (parent.text or "") + tail
        else:
            before.tail = (before.tail or "") + tail
    parent.remove(signature)
