"""When the database is away there is no place for alarms and notices: people are told directly, from memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from router.core.alarm_signals import trouble_signals
from router.core.alarms import Alarm, Patience, Signal, Turn, turns
from router.core.notices import Notice
from router.logs import logger
from router.ports.alarms import Channel, NotTaken
from router.services.alarms.watch import Speaking
from router.services.alarms.wording import notices_of

DATABASE: Final = "database"


class Direct:
    """The one alarm that cannot be kept. What a channel does not take is tried again at the next look."""

    def __init__(
        self, channels: Sequence[Channel], *, speaking: Speaking, patience: Patience, trouble_after: timedelta
    ) -> None:
        self._channels = {each.name: each for each in channels}
        self._speaking = speaking
        self._patience = replace(patience, calm=timedelta(0))  # an answer of the database is no flicker
        self._trouble_after = trouble_after
        self._since: datetime | None = None
        self._alarm: Alarm | None = None
        self._owed: dict[str, Notice] = {}
        self._log = logger("alarms")

    async def away(self, reason: str, *, now: datetime) -> None:
        """The database did not answer."""
        self._since = self._since or now
        signals = trouble_signals({DATABASE: (reason, self._since)}, after=self._trouble_after, now=now)
        self._turn(signals, now=now)
        await self.send()

    async def back(self, *, now: datetime) -> Alarm | None:
        """It answers. The alarm that is over with it, None when people were not told of any."""
        self._since = None
        over = self._turn((), now=now) if self._alarm is not None else None
        if over is not None:
            self._alarm = None
        await self.send()
        return over.alarm if over is not None else None

    async def send(self) -> None:
        for name, notice in list(self._owed.items()):
            try:
                await self._channels[name].send(notice)
            except NotTaken as problem:
                self._log.warning("notice-not-sent", channel=name, notice=notice.id, reason=str(problem))
            else:
                self._owed.pop(name, None)

    def _turn(self, signals: Sequence[Signal], *, now: datetime) -> Turn | None:
        standing = () if self._alarm is None else (self._alarm,)
        kinds = frozenset({each.kind for each in standing})
        made = turns(standing, signals, looked_at=kinds, now=now, patience=self._patience)
        for turn in made:
            self._alarm = turn.alarm
        speaking = self._speaking
        for notice in notices_of(made, tuple(self._channels), hub=speaking.hub, console=speaking.console, now=now):
            self._owed[notice.channel] = notice
        return made[0] if made else None
