"""Trace ids: one document is one trace, and its id follows from the document alone.

Who knows a document's sender and DocumentId knows its trace id (W3C Trace Context: 16 bytes, not all zero), so nothing
has to carry it, and no header can forge it. Statuses and receipts name the document that they are about, and have its
trace id. What names no document has a trace of its own, by the agent that submitted it and its submission id.
"""

import hashlib
from typing import Final

from edxml_schemas.model import Document, Envelope
from edxml_schemas.organs import parse
from edxml_schemas.statuses import StatusCode

TRACE_DIGITS: Final = 32
SPAN_DIGITS: Final = 16

_PREFIX: Final = "urn:vn:truc-lien-thong:trace:1"


def trace_id(sender: str, document_id: str) -> str:
    """The trace id of a document, 32 lower-case hexadecimal digits. `sender` is the code of the body that sent it.

    Either form of a code names the same body (`000.00.12.H41` and `H41.12`), whatever its case and white space.
    """
    return _derived("document", ".".join(parse(sender).groups), document_id)[:TRACE_DIGITS]


def submission_trace_id(agent: str, submission_id: str) -> str:
    """The trace id of a submission that names no document, for example because nobody can read it."""
    return _derived("submission", agent, submission_id)[:TRACE_DIGITS]


def root_span_id(trace: str) -> str:
    """The id of the one span under which all others of a trace hang, whoever makes them: 16 hexadecimal digits."""
    return _derived("root", trace, "")[:SPAN_DIGITS]


def named_trace(document_sender: str, document_id: str, *, agent: str, submission_id: str) -> str:
    """The trace id of a submission about a document, of the submission alone when a part of the document's name is
    missing."""
    if document_sender and document_id:
        return trace_id(document_sender, document_id)
    return submission_trace_id(agent, submission_id)


def document_of(envelope: Envelope) -> tuple[str, str]:
    """Sender and DocumentId of the document that an envelope is, or that it is about. What is left out is empty."""
    if isinstance(envelope, Document):
        return envelope.sender.organ_id, envelope.document_id
    about, said_by = envelope.response_for, envelope.sender.organ_id
    return sender_meant(envelope.status_code, said_by=said_by, said_to=about.organ_id), about.document_id


def sender_meant(status_code: str, *, said_by: str, said_to: str) -> str:
    """Who sent the document that a status is about: who speaks when it asks for its return (13), else the addressee."""
    return said_by if status_code == StatusCode.RECALL_REQUESTED else said_to


def is_trace_id(text: str) -> bool:
    """Whether a text has the form of a trace id."""
    return len(text) == TRACE_DIGITS and all(each in "0123456789abcdef" for each in text) and bool(text.strip("0"))


def _derived(kind: str, first: str, second: str) -> str:
    """Hexadecimal digits of a SHA-256. Lengths keep ("a", "b\\nc") and ("a\\nb", "c") apart."""
    # Text from outside may hold lone surrogates.
    name = f"{_PREFIX}:{kind}\n{len(first)}:{first}\n{len(second)}:{second}".encode("utf-8", "backslashreplace")
    digits = hashlib.sha256(name).hexdigest()
    # Nobody will ever see a digest that begins with 16 zeros; the standard forbids it all the same.
    return digits if digits[:SPAN_DIGITS].strip("0") else f"1{digits[1:]}"
