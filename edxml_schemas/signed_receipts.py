"""The hub's word under the hub's signature: receipts signed, and receipts believed or not.

The profile is that of the envelopes (`dsig/profile.py`), with the Signature as last child of the receipt's root.
Signing is template work: `encode_receipt` writes canonical bytes, so the words are hashed as they are. Believing is
not: every receipt is parsed, its Signature is matched against the profile and checked over a canonical form made anew,
and what is handed back is read from the tree that the signature covers.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from edxml_schemas.certificates.rules import name_text
from edxml_schemas.dsig.profile import SHA256, TRANSFORMS, read_certificate
from edxml_schemas.dsig.reader import fault_at
from edxml_schemas.findings import FindingCode, Findings, finding
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.names import DSIG_NS, EXC_C14N, ds, local
from edxml_schemas.receipts import RECEIPT_END, Receipt, read_receipt
from edxml_schemas.safe_xml import Parsed
from edxml_schemas.safe_xml import parse as parse_xml
from edxml_schemas.signatures import Signed, Signer, SignerError, check_integrity
from edxml_schemas.trust import TrustChecker, TrustMaterial, TrustValue

_SIGNATURE: Final = ds("Signature")


class ReceiptPen:
    """A signer with everything prepared that does not change from receipt to receipt.

    ECDSA values are deterministic (RFC 6979) where OpenSSL can do it: the same words get the same signature.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._algorithm = signer.algorithm
        self._deterministic = _deterministic(signer)
        inner = (
            f'<CanonicalizationMethod Algorithm="{EXC_C14N}"></CanonicalizationMethod>'
            f'<SignatureMethod Algorithm="{self._algorithm.uri}"></SignatureMethod><Reference URI=""><Transforms>'
            + "".join(f'<Transform Algorithm="{uri}"></Transform>' for uri in TRANSFORMS)
            + f'</Transforms><DigestMethod Algorithm="{SHA256}"></DigestMethod><DigestValue>'
        ).encode()
        certificates = b"".join(
            b"<X509Certificate>%b</X509Certificate>" % b64encode(each.public_bytes(serialization.Encoding.DER))
            for each in (signer.certificate, *signer.chain)
        )
        declared = b' xmlns="%b"' % DSIG_NS.encode()
        self._before_digest = b"<Signature%b><SignedInfo>%b" % (declared, inner)
        # Exclusive C14N writes the namespace where it is first used: on SignedInfo itself.
        self._signed_start = b"<SignedInfo%b>%b" % (declared, inner)
        self._signed_end = b"</DigestValue></Reference></SignedInfo>"
        self._after_value = (
            b"</SignatureValue><KeyInfo><X509Data>%b</X509Data></KeyInfo></Signature>" % certificates + RECEIPT_END
        )

    @property
    def signer(self) -> Signer:
        return self._signer

    def sign(self, words: bytes) -> bytes:
        """The signed receipt. `words` are those of `encode_receipt`; ValueError for others that end differently."""
        if not words.endswith(RECEIPT_END):
            raise ValueError("these are no words of a receipt")
        digest = b64encode(hashlib.sha256(words).digest())
        value = b64encode(self.signature_of(self._signed_start + digest + self._signed_end))
        return b"".join(
            (
                words[: -len(RECEIPT_END)],
                self._before_digest,
                digest,
                self._signed_end,
                b"<SignatureValue>",
                value,
                self._after_value,
            )
        )

    def signature_of(self, content: bytes) -> bytes:
        """The raw signature value over any bytes: PKCS#1 v1.5 for RSA, r‖s for ECDSA."""
        key = self._signer.key
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(content, padding.PKCS1v15(), self._algorithm.digest)
        r, s = decode_dss_signature(key.sign(content, self._deterministic))
        width = self._algorithm.integer_bytes
        return r.to_bytes(width) + s.to_bytes(width)


def _deterministic(signer: Signer) -> ec.ECDSA:
    """RFC 6979, or random values where this OpenSSL (before 3.2) has none."""
    wanted = ec.ECDSA(signer.algorithm.digest, deterministic_signing=True)
    if isinstance(signer.key, ec.EllipticCurvePrivateKey):
        try:
            signer.key.sign(b"", wanted)
        except UnsupportedAlgorithm:
            return ec.ECDSA(signer.algorithm.digest)
    return wanted


def sign_receipt(words: bytes, signer: Signer) -> bytes:
    """One receipt signed; who signs many keeps a `ReceiptPen`."""
    return ReceiptPen(signer).sign(words)


