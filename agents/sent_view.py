"""What an agent knows, as JSON: the shapes of result files and of every `--json`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from agents.desk import Sent
from agents.packaging import Refusal, refusal_as_dicts
from agents.spool.records import InboxItem, StoredReceipt, Submission, SubmissionState
from edxml_schemas import catalogue
from edxml_schemas.receipts import Receipt, decode_receipt
from edxml_schemas.statuses import STATUS_TEXT, StatusCode

STATE_TEXT: Final[dict[str, tuple[str, str]]] = {
    "spooled": ("Chờ gửi lên trục", "waits to be sent to the hub"),
    "published": ("Đã gửi lên trục, chờ trả lời", "sent to the hub, no answer yet"),
    "accepted": ("Trục đã tiếp nhận", "accepted by the hub"),
    "refused": ("Trục từ chối", "refused by the hub"),
    "fault": ("Chưa gửi được: văn bản có lỗi", "not sent: the document has faults"),
}
"""Vietnamese and English, in that order."""


def state_of(submission: Submission) -> str:
    """`spooled`, `published`, `accepted` or `refused`."""
    if submission.state is SubmissionState.ANSWERED:
        return submission.outcome
    return "published" if submission.state is SubmissionState.PUBLISHED else "spooled"


def _state(name: str) -> dict[str, object]:
    vi, en = STATE_TEXT[name]
    return {"state": name, "state_text": {"vi": vi, "en": en}}


def fault_as_dict(refusal: Refusal) -> dict[str, object]:
    """The result file of a draft that was not sent."""
    return _state("fault") | {"problems": refusal_as_dicts(refusal)}


def answer_of(receipts: Sequence[StoredReceipt]) -> Receipt | None:
    """The receipt that decided a submission: the first that accepted or refused it."""
    for each in receipts:
        if each.kind in {"accepted", "refused"}:
            receipt = decode_receipt(each.body)
            if isinstance(receipt, Receipt):
                return receipt
    return None


def result_as_dict(submission: Submission, receipts: Sequence[StoredReceipt]) -> dict[str, object]:
    """A submission and the hub's answer to it."""
    answer = answer_of(receipts)
    shown = _state(state_of(submission)) | {
        "submission_id": submission.submission_id,
        "kind": submission.kind.value,
        "from": submission.organ,
        "to": list(submission.recipients),
        "document_id": submission.document_id,
        "code": submission.code,
        "subject": submission.subject,
        "status_code": submission.status_code,
        "digest": submission.digest,
        "size": submission.size,
        "created_at": _time(submission.created_at),
        "published_at": _time(submission.published_at),
        "answered_at": _time(submission.answered_at),
        "problem": submission.problem,
    }
    if submission.origin.startswith("outbox/"):
        shown["sent"] = f"sent/{submission.submission_id}/{submission.origin.removeprefix('outbox/')}"
    if answer is not None:
        shown |= {
            "message_id": answer.message_id,
            "received_at": _time(answer.received_at),
            "decided_at": _time(answer.decided_at),
            "duplicate": answer.duplicate,
            "legs": [{"recipient": each.recipient, "leg_id": each.leg_id} for each in answer.legs],
            "findings": [catalogue.as_dict(each) for each in answer.findings],
        }
    return shown


def status_as_dict(item: InboxItem) -> dict[str, object]:
    """A status that came."""
    vi, en = STATUS_TEXT[StatusCode(item.status_code)] if item.status_code in set(StatusCode) else ("", "")
    return {
        "leg_id": item.leg_id,
        "status_code": item.status_code,
        "status_text": {"vi": vi, "en": en},
        "from": item.sender,
        "to": item.recipient,
        "description": item.description,
        "staff": item.staff,
        "said_at": _time(item.said_at),
        "received_at": _time(item.received_at),
        "document_id": item.about_document_id,
        "code": item.about_code,
        "digest": item.digest,
    }


def item_as_dict(item: InboxItem) -> dict[str, object]:
    """A document that came."""
    return {
        "leg_id": item.leg_id,
        "message_id": item.message_id,
        "from": item.sender,
        "to": item.recipient,
        "document_id": item.document_id,
        "code": item.code,
        "subject": item.subject,
        "bussiness_doc_type": item.doc_type,
        "priority": item.priority,
        "urgency": item.urgency.value,
        "digest": item.digest,
        "size": item.size,
        "received_at": _time(item.received_at),
        "taken_at": _time(item.taken_at),
        "place": item.place,
    }


def sent_as_dict(sent: Sent) -> dict[str, object]:
    """A submission, the answer, and the recipients' statuses."""
    return result_as_dict(sent.submission, sent.receipts) | {
        "statuses": [status_as_dict(each) for each in sent.statuses]
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
