"""One leg and everything about it, as a value and JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.core.deadlines import DEADLINE_TEXT, Clocks, Overdue, overdue
from router.core.records import Attempt, Event, MessageRecord
from router.ports import Store
from router.services.traces import trace_in
from router.services.tracing import LegTrace, event_as_dict, leg_as_dict


@dataclass(frozen=True, slots=True, kw_only=True)
class LegStory:
    """A leg with its statuses (`row`), what is overdue, the failed attempts to publish it, and its own events."""

    message: MessageRecord
    row: LegTrace
    overdue: tuple[Overdue, ...]
    attempts: tuple[Attempt, ...]
    events: tuple[Event, ...]
    trace_id: str


def stories_of(store: Store, leg_ids: Iterable[str], clocks: Clocks, *, now: datetime) -> Sequence[LegStory]:
    """The stories of these legs, in this order; ids that nobody knows are left out."""
    wanted = tuple(dict.fromkeys(leg_ids))
    with store.begin() as tx:
        legs = tx.legs_by_id(wanted)
        messages = tx.messages({each.message_id for each in legs.values()})
    said = store.statuses_of(legs) if legs else ()
    stories = []
    for leg in (legs[each] for each in wanted if each in legs):
        message = messages[leg.message_id]
        stories.append(
            LegStory(
                message=message,
                row=LegTrace(leg=leg, statuses=tuple(each for each in said if each.leg_id == leg.id)),
                overdue=overdue(leg, message, clocks, now=now),
                attempts=tuple(each for each in store.attempts_of(message.id) if each.leg_id == leg.id),
                events=tuple(each for each in store.events_of(message.id) if each.leg_id == leg.id),
                trace_id=trace_in(store, message),
            )
        )
    return stories


def as_dict(story: LegStory, *, now: datetime) -> dict[str, object]:
    """The JSON of a leg: a row of the trace's matrix, and

    {"created_at", "look_at", "forwarded_from", "message": {id, type, sender, agent, document_id, code, subject,
     priority, due_date}, "overdue": [{kind, text: {vi, en}, since, late_seconds}],
     "attempts": [{number, at, reason}], "trace_id", "timeline": [as in the trace]}

    Times are ISO 8601 with offset, null when they have not come.
    """
    leg, message = story.row.leg, story.message
    recipients = {leg.id: leg.recipient}
    return {
        **leg_as_dict(story.row),
        "created_at": leg.created_at.isoformat(),
        "look_at": leg.look_at.isoformat() if leg.look_at is not None else None,
        "forwarded_from": leg.forwarded_from,
        "message": {
            "id": message.id,
            "type": message.type.value,
            "sender": message.sender,
            "agent": message.agent,
            "document_id": message.document_id,
            "code": message.code,
            "subject": message.subject,
            "priority": message.priority,
            "due_date": message.due_date.isoformat() if message.due_date is not None else None,
        },
        "overdue": [_overdue(each, now=now) for each in story.overdue],
        "attempts": [
            {"number": each.number, "at": each.at.isoformat(), "reason": each.reason} for each in story.attempts
        ],
        "trace_id": story.trace_id,
        "timeline": [event_as_dict(each, recipients, trace_id=story.trace_id) for each in story.events],
    }


def _overdue(each: Overdue, *, now: datetime) -> dict[str, object]:
    vi, en = DEADLINE_TEXT[each.deadline]
    return {
        "kind": each.deadline.value,
        "text": {"vi": vi, "en": en},
        "since": each.since.isoformat(),
        "late_seconds": int((now - each.since).total_seconds()),
    }
