"""The names of events, and what a row of their catalogue says. The catalogue itself is `events.EVENTS`."""

from dataclasses import dataclass
from enum import StrEnum


class EventName(StrEnum):
    """Every event. A value is `subject.what-happened`."""

    MESSAGE_ACCEPTED = "message.accepted"
    MESSAGE_REFUSED = "message.refused"
    MESSAGE_DEFERRED = "message.deferred"
    MESSAGE_DUPLICATE = "message.duplicate"
    SUBMISSION_ID_REUSED = "submission.id-reused"
    LEG_QUEUED = "leg.queued"
    LEG_HELD = "leg.held"
    LEG_RELEASED = "leg.released"
    LEG_HANDED_OVER = "leg.handed-over"
    LEG_DELIVERED = "leg.delivered"
    LEG_PARKED = "leg.parked"
    LEG_STATUS = "leg.status"
    LEG_RECALL = "leg.recall"
    RECEIPT_SENT = "receipt.sent"
    RECEIPT_DROPPED = "receipt.dropped"
    LEG_OVERDUE = "leg.overdue"
    LEG_IN_TIME = "leg.back-in-time"
    LEG_RESENT = "leg.resent"
    LEG_FORWARDED = "leg.forwarded"
    DEAD_BURIED = "dead.buried"
    DEAD_RETURNED = "dead.returned"
    DEAD_TAKEN_UP = "dead.taken-up"
    DEAD_DISCARDED = "dead.discarded"
    HOLD_SET = "hold.set"
    HOLD_RELEASED = "hold.released"
    LOG_SEALED = "log.sealed"
    SEAL_STAMPED = "seal.stamped"
    REPORT_FOREIGN = "report.foreign"
    REPORT_UNKNOWN = "report.unknown"
    REPORT_DIGEST = "report.digest-mismatch"
    REGISTRY_CHANGED = "registry.changed"
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"
    USER_PASSWORD = "user.password-set"  # noqa: S105  a name, no password
    USER_LOCKED = "user.locked"
    USER_UNLOCKED = "user.unlocked"
    USER_REMOVED = "user.removed"
    SESSION_OPENED = "session.opened"
    SESSION_REFUSED = "session.refused"
    SESSION_CLOSED = "session.closed"
    ACCESS_REFUSED = "access.refused"
    ALARM_QUIETED = "alarm.quieted"
    ALARM_UNQUIETED = "alarm.unquieted"
    NOTICE_SENT = "notice.sent-by-hand"
    CONTENT_OPENED = "content.opened"
    EVIDENCE_EXPORTED = "evidence.exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One row: what happened in words, and which facts an event of this name carries."""

    name: EventName
    vi: str
    en: str
    facts: tuple[str, ...] = ()
