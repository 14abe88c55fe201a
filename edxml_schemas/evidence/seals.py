"""Seals: signed links of a chain, each over the root of the events since the one before it."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from edxml_schemas.dsig.profile import ReadCertificate, read_certificate
from edxml_schemas.dsig.signing import Signer

FIRST: Final = "0" * 64
"""`previous` of the seal with number 1."""

_FORM: Final = "truc-seal/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealWords:
    """What a seal says. Digests are lower-case hexadecimal SHA-256; `sealed_at` is microseconds since 1970 UTC.

    `certificate` is the fingerprint of the hub's certificate, so that nobody can say it was another hub's seal.
    """

    number: int
    first_seq: int
    last_seq: int
    count: int
    root: str
    previous: str
    sealed_at: int
    certificate: str

    def encoded(self) -> bytes:
        """The bytes that are hashed and signed: a JSON array."""
        return orjson.dumps(
            (
                _FORM,
                self.number,
                self.first_seq,
                self.last_seq,
                self.count,
                self.root,
                self.previous,
                self.sealed_at,
                self.certificate,
            )
        )

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.encoded()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealProof:
    """A seal as it travels: its words, and the hub's signature over them (empty where a later seal vouches for it).

    `timestamp` is an RFC 3161 token over the digest, or empty.
    """

    words: SealWords
    signature: bytes = field(default=b"", repr=False)
    timestamp: bytes = field(default=b"", repr=False)


def fingerprint_of(der: bytes) -> str:
    """SHA-256 of a certificate's DER form."""
    return hashlib.sha256(der).hexdigest()


def sign_words(words: bytes, signer: Signer) -> bytes:
    """The raw signature value of a signer of the profile; for ECDSA r and s side by side, so that no byte is free."""
    return signer.signature_of(words)


def signature_holds(words: bytes, signature: bytes, certificate: x509.Certificate | ReadCertificate) -> bool:
    """Whether the certificate's key made this signature. Never raises."""
    read = certificate if isinstance(certificate, ReadCertificate) else _read(certificate)
    if read is None or read.public_key is None or not read.key_kind.strong:
        return False
    algorithm = read.key_kind.algorithm
    if algorithm is None:
        return False
    try:
        if isinstance(read.public_key, rsa.RSAPublicKey):
            read.public_key.verify(signature, words, padding.PKCS1v15(), algorithm.digest)
        else:
            width = algorithm.integer_bytes
            if len(signature) != 2 * width:
                return False
            r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
            read.public_key.verify(encode_dss_signature(r, s), words, ec.ECDSA(algorithm.digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(certificate: x509.Certificate) -> ReadCertificate | None:
    from cryptography.hazmat.primitives.serialization import Encoding

    return read_certificate(certificate.public_bytes(Encoding.DER))
