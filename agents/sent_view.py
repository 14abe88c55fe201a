"""What an agent knows, as JSON: the shapes of result files and of every `--json`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from agents.desk import Sent
from agents.packaging import Refusal, refusal_as_dicts
from agents.spool.records import DoubtfulReceipt, InboxItem, StoredReceipt, Submission, SubmissionState
from edxml_schemas import catalogue
from edxml_schemas.receipts import Receipt, ReceiptKind, decode_receipt
from edxml_schemas.statuses import STATUS_TEXT, StatusCode

STATE_TEXT: Final[dict[str, tuple[str, str]]] = {
    "spooled": ("Chờ gửi lên trục", "waits to be sent to the hub"),
    "published": ("Đã gửi lên trục, chờ trả lời", "sent to the hub, no answer yet"),
    "accepted": ("Trục đã tiếp nhận", "accepted by the hub"),
    "refused": ("Trục từ chối", "refused by the hub"),
    "fault": ("Chưa gửi được: văn bản có lỗi", "not sent: the document has faults"),
}
"""Vietnamese and English, in that order."""

RECEIPT_TEXT: Final[dict[str, tuple[str, str]]] = {
    ReceiptKind.ACCEPTED.value: ("Trục đã tiếp nhận", "accepted by the hub"),
    ReceiptKind.REFUSED.value: ("Trục từ chối", "refused by the hub"),
    ReceiptKind.HANDED_OVER.value: ("đã chuyển vào hộp thư nơi nhận", "in the recipient's inbox"),
    ReceiptKind.DELIVERED.value: ("nơi nhận đã lưu", "durable at the recipient"),
    ReceiptKind.NOT_DELIVERED.value: ("CHƯA chuyển được", "NOT delivered"),
}
"""What each kind of receipt says, in Vietnamese and English."""

_PROGRESS: Final = (ReceiptKind.HANDED_OVER.value, ReceiptKind.NOT_DELIVERED.value, ReceiptKind.DELIVERED.value)
"""Receipts about one leg; a later one says more than the earlier ones, in whatever order they came."""


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
    if submission.vouched is not None:
        shown["vouched"] = submission.vouched.as_dict()
    if receipts:
        shown["receipts"] = [receipt_as_dict(each) for each in receipts]
    if answer is not None:
        shown |= {
            "message_id": answer.message_id,
            "trace_id": answer.trace_id,
            "received_at": _time(answer.received_at),
            "decided_at": _time(answer.decided_at),
            "duplicate": answer.duplicate,
            "legs": [{"recipient": each.recipient, "leg_id": each.leg_id} for each in answer.legs],
            "findings": [catalogue.as_dict(each) for each in answer.findings],
        }
    return shown


def receipt_as_dict(receipt: StoredReceipt) -> dict[str, object]:
    """One receipt: what it says, and who signed it (null when the agent has no certificate of the hub to tell)."""
    vi, en = RECEIPT_TEXT.get(receipt.kind, (receipt.kind, receipt.kind))
    return {
        "receipt_id": receipt.receipt_id,
        "kind": receipt.kind,
        "kind_text": {"vi": vi, "en": en},
        "recipient": receipt.recipient,
        "received_at": _time(receipt.received_at),
        "signed_by": receipt.signer or None,
        "certificate": receipt.fingerprint or None,
    }


def doubtful_as_dict(receipt: DoubtfulReceipt) -> dict[str, object]:
    """What came as a receipt and is not believed. What it claims is not to be believed, either."""
    return {
        "digest": receipt.digest,
        "claims_submission": receipt.submission_id,
        "claims_kind": receipt.kind,
        "codes": receipt.findings.split("\n"),
        "received_at": _time(receipt.received_at),
    }


def progress_of(receipts: Sequence[StoredReceipt]) -> dict[str, str]:
    """By recipient, the kind of receipt that says most about its leg."""
    best: dict[str, str] = {}
    for each in receipts:
        if each.kind in _PROGRESS:
            known = best.get(each.recipient)
            if known is None or _PROGRESS.index(each.kind) > _PROGRESS.index(known):
                best[each.recipient] = each.kind
    return best


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
        "failed_at": _time(item.failed_at),
        "place": item.place,
    }


def sent_as_dict(sent: Sent) -> dict[str, object]:
    """A submission, the answer, the recipients' statuses, and what came as a receipt and is none."""
    return result_as_dict(sent.submission, sent.receipts) | {
        "statuses": [status_as_dict(each) for each in sent.statuses],
        "doubtful_receipts": [doubtful_as_dict(each) for each in sent.doubtful],
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
