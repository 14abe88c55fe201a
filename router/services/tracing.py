"""Where is my document? The matrix of recipients and the timeline of everything that happened, as values and JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edxml_schemas.catalogue import as_dict as finding_as_dict
from edxml_schemas.contract import MessageType
from edxml_schemas.statuses import STATUS_TEXT, StatusCode
from router.core.events import EVENTS
from router.core.promptness import days_on_the_way
from router.core.records import Event, Leg, MessageRecord, StatusRecord
from router.core.traces import trace_of as trace_of_message
from router.ports import Store
from router.services.traces import original_in


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTrace:
    """One row of the matrix: a recipient, and every status said about its copy, in the order of acceptance."""

    leg: Leg
    statuses: tuple[StatusRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One message with its matrix and timeline.

    `original` is what a status or a change speaks of. `related` are the statuses and changes that speak of this
    message, oldest first. `events` are in the order in which they were written. `trace_id` is that of the message, and
    of every event of it.
    """

    message: MessageRecord
    legs: tuple[LegTrace, ...]
    events: tuple[Event, ...]
    original: MessageRecord | None
    related: tuple[MessageRecord, ...]
    trace_id: str


def trace(store: Store, query: str, *, limit: int = 50) -> Sequence[Trace]:
    """Messages by id, submission id, DocumentId, code or its number, sender or recipient organ; newest first.

    Who asks for a document means the document: statuses about it and resends of it stand in its own trace, and are
    found by themselves only when nothing else was asked for (their message id).
    """
    return [trace_of(store, each) for each in _headlines(store, store.find(query, limit=limit))]


def _headlines(store: Store, found: Sequence[MessageRecord]) -> Sequence[MessageRecord]:
    """The found messages, each status and each resend replaced by the document that it is about."""
    if len(found) == 1:
        return found
    known = {each.id: each for each in found}
    headlines: dict[str, MessageRecord] = {}
    for each in found:
        meant = each.duplicate_of or (each.about if each.type is MessageType.STATUS else "")
        original = known.get(meant) or (store.message(meant) if meant else None) or each
        headlines.setdefault(original.id, original)
    return tuple(headlines.values())


def trace_of(store: Store, message: MessageRecord) -> Trace:
    """The trace of one message."""
    legs = store.legs_of(message.id)
    said: dict[str, list[StatusRecord]] = {leg.id: [] for leg in legs}
    for status in store.statuses_of(said) if said else ():
        said[status.leg_id].append(status)
    original = original_in(store, message)
    return Trace(
        message=message,
        legs=tuple(LegTrace(leg=leg, statuses=tuple(said[leg.id])) for leg in legs),
        events=tuple(store.events_of(message.id)),
        original=original if message.about else None,
        related=tuple(store.messages_about(message.id)),
        trace_id=trace_of_message(message, original),
    )


def as_dict(traced: Trace) -> dict[str, object]:
    """The JSON of a trace; times are ISO 8601 with offset, null when they have not come.

    {"trace_id": 32 hexadecimal digits, of the message and of all its events,
     "message": {id, submission_id, agent, type, state, urgency, sender, document_id, code, subject, doc_type,
                 priority, promulgation_date, arrived_on, days_on_the_way (0: the same day), due_date, status_code,
                 digest, size, received_at, decided_at, duplicate_of, about, retry_at, attempts,
                 vouched: {system, digest, size, repairs: [{name, text: {vi, en}}]} or null,
                 findings: [as in every --json]},
     "matrix":  [{leg_id, recipient, agent, state, handed_over_at, delivered_at, status, status_text: {vi, en},
                  status_at, reason, recall, recall_at, raised: [names of deadlines that have passed],
                  statuses: [{message_id, code, sender, said_at, accepted_at, description, staff}]}],
     "timeline": [{at, trace_id, name, text: {vi, en}, actor, leg_id, recipient, facts}],
     "original": {id, document_id, code, …} or null,
     "related": [{id, type, state, sender, document_id, code, subject, doc_type, status_code, received_at}]}
    """
    recipients = {each.leg.id: each.leg.recipient for each in traced.legs}
    return {
        "trace_id": traced.trace_id,
        "message": _message(traced.message),
        "matrix": [leg_as_dict(each) for each in traced.legs],
        "timeline": [event_as_dict(each, recipients, trace_id=traced.trace_id) for each in traced.events],
        "original": _headline(traced.original) if traced.original is not None else None,
        "related": [_headline(each) for each in traced.related],
    }


def _headline(message: MessageRecord) -> dict[str, object]:
    return {
        "id": message.id,
        "type": message.type.value,
        "state": message.state.value,
        "sender": message.sender,
        "document_id": message.document_id,
        "code": message.code,
        "subject": message.subject,
        "doc_type": message.doc_type,
        "status_code": message.status_code,
        "received_at": _time(message.received_at),
    }


def _message(message: MessageRecord) -> dict[str, object]:
    return {
        **_headline(message),
        "submission_id": message.submission_id,
        "agent": message.agent,
        "urgency": message.urgency.value,
        "priority": message.priority,
        "promulgation_date": message.promulgation_date.isoformat() if message.promulgation_date else None,
        "arrived_on": message.arrived_on.isoformat() if message.arrived_on else None,
        "days_on_the_way": days_on_the_way(message),
        "due_date": message.due_date.isoformat() if message.due_date else None,
        "digest": message.digest,
        "size": message.size,
        "decided_at": _time(message.decided_at),
        "duplicate_of": message.duplicate_of,
        "about": message.about,
        "retry_at": _time(message.retry_at),
        "attempts": message.attempts,
        "vouched": message.vouched.as_dict() if message.vouched is not None else None,
        "findings": [finding_as_dict(each) for each in message.findings],
    }


def leg_as_dict(row: LegTrace) -> dict[str, object]:
    """One row of the matrix, as in `as_dict`."""
    leg = row.leg
    return {
        "leg_id": leg.id,
        "recipient": leg.recipient,
        "agent": leg.agent,
        "state": leg.state.value,
        "handed_over_at": _time(leg.handed_over_at),
        "delivered_at": _time(leg.delivered_at),
        "status": leg.status,
        "status_text": _status_text(leg.status),
        "status_at": _time(leg.status_at),
        "reason": leg.reason,
        "recall": leg.recall.value,
        "recall_at": _time(leg.recall_at),
        "raised": list(leg.raised),
        "statuses": [
            {
                "message_id": each.message_id,
                "code": each.code,
                "sender": each.sender,
                "said_at": _time(each.said_at),
                "accepted_at": _time(each.accepted_at),
                "description": each.description,
                "staff": each.staff,
            }
            for each in row.statuses
        ],
    }


def event_as_dict(event: Event, recipients: dict[str, str], *, trace_id: str) -> dict[str, object]:
    """One entry of the timeline, as in `as_dict`; `recipients` are organs by leg id, `trace_id` is the message's."""
    row = EVENTS.get(event.name)
    return {
        "at": _time(event.at),
        "trace_id": trace_id,
        "name": event.name,
        "text": {"vi": row.vi if row is not None else event.name, "en": row.en if row is not None else event.name},
        "actor": event.actor,
        "leg_id": event.leg_id,
        "recipient": recipients.get(event.leg_id, ""),
        "facts": dict(event.facts),
    }


def _status_text(code: str) -> dict[str, str]:
    if not code:
        return {"vi": "", "en": ""}
    vi, en = STATUS_TEXT[StatusCode(code)]
    return {"vi": vi, "en": en}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
