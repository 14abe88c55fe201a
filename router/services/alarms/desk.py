"""What people ask and do about alarms, on the console and in the terminal: see them, quiet them, try the channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from router.core.alarm_rules import AlarmKind
from router.core.alarms import Alarm, AlarmState, loud_again, quieted
from router.core.events import EventName
from router.core.notices import Notice
from router.core.people import EVERYTHING, Scope
from router.core.records import Event, PutEvent
from router.core.registry import Registry
from router.ports import Clock, Store, StoreConflict
from router.ports.alarms import AlarmBook

LONGEST_QUIET: Final = timedelta(days=90)
MOST_PAST: Final = 1000
OF_AGENTS: Final = frozenset({AlarmKind.BACKLOG, AlarmKind.WAITING, AlarmKind.FORGED, AlarmKind.FOREIGN})
"""Kinds whose subject is an agent."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something was not done. `unknown`: there is no such alarm, or not for this person."""

    vi: str
    en: str
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Alarms by state, the worst first."""

    standing: Sequence[Alarm]
    quieted: Sequence[Alarm]
    past: Sequence[Alarm]


NOT_THERE: Final = Trouble("Không có cảnh báo này.", "There is no such alarm.", unknown=True)
IS_OVER: Final = Trouble("Cảnh báo này đã hết.", "This alarm is over.")
OTHERS: Final = Trouble(
    "Người khác vừa thay đổi cảnh báo này, hãy làm lại.", "Somebody has just changed it; try again."
)


class AlarmDesk:
    """Stateless. Every change is an event with who and why, written before the change."""

    def __init__(self, book: AlarmBook, store: Store, *, clock: Clock) -> None:
        self._book = book
        self._store = store
        self._clock = clock

    def board(self, scope: Scope = EVERYTHING, *, past: int = 50) -> Board:
        """Who does not see everything sees the alarms about agents and organs of the own subtree, and no others."""
        registry = self._store.registry()
        stands = [each for each in self._book.standing() if _sees(scope, each, registry)]
        stands.sort(key=lambda each: (-each.severity.rank, each.raised_at, each.id))
        # What others must not see does not shorten what they may.
        wanted = past if scope.everything else MOST_PAST
        over = [each for each in self._book.past(limit=min(wanted, MOST_PAST)) if _sees(scope, each, registry)]
        return Board(
            standing=[each for each in stands if each.state is AlarmState.RAISED],
            quieted=[each for each in stands if each.state is AlarmState.QUIETED],
            past=over[:past],
        )

    def alarm(self, alarm_id: str, scope: Scope = EVERYTHING) -> Alarm | None:
        found = self._book.alarm(alarm_id)
        return found if found is not None and _sees(scope, found, self._store.registry()) else None

    def notices(self, *, limit: int = 50) -> Sequence[Notice]:
        """What went out, or waits to; the newest first."""
        return self._book.notices(limit=limit)

    def check_quiet(self, alarm_id: str, *, until: datetime, scope: Scope = EVERYTHING) -> Alarm | Trouble:
        """The alarm that would be quieted, or why it would not. Writes nothing."""
        alarm = self.alarm(alarm_id, scope)
        if alarm is None:
            return NOT_THERE
        if not alarm.state.stands:
            return IS_OVER
        now = self._clock.now()
        if until <= now:
            return Trouble("Thời điểm phải ở tương lai.", "The moment must lie ahead.")
        if until > now + LONGEST_QUIET:
            days = LONGEST_QUIET.days
            return Trouble(f"Tạm ngừng báo tối đa {days} ngày.", f"At most {days} days of quiet.")
        return alarm

    def quiet(
        self, alarm_id: str, *, until: datetime, by: str, reason: str, scope: Scope = EVERYTHING
    ) -> Alarm | Trouble:
        """Nobody is told of it until then, unless it gets worse or is over. `by` is an actor of the log."""
        alarm = self.check_quiet(alarm_id, until=until, scope=scope)
        if isinstance(alarm, Trouble):
            return alarm
        self._log(EventName.ALARM_QUIETED, alarm, by=by, reason=reason, until=until.isoformat())
        return self._keep(quieted(alarm, until=until, by=by, reason=reason))

    def unquiet(self, alarm_id: str, *, by: str, reason: str, scope: Scope = EVERYTHING) -> Alarm | Trouble:
        """People are told of it again."""
        alarm = self.alarm(alarm_id, scope)
        if alarm is None:
            return NOT_THERE
        if alarm.state is not AlarmState.QUIETED:
            return Trouble("Cảnh báo này không bị tạm ngừng.", "This alarm is not quieted.")
        self._log(EventName.ALARM_UNQUIETED, alarm, by=by, reason=reason)
        return self._keep(loud_again(alarm))

    def note_sent(self, channel: str, *, what: str, by: str, reason: str) -> None:
        """An administrator has sent a notice by hand."""
        facts = {"channel": channel, "what": what, "reason": reason}
        self._put(EventName.NOTICE_SENT, by=by, facts=facts)

    def _keep(self, alarm: Alarm) -> Alarm | Trouble:
        try:
            self._book.keep([alarm])
        except StoreConflict:
            return OTHERS
        return alarm

    def _log(self, name: EventName, alarm: Alarm, *, by: str, reason: str, **more: str) -> None:
        facts = {"alarm": alarm.id, "kind": alarm.kind.value, "subject": alarm.subject, **more, "reason": reason}
        self._put(name, by=by, facts=facts)

    def _put(self, name: EventName, *, by: str, facts: Mapping[str, str]) -> None:
        with self._store.begin() as tx:
            tx.apply([PutEvent(Event(name=name.value, at=self._clock.now(), actor=by, facts=facts))])


def _sees(scope: Scope, alarm: Alarm, registry: Registry) -> bool:
    if scope.organs is None:
        return True
    if alarm.kind is AlarmKind.CERTIFICATE:
        return scope.sees(alarm.subject)
    if alarm.kind not in OF_AGENTS:
        return False
    carried = [code for code, organ in registry.organs.items() if organ.agent == alarm.subject]
    # An agent that carries for others as well tells of them, too.
    return bool(carried) and all(scope.sees(code) for code in carried)
