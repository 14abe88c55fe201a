"""What has to be done by when: the clocks of a leg, which of them have run out, and when to look again.

Sources. Decision 28/2018/QĐ-TTg: a document is sent on the day it is signed, at the latest in the morning of the next
working day; urgent ones (Khẩn and above) are handled at once on arrival; a recipient that does not take a document in
returns it with the reason (02); a recall is confirmed through the system (15 or 16). QCVN 102:2016: 01 and 03 are the
recipient's first words, Priority 0 to 4 the levels, DueDate the day by which a document is to be finished. From these
come the order of the rows below and the 72 hours of an ordinary document (the next working day, over a weekend); the
norms set no minutes, so the other figures are this hub's, and the operator's to change.

An alarm follows from a leg and its message alone. Its times are those at which the hub learned of something, so that
any order in which reports and statuses arrive ends in the same alarms.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.statuses import PRIORITY_TEXT, BussinessDocType, Priority, StatusCode
from router.core.records import Leg, LegState, MessageRecord, RecallState


class Deadline(StrEnum):
    """What was to be done. The values stand in `Leg.raised`, in events and in `truc overdue`; the order is theirs."""

    NOT_DELIVERED = "not-delivered"  # still queued, held or parked: in nobody's inbox
    NOT_ACKNOWLEDGED = "not-acknowledged"  # in the inbox, and the agent has not said that it has it
    NOT_ARRIVED = "not-arrived"  # at the agent, and no 01
    NOT_RECEIVED = "not-received"  # no 03, and no 02 either
    NOT_FINISHED = "not-finished"  # DueDate is over, and neither 06 nor 02
    RECALL_UNANSWERED = "recall-unanswered"  # asked to give back or change, and neither 15 nor 16


DEADLINE_TEXT: Final[dict[Deadline, tuple[str, str]]] = {
    Deadline.NOT_DELIVERED: ("Chưa chuyển được đến hộp thư", "not in the recipient's inbox"),
    Deadline.NOT_ACKNOWLEDGED: ("Phần mềm nơi nhận chưa báo đã lưu", "no report from the recipient's agent"),
    Deadline.NOT_ARRIVED: ("Chưa báo đã đến (01)", "no 01 (arrived)"),
    Deadline.NOT_RECEIVED: ("Chưa báo tiếp nhận (03)", "no 03 (received)"),
    Deadline.NOT_FINISHED: ("Quá hạn xử lý, chưa hoàn thành (06)", "DueDate is over, no 06 (finished)"),
    Deadline.RECALL_UNANSWERED: ("Chưa trả lời yêu cầu thu hồi, cập nhật (15, 16)", "recall not answered (15 or 16)"),
}
"""Vietnamese and English, in that order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRow:
    """The clocks of one level of urgency.

    `delivered` runs from acceptance, `acknowledged` from the hand-over, `arrived` (01) and `received` (03) from the
    moment the document is at the agent, `recall_answered` from the question. `deliver_within` is the time to live: a
    leg that is in no inbox so long after it set out, or not acknowledged so long after the hand-over, is parked.
    """

    delivered: timedelta
    acknowledged: timedelta
    arrived: timedelta
    received: timedelta
    recall_answered: timedelta
    deliver_within: timedelta
    first: timedelta = field(init=False)
    """From acceptance to the first look. No clock runs out earlier, whenever the hand-over is."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", min(self.delivered, self.acknowledged, self.deliver_within))


_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_FLASH: Final = ClockRow(
    delivered=2 * _MINUTE,
    acknowledged=3 * _MINUTE,
    arrived=15 * _MINUTE,
    received=1 * _HOUR,
    recall_answered=2 * _HOUR,
    deliver_within=1 * _DAY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """A row for each level of urgency (EDXML Priority 0 to 4)."""

    normal: ClockRow = ClockRow(
        delivered=30 * _MINUTE,
        acknowledged=30 * _MINUTE,
        arrived=8 * _HOUR,
        received=72 * _HOUR,
        recall_answered=72 * _HOUR,
        deliver_within=7 * _DAY,
    )
    urgent: ClockRow = ClockRow(
        delivered=10 * _MINUTE,
        acknowledged=10 * _MINUTE,
        arrived=1 * _HOUR,
        received=4 * _HOUR,
        recall_answered=8 * _HOUR,
        deliver_within=3 * _DAY,
    )
    very_urgent: ClockRow = ClockRow(
        delivered=5 * _MINUTE,
        acknowledged=5 * _MINUTE,
        arrived=30 * _MINUTE,
        received=2 * _HOUR,
        recall_answered=4 * _HOUR,
        deliver_within=2 * _DAY,
    )
    flash: ClockRow = _FLASH
    flash_timed: ClockRow = _FLASH
    rows: tuple[ClockRow, ...] = field(init=False)
    """By priority."""

    def __post_init__(self) -> None:
        rows = (self.normal, self.urgent, self.very_urgent, self.flash, self.flash_timed)
        object.__setattr__(self, "rows", rows)

    def row_of(self, message: MessageRecord) -> ClockRow:
        """The clocks of a message. A status has no priority of its own: it takes the lane of its document."""
        level = message.priority
        if level == Priority.NORMAL and message.urgency is Urgency.URGENT:
            level = Priority.URGENT
        return self.rows[level] if 0 <= level < len(self.rows) else self.normal

    @property
    def shortest_life(self) -> timedelta:
        """The shortest `deliver_within` of all rows."""
        return min(each.deliver_within for each in self.rows)


DEFAULT_CLOCKS: Final = Clocks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A deadline that has passed and still stands. `since` is when it passed."""

    deadline: Deadline
    since: datetime


