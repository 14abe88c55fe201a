"""Security events: which of the log's events a monitoring centre wants to see, told once each and in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

from router.core.alarm_rules import AlarmKind
from router.core.event_names import EventName
from router.core.events import EVENTS
from router.core.seals import EventRow
from router.ports import Clock
from router.ports.alarms import AlarmBook, AlarmFacts
from router.services.alarms.feed import facts_in, kind_of, who_of

LEASE: Final = "alarms.syslog"
MARK: Final = "alarms.syslog"
LEASE_FOR: Final = timedelta(minutes=2)
SCANNED: Final = 100_000
"""Events looked through in one portion, by `seq`."""
PORTION: Final = 500
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

SEVERITIES: Final[Mapping[str, int]] = MappingProxyType(
    {
        EventName.MESSAGE_REFUSED.value: 7,
        EventName.SUBMISSION_ID_REUSED.value: 5,
        EventName.REPORT_FOREIGN.value: 8,
        EventName.REPORT_DIGEST.value: 8,
        EventName.HOLD_SET.value: 3,
        EventName.HOLD_RELEASED.value: 3,
        EventName.LEG_RESENT.value: 3,
        EventName.DEAD_DISCARDED.value: 4,
        EventName.DEAD_RETURNED.value: 3,
        EventName.REGISTRY_CHANGED.value: 4,
        EventName.USER_ADDED.value: 5,
        EventName.USER_CHANGED.value: 5,
        EventName.USER_PASSWORD.value: 4,
        EventName.USER_LOCKED.value: 5,
        EventName.USER_UNLOCKED.value: 5,
        EventName.USER_REMOVED.value: 5,
        EventName.SESSION_OPENED.value: 2,
        EventName.SESSION_REFUSED.value: 6,
        EventName.SESSION_CLOSED.value: 1,
        EventName.ACCESS_REFUSED.value: 6,
        EventName.ALARM_QUIETED.value: 4,
        EventName.ALARM_UNQUIETED.value: 3,
        EventName.NOTICE_SENT.value: 2,
    }
)
"""How bad each is, 0 to 10 as in CEF. Of refusals only forged signatures and foreign speakers are told."""
SPOKEN_FOR: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """One event as the monitoring centre gets it. `facts` are those of the log."""

    seq: int
    at: datetime
    name: str
    title: str
    severity: int
    who: str
    message_id: str
    facts: Mapping[str, str]


class SecurityLog(Protocol):
    """Where security events go."""

    def send(self, events: Sequence[SecurityEvent]) -> None:
        """In order. Raises OSError when they could not be handed over; then some may have arrived."""
        ...


def security_event_of(row: EventRow) -> SecurityEvent | None:
    """None for what concerns nobody's security."""
    severity = SEVERITIES.get(row.name)
    kind = kind_of(row)
    if severity is None or (row.name == EventName.MESSAGE_REFUSED and kind is None):
        return None
    if row.name == EventName.MESSAGE_REFUSED and kind is AlarmKind.FOREIGN:
        severity = SPOKEN_FOR
    return SecurityEvent(
        seq=row.seq,
        at=EPOCH + timedelta(microseconds=row.at),
        name=row.name,
        title=EVENTS[row.name].en,
        severity=severity,
        who=row.actor or who_of(row),
        message_id=row.message_id,
        facts=facts_in(row),
    )


class SecurityFeed:
    """Hands the log's security events on. What was handed over when the process falls is handed over once more."""

    def __init__(self, book: AlarmBook, facts: AlarmFacts, target: SecurityLog, *, clock: Clock, holder: str) -> None:
        self._book = book
        self._facts = facts
        self._target = target
        self._clock = clock
        self._holder = holder
        self._ready = -1

    def run(self) -> int | None:
        """One portion: how many were handed over; None when another process does it.

        Only what was there at the run before is read: a lower `seq` may still appear behind a higher one. Raises
        StoreUnavailable, and OSError from the target.
        """
        now = self._clock.now()
        if not self._book.take_lease(LEASE, self._holder, now=now, lease_for=LEASE_FOR):
            return None
        text = self._book.mark(MARK)
        newest = self._facts.newest_event()
        ready, self._ready = self._ready, newest
        if not text.isdigit():
            self._book.put_mark(MARK, str(newest))  # what is older than the centre is no news to it
            return 0
        after = int(text)
        up_to = min(ready, after + SCANNED)
        if up_to <= after:
            return 0
        rows = self._facts.events_named(frozenset(SEVERITIES), after=after, up_to=up_to, limit=PORTION)
        events = [each for each in map(security_event_of, rows) if each is not None]
        if events:
            self._target.send(events)
        self._book.put_mark(MARK, str(rows[-1].seq if len(rows) == PORTION else up_to))
        return len(events)
