"""Figures as bodies are measured by: what each thing that happened adds to which sum. Pure.

A sum stands under (period, organ, kind, measure). Every happening belongs to the day and month on which the hub
received the document that it is about, so that shares stay below one however late a status comes. What a happening adds
follows from itself and from what never changes about its document; sums counted anew are therefore the same sums.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

from edxml_schemas.statuses import BussinessDocType, StatusCode
from router.core.deadlines import Deadline, end_of_day
from router.core.event_names import EventName

VIETNAM: Final = timezone(timedelta(hours=7))
HUB: Final = ""
"""The organ of sums over the whole hub."""


class Kind(StrEnum):
    """What a message is."""

    NEW = "new"
    REVOKE = "revoke"
    UPDATE = "update"
    REPLACE = "replace"
    STATUS = "status"


KIND_TEXT: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.NEW: ("Văn bản mới", "new document"),
    Kind.REVOKE: ("Thu hồi", "revocation"),
    Kind.UPDATE: ("Cập nhật", "update"),
    Kind.REPLACE: ("Thay thế", "replacement"),
    Kind.STATUS: ("Trạng thái", "status"),
}
_KINDS: Final[Mapping[int, Kind]] = {
    BussinessDocType.NEW: Kind.NEW,
    BussinessDocType.REVOKE: Kind.REVOKE,
    BussinessDocType.UPDATE: Kind.UPDATE,
    BussinessDocType.REPLACE: Kind.REPLACE,
}


class Measure(StrEnum):
    """What is summed. Those with a colon are families: the rest of the name says which of them."""

    SENT = "sent"  # accepted, counted with the sender
    RECEIVED = "received"  # copies, counted with the recipient
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    COPIES = "copies"  # copies, counted with the sender
    ELECTRONIC = "electronic"  # Paper is 0: no paper follows
    PAPER = "paper"  # Paper is 1
    SAME_DAY = "same-day"
    LATER_DAY = "later-day"
    DELIVERED = "delivered"
    GIVEN_BACK = "given-back"  # first 02
    ANSWERED = "answered"  # first 03 or 02
    LATE = "late"  # the deadline for 03 passed
    LATE_ANSWERED = "late-answered"  # … and it was met afterwards
    DUE_MET = "due-met"  # 06 by the DueDate
    DUE_MISSED = "due-missed"
    CODE = "code:"  # refused with this code
    SPAN = "span-"  # span-03:<bin>, from the hub's receipt to the first 03
    VERDICT = "verdict:"  # verdict:<seconds>, the bucket of the time to the verdict
    DELIVERY = "delivery:"
    RECEIPTS = "receipts:"  # receipts:sent, receipts:dropped
    STEP = "step:"  # step:<event>, how often legs took it


FLOW: Final = frozenset({Measure.SENT.value, Measure.RECEIVED.value, Measure.REFUSED.value})
"""What is summed by the hour and by the minute, too."""
SPAN_CODES: Final = (StatusCode.ARRIVED.value, StatusCode.RECEIVED.value, StatusCode.FINISHED.value)
MOST_MONTHS: Final = 1200
GROWTH: Final = 1.1
"""Width of the bins of spans: a median is off by less than five per cent."""
LATENCY_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0)
"""Seconds; above the last there is one without end."""
MILLISECONDS: Final = "ms"
_ENDLESS: Final = "inf"
_STEPS: Final = frozenset(
    {
        EventName.LEG_QUEUED.value,
        EventName.LEG_HELD.value,
        EventName.LEG_HANDED_OVER.value,
        EventName.LEG_DELIVERED.value,
        EventName.LEG_PARKED.value,
        EventName.LEG_RESENT.value,
    }
)
COUNTED_EVENTS: Final = frozenset(
    {
        EventName.MESSAGE_ACCEPTED.value,
        EventName.MESSAGE_REFUSED.value,
        EventName.MESSAGE_DUPLICATE.value,
        EventName.LEG_STATUS.value,
        EventName.LEG_OVERDUE.value,
        EventName.LEG_IN_TIME.value,
        EventName.RECEIPT_SENT.value,
        EventName.RECEIPT_DROPPED.value,
        *_STEPS,
    }
)
_DOUBTFUL: Final = ("signature.", "trust.", "sender.", "vouching.", "xml.", "schema.root")
"""A refusal for one of these proves nothing about who sent it: it stands under the hub alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event with what never changes about its message and leg.

    `first` says of a status whether it is the first of its code on this leg, of `leg.queued` and `leg.held` whether
    the leg set out then, of the others it is true. `recipient` is empty for events of a message.
    """

    seq: int
    name: str
    at: datetime
    facts: Mapping[str, str]
    sender: str
    kind: Kind
    received_at: datetime
    promulgation_date: date | None = None
    arrived_on: date | None = None
    due_date: date | None = None
    recipient: str = ""
    first: bool = True


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Where a sum stands. `period` is 2026-11, 2026-11-25, 2026-11-25T08 or 2026-11-25T08:05, Vietnam time."""

    period: str
    organ: str
    kind: str
    measure: str