_RECEIVED: Final = frozenset({StatusCode.RECEIVED, StatusCode.ASSIGNED, StatusCode.PROCESSING, StatusCode.FINISHED})
_ENDED: Final = frozenset({StatusCode.RECEPTION_REFUSED, StatusCode.FINISHED})
_ANSWERED: Final = frozenset({RecallState.ACCEPTED, RecallState.REFUSED})


def end_of_day(day: date) -> datetime:
    """When a calendar day in Vietnam (UTC+7, all year round) is over."""
    return datetime(day.year, day.month, day.day, 24 - 7, tzinfo=UTC)


def first_look(message: MessageRecord, clocks: Clocks, *, now: datetime) -> datetime:
    """`look_at` of a new leg of this message: before any of its deadlines can pass, except one that has passed."""
    soon = now + clocks.row_of(message).first
    if message.due_date is None or message.type is not MessageType.DOCUMENT:
        return soon
    return min(soon, end_of_day(message.due_date))


def overdue(leg: Leg, message: MessageRecord, clocks: Clocks, *, now: datetime) -> tuple[Overdue, ...]:
    """The deadlines of a leg that have passed and still stand, in the order of `Deadline`."""
    return tuple(
        Overdue(deadline=deadline, since=since) for deadline, since in _standing(leg, message, clocks) if since <= now
    )


def owed(leg: Leg, message: MessageRecord, clocks: Clocks) -> tuple[Overdue, ...]:
    """Every deadline of a leg that something is still owed to, with the time at which it passes or has passed."""
    return tuple(Overdue(deadline=deadline, since=since) for deadline, since in _standing(leg, message, clocks))


def gives_up_at(leg: Leg, message: MessageRecord, clocks: Clocks) -> datetime | None:
    """When a leg that is in an inbox without an agent's word is parked; None when it has arrived or is in no inbox.

    What is still in the outbox is parked from there, which knows when it last set out.
    """
    if leg.state is not LegState.HANDED_OVER or leg.handed_over_at is None or _at_agent_since(leg) is not None:
        return None
    return leg.handed_over_at + clocks.row_of(message).deliver_within


def next_look(leg: Leg, message: MessageRecord, clocks: Clocks, *, now: datetime) -> datetime | None:
    """When the next deadline of a leg can pass, after `now`; None when nothing is left to look at.

    A hand-over tells nobody (it is written without reading the leg), so a leg that is queued for it is looked at again
    before the clock that the hand-over would start could run out. A held leg is queued first, which is a move.
    """
    return min((each for each in _looks(leg, message, clocks, now=now) if each > now), default=None)


