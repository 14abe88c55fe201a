"""The rule of the same day, counted in Vietnamese calendar days."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from router.core.promptness import days_on_the_way
from router.core.records import MessageState
from tests.support.envelopes import a_document
from tests.support.hub_desk import NOW, Desk


@pytest.mark.parametrize(
    ("signed", "arrived", "days"),
    [
        (date(2026, 10, 1), date(2026, 10, 1), 0),
        (date(2026, 9, 30), date(2026, 10, 1), 1),
        (date(2026, 10, 2), date(2026, 10, 1), None),
        (None, date(2026, 10, 1), None),
        (date(2026, 10, 1), None, None),
    ],
)
def test_days_are_counted_from_signing_to_arrival(signed: date | None, arrived: date | None, days: int | None) -> None:
    message = replace(Desk().accept(a_document()), promulgation_date=signed, arrived_on=arrived)
    assert days_on_the_way(message) == days


def test_what_was_refused_never_arrived() -> None:
    message = replace(Desk().accept(a_document()), state=MessageState.REFUSED)
    assert days_on_the_way(message) is None


@pytest.mark.parametrize(
    ("received", "day"),
    [
        (datetime(2026, 10, 1, 16, 59, tzinfo=UTC), date(2026, 10, 1)),
        (datetime(2026, 10, 1, 17, 0, tzinfo=UTC), date(2026, 10, 2)),
    ],
)
def test_the_day_of_arrival_is_the_day_in_vietnam(received: datetime, day: date) -> None:
    desk = Desk()
    settled = desk.settle(desk.submission(a_document(), received_at=received), now=received)[0]
    assert settled.message.arrived_on == day


def test_the_store_counts_what_was_sent_in_time() -> None:
    desk = Desk()
    in_time = NOW.date()
    for number, signed in enumerate((in_time, date(2026, 9, 1), None)):
        document = a_document(document_id=f"000.00.00.G22,2026/10/01,{number}/VPCP")
        info = replace(document.promulgation_info, promulgation_date=signed)
        desk.send(replace(document, promulgation_info=info))
    counted = desk.store.promptness(since=NOW)
    assert (counted.same_day, counted.later, counted.unknown) == (1, 1, 1)
