"""A dossier as the console's twin tells it: safe to show, and bounded however much there is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from edxml_schemas.catalogue import as_dict as finding_as_dict
from edxml_schemas.findings import Finding
from edxml_schemas.visible import visible
from router.core.deadlines import DEADLINE_TEXT, Overdue
from router.core.event_names import EventName
from router.core.events import EVENTS
from router.core.organ_book import OrganBook
from router.core.promptness import days_on_the_way
from router.core.records import Attempt, Event, LegState, MessageRecord, StatusRecord
from router.core.state_words import LEG_STATE_TEXT, RECALL_TEXT, status_text
from router.services.documents.dossier import Dossier, Relation, Row
from router.services.documents.envelopes import AttachedFile, Reading, SignatureFacts
from router.services.documents.headers import header_fields
from router.services.documents.trust_words import STANDING_TEXT
from router.services.search.telling import headline, organ, short
from router.services.work_lists.hands import Shown

ROWS: Final = 100
"""Recipients on a page."""
EVENTS_TOLD: Final = 300
"""Events that are told; the newest, when there are more."""
TEXT_CHARS: Final = 2000
USUAL_CODES: Final = ("01", "03", "04", "05", "06")
"""Columns of the matrix that are always there; others appear when somebody said them."""

Words = dict[str, str]

READING_TEXT: Final[Mapping[Reading, tuple[str, str]]] = {
    Reading.READ: ("", ""),
    Reading.NOT_KEPT: ("Trục không giữ nội dung của thông điệp này.", "The hub keeps no content of this message."),
    Reading.AWAY: ("Tạm thời không đọc được nội dung.", "The content cannot be read at the moment."),
    Reading.ALTERED: (
        "Nội dung đang giữ KHÔNG khớp hồ sơ (SHA-256 khác); hãy chạy truc log verify và kiểm tra kho.",
        "What is kept is NOT what the record says (another SHA-256); run truc log verify and look at the store.",
    ),
    Reading.NO_ENVELOPE: ("Nội dung không phải là gói tin EDXML đọc được.", "The bytes are no envelope."),
}
RELATION_TEXT: Final[Mapping[Relation, tuple[str, str]]] = {
    Relation.ABOUT: ("Nói về", "speaks of"),
    Relation.ANSWERED: ("Trả lời văn bản", "answers"),
    Relation.ANSWERS: ("Được trả lời bởi", "answered by"),
    Relation.REVOKES: ("Bị thu hồi bởi", "revoked by"),
    Relation.UPDATES: ("Được cập nhật bởi", "updated by"),
    Relation.REPLACES: ("Bị thay thế bởi", "replaced by"),
    Relation.STATUS: ("Trạng thái", "status"),
    Relation.REPETITION: ("Gửi lặp lại", "sent once more"),
    Relation.FIRST: ("Lặp lại của", "repeats"),
    Relation.SAME_ID: ("Cùng DocumentId", "same DocumentId"),
}


_SAYS_STATUS: Final = frozenset({EventName.LEG_STATUS, EventName.LEG_RECALL})
_DEADLINES: Final = {name.value: text for name, text in DEADLINE_TEXT.items()}


def dossier_as_dict(dossier: Dossier, book: OrganBook, *, now: datetime, first: int = 0) -> dict[str, Any]:
    """{"trace_id", "message": headline and more, "whole", "standing", "matrix": {"codes", "rows", "count", "first",
    "previous", "next"}, "timeline": {"entries", "left_out"}, "attempts", "header": [{"name", "text", "value"}],
    "files", "signature", "vouched", "related", "findings", "reading"}. `first` is the place of the first recipient
    told.
    """
    message = dossier.message
    rows = dossier.rows[first : first + ROWS]
    envelope = dossier.envelope
    recipients = {each.trace.leg.id: each.trace.leg.recipient for each in dossier.rows}
    return {
        "trace_id": dossier.trace_id,
        "message": _message(dossier, book),
        "whole": dossier.whole,
        "matrix": {
            **_matrix(rows, book, now=now),
            "count": len(dossier.rows),
            "first": first,
            "previous": max(0, first - ROWS) if first else None,
            "next": first + ROWS if first + ROWS < len(dossier.rows) else None,
        },
        "timeline": {
            "entries": [_event(each, recipients, book, dossier.trace_id) for each in dossier.events[-EVENTS_TOLD:]],
            "left_out": max(0, len(dossier.events) - EVENTS_TOLD),
        },
        "attempts": [_attempt(each) for each in dossier.attempts],
        "reading": {"state": envelope.reading.value, "text": _words(READING_TEXT[envelope.reading])},
        "header": header_fields(envelope.header) if envelope.header is not None else [],
        "files": [_file(each) for each in envelope.files],
        "standing": {"state": dossier.standing.value, "text": _words(STANDING_TEXT[dossier.standing])},
        "signature": _signature(envelope.signature, message, book, now=now) if envelope.signature else None,
        "vouched": message.vouched.as_dict() if message.vouched is not None else None,
        "related": [
            {
                "relation": each.relation.value,
                "relation_text": _words(RELATION_TEXT[each.relation]),
                **headline(each.message, book),
                "status_text": _words(status_text(each.message.status_code)),
            }
            for each in dossier.related
        ],
        "findings": [_finding(each) for each in message.findings] if dossier.whole else [],
    }


def _message(dossier: Dossier, book: OrganBook) -> dict[str, Any]:
    message = dossier.message
    return {
        **headline(message, book),
        "subject": _text(message.subject),
        "submission_id": short(message.submission_id, 200) if dossier.whole else "",
        "agent": visible(message.agent) if dossier.whole else "",
        "urgency": message.urgency.value,
        "decided_at": message.decided_at.isoformat(),
        "arrived_on": message.arrived_on.isoformat() if message.arrived_on else None,
        "due_date": message.due_date.isoformat() if message.due_date else None,
        "days_on_the_way": days_on_the_way(message),
        "digest": message.digest,
        "content_digest": message.content_digest,
        "size": message.size,
        "duplicate_of": message.duplicate_of,
        "retry_at": message.retry_at.isoformat() if message.retry_at else None,
        "attempts": message.attempts,
        "status_text": _words(status_text(message.status_code)),
    }


def _matrix(rows: Sequence[Row], book: OrganBook, *, now: datetime) -> dict[str, Any]:
    said = {status.code for row in rows for status in row.trace.statuses}
    codes = sorted({*USUAL_CODES, *said})
    return {
        "codes": [{"code": each, "text": _words(status_text(each))} for each in codes],
        "rows": [_row(each, codes, book, now=now) for each in rows],
    }


def _row(row: Row, codes: Sequence[str], book: OrganBook, *, now: datetime) -> dict[str, Any]:
    leg = row.trace.leg
    by_code = {status.code: status for status in reversed(row.trace.statuses)}  # when each was said first
    return {
        "leg_id": leg.id,
        "shown": str(Shown(leg.id, leg.version)),
        "recipient": organ(leg.recipient, book),
        "forwarded_from": organ(leg.forwarded_from, book) if leg.forwarded_from else None,
        "agent": visible(leg.agent),
        "state": leg.state.value,
        "state_text": _words(LEG_STATE_TEXT[leg.state]),
        "can_resend": leg.state is LegState.PARKED,
        "created_at": leg.created_at.isoformat(),
        "handed_over_at": _time(leg.handed_over_at),
        "delivered_at": _time(leg.delivered_at),
        "status": leg.status,
        "status_text": _words(status_text(leg.status)),
        "recall": leg.recall.value,
        "recall_text": _words(RECALL_TEXT[leg.recall]),
        "reason": _text(leg.reason),
        "statuses": [_status(by_code[each]) if each in by_code else None for each in codes],
        "history": [_status(each) for each in row.trace.statuses],
        "deadlines": [_deadline(each, now=now) for each in row.owed],
        "attempts": [_attempt(each) for each in row.attempts],
    }


def _status(status: StatusRecord) -> dict[str, Any]:
    return {
        "message_id": status.message_id,
        "code": status.code,
        "text": _words(status_text(status.code)),
        "sender": visible(status.sender),
        "at": _time(status.said_at or status.accepted_at),
        "accepted_at": status.accepted_at.isoformat(),
        "staff": _text(status.staff),
        "reason": _text(status.description),
    }


def _deadline(each: Overdue, *, now: datetime) -> dict[str, Any]:
    return {
        "kind": each.deadline.value,
        "text": _words(DEADLINE_TEXT[each.deadline]),
        "at": each.since.isoformat(),
        "late": each.since <= now,
        "late_seconds": max(0, int((now - each.since).total_seconds())),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {"number": attempt.number, "at": attempt.at.isoformat(), "reason": _text(attempt.reason)}


def _event(event: Event, recipients: Mapping[str, str], book: OrganBook, trace_id: str) -> dict[str, Any]:
    known = EVENTS.get(event.name)
    recipient = recipients.get(event.leg_id, "")
    return {
        "at": event.at.isoformat(),
        "trace_id": trace_id,
        "name": event.name,
        "text": {"vi": known.vi, "en": known.en} if known is not None else {"vi": event.name, "en": event.name},
        "actor": visible(event.actor),
        "recipient": organ(recipient, book) if recipient else None,
        "detail": _detail(event),
        "facts": {name: _text(value) for name, value in event.facts.items()},
    }


def _detail(event: Event) -> Words | None:
    """What a status says, and what is overdue, in words; None for events that say it all themselves."""
    if event.name in _SAYS_STATUS:
        code = event.facts.get("code", "")
        vi, en = status_text(code)
        return {"vi": f"{code} {vi}", "en": f"{code} {en}"} if code else None
    named = _DEADLINES.get(event.facts.get("deadline", ""))
    return _words(named) if named is not None else None


def _file(file: AttachedFile) -> dict[str, Any]:
    return {
        "place": file.place,
        "name": _text(file.name),
        "type": file.content_type or short(file.told_type, 100),
        "told_type": short(file.told_type, 100),
        "description": _text(file.description),
        "size": file.size,
        "digest": file.digest,
        "zipped": file.zipped,
        "findings": [_finding(each) for each in file.faults],
    }


def _signature(signature: SignatureFacts, message: MessageRecord, book: OrganBook, *, now: datetime) -> dict[str, Any]:
    return {
        "intact": signature.intact,
        "subject": _text(signature.subject),
        "issuer": _text(signature.issuer),
        "serial": signature.serial,
        "valid_from": _time(signature.valid_from),
        "valid_to": _time(signature.valid_to),
        "over": signature.valid_to is not None and signature.valid_to < now,
        "algorithm": signature.algorithm,
        "fingerprint": signature.fingerprint,
        "bound_now": bool(signature.fingerprint) and book.may_sign(message.sender, signature.fingerprint),
        "findings": [_finding(each) for each in signature.faults],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    told = finding_as_dict(finding)
    return {**told, "value": _text(finding.value), "xpath": _text(finding.xpath), "facts": None}


def _text(text: str) -> str:
    told = visible(text[:TEXT_CHARS])
    return told if len(text) <= TEXT_CHARS else f"{told}…"


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _words(text: tuple[str, str]) -> Words:
    return {"vi": text[0], "en": text[1]}
