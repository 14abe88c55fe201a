"""Signing: puts a Signature of the profile into an envelope, and leaves every other byte of it as it is."""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from edxml_schemas.dsig.profile import (
    CHAIN_CERTIFICATES,
    ENVELOPE_HOME,
    RECEIPT_HOME,
    RSA_BITS,
    SHA256,
    TRANSFORMS,
    SignatureAlgorithm,
    content_digest,
    kind_of_key,
)
from edxml_schemas.findings import FindingCode, Findings, codes, finding
from edxml_schemas.names import DSIG_NS, EXC_C14N, local
from edxml_schemas.safe_xml import Parsed, line_of, parse, xpath_of

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class SigningError(Exception):
    """An envelope that cannot be signed; `findings` say why and where."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(", ".join(codes(findings)))
        self.findings = findings


class SignerError(Exception):
    """A key or certificate that cannot sign; `vi` and `en` say why."""

    def __init__(self, *, vi: str, en: str) -> None:
        super().__init__(f"{vi} / {en}")
        self.vi = vi
        self.en = en


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its certificate, and the certificates of authorities (at most five) that go along."""

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def __post_init__(self) -> None:
        """Raises SignerError when the key is not the certificate's, or not of the profile."""
        kind = kind_of_key(self.key.public_key())
        if not kind.strong:
            allowed = f"RSA {RSA_BITS.start}–{RSA_BITS.stop - 1}, P-256, P-384"
            raise SignerError(vi=f"Khóa {kind} không dùng được; cần {allowed}", en=f"{kind} cannot sign; use {allowed}")
        if self.certificate.public_key() != self.key.public_key():
            raise SignerError(
                vi="Khóa bí mật không khớp với chứng thư số", en="The private key does not belong to the certificate"
            )
        if len(self.chain) > CHAIN_CERTIFICATES:
            raise SignerError(
                vi=f"Quá {CHAIN_CERTIFICATES} chứng thư số trung gian",
                en=f"More than {CHAIN_CERTIFICATES} intermediate certificates",
            )

    @classmethod
    def load(cls, key_pem: bytes, cert_pem: bytes, password: bytes | None = None) -> "Signer":
        """From PEM. The first certificate is the signer's; those after it are intermediates. Raises SignerError."""
        try:
            key = serialization.load_pem_private_key(key_pem, password)
        except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
            raise SignerError(
                vi="Không đọc được khóa bí mật: sai mật khẩu hoặc không phải PEM",
                en="The private key cannot be read: wrong password, or not PEM",
            ) from problem
        try:
            certificate, *chain = x509.load_pem_x509_certificates(cert_pem)
        except ValueError as problem:
            raise SignerError(
                vi="Không đọc được chứng thư số: không phải PEM", en="The certificate cannot be read: not PEM"
            ) from problem
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise SignerError(vi="Chỉ hỗ trợ khóa RSA và ECDSA", en="Only RSA and ECDSA keys are supported")
        return cls(key, certificate, tuple(chain))

    @property
    def algorithm(self) -> SignatureAlgorithm:
        found = kind_of_key(self.key.public_key()).algorithm
        if found is None:
            raise SignerError(vi="Khóa không dùng để ký được", en="The key cannot sign")
        return found

    def signature_of(self, content: bytes) -> bytes:
        """The raw signature value as XMLDSig wants it: for ECDSA r and s side by side, not DER."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(content, padding.PKCS1v15(), self.algorithm.digest)
        r, s = decode_dss_signature(self.key.sign(content, ec.ECDSA(self.algorithm.digest)))
        width = self.algorithm.integer_bytes
        return r.to_bytes(width) + s.to_bytes(width)


def sign(data: bytes, signer: Signer, *, replace: bool = True) -> bytes:
    """The envelope (or receipt) with a Signature as last child of its header (of its root).

    A Signature that stands there already, decorative or real, goes when `replace`; else it is an error. All other
    bytes stay. Raises SigningError for an envelope that does not parse, has no header, is not in UTF-8, or holds
    comments or processing instructions.
    """
    places = _places(data)
    if places.old and not replace:
        raise SigningError((finding(FindingCode.SIGNATURE_SEVERAL, found=len(places.old) + 1, expected=1),))
    before = _without(data[: places.at], places.old)
    after = data[places.at + places.skipped :]
    if places.closed:
        before, after = before + places.opened, places.closed + after
    else:
        bare = before.rstrip()
        blanks = before[len(bare) :]
        if b"\n" in blanks:
            before, after = bare + blanks + b"  ", blanks + after
    parsed = _signable(before + after)
    signature = _signature(content_digest(parsed.root, parsed.size), signer)
    return before + signature + after


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Byte offsets: where the Signature goes, and the ranges of those already there.

    A self-closing header is `opened` and `closed` around the new Signature; `skipped` is what it is written as now.
    """

    at: int
    old: tuple[tuple[int, int], ...]
    opened: bytes = b""
    closed: bytes = b""
    skipped: int = 0


