"""The trace id of a message, from its record: that of the document which it is, or which it is about."""

from collections.abc import Iterable

from edxml_schemas.contract import MessageType
from edxml_schemas.statuses import StatusCode
from edxml_schemas.traces import named_trace, submission_trace_id, trace_id
from router.core.records import MessageRecord, Submission
from router.core.routing import speaker_of


def trace_of(message: MessageRecord, original: MessageRecord | None = None) -> str:
    """The trace id of a message. `original` is the document that a status is about, None when the hub knows none.

    A change (revocation, update, replacement) is a document of its own, with its own DocumentId or with that of its
    original, as its sender chose. What names no document has a trace of its own.
    """
    if not speaks_of_another(message):
        meant = message.sender
    elif original is not None and original.sender and original.document_id:
        return trace_id(original.sender, original.document_id)
    else:  # whom a status was addressed to is not in its record
        meant = message.sender if message.status_code == StatusCode.RECALL_REQUESTED else ""
    return named_trace(meant, message.document_id, agent=message.agent, submission_id=message.submission_id)


def trace_before_reading(submission: Submission) -> str:
    """The trace id of a submission of which nothing has been read yet: that of what names no document."""
    return submission_trace_id(speaker_of(submission), submission.submission_id)


def speaks_of_another(message: MessageRecord) -> bool:
    """Whether a message belongs to the trace of another one."""
    return message.type is MessageType.STATUS or bool(message.status_code)


def only_one_meant(status: MessageRecord, documents: Iterable[MessageRecord]) -> MessageRecord | None:
    """The document that a status without `about` (a refused one) names by its DocumentId; None when unclear."""
    named = [
        each
        for each in documents
        if each.document_id == status.document_id and each.type is MessageType.DOCUMENT and not each.duplicate_of
    ]
    return named[0] if len({each.sender for each in named}) == 1 else None
