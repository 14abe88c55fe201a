"""What a set can do to a signed envelope, to see that the hub notices. Pure, on bytes."""

import re
from enum import StrEnum
from typing import Final

from agents.errors import UsageFault


class Tamper(StrEnum):
    """One change, after signing."""

    FLIP_CONTENT = "flip-content"  # a letter of the subject (of a status: of its description)
    FLIP_ATTACHMENT = "flip-attachment"  # a letter of the first attachment's base64
    FLIP_SIGNATURE = "flip-signature"  # a letter of the signature value
    UNSIGNED = "unsigned"  # no signature at all
    DOCTYPE = "doctype"  # a document type with an external entity
    COMMENT = "comment"  # a comment inside the header
    TRUNCATED = "truncated"  # the second half is missing


_DOCTYPE: Final = b'<!DOCTYPE edXML [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
_ROOT: Final = re.compile(rb"<(?![?!])")
_SUBJECT: Final = re.compile(rb"(<(?:\w+:)?(?:Subject|Description)\b[^>]*>[^<]*?)([A-Za-z])")
_CONTENT: Final = re.compile(rb"(<(?:\w+:)?ContentTransferEncoded\b[^>]*>\s*)([A-Za-z])")
_VALUE: Final = re.compile(rb"(<(?:\w+:)?SignatureValue\b[^>]*>\s*)([A-Za-z0-9+/])")
_SIGNATURE: Final = re.compile(rb"\s*<(?:\w+:)?Signature\b.*</(?:\w+:)?Signature>", re.DOTALL)
_HEADER: Final = re.compile(rb"(<(?:\w+:)?MessageHeader\b[^>]*>)")


def tampered(content: bytes, how: Tamper) -> bytes:
    """The changed bytes. Raises UsageFault when there is nothing of that kind to change."""
    changed = _change(content, how)
    if changed == content:
        raise UsageFault(
            f"Không áp dụng được “{how.value}” cho gói tin này.", f"“{how.value}” finds nothing to change here."
        )
    return changed


def _change(content: bytes, how: Tamper) -> bytes:
    if how is Tamper.TRUNCATED:
        return content[: len(content) // 2]
    if how is Tamper.UNSIGNED:
        return _SIGNATURE.sub(b"", content, count=1)
    if how is Tamper.DOCTYPE:
        return _ROOT.sub(lambda match: _DOCTYPE + match[0], content, count=1)
    if how is Tamper.COMMENT:
        return _HEADER.sub(rb"\1<!-- -->", content, count=1)
    place = {Tamper.FLIP_CONTENT: _SUBJECT, Tamper.FLIP_ATTACHMENT: _CONTENT, Tamper.FLIP_SIGNATURE: _VALUE}[how]
    return place.sub(lambda match: match[1] + (b"B" if match[2] == b"A" else b"A"), content, count=1)
