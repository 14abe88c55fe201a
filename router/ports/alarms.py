"""The memory of alarms and notices, what alarms are judged from, and the ways to people."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from router.core.alarms import Alarm
from router.core.notices import Notice
from router.core.records import MessageRecord
from router.core.registry import CertificateRecord
from router.core.seals import EventRow


class AlarmBook(Protocol):
    """Alarms, notices, leases and marks. Each call is a transaction of its own. Raises StoreUnavailable."""

    def take_lease(self, name: str, holder: str, *, now: datetime, lease_for: timedelta) -> bool:
        """Whether this holder has the lease from now on: it was free, over, or his already. A lease that would last
        for more than `lease_for` was written by a clock that was wrong, and is over."""
        ...

    def give_back(self, name: str, holder: str) -> None:
        """End this holder's lease, so that another one need not wait for its end."""
        ...

    def mark(self, name: str) -> str:
        """What was written under this name last; empty at first."""
        ...

    def put_mark(self, name: str, text: str) -> None: ...

    def standing(self) -> Sequence[Alarm]:
        """Alarms that are not over, by kind and subject."""
        ...

    def past(self, *, limit: int = 100) -> Sequence[Alarm]:
        """Alarms that are over, the last one first."""
        ...

    def alarm(self, alarm_id: str) -> Alarm | None: ...

    def keep(self, alarms: Collection[Alarm], notices: Collection[Notice] = ()) -> None:
        """Write alarms and what goes out about them, all or nothing. An alarm is new, or there with the same
        `version`, which grows by one. Raises StoreConflict when somebody else has changed one, or when another alarm
        of the same kind and subject stands. Notices whose ids are there already are left as they are."""
        ...

    def add_notices(self, notices: Collection[Notice]) -> int:
        """Put notices; how many are new. Those whose ids are there already are left as they are."""
        ...

    def due_notices(self, channel: str, *, now: datetime, lease_for: timedelta, limit: int) -> Sequence[Notice]:
        """Waiting notices of a channel whose `due_at` has come, the oldest first. They are due again after
        `lease_for`, unless they are settled before."""
        ...

    def settle(self, notice: Notice) -> None:
        """Write what became of a notice: `due_at`, `attempts`, `state`, `problem`."""
        ...

    def notices(self, *, limit: int = 100) -> Sequence[Notice]:
        """The newest first."""
        ...

    def tidy(self, *, before: datetime) -> int:
        """Remove alarms that ended, and notices that were made and are settled, before that moment; how many."""
        ...


class AlarmFacts(Protocol):
    """Questions that only the alarms ask. Raises StoreUnavailable."""

    def newest_event(self) -> int:
        """The highest `seq` in the log; zero for none."""
        ...

    def tally(self, after: int, up_to: int) -> Mapping[str, int]:
        """How many events of each name have a `seq` above `after`, up to `up_to`."""
        ...

    def events_named(self, names: Collection[str], *, after: int, up_to: int, limit: int) -> Sequence[EventRow]:
        """Events with one of these names in that range, in order of `seq`."""
        ...

    def certificates(self) -> Sequence[CertificateRecord]:
        """Of all organs."""
        ...

    def refused(self, senders: Collection[str], *, since: datetime, limit: int) -> Sequence[MessageRecord]:
        """Refused messages of these organs that arrived since then, the newest first."""
        ...


class NotTaken(Exception):
    """A channel did not take a notice. `wait` is when it wants to be asked again, if it said so."""

    def __init__(self, reason: str, *, wait: timedelta | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Channel(Protocol):
    """One way to people."""

    @property
    def name(self) -> str:
        """Stable: it stands in the database."""
        ...

    async def send(self, notice: Notice) -> None:
        """Returns when the other side has taken it. Raises NotTaken, whose words hold no secret, within bounded
        time."""
        ...
