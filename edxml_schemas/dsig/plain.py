"""Reads a Signature of the usual layout at one glance: its canonical bytes are a fixed text with values in it.

What equals the text has the shape of the profile, element by element and attribute by attribute, and `SignedInfo` in
canonical form is a part of that text. Everything else, a fault as well as a layout with white space, is left to
`reader.py`, which walks the elements and names what is wrong. Nothing is accepted here that is refused there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import pybase64
from lxml import etree

from edxml_schemas.dsig.profile import (
    ALGORITHMS,
    CERTIFICATE_CHARS,
    CHAIN_CERTIFICATES,
    ENVELOPED,
    PLACEHOLDER_CHARS,
    SHA256,
    VALUE_CHARS,
    ReadCertificate,
    SignatureAlgorithm,
    canonical,
    read_certificate,
)
from edxml_schemas.dsig.reader import ReadSignature
from edxml_schemas.names import DSIG_NS, EXC_C14N, ds

_SIGNATURE: Final = ds("Signature")
_DIGEST_CHARS: Final = 44  # SHA-256 in base64
_ELEMENTS: Final = 13  # of a Signature, its certificates aside


@dataclass(frozen=True, slots=True)
class _Layout:
    """The canonical text of a Signature with one namespace prefix, cut where the values stand."""

    heads: Mapping[bytes, tuple[SignatureAlgorithm, bytes]]
    """By the text before the digest: the method it names, and the same text as `SignedInfo` on its own begins."""
    after_digest: bytes
    signed_end: bytes
    """The part of `after_digest` that ends `SignedInfo`."""
    after_value: bytes
    between_certificates: bytes
    after_certificates: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSignature:
    """What the text of a Signature says. `signed_bytes` is `SignedInfo` in canonical form."""

    digest: bytes
    value: bytes
    algorithm: SignatureAlgorithm
    signer: ReadCertificate
    chain: tuple[ReadCertificate, ...]
    signed_bytes: bytes


def read_text(text: bytes) -> PlainSignature | None:
    """The Signature whose canonical form is `text`, when it is of the usual layout. Never raises."""
    layout = _USUAL if text.startswith(b"<Signature") else _PREFIXED
    until_digest, _, after_digest = text.partition(layout.after_digest)
    value_text, _, after_value = after_digest.partition(layout.after_value)
    head = layout.heads.get(until_digest[:-_DIGEST_CHARS])
    if head is None or not after_value.endswith(layout.after_certificates):
        return None
    certificates = _certificates(after_value[: -len(layout.after_certificates)].split(layout.between_certificates))
    algorithm, signed_start = head
    digest_text = until_digest[-_DIGEST_CHARS:]
    digest, value = _content(digest_text, _DIGEST_CHARS), _content(value_text, VALUE_CHARS)
    if not (digest and value and certificates) or not certificates[0].key_kind.fits(algorithm):
        return None
    return PlainSignature(
        digest=digest,
        value=value,
        algorithm=algorithm,
        signer=certificates[0],
        chain=certificates[1:],
        signed_bytes=signed_start + digest_text + layout.signed_end,
    )


def read_plain(found: Sequence[etree._Element]) -> ReadSignature | None:
    """The Signature that `found` begins with, when it is of the usual layout and `found` is its elements only.

    `found` is every element of a tree that has to do with signatures, and every remark, in document order. None says
    nothing about the Signature, but that it needs a closer look. Never raises.
    """
    signature = found[0]
    if signature.tag != _SIGNATURE:
        return None
    try:
        read = read_text(canonical(signature))
    except (etree.LxmlError, ValueError):
        return None
    if read is None or len(found) != _ELEMENTS + 1 + len(read.chain):
        return None
    signed_info, signature_value = signature[0], signature[1]
    return ReadSignature(
        signed_info=signed_info,
        digest_value=signed_info[2][2],
        signature_value=signature_value,
        digest=read.digest,
        value=read.value,
        algorithm=read.algorithm,
        signer=read.signer,
        chain=read.chain,
        signed_bytes=read.signed_bytes,
    )


def _certificates(texts: list[bytes]) -> tuple[ReadCertificate, ...]:
    """The signer's, then those of authorities; empty when one of them is not what it should be."""
    read: list[ReadCertificate] = []
    if len(texts) > 1 + CHAIN_CERTIFICATES or len(texts[0]) < PLACEHOLDER_CHARS:
        return ()
    for text in texts:
        certificate = _certificate(text) if len(text) <= CERTIFICATE_CHARS else None
        if certificate is None or (read and not certificate.authority):
            return ()
        read.append(certificate)
    return tuple(read)


@lru_cache(maxsize=1024)
def _certificate(text: bytes) -> ReadCertificate | None:
    """The certificate in base64. Remembered: one house signs with one certificate for years."""
    der = _content(text, CERTIFICATE_CHARS)
    return read_certificate(der) if der else None


def _content(text: bytes, limit_chars: int) -> bytes:
    """What base64 stands for; empty when it would not be written in exactly this way."""
    if len(text) > limit_chars:
        return b""
    try:
        content = pybase64.b64decode(text)
    except ValueError:
        return b""
    return content if pybase64.b64encode(content) == text else b""


def _layout(prefix: str) -> _Layout:
    declared = f' xmlns{":" if prefix else ""}{prefix}="{DSIG_NS}"'
    p = f"{prefix}:" if prefix else ""

    def method(name: str, uri: str) -> str:
        return f'<{p}{name} Algorithm="{uri}"></{p}{name}>'

    heads = {}
    for algorithm in ALGORITHMS.values():
        inner = (
            f"{method('CanonicalizationMethod', EXC_C14N)}{method('SignatureMethod', algorithm.uri)}"
            f'<{p}Reference URI=""><{p}Transforms>{method("Transform", ENVELOPED)}{method("Transform", EXC_C14N)}'
            f"</{p}Transforms>{method('DigestMethod', SHA256)}<{p}DigestValue>"
        )
        in_place = f"<{p}Signature{declared}><{p}SignedInfo>{inner}".encode()
        heads[in_place] = (algorithm, f"<{p}SignedInfo{declared}>{inner}".encode())
    signed_end = f"</{p}DigestValue></{p}Reference></{p}SignedInfo>".encode()
    end = f"</{p}X509Certificate></{p}X509Data></{p}KeyInfo></{p}Signature>".encode()
    return _Layout(
        heads=MappingProxyType(heads),
        after_digest=signed_end + f"<{p}SignatureValue>".encode(),
        signed_end=signed_end,
        after_value=f"</{p}SignatureValue><{p}KeyInfo><{p}X509Data><{p}X509Certificate>".encode(),
        between_certificates=f"</{p}X509Certificate><{p}X509Certificate>".encode(),
        after_certificates=end,
    )


_USUAL: Final = _layout("")
_PREFIXED: Final = _layout("ds")
