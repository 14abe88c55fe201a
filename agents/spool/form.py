"""The form of a self-test of the link: a document that says nothing but that it is one.

Everything in it is fixed but who writes to whom, when, and a number of sixteen hexadecimal digits. Whatever else a
document says makes it a letter, which somebody must see.
"""

import re
from dataclasses import replace
from typing import Final

from edxml_schemas import codec
from edxml_schemas.model import (
    Bussiness,
    Code,
    Document,
    DocumentType,
    Envelope,
    Organ,
    OtherInfo,
    PromulgationInfo,
)

NOTATION: Final = "KIEMTRA"
SUBJECT: Final = "Kiểm tra đường truyền, không phải văn bản / A test of the link, not a document"
NUMBER_DIGITS: Final = 16
NAME_CHARS: Final = 200
"""Characters of the sender's name at most: more is room for a letter."""
LARGEST: Final = 24 * 1024
"""Bytes. An empty document with the longest signatures and certificates has fewer."""
_NUMBER: Final = re.compile(rf"[0-9a-f]{{{NUMBER_DIGITS}}}")


def has_form(envelope: Envelope | None, *, size: int) -> bool:
    """Whether an envelope of `size` bytes is a self-test, and nothing besides."""
    if not isinstance(envelope, Document) or size > LARGEST or len(envelope.recipients) != 1:
        return False
    if _NUMBER.fullmatch(envelope.code.code_number) is None or len(envelope.sender.organ_name) > NAME_CHARS:
        return False
    bare = replace(envelope, trace_headers=())  # hops, of organs and times only
    return all(hop.organ_id in {"", envelope.sender.organ_id} for hop in envelope.trace_headers) and bare == _of(bare)


def has_form_bytes(content: bytes | None) -> bool:
    """As `has_form`, of bytes; for spools of earlier versions."""
    if content is None or len(content) > LARGEST:
        return False
    decoded = codec.decode(content)
    return isinstance(decoded, codec.Decoded) and has_form(decoded.envelope, size=len(content))


def _of(found: Document) -> Document:
    """The self-test with this sender, recipient, number and day."""
    sender, day = found.sender, found.promulgation_info.promulgation_date
    code = Code(code_number=found.code.code_number, code_notation=NOTATION)
    document_id = f"{sender.organ_id},{day:%Y/%m/%d},{code}" if day is not None else ""
    return Document(
        sender=Organ(organ_id=sender.organ_id, organ_name=sender.organ_name),
        recipients=(Organ(organ_id=found.recipients[0].organ_id),),
        document_id=document_id,
        code=code,
        promulgation_info=PromulgationInfo(promulgation_date=day),
        document_type=DocumentType(type=2, type_detail=0, type_name="Văn bản hành chính"),
        subject=SUBJECT,
        content=found.content if found.content in {"", SUBJECT} else SUBJECT,
        other_info=OtherInfo(),
        bussiness=Bussiness(document_id=document_id, paper=found.bussiness.paper),
    )