def kind_of(message_type: str, doc_type: int) -> Kind:
    """`message_type` is a value of `MessageType`."""
    return Kind.STATUS if message_type == "status" else _KINDS.get(doc_type, Kind.NEW)


def is_first_event(name: str, facts: Mapping[str, str], *, set_out: bool, first_by: str) -> bool:
    """`Happening.first`. `set_out` is whether the event is as old as the leg, `first_by` the message that said this
    status of it first."""
    if name == EventName.LEG_STATUS.value:
        return bool(first_by) and facts.get("by") == first_by
    return set_out if name in (EventName.LEG_QUEUED.value, EventName.LEG_HELD.value) else True


def months_between(first: str, last: str) -> tuple[str, ...]:
    """Months from one to another, as 2026-11, both included."""
    year, month = int(first[:4]), int(first[5:7])
    found: list[str] = []
    while f"{year:04}-{month:02}" <= last and len(found) < MOST_MONTHS:
        found.append(f"{year:04}-{month:02}")
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return tuple(found)


def month_of(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%Y-%m}"


def day_of(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%Y-%m-%d}"


def hour_of(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%Y-%m-%dT%H}"


def minute_of(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%Y-%m-%dT%H:%M}"


def tallied(happenings: Iterable[Happening]) -> dict[Cell, int]:
    """What happenings add to which sums."""
    sums: Counter[Cell] = Counter()
    for each in happenings:
        month, day = month_of(each.received_at), day_of(each.received_at)
        for organ, measure, value in _added(each):
            sums[Cell(month, organ, each.kind.value, measure)] += value
            if measure in FLOW:
                for period in (day, hour_of(each.received_at), minute_of(each.received_at)):
                    sums[Cell(period, organ, each.kind.value, measure)] += value
            elif measure.startswith(Measure.CODE.value):
                sums[Cell(day, organ, each.kind.value, measure)] += value
    return dict(sums)


def _added(each: Happening) -> Iterator[tuple[str, str, int]]:
    match each.name:
        case EventName.MESSAGE_ACCEPTED.value:
            yield from _accepted(each)
        case EventName.MESSAGE_DUPLICATE.value:
            yield from _of(each.sender, Measure.DUPLICATE.value)
            yield from _latency(Measure.VERDICT, each)
        case EventName.MESSAGE_REFUSED.value:
            yield from _refused(each)
        case EventName.LEG_STATUS.value if each.first:
            yield from _status(each)
        case EventName.LEG_OVERDUE.value | EventName.LEG_IN_TIME.value:
            yield from _deadline(each)
        case EventName.RECEIPT_SENT.value | EventName.RECEIPT_DROPPED.value:
            yield HUB, f"{Measure.RECEIPTS.value}{each.name.removeprefix('receipt.')}", 1
        case _:
            yield from _step(each)