def moved_on(leg: Leg, message: MessageRecord, clocks: Clocks, *, now: datetime) -> Leg:
    """A leg that was just moved (reported, a status, a recall), with `recall_at` and `look_at` as they are now.

    A leg with an alarm, or with a deadline that had passed before it began to count, is looked at as soon as anybody
    can.
    """
    asked_at = leg.recall_at
    if asked_at is None and leg.recall is not RecallState.NONE:
        asked_at = now
        leg = replace(leg, recall_at=asked_at)
    look_at = now if leg.raised else min(_looks(leg, message, clocks, now=now), default=None)
    if look_at is not None and look_at < now:
        look_at = now
    return leg if look_at == leg.look_at else replace(leg, look_at=look_at)


def _looks(leg: Leg, message: MessageRecord, clocks: Clocks, *, now: datetime) -> list[datetime]:
    """Every moment at which something about this leg passes or has passed."""
    looks = [since for _, since in _standing(leg, message, clocks)]
    given_up = gives_up_at(leg, message, clocks)
    if given_up is not None:
        looks.append(given_up)
    if leg.state is LegState.QUEUED and _at_agent_since(leg) is None:
        looks.append(now + clocks.row_of(message).acknowledged)
    return looks


def _standing(leg: Leg, message: MessageRecord, clocks: Clocks) -> Iterator[tuple[Deadline, datetime]]:
    """Every deadline that something is still owed to, with the time at which it passes, in the order of `Deadline`."""
    row = clocks.row_of(message)
    here_since = _at_agent_since(leg)
    if here_since is None:
        if leg.handed_over_at is None:
            yield Deadline.NOT_DELIVERED, leg.created_at + row.delivered
        else:
            yield Deadline.NOT_ACKNOWLEDGED, leg.handed_over_at + row.acknowledged
    if message.type is not MessageType.DOCUMENT:
        return
    if not _is_closed(leg, message):
        if here_since is not None and not leg.status:
            yield Deadline.NOT_ARRIVED, here_since + row.arrived
        if here_since is not None and leg.status not in _RECEIVED:
            yield Deadline.NOT_RECEIVED, here_since + row.received
        if message.due_date is not None:
            yield Deadline.NOT_FINISHED, end_of_day(message.due_date)
    if leg.recall is RecallState.REQUESTED and leg.recall_at is not None:
        yield Deadline.RECALL_UNANSWERED, leg.recall_at + row.recall_answered


def _at_agent_since(leg: Leg) -> datetime | None:
    """Since when the document is at the recipient: the agent's report, or the first word of the body itself.

    A body that speaks of a document has it, even when its agent's report was lost.
    """
    since = leg.delivered_at
    if leg.status and leg.status_at is not None:
        since = leg.status_at if since is None else min(since, leg.status_at)
    if since is None and leg.recall in _ANSWERED:
        since = leg.recall_at
    return since


def _is_closed(leg: Leg, message: MessageRecord) -> bool:
    """Whether nobody waits for the handling any more: it ended, or the document was given back or changed.

    The answer to a revocation, update or replacement is all that is owed to that document itself.
    """
    if leg.status in _ENDED or leg.recall is RecallState.ACCEPTED:
        return True
    return message.doc_type != BussinessDocType.NEW and leg.recall in _ANSWERED


def clocks_table() -> str:
    """The usual clocks as a Markdown table, as it stands in the README."""
    names = ("delivered", "acknowledged", "arrived", "received", "recall_answered", "deliver_within")
    head = f"| Priority | {' | '.join(f'`{each}`' for each in names)} |\n|{'---|' * (len(names) + 1)}"
    rows = (
        f"| {level.value} {' / '.join(PRIORITY_TEXT[level])} | "
        f"{' | '.join(_in_words(getattr(row, each)) for each in names)} |"
        for level, row in zip(Priority, DEFAULT_CLOCKS.rows, strict=True)
    )
    return "\n".join((head, *rows))


def _in_words(time: timedelta) -> str:
    for least, unit, name in ((2 * _DAY, _DAY, "d"), (_HOUR, _HOUR, "h")):
        if time % unit == timedelta(0) and time >= least:
            return f"{time // unit} {name}"
    return f"{time // _MINUTE} min"
