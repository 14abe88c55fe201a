"""What the pages and their twins tell of a leg, a refused submission and a dead letter."""

from datetime import datetime
from typing import Any, Final

from edxml_schemas.catalogue import as_dict as finding_as_dict
from edxml_schemas.visible import visible
from router.console.shell.words import Words
from router.core.dead import DeadKind, DeadLetter
from router.core.deadlines import DEADLINE_TEXT
from router.core.records import Leg, LegState, MessageRecord
from router.core.registry import Registry
from router.core.state_words import LEG_STATE_TEXT, status_text
from router.core.work_lists import Count
from router.services.dead.dead_care import WHY
from router.services.work_lists import LegWork
from router.services.work_lists.hands import Shown

LETTER_KIND: Final = {
    DeadKind.SUBMISSION: Words("gửi lên trục", "submission"),
    DeadKind.REPORT: Words("báo nhận", "delivery report"),
    DeadKind.DELIVERY: Words("chuyển đến nơi nhận", "delivery"),
    DeadKind.UNREADABLE: Words("không đọc được", "unreadable"),
}


def organ_shape(registry: Registry, code: str) -> dict[str, str]:
    """{"code", "name"}; the name is empty for a code that the registry does not know."""
    organ = registry.organ(code) if code else None
    return {"code": code, "name": organ.name if organ is not None else ""}


def headline_shape(registry: Registry, message: MessageRecord) -> dict[str, Any]:
    """What a list tells of a document."""
    return {
        "message_id": message.id,
        "type": message.type,
        "document_id": message.document_id,
        "code": message.code,
        "status_code": message.status_code,
        "subject": visible(message.subject),
        "priority": message.priority,
        "due_date": message.due_date,
        "sender": organ_shape(registry, message.sender),
    }


def leg_shape(registry: Registry, message: MessageRecord, leg: Leg) -> dict[str, Any]:
    """A leg with its document. `shown` is how a form names it."""
    return {
        **headline_shape(registry, message),
        "leg_id": leg.id,
        "shown": str(Shown(leg.id, leg.version)),
        "recipient": organ_shape(registry, leg.recipient),
        "forwarded_from": leg.forwarded_from,
        "agent": leg.agent,
        "urgency": leg.urgency,
        "state": leg.state,
        "state_text": Words(*LEG_STATE_TEXT[leg.state]),
        "created_at": leg.created_at,
        "handed_over_at": leg.handed_over_at,
        "delivered_at": leg.delivered_at,
        "status": leg.status,
        "status_text": Words(*status_text(leg.status)) if leg.status else None,
        "reason": visible(leg.reason),
        "can_resend": leg.state is LegState.PARKED,
    }


def work_shape(registry: Registry, work: LegWork, *, now: datetime) -> dict[str, Any]:
    """A leg that waits: `overdue` are the deadlines that stand, the longest passed first."""
    standing = sorted(work.overdue, key=lambda each: each.since)
    return {
        **leg_shape(registry, work.message, work.leg),
        "overdue": [
            {
                "kind": each.deadline,
                "text": Words(*DEADLINE_TEXT[each.deadline]),
                "since": each.since,
                "late_seconds": int((now - each.since).total_seconds()),
            }
            for each in standing
        ],
    }


def refused_shape(registry: Registry, message: MessageRecord) -> dict[str, Any]:
    """A refused submission with every fault in words."""
    return {
        **headline_shape(registry, message),
        "agent": message.agent,
        "submission_id": message.submission_id,
        "urgency": message.urgency,
        "received_at": message.received_at,
        "findings": [finding_as_dict(each) for each in message.findings],
    }


def letter_shape(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter without its bytes. `shown` is how a form names it."""
    return {
        "id": letter.id,
        "shown": str(Shown(letter.id, letter.deaths)),
        "kind": letter.kind,
        "kind_text": LETTER_KIND[letter.kind],
        "state": letter.state,
        "queue": letter.queue,
        "reason": letter.reason,
        "reason_text": Words(*WHY.get(letter.reason, (letter.reason, letter.reason))),
        "agent": letter.agent,
        "submission_id": visible(letter.submission_id),
        "leg_id": visible(letter.leg_id),
        "urgency": letter.urgency,
        "size": letter.size,
        "deaths": letter.deaths,
        "attempts": letter.attempts,
        "died_at": letter.died_at,
        "decided_at": letter.decided_at,
        "decided_by": letter.decided_by,
        "note": letter.note,
    }


def count_shape(count: Count) -> dict[str, Any]:
    """{"number", "more", "text"}: text is 1000+ when there are more than were counted."""
    return {"number": count.number, "more": count.more, "text": str(count)}
