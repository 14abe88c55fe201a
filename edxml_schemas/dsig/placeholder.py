"""Is a short text where the signer's certificate belongs a vendor's placeholder, or what is left of a certificate?

Only decoration is let off being checked. A signature that was made in earnest and whose certificate was cut on its way
is broken, and says so.
"""

import binascii
import re
from typing import Final

from lxml import etree

from edxml_schemas.names import ds

KNOWN: Final = frozenset({"MIIFqTCCBJG"})
"""What vendors' examples and their copies have in place of a certificate, under values that look real."""

_DIGEST_BYTES: Final = {"sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
"""By the end of the method's URI; every one that XML Signature knows, not only those of the profile."""
_VALUE_BYTES: Final = frozenset({64, 96, 132, *(bits // 8 for bits in (1024, 1536, 2048, 3072, 4096, 6144, 8192))})
"""ECDSA with P-256, P-384 and P-521, and RSA."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*")
_SEQUENCE: Final = 0x30
_LONG_FORMS: Final = {0x81: 3, 0x82: 4}
"""Bytes of tag and length of what is 128 to 65,535 bytes long, by the first byte of the length."""


def is_placeholder(text: str, *, signature: etree._Element, digest: bytes, value: bytes, sound: bool) -> bool:
    """`text` is short, and no certificate. `digest` and `value` are empty where they are no base64.

    `sound`: everything but the certificate is as the profile wants it. Nobody decorates so well.
    """
    if text.rstrip(".…") in KNOWN or not _real(signature, digest, value):
        return True
    return not sound and not _begins_certificate(text)


def _real(signature: etree._Element, digest: bytes, value: bytes) -> bool:
    """Whether digest and value have lengths that their methods can give."""
    method = next(signature.iter(ds("DigestMethod")), None)
    name = "" if method is None else (method.get("Algorithm") or "").rpartition("#")[2].lower()
    return len(digest) == _DIGEST_BYTES.get(name) and len(value) in _VALUE_BYTES


def _begins_certificate(text: str) -> bool:
    """Whether the base64 at its start is the start of a SEQUENCE in a SEQUENCE (DER), as every certificate's is."""
    found = _BASE64.match("".join(text.split()))
    packed = found[0] if found is not None else ""
    der = binascii.a2b_base64(packed[: len(packed) // 4 * 4])
    if len(der) < 2 or der[0] != _SEQUENCE or der[1] not in _LONG_FORMS:
        return False
    head = _LONG_FORMS[der[1]]
    return len(der) <= head or der[head] == _SEQUENCE
