"""The one signature profile of the house: what a signature may look like, and which keys may make one.

Enveloped XMLDSig (W3C XML Signature 1.1) in `edXMLHeader`, or in the root of a receipt, with

* one `Reference URI=""`, transformed by enveloped-signature and then exclusive C14N without comments,
* exclusive C14N without comments for `SignedInfo`, SHA-256 as digest of the content,
* `rsa-sha256` with RSA of 2048 to 8192 bits, `ecdsa-sha256` with P-256, or `ecdsa-sha384` with P-384. The curve and
  the hash go together; the digest of the content is SHA-256 with each of them,
* the signer's certificate as the first `X509Certificate` in `KeyInfo/X509Data`; up to five more are certificates of
  authorities and serve only to build the chain. `X509SubjectName`, `X509IssuerSerial` and `X509SKI`, which platform
  libraries like to add, are read past: `KeyInfo` is not covered by the signature and proves nothing.

Nothing else is accepted. Comments and processing instructions make readers disagree about text, so a signed envelope
has none, not even outside its root.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from edxml_schemas.names import DSIG_MORE_NS, DSIG_NS, EXC_C14N, RECEIPT_NS, XMLENC_NS, q

ENVELOPED: Final = f"{DSIG_NS}enveloped-signature"
SHA256: Final = f"{XMLENC_NS}sha256"
TRANSFORMS: Final = (ENVELOPED, EXC_C14N)

CHAIN_CERTIFICATES: Final = 5  # certificates of authorities beside the signer's own
RSA_BITS: Final = range(2048, 8193)
CERTIFICATE_CHARS: Final = 16_384  # base64 of one certificate
VALUE_CHARS: Final = 2_048  # base64 of a signature value; 8192 bits need 1368
BLANK_CHARS: Final = 1_024  # white space between two elements of a signature
PLACEHOLDER_CHARS: Final = 100  # no certificate is as short; what vendors write in its place is
REMARK_CHARS: Final = 2_048  # subject names and serials that are read past

XML_BLANKS: Final = " \t\r\n"

ENVELOPE_HOME: Final = (q("edXML"), q("edXMLEnvelope"), q("edXMLHeader"))
RECEIPT_HOME: Final = (f"{{{RECEIPT_NS}}}Receipt",)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureAlgorithm:
    """A signature method. `key_kind` is the only kind of key that goes with it."""

    name: str
    uri: str
    key_kind: str
    digest: hashes.SHA256 | hashes.SHA384
    integer_bytes: int = 0
    """Width of r and of s for ECDSA (RFC 4050 section 3.3, XML Signature 1.1 section 6.4.3); 0 for RSA."""


RSA_SHA256: Final = SignatureAlgorithm(
    name="rsa-sha256", uri=f"{DSIG_MORE_NS}rsa-sha256", key_kind="RSA", digest=hashes.SHA256()
)
ECDSA_SHA256: Final = SignatureAlgorithm(
    name="ecdsa-sha256", uri=f"{DSIG_MORE_NS}ecdsa-sha256", key_kind="P-256", digest=hashes.SHA256(), integer_bytes=32
)
ECDSA_SHA384: Final = SignatureAlgorithm(
    name="ecdsa-sha384", uri=f"{DSIG_MORE_NS}ecdsa-sha384", key_kind="P-384", digest=hashes.SHA384(), integer_bytes=48
)
ALGORITHMS: Final[Mapping[str, SignatureAlgorithm]] = MappingProxyType(
    {each.uri: each for each in (RSA_SHA256, ECDSA_SHA256, ECDSA_SHA384)}
)
"""By URI."""
_CURVES: Final[Mapping[str, str]] = MappingProxyType({"secp256r1": "P-256", "secp384r1": "P-384"})

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class KeyKind:
    """What a public key is. `kind` is `RSA`, `P-256`, `P-384`, another curve's name, or the name of its type."""

    kind: str
    bits: int

    @property
    def strong(self) -> bool:
        return self.kind in {"P-256", "P-384"} or (self.kind == "RSA" and self.bits in RSA_BITS)

    def fits(self, algorithm: SignatureAlgorithm) -> bool:
        """Whether a key of this kind is strong enough and may sign by this method."""
        return self.strong and self.kind == algorithm.key_kind

    @property
    def algorithm(self) -> SignatureAlgorithm | None:
        """The method that this kind of key signs with; None when the profile has none."""
        return next((each for each in ALGORITHMS.values() if each.key_kind == self.kind), None)

    def __str__(self) -> str:
        return f"RSA {self.bits}" if self.kind == "RSA" else self.kind


@dataclass(frozen=True, slots=True)
class ReadCertificate:
    """A certificate with what verification needs of it, read once. `public_key` is None for foreign kinds of keys."""

    certificate: x509.Certificate
    der: bytes
    fingerprint: str
    public_key: PublicKey | None
    key_kind: KeyKind
    authority: bool
    """Whether its basic constraints say that it belongs to a certification authority."""


def kind_of_key(key: object) -> KeyKind:
    """The kind of a public key of any type."""
    if isinstance(key, rsa.RSAPublicKey):
        return KeyKind("RSA", key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return KeyKind(_CURVES.get(key.curve.name, key.curve.name), key.key_size)
    return KeyKind(type(key).__name__.removesuffix("PublicKey").strip("_"), 0)


_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for bytes that are no certificate, or one of its own kind."""


@lru_cache(maxsize=1024)
def read_certificate(der: bytes) -> ReadCertificate | None:
    """The certificate in these bytes (DER); None when they hold none that can be read. Remembers the latest 1024."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        authority = _is_authority(certificate)
        # Fields are parsed when they are first asked for: ask now, so that nobody is surprised later.
        _ = certificate.subject, certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        x509.InvalidVersion,
    ):
        return None
    return ReadCertificate(
        certificate,
        der,
        hashlib.sha256(der).hexdigest(),
        key if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else None,
        kind_of_key(key),
        authority,
    )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def home_of(root: etree._Element) -> etree._Element | None:
    """The element whose child the signature has to be: `edXMLHeader`, or the root of a receipt."""
    if root.tag == RECEIPT_HOME[0]:
        return root
    if root.tag != ENVELOPE_HOME[0]:
        return None
    place: etree._Element | None = root
    for tag in ENVELOPE_HOME[1:]:
        place = place.find(tag) if place is not None else None
    return place


def canonical(element: etree._Element) -> bytes:
    """Exclusive C14N without comments of an element in its document. Raises etree.C14NError when there is none."""
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)


class _Hashing:
    """A file that keeps only the SHA-256 of what is written to it."""

    __slots__ = ("digest", "write")

    def __init__(self) -> None:
        hasher = hashlib.sha256()
        self.write = hasher.update
        self.digest = hasher.digest


STREAMED_ABOVE: Final = 512 * 1024  # bytes; below, one string in memory costs less than many small writes


def content_digest(root: etree._Element, size: int) -> bytes:
    """SHA-256 of the canonical form of the tree under `root`. `size` (bytes) decides whether it is streamed."""
    if size <= STREAMED_ABOVE:
        return hashlib.sha256(canonical(root)).digest()
    sink = _Hashing()
    tree = etree.ElementTree(root)
    tree.write_c14n(sink, exclusive=True, with_comments=False)  # type: ignore[call-arg, arg-type]  # stubs lag behind
    return sink.digest()
