"""`[deadlines]`: by when what has to be done, for each level of urgency."""

from datetime import timedelta
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from router.core.deadlines import DEFAULT_CLOCKS, ClockRow, Clocks

TEN_YEARS: Final = 10 * 366 * 24 * 60.0  # minutes; beyond it times leave the calendar

Minutes = Annotated[float, Field(gt=0, le=TEN_YEARS)]
Hours = Annotated[float, Field(gt=0, le=TEN_YEARS / 60)]
EveryMinutes = tuple[Minutes, Minutes, Minutes, Minutes, Minutes]
EveryHours = tuple[Hours, Hours, Hours, Hours, Hours]


def _minutes(clock: str) -> EveryMinutes:
    one, two, three, four, five = (getattr(row, clock) / timedelta(minutes=1) for row in DEFAULT_CLOCKS.rows)
    return one, two, three, four, five


def _hours(clock: str) -> EveryHours:
    one, two, three, four, five = (each / 60 for each in _minutes(clock))
    return one, two, three, four, five


class DeadlineSettings(BaseModel):
    """Five values each: Thường, Khẩn, Thượng khẩn, Hỏa tốc, Hỏa tốc hẹn giờ (EDXML Priority 0 to 4)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delivered_minutes: EveryMinutes = _minutes("delivered")
    """From acceptance to the inbox of the recipient's agent."""
    acknowledged_minutes: EveryMinutes = _minutes("acknowledged")
    """From the inbox to the agent's report."""
    arrived_minutes: EveryMinutes = _minutes("arrived")
    """From the agent's report to 01."""
    received_minutes: EveryMinutes = _minutes("received")
    """From the agent's report to 03 (or 02)."""
    recall_answered_minutes: EveryMinutes = _minutes("recall_answered")
    """From a recall or change to 15 or 16."""
    deliver_within_hours: EveryHours = _hours("deliver_within")
    """What is in no inbox, or in one without the agent's report, for so long is parked, and the sender is told."""

    @model_validator(mode="after")
    def _warned_before_parked(self) -> Self:
        for warned, parked in zip(self.delivered_minutes, self.deliver_within_hours, strict=True):
            if warned > parked * 60:
                raise ValueError("delivered_minutes must not be longer than deliver_within_hours")
        return self

    def as_clocks(self) -> Clocks:
        rows = zip(
            self.delivered_minutes,
            self.acknowledged_minutes,
            self.arrived_minutes,
            self.received_minutes,
            self.recall_answered_minutes,
            self.deliver_within_hours,
            strict=True,
        )
        normal, urgent, very_urgent, flash, flash_timed = (
            ClockRow(
                delivered=timedelta(minutes=delivered),
                acknowledged=timedelta(minutes=acknowledged),
                arrived=timedelta(minutes=arrived),
                received=timedelta(minutes=received),
                recall_answered=timedelta(minutes=recall_answered),
                deliver_within=timedelta(hours=deliver_within),
            )
            for delivered, acknowledged, arrived, received, recall_answered, deliver_within in rows
        )
        return Clocks(normal=normal, urgent=urgent, very_urgent=very_urgent, flash=flash, flash_timed=flash_timed)
