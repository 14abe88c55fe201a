"""Rows of the spool made into values, and values into rows."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from agents.spool.records import (
    DoubtfulReceipt,
    InboxItem,
    NewDelivery,
    NewSubmission,
    StoredReceipt,
    Submission,
    SubmissionKind,
    SubmissionState,
)
from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.vouched import read_vouched


def submission_of(row: Row[Any]) -> Submission:
    values = dict(row._mapping)
    values["kind"] = SubmissionKind(values["kind"])
    values["type"] = MessageType(values["type"])
    values["urgency"] = Urgency(values["urgency"])
    values["state"] = SubmissionState(values["state"])
    values["recipients"] = tuple(filter(None, values["recipients"].split("\n")))
    values["vouched"] = read_vouched(values["vouched"])
    return Submission(**values)


def item_of(row: Row[Any]) -> InboxItem:
    values = dict(row._mapping)
    values["type"] = MessageType(values["type"])
    values["urgency"] = Urgency(values["urgency"])
    del values["place_key"]
    return InboxItem(**values)


def doubtful_of(row: Row[Any]) -> DoubtfulReceipt:
    return DoubtfulReceipt(**row._mapping)


def receipt_of(row: Row[Any]) -> StoredReceipt:
    return StoredReceipt(**row._mapping)


def row_of_submission(new: NewSubmission, digest: str, *, original: str = "") -> dict[str, Any]:
    values = asdict(new)
    size = len(values.pop("envelope"))
    return values | {
        "kind": new.kind.value,
        "type": new.type.value,
        "urgency": new.urgency.value,
        "recipients": "\n".join(new.recipients),
        "digest": digest,
        "original": original,
        "vouched": "" if new.vouched is None else new.vouched.encoded(),
        "size": size,
        "state": SubmissionState.WAITING.value,
        "outcome": "",
        "duplicate": False,
        "attempts": 0,
        "next_attempt_at": new.created_at,
        "problem": "",
        "version": 1,
        "shown_version": 0,
    }


def row_of_delivery(new: NewDelivery) -> dict[str, Any]:
    values = asdict(new)
    size = len(values.pop("envelope"))
    return values | {
        "type": new.type.value,
        "urgency": new.urgency.value,
        "size": size,
        "about_submission": "",
        "about_leg": "",
        "place": "",
        "place_key": "",
        "taken_by": "",
        "lease_by": "",
    }
