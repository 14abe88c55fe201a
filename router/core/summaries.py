"""Figures of an organ, a subtree or the hub, from its sums. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from edxml_schemas.statuses import StatusCode
from router.core.figures import GROWTH, SPAN_CODES, Kind, Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of an organ, a subtree or the hub over some months. Shares are from 0 to 1, None without a base."""

    sent: int
    received: int
    refused: int
    duplicates: int
    copies: int
    delivered: int
    given_back: int
    answered: int
    on_time: int
    late: int
    due_met: int
    due_missed: int
    electronic: float | None
    same_day: float | None
    median_01: timedelta | None
    median_03: timedelta | None
    median_06: timedelta | None
    sent_by_kind: Mapping[str, int]
    received_by_kind: Mapping[str, int]

    @property
    def on_time_share(self) -> float | None:
        """Of those that were answered in time or whose deadline passed."""
        return _share(self.on_time, self.on_time + self.late)


def summed_up(rows: Iterable[tuple[str, str, int]]) -> Summary:
    """From (kind, measure, value). Statuses are left out, except where kinds are told apart."""
    plain: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {Measure.SENT.value: Counter(), Measure.RECEIVED.value: Counter()}
    spans: dict[str, Counter[int]] = {code: Counter() for code in SPAN_CODES}
    for kind, measure, value in rows:
        if measure in kinds:
            kinds[measure][kind] += value
        if kind == Kind.STATUS.value:
            continue
        if measure.startswith(Measure.SPAN.value):
            code, _, number = measure.removeprefix(Measure.SPAN.value).partition(":")
            spans[code][int(number)] += value
        else:
            plain[measure] += value
    electronic, paper = plain[Measure.ELECTRONIC.value], plain[Measure.PAPER.value]
    same, later = plain[Measure.SAME_DAY.value], plain[Measure.LATER_DAY.value]
    return Summary(
        sent=plain[Measure.SENT.value],
        received=plain[Measure.RECEIVED.value],
        refused=plain[Measure.REFUSED.value],
        duplicates=plain[Measure.DUPLICATE.value],
        copies=plain[Measure.COPIES.value],
        delivered=plain[Measure.DELIVERED.value],
        given_back=plain[Measure.GIVEN_BACK.value],
        answered=plain[Measure.ANSWERED.value],
        on_time=max(plain[Measure.ANSWERED.value] - plain[Measure.LATE_ANSWERED.value], 0),
        late=plain[Measure.LATE.value],
        due_met=plain[Measure.DUE_MET.value],
        due_missed=plain[Measure.DUE_MISSED.value],
        electronic=_share(electronic, electronic + paper),
        same_day=_share(same, same + later),
        median_01=median_of(spans[StatusCode.ARRIVED.value]),
        median_03=median_of(spans[StatusCode.RECEIVED.value]),
        median_06=median_of(spans[StatusCode.FINISHED.value]),
        sent_by_kind=dict(kinds[Measure.SENT.value]),
        received_by_kind=dict(kinds[Measure.RECEIVED.value]),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def median_of(bins: Mapping[int, int]) -> timedelta | None:
    """The median of spans in bins, to within five per cent; None for none."""
    left = (sum(bins.values()) + 1) // 2
    for number in sorted(bins):
        left -= bins[number]
        if left <= 0:
            return span_of(number)
    return None


def span_of(number: int) -> timedelta:
    """The middle of a bin of spans."""
    return timedelta(seconds=round(GROWTH**number * (1 + 1 / GROWTH) / 2 if number else 1.0))
