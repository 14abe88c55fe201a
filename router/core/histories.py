"""A message with everything that the store holds about it, as it is stored: what a check of the log looks at."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from router.core.records import Leg, MessageRecord, StatusRecord
from router.core.seals import EventRow

Record = TypeVar("Record", covariant=True)  # noqa: PLC0105  the name of what it is


@dataclass(frozen=True, slots=True)
class Stored(Generic[Record]):
    """A row. `value` is None when nothing that the hub writes reads like this; `exact` whether the hub would write the
    value as this very row, down to columns that only repeat a part of another."""

    key: str
    value: Record | None
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`legs` in order of recipients; `statuses` about them, and `events`, in the order in which they were written."""

    message: Stored[MessageRecord]
    legs: tuple[Stored[Leg], ...]
    statuses: tuple[Stored[StatusRecord], ...]
    events: tuple[EventRow, ...]


@dataclass(frozen=True, slots=True)
class Stray:
    """Something that speaks of what is not there. `table` is `events`, `legs` or `statuses`; `missing` is the id."""

    table: str
    key: str
    missing: str
