"""From a verdict to the record that stays."""

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from edxml_schemas.contract import Urgency
from edxml_schemas.findings import FindingCode, Findings, finding
from edxml_schemas.model import Document, StatusMessage
from edxml_schemas.reader import VIETNAM_TIME
from router.core.records import MessageRecord, MessageState
from router.core.verdict import Verdict
from router.pipeline.examine import DIGEST, SUBMISSION_ID_CHARS
from router.pipeline.passage import Passage

_AGENT_CHARS: Final = 100
_STATE: Final = MappingProxyType(
    {
        Verdict.ACCEPT: MessageState.ACCEPTED,
        Verdict.DUPLICATE: MessageState.ACCEPTED,
        Verdict.REFUSE: MessageState.REFUSED,
        Verdict.DEFER: MessageState.DEFERRED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict with all that the record says beside the envelope. `sender` is a present code."""

    id: str
    verdict: Verdict
    agent: str
    sender: str
    findings: Findings
    payload: str
    attempt: int
    duplicate_of: str
    retry_at: datetime | None
    about: str
    urgency: Urgency


def duplicate_note(first: MessageRecord) -> Findings:
    """The remark on the receipt of content that the hub accepted before."""
    value = first.document_id or first.status_code
    at = first.decided_at.isoformat(timespec="seconds")
    return (finding(FindingCode.DOCUMENT_DUPLICATE, value=value, at=at, first=first.id),)


def record_of(passage: Passage, outcome: Outcome, *, now: datetime) -> MessageRecord:
    """The record. Texts from outside the envelope are cut to what a record holds; those inside have their limits."""
    submission, signed = passage.submission, passage.signed
    code, subject, document_id, status_code = "", "", "", ""
    doc_type, priority, promulgated, due = 0, 0, None, None
    match passage.envelope:
        case Document() as document:
            document_id, subject, code = document.document_id, document.subject, str(document.code)
            doc_type = int(document.bussiness.bussiness_doc_type)
            priority = int(document.other_info.priority)
            promulgated, due = document.promulgation_info.promulgation_date, document.due_date
        case StatusMessage() as status:
            document_id, code = status.response_for.document_id, status.response_for.code
            status_code, promulgated = status.status_code, status.response_for.promulgation_date
        case None:
            pass
    if passage.secret:
        subject = ""
    return MessageRecord(
        id=outcome.id,
        submission_id=submission.submission_id[:SUBMISSION_ID_CHARS],
        agent=outcome.agent[:_AGENT_CHARS],
        type=submission.type,
        state=_STATE[outcome.verdict],
        urgency=outcome.urgency,
        digest=passage.digest or (submission.digest if DIGEST.fullmatch(submission.digest) else ""),
        size=passage.size,
        payload=outcome.payload,
        received_at=submission.received_at,
        decided_at=now,
        content_digest=signed.content_digest if signed is not None else "",
        sender=outcome.sender,
        document_id=document_id,
        code=code,
        subject=subject,
        doc_type=doc_type,
        priority=priority,
        promulgation_date=promulgated,
        arrived_on=submission.received_at.astimezone(VIETNAM_TIME).date(),
        due_date=due,
        status_code=status_code,
        about=outcome.about,
        certificate=signed.fingerprint if signed is not None else "",
        duplicate_of=outcome.duplicate_of,
        retry_at=outcome.retry_at,
        attempts=outcome.attempt,
        findings=outcome.findings,
        vouched=passage.vouched,
    )
