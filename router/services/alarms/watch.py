"""One look: what is wrong becomes alarms, and alarms become notices, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from router.core.alarms import Alarm, AlarmState, Patience, Turn, turns
from router.ports import StoreConflict
from router.ports.alarms import AlarmBook
from router.services.alarms.looking import Looking, Outside
from router.services.alarms.wording import notices_of

LEASE: Final = "alarms.watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """In whose name people are told, by which channels, and where they read more."""

    hub: str
    console: str = "/console"
    """The console's address, without an end; its path on the hub when nobody said how it is reached."""
    channels: tuple[str, ...] = ()


class Watch:
    """Any number of hub processes may have one; the lease lets one of them look."""

    def __init__(
        self,
        book: AlarmBook,
        looking: Looking,
        *,
        holder: str,
        speaking: Speaking,
        patience: Patience,
        lease_for: timedelta,
    ) -> None:
        self._book = book
        self._looking = looking
        self._holder = holder
        self._speaking = speaking
        self._patience = patience
        self._lease_for = lease_for

    def look(self, outside: Outside, *, now: datetime) -> Sequence[Turn] | None:
        """What changed; None when another process looks. Raises StoreUnavailable.

        Somebody who quiets an alarm at the same moment goes first: the whole look is put off to the next one.
        """
        if not self._book.take_lease(LEASE, self._holder, now=now, lease_for=self._lease_for):
            return None
        looked = self._looking.look(outside, now=now)
        standing = self._book.standing()
        made = turns(standing, looked.signals, looked_at=looked.kinds, now=now, patience=self._patience)
        return self._write(made, now=now)

    def tell_afterwards(self, alarm: Alarm, *, now: datetime) -> None:
        """An alarm that people were told of while the database was away, and that is over now."""
        over = Turn(alarm=alarm, telling=None)
        if alarm.state is AlarmState.RECOVERED:
            self._write([over], now=now)

    def give_back(self) -> None:
        """At the end, so that another process need not wait."""
        self._book.give_back(LEASE, self._holder)

    def _write(self, made: Sequence[Turn], *, now: datetime) -> Sequence[Turn]:
        speaking = self._speaking
        notices = notices_of(made, speaking.channels, hub=speaking.hub, console=speaking.console, now=now)
        try:
            self._book.keep([each.alarm for each in made], notices)
        except StoreConflict:
            return ()
        return [each for each in made if each.telling is not None]

    def tidy(self, *, before: datetime) -> int:
        return self._book.tidy(before=before)