class HubTrust:
    """Whose receipts are believed: the pinned certificates of hubs, or what an authority issued to the named hub.

    An authority certifies many, and each of them could sign receipts; so a certificate that is good only because its
    issuer is, has to carry `name` as its common name. Remembers good certificates; safe to share between threads.
    """

    def __init__(self, material: TrustMaterial, *, name: str = "") -> None:
        """`material.anchors` are the pinned certificates. Raises SignerError for none, and for an authority's without
        a name."""
        if not material.anchors:
            raise SignerError(vi="Không có chứng thư nào của trục", en="There is no certificate of the hub")
        if not name and any(_is_authority(each) for each in material.anchors):
            raise SignerError(
                vi="Chứng thư là của nơi cấp (CA): phải ghi thêm tên trục, nếu không ai được cấp cũng ký thay được",
                en="This is an authority's certificate: name the hub too, or everybody it certifies could sign for it",
            )
        self._checker = TrustChecker(material)
        self._pinned = frozenset(each for each in material.anchors if not _is_authority(each))
        self._name = name

    @classmethod
    def from_pem(cls, pem: bytes, *, name: str = "") -> "HubTrust":
        """Certificates one after the other, without revocation lists. Raises SignerError."""
        try:
            certificates = tuple(x509.load_pem_x509_certificates(pem))
        except ValueError as problem:
            raise SignerError(
                vi="Không đọc được chứng thư số của trục: không phải PEM",
                en="The hub's certificate cannot be read: not PEM",
            ) from problem
        return cls(TrustMaterial(anchors=certificates, require_revocation=False), name=name)

    def faults(self, signed: Signed, receipt: Receipt) -> Findings:
        """Why the signer is not the hub at the time at which it says to have decided; () when it is."""
        trust = self._checker.check(signed.certificate, at=receipt.decided_at, chain=signed.chain)
        if trust.value is not TrustValue.GOOD:
            return trust.findings
        if signed.certificate in self._pinned or (self._name and common_name(signed.certificate) == self._name):
            return ()
        subject = name_text(signed.certificate.subject)
        return (finding(FindingCode.RECEIPT_SIGNER, value=subject, expected=self._name),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReceipt:
    """A receipt that the hub signed. `words_digest` is the SHA-256 of its words, as in the hub's log."""

    receipt: Receipt
    certificate: x509.Certificate
    fingerprint: str
    algorithm: str
    words_digest: str

    @property
    def signer(self) -> str:
        """The common name of who signed, the whole subject where there is none."""
        return common_name(self.certificate) or name_text(self.certificate.subject)


def open_receipt(data: bytes, hub: HubTrust, limits: Limits = DEFAULT_LIMITS) -> SignedReceipt | Findings:
    """The receipt in these bytes when the hub signed it, else why it is not believed. Never raises.

    Refused: anything but a receipt with exactly one Signature as its last child, of the profile, over all of it, by a
    key that `hub` trusts at the time of the receipt.
    """
    parsed = parse_xml(data, limits)
    if not isinstance(parsed, Parsed):
        return parsed
    behind = next((each.getnext() for each in parsed.root.iterchildren(_SIGNATURE)), None)
    if behind is not None and isinstance(behind.tag, str) and behind.tag != _SIGNATURE:
        return (fault_at(FindingCode.SIGNATURE_MISPLACED, behind, found=local(behind.tag), expected="Signature"),)
    signed = check_integrity(parsed)
    if not isinstance(signed, Signed):
        return signed
    receipt = read_receipt(signed.root)
    if not isinstance(receipt, Receipt):
        return receipt
    return hub.faults(signed, receipt) or SignedReceipt(
        receipt=receipt,
        certificate=signed.certificate,
        fingerprint=signed.fingerprint,
        algorithm=signed.algorithm,
        words_digest=signed.content_digest,
    )


def verify_receipt(data: bytes, hub: HubTrust, limits: Limits = DEFAULT_LIMITS) -> Receipt | Findings:
    """As `open_receipt`, for who does not ask who signed."""
    opened = open_receipt(data, hub, limits)
    return opened.receipt if isinstance(opened, SignedReceipt) else opened


def common_name(certificate: x509.Certificate) -> str:
    """The last common name in the subject; empty when there is none."""
    names = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return names[-1] if names else ""


def _is_authority(certificate: x509.Certificate) -> bool:
    read = read_certificate(certificate.public_bytes(serialization.Encoding.DER))
    return read is None or read.authority
