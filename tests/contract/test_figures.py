"""What every memory of figures must do: count the log once, sum it up, and say what stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from edxml_schemas.contract import MessageType
from router.adapters.memory_figures import MemoryFigures
from router.adapters.memory_store import MemoryStore
from router.adapters.sql.engine import open_engine
from router.adapters.sql.figures import SqlFigures
from router.adapters.sql.store import SqlStore
from router.core.events import EventName
from router.core.figures import Cell
from router.core.records import (
    Attempt,
    LegState,
    MessageState,
    OutboxKind,
    PutAttempt,
    PutDead,
    PutEvent,
    PutLeg,
    PutMessage,
    PutOutbox,
    PutStatus,
)
from router.core.registry import CertificateRecord, OrganRecord
from router.core.summaries import summed_up
from router.ports import Store
from router.ports.figures import Figures
from router.services.figures.counting import Counting
from tests.contract.conftest import STORES, database_url
from tests.contract.test_store import write
from tests.support.records import MINUTE, NOON, dead_letter, event, leg, message, outbox_item, status

SENDER, RECIPIENT, OTHER = "H26.1", "H30.1", "H30.2"
LATER = NOON + timedelta(days=1)
MONTH, DAY = "2026-03", "2026-03-02"
E = EventName


@dataclass(frozen=True)
class House:
    store: Store
    figures: Figures

    def count(self, *, portion: int = 2000) -> None:
        Counting(self.figures, portion=portion).catch_up(now=LATER)

    def value(self, measure: str, organ: str = "", *, period: str = MONTH, kind: str = "new") -> int:
        found = self.figures.sums([period], organs=[organ], measures=[measure])
        return sum(each.value for each in found if each.kind == kind)


@pytest.fixture(params=STORES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "memory":
        memory = MemoryStore()
        yield House(memory, MemoryFigures(memory))
        return
    url = database_url(request.param, request, tmp_path)
    store, engine = SqlStore(url), open_engine(url)
    yield House(store, SqlFigures(engine))
    store.close()
    engine.dispose()


def told(name: EventName, of: str, on: str = "", *, at: datetime = NOON, **facts: str) -> PutEvent:
    return PutEvent(event(name.value, of, leg_id=on, at=at, facts=facts))


def a_document_on_its_way(store: Store) -> None:
    """A paperless document to two organs: one answers 01 and 03 twice, the other is late with its 03."""
    sent = message(
        "1",
        sender=SENDER,
        promulgation_date=date(2026, 3, 2),
        arrived_on=date(2026, 3, 2),
        due_date=date(2026, 3, 5),
        received_at=NOON - timedelta(seconds=2),
    )
    first = leg(sent, "1", recipient=RECIPIENT, created_at=NOON)
    second = leg(sent, "2", recipient=OTHER, ordinal=1, created_at=NOON)
    words = [message(f"s{n}", type=MessageType.STATUS, sender=RECIPIENT) for n in range(5)]
    write(
        store,
        PutMessage(sent),
        PutLeg(first),
        PutLeg(second),
        *map(PutMessage, words),
        *(
            PutStatus(status(word.id, on, code))
            for word, on, code in zip(
                words, ["l-1", "l-1", "l-1", "l-2", "l-1"], ["01", "03", "03", "03", "06"], strict=True
            )
        ),
        told(E.MESSAGE_ACCEPTED, "m-1", paper="0"),
        told(E.LEG_QUEUED, "m-1", "l-1"),
        told(E.LEG_HELD, "m-1", "l-2"),
        told(E.LEG_DELIVERED, "m-1", "l-1", at=NOON + 3 * MINUTE),
        told(E.LEG_STATUS, "m-1", "l-1", code="01", by="m-s0", at=NOON + 4 * MINUTE),
        told(E.LEG_STATUS, "m-1", "l-1", code="03", by="m-s1", at=NOON + 60 * MINUTE),
        told(E.LEG_STATUS, "m-1", "l-1", code="03", by="m-s2", at=NOON + 90 * MINUTE),
        told(E.LEG_OVERDUE, "m-1", "l-2", deadline="not-received", at=NOON + 95 * MINUTE),
        told(E.LEG_STATUS, "m-1", "l-2", code="03", by="m-s3", at=NOON + 99 * MINUTE),
        told(E.LEG_IN_TIME, "m-1", "l-2", deadline="not-received", at=NOON + 99 * MINUTE),
        told(E.LEG_STATUS, "m-1", "l-1", code="06", by="m-s4", at=NOON + 100 * MINUTE),
        told(E.LEG_QUEUED, "m-1", "l-2", at=NOON + 101 * MINUTE),
    )


def test_a_document_is_counted_with_its_sender_its_recipients_and_the_hub(house: House) -> None:
    a_document_on_its_way(house.store)
    house.count()

    assert [house.value("sent", each) for each in ("", SENDER, RECIPIENT)] == [1, 1, 0]
    assert [house.value("received", each) for each in ("", SENDER, RECIPIENT, OTHER)] == [2, 0, 1, 1]
    assert [house.value("copies", each) for each in ("", SENDER, RECIPIENT)] == [2, 2, 0]
    assert house.value("electronic", SENDER) == house.value("same-day", SENDER) == 1
    periods = (DAY, "2026-03-02T18", "2026-03-02T18:59", "2026-03-02T19", "2026-03-03")
    assert [house.value("sent", SENDER, period=each) for each in periods] == [1, 1, 1, 0, 0]
    assert [house.value("delivered", each) for each in (RECIPIENT, OTHER)] == [1, 0]


def test_only_the_first_status_of_a_code_on_a_leg_counts(house: House) -> None:
    a_document_on_its_way(house.store)
    house.count()

    found = summed_up((each.kind, each.measure, each.value) for each in house.figures.sums([MONTH], organs=[RECIPIENT]))
    assert (found.answered, found.on_time, found.late, found.due_met) == (1, 1, 0, 1)
    assert found.median_03 is not None
    assert found.median_03.total_seconds() == pytest.approx(3602, rel=0.05)
    assert found.median_01 is not None
    assert found.median_01.total_seconds() == pytest.approx(242, rel=0.05)


def test_an_answer_after_its_deadline_is_late_and_not_on_time(house: House) -> None:
    a_document_on_its_way(house.store)
    house.count()

    found = summed_up((each.kind, each.measure, each.value) for each in house.figures.sums([MONTH], organs=[OTHER]))
    assert (found.answered, found.on_time, found.late) == (1, 0, 1)


@pytest.mark.parametrize("portion", [1, 3, 2000])
def test_counting_again_and_in_any_portions_gives_the_same(house: House, portion: int) -> None:
    a_document_on_its_way(house.store)
    house.count()
    once = house.figures.sums([MONTH, DAY])
    house.count()
    assert house.figures.sums([MONTH, DAY]) == once

    house.figures.forget()
    assert house.figures.sums([MONTH, DAY]) == ()
    house.count(portion=portion)
    assert house.figures.sums([MONTH, DAY]) == once


def test_a_portion_that_somebody_else_has_counted_is_not_added(house: House) -> None:
    cell = Cell(MONTH, SENDER, "new", "sent")
    assert house.figures.add({cell: 2}, after=0, upto=5)
    assert not house.figures.add({cell: 2}, after=0, upto=5)
    assert house.figures.add({cell: 3}, after=5, upto=6)
    assert house.figures.mark() == 6
    assert house.value("sent", SENDER) == 5


def test_what_is_not_settled_is_left_for_later(house: House) -> None:
    a_document_on_its_way(house.store)
    Counting(house.figures).catch_up(now=NOON + 2 * MINUTE)
    assert (house.value("sent"), house.value("delivered")) == (1, 0)
    house.count()
    assert house.value("delivered") == 1


def test_a_refusal_is_counted_by_its_codes_and_not_with_a_sender_that_is_not_proven(house: House) -> None:
    for name, code in (("1", "document.id-form"), ("2", "signature.missing")):
        refused = message(name, sender=SENDER, state=MessageState.REFUSED)
        write(house.store, PutMessage(refused), told(E.MESSAGE_REFUSED, refused.id, codes=f"{code}, organ.code-form"))
    house.count()

    assert [house.value("refused", each) for each in ("", SENDER)] == [2, 1]
    assert [house.value("code:organ.code-form", each, period=DAY) for each in ("", SENDER)] == [2, 1]
    assert house.value("code:signature.missing", SENDER) == 0


def test_sums_are_gathered_under_the_lines_that_they_belong_to(house: House) -> None:
    counted = {Cell(MONTH, organ, "new", "sent"): n for n, organ in enumerate(("", "A", "B", "C", "D"), start=1)}
    house.figures.add({**counted, Cell("2026-04", "A", "new", "sent"): 10}, after=0, upto=1)
    lines = {"A": "P", "B": "P", "C": "C"}

    def gathered(*periods: str, others: bool) -> dict[str, int]:
        return {each.organ: each.value for each in house.figures.gathered(periods, lines, others=others)}

    assert gathered(MONTH, others=False) == {"P": 5, "C": 4}
    assert gathered(MONTH, "2026-04", others=True) == {"P": 15, "C": 4, "D": 5}
    assert house.figures.gathered([MONTH], {}, others=False) == ()


def test_the_slowest_are_those_with_the_highest_median(house: House) -> None:
    bins = {"A": {10: 1, 20: 1, 30: 1}, "B": {10: 2, 90: 2}, "C": {50: 2}, "D": {25: 3, 100: 1}, "E": {20: 3}}
    cells = {
        Cell(MONTH, organ, "new", f"span-03:{number}"): count
        for organ, found in bins.items()
        for number, count in found.items()
    }
    cells |= {Cell(MONTH, "", "new", "span-03:99"): 9, Cell(MONTH, "A", "new", "span-01:99"): 9}
    house.figures.add(cells, after=0, upto=1)

    def slowest(organs: list[str] | None, limit: int) -> Sequence[tuple[str, int, int]]:
        return house.figures.slowest([MONTH], family="span-03:", organs=organs, fewest=3, limit=limit)

    assert slowest(None, 9) == (
        ("D", 25, 4),
        ("A", 20, 3),
        ("E", 20, 3),
        ("B", 10, 4),
    )
    assert slowest(["A", "B", "C"], 1) == (("A", 20, 3),)


def test_sums_by_the_hour_and_minute_are_pruned_and_those_by_day_and_month_stay(house: House) -> None:
    a_document_on_its_way(house.store)
    house.count()
    assert house.figures.prune(hours_before="2026-03-03T00", minutes_before="2026-03-03T00:00") > 0
    assert house.value("sent", period="2026-03-02T18") == 0
    assert (house.value("sent"), house.value("sent", period=DAY)) == (1, 1)


def test_a_series_has_the_periods_of_one_length_only(house: House) -> None:
    a_document_on_its_way(house.store)
    house.count()
    days, hours = ([f"2026-03-{n:02}" for n in range(1, 32)], [f"2026-03-02T{n:02}" for n in range(24)])
    assert house.figures.series(days, measures=["sent"]) == ((DAY, "new", "sent", 1),)
    found = house.figures.series(hours, organs=[OTHER], measures=["sent", "received"])
    assert found == (("2026-03-02T18", "new", "received", 1),)


def test_totals_are_the_hubs_over_all_months(house: House) -> None:
    house.figures.add(
        {
            Cell("2025-12", "", "new", "sent"): 1,
            Cell("2026-02", "", "new", "sent"): 2,
            Cell("2026-02-01", "", "new", "sent"): 2,
            Cell("2026-02", SENDER, "new", "sent"): 2,
        },
        after=0,
        upto=1,
    )
    assert house.figures.totals() == (("new", "sent", 3),)


def test_sums_of_all_organs_leave_the_hub_out(house: House) -> None:
    house.figures.add(
        {
            Cell(MONTH, "", "new", "sent"): 3,
            Cell(MONTH, SENDER, "new", "sent"): 1,
            Cell(MONTH, OTHER, "new", "late"): 2,
        },
        after=0,
        upto=1,
    )
    assert [(each.organ, each.value) for each in house.figures.sums([MONTH])] == [(SENDER, 1), (OTHER, 2)]
    assert [each.organ for each in house.figures.sums([MONTH], family="lat")] == [OTHER]
    assert [each.organ for each in house.figures.sums([MONTH], measures=["sent"])] == [SENDER]


def test_what_stands_is_told_for_everything_and_for_a_subtree(house: House) -> None:
    sent = message("1", sender=SENDER)
    legs = [
        leg(sent, "1", recipient=RECIPIENT, agent="x", state=LegState.HANDED_OVER, raised=("not-acknowledged",)),
        leg(sent, "2", recipient=OTHER, agent="", state=LegState.HELD, ordinal=1),
        leg(sent, "3", recipient="H1", agent="z", state=LegState.PARKED, ordinal=2, raised=("not-delivered",)),
    ]
    receipt = outbox_item("r", kind=OutboxKind.RECEIPT, agent="y", created_at=NOON - MINUTE)
    delivery = outbox_item("d", agent="x", recipient=RECIPIENT, sender=SENDER, created_at=NOON + MINUTE)
    deferred = message("2", sender=OTHER, state=MessageState.DEFERRED, retry_at=NOON)
    write(
        house.store,
        PutMessage(sent),
        PutMessage(deferred),
        *map(PutLeg, legs),
        PutOutbox(receipt),
        PutOutbox(delivery),
        PutDead(dead_letter("1")),
        PutAttempt(Attempt(item_id="o-d", message_id="m-1", leg_id="l-1", number=1, at=NOON, reason="inbox-full")),
    )

    everything = house.figures.standing()
    counts = (everything.queued, everything.held, everything.parked, everything.receipts, everything.deferred)
    assert counts == (1, 1, 1, 1, 1)
    assert (everything.dead, everything.attempts) == (1, 1)
    assert everything.overdue == {"not-acknowledged": 1, "not-delivered": 1}
    assert (everything.oldest, everything.oldest_overdue) == (NOON - MINUTE, NOON)
    assert [(each.agent, each.outbox, each.overdue, each.oldest) for each in everything.agents] == [("x", 1, 1, NOON)]

    theirs = house.figures.standing(organs=[OTHER])
    assert (theirs.queued, theirs.held, theirs.parked, theirs.deferred) == (0, 1, 0, 1)
    assert (theirs.dead, theirs.attempts, theirs.receipts, theirs.oldest) == (0, 0, 0, None)
    assert theirs.overdue == {}
    assert house.figures.standing(organs=[SENDER]).overdue == everything.overdue
    assert house.figures.standing(organs=[]).held == 0


def test_certificates_of_organs_are_listed(house: House) -> None:
    house.store.put_organs([OrganRecord(code=SENDER, name="Sở")])
    house.store.put_certificates([CertificateRecord(organ=SENDER, fingerprint="f", subject="s", pem="PEM")])
    assert house.figures.certificates() == ((SENDER, "PEM"),)