def _accepted(each: Happening) -> Iterator[tuple[str, str, int]]:
    yield from _of(each.sender, Measure.SENT.value)
    yield from _latency(Measure.VERDICT, each)
    paper = {"0": Measure.ELECTRONIC, "1": Measure.PAPER}.get(each.facts.get("paper", ""))
    if paper is not None:
        yield from _of(each.sender, paper.value)
    if each.kind is Kind.NEW and each.promulgation_date is not None and each.arrived_on is not None:
        days = (each.arrived_on - each.promulgation_date).days
        if days >= 0:
            yield from _of(each.sender, (Measure.LATER_DAY if days else Measure.SAME_DAY).value)


def _refused(each: Happening) -> Iterator[tuple[str, str, int]]:
    found = [code for part in each.facts.get("codes", "").split(",") if (code := part.strip())]
    sender = HUB if any(code.startswith(_DOUBTFUL) for code in found) else each.sender
    yield from _of(sender, Measure.REFUSED.value)
    for code in dict.fromkeys(found):
        yield from _of(sender, f"{Measure.CODE.value}{code}")
    yield from _latency(Measure.VERDICT, each)


def _status(each: Happening) -> Iterator[tuple[str, str, int]]:
    code = each.facts.get("code", "")
    if code in SPAN_CODES:
        yield from _of(each.recipient, f"{Measure.SPAN.value}{code}:{span_bin(each.at - each.received_at)}")
    if code == StatusCode.RECEPTION_REFUSED.value:
        yield from _of(each.recipient, Measure.GIVEN_BACK.value)
    if code in (StatusCode.RECEIVED.value, StatusCode.RECEPTION_REFUSED.value):
        yield from _of(each.recipient, Measure.ANSWERED.value)
    if code == StatusCode.FINISHED.value and each.due_date is not None and each.at <= end_of_day(each.due_date):
        yield from _of(each.recipient, Measure.DUE_MET.value)


def _deadline(each: Happening) -> Iterator[tuple[str, str, int]]:
    deadline, passed = each.facts.get("deadline", ""), each.name == EventName.LEG_OVERDUE.value
    if deadline == Deadline.NOT_RECEIVED.value:
        yield from _of(each.recipient, (Measure.LATE if passed else Measure.LATE_ANSWERED).value)
    elif deadline == Deadline.NOT_FINISHED.value and passed:
        yield from _of(each.recipient, Measure.DUE_MISSED.value)


def _step(each: Happening) -> Iterator[tuple[str, str, int]]:
    if each.name not in _STEPS:
        return
    yield HUB, f"{Measure.STEP.value}{each.name.removeprefix('leg.')}", 1
    if each.name in (EventName.LEG_QUEUED.value, EventName.LEG_HELD.value) and each.first:
        yield from _of(each.recipient, Measure.RECEIVED.value)
        yield from _of(each.sender, Measure.COPIES.value)
    if each.name == EventName.LEG_DELIVERED.value:
        yield from _of(each.recipient, Measure.DELIVERED.value)
        yield from _latency(Measure.DELIVERY, each)


def _of(organ: str, measure: str) -> Iterator[tuple[str, str, int]]:
    """One for the hub, and one for the organ when it is known."""
    yield HUB, measure, 1
    if organ:
        yield organ, measure, 1


def _latency(family: Measure, each: Happening) -> Iterator[tuple[str, str, int]]:
    seconds = max((each.at - each.received_at).total_seconds(), 0.0)
    bucket = next((f"{limit:g}" for limit in LATENCY_BUCKETS if seconds <= limit), _ENDLESS)
    yield HUB, f"{family.value}{bucket}", 1
    yield HUB, f"{family.value}{MILLISECONDS}", round(seconds * 1000)


# ── Spans ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def span_bin(span: timedelta) -> int:
    """The number of the bin of a span; a second and less is 0."""
    return max(math.ceil(math.log(max(span.total_seconds(), 1.0), GROWTH)), 0)