class _Finder:
    """Follows the elements of an envelope and notes the offsets of its header and of Signatures in it."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.path: list[str] = []
        self.header_start = -1
        self.header_end = -1
        self.signature_start = -1
        self.old: list[tuple[int, int]] = []

    def _refuse(self, *_: object) -> None:
        raise expat.ExpatError("a document type declaration")

    def _at_home(self) -> bool:
        return self.header_end < 0 and tuple(self.path) in (_HOME, _RECEIPT)

    def _start(self, name: str, _: object) -> None:
        if local(name) == "Signature" and self._at_home():
            self.signature_start = self.parser.CurrentByteIndex
        self.path.append(name)
        if self.header_start < 0 and self._at_home():
            self.header_start = self.parser.CurrentByteIndex

    def _end(self, name: str) -> None:
        if self._at_home():
            self.header_end = self.parser.CurrentByteIndex
        self.path.pop()
        if local(name) == "Signature" and self._at_home():
            self.old.append((self.signature_start, self.parser.CurrentByteIndex))


_HOME: Final = tuple(tag.removeprefix("{") for tag in ENVELOPE_HOME)
_RECEIPT: Final = tuple(tag.removeprefix("{") for tag in RECEIPT_HOME)
_TAG: Final = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_TAG_NAME: Final = re.compile(rb"<([^\s/>]+)")


def _tag(data: bytes, start: int) -> bytes:
    """The whole tag that starts there; quoted attribute values may hold `>`."""
    match = _TAG.match(data, start)
    return match.group() if match else b""


def _end(data: bytes, start: int, end_event: int) -> int:
    """Where an element ends. Expat reports the end tag, or for a self-closing element no tag of its own."""
    opening = _tag(data, start)
    return start + len(opening) if opening.endswith(b"/>") else end_event + len(_tag(data, end_event))


def _places(data: bytes) -> _Places:
    finder = _Finder()
    try:
        finder.parser.Parse(data, True)
    except (expat.ExpatError, LookupError):  # LookupError: an encoding that nobody knows
        # Well-formedness has findings of its own, with lines and remedies.
        found = parse(data)
        raise SigningError(
            (finding(FindingCode.XML_NOT_WELL_FORMED),) if isinstance(found, Parsed) else found
        ) from None
    if finder.header_end < 0:
        xpath = "/" + "/".join(f"edXML:{local(tag)}" for tag in ENVELOPE_HOME)
        raise SigningError((finding(FindingCode.SCHEMA_MISSING, xpath=xpath, element=local(ENVELOPE_HOME[-1])),))
    old = tuple((start, _end(data, start, end)) for start, end in finder.old)
    whole = _tag(data, finder.header_start)
    if whole.endswith(b"/>"):
        name = _TAG_NAME.match(whole)
        closed = b"</" + (name.group(1) if name else b"") + b">"
        opened = whole[:-2].rstrip() + b">"
        return _Places(at=finder.header_start, old=(), opened=opened, closed=closed, skipped=len(whole))
    return _Places(at=finder.header_end, old=old)


def _without(data: bytes, ranges: Iterable[tuple[int, int]]) -> bytes:
    """The bytes outside the ranges; the white space before a range goes with it."""
    kept, position = [], 0
    for start, end in ranges:
        kept.append(data[position:start].rstrip())
        position = end
    kept.append(data[position:])
    return b"".join(kept)


def _signable(data: bytes) -> Parsed:
    """The parsed document, which a signature of the profile could cover. Raises SigningError."""
    parsed = parse(data)
    if not isinstance(parsed, Parsed):
        raise SigningError(parsed)
    root = parsed.root
    remarks = [*root.iter(etree.Comment, etree.PI), *root.itersiblings(preceding=True), *root.itersiblings()]
    if remarks or parsed.comments:
        raise SigningError(
            tuple(
                finding(FindingCode.SIGNATURE_COMMENT, line=line_of(each), value=each.text or "", found=len(remarks))
                for each in remarks[:20]
            )
            or (finding(FindingCode.SIGNATURE_COMMENT, xpath=xpath_of(root), found=1),)
        )
    other = next(root.iter("{*}Signature", f"{{{DSIG_NS}}}*"), None)
    if other is not None:
        raise SigningError(
            (finding(FindingCode.SIGNATURE_SEVERAL, line=line_of(other), xpath=xpath_of(other), found=2, expected=1),)
        )
    return parsed


def _signature(digest: bytes, signer: Signer) -> bytes:
    """The Signature element. Its SignedInfo is written in canonical form, so what is signed is what is written."""
    inner = (
        f'<CanonicalizationMethod Algorithm="{EXC_C14N}"></CanonicalizationMethod>'
        f'<SignatureMethod Algorithm="{signer.algorithm.uri}"></SignatureMethod>'
        '<Reference URI=""><Transforms>'
        + "".join(f'<Transform Algorithm="{uri}"></Transform>' for uri in TRANSFORMS)
        + f'</Transforms><DigestMethod Algorithm="{SHA256}"></DigestMethod>'
        f"<DigestValue>{_text(digest)}</DigestValue></Reference></SignedInfo>"
    )
    # Exclusive C14N writes the namespace where it is first used: on SignedInfo itself.
    value = signer.signature_of(f'<SignedInfo xmlns="{DSIG_NS}">{inner}'.encode())
    certificates = "".join(
        f"<X509Certificate>{_text(each.public_bytes(serialization.Encoding.DER))}</X509Certificate>"
        for each in (signer.certificate, *signer.chain)
    )
    return (
        f'<Signature xmlns="{DSIG_NS}"><SignedInfo>{inner}<SignatureValue>{_text(value)}</SignatureValue>'
        f"<KeyInfo><X509Data>{certificates}</X509Data></KeyInfo></Signature>"
    ).encode()


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")
