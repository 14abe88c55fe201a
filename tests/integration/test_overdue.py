"""A document to three recipients, none of whom does what it should: who is told of what, and when."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agents.spool import Spool
from agents.spool.records import NewDelivery
from edxml_schemas.model import StatusMessage
from edxml_schemas.receipts import ReceiptKind
from router.adapters.sql.store import SqlStore
from router.core.deadlines import Deadline
from router.core.records import LegState, OutboxItem, OutboxKind
from router.ports import Store
from router.services.carriage.deadlines import Alarm, Deadlines, alarms, overdue_legs
from router.services.carriage.resending import Answer, legs_to, resend
from tests.support.envelopes import SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import H14, H41, NOW, RENAMED, Desk, receipt_in
from tests.support.hub_tables import make_tables
from tests.support.postgres import needs_postgres

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)
SILENT, NO_01, NO_03 = H14, H41, RENAMED
"""The agent of the first never reports; the second never says 01, the third never 03."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'hub.db'}"
        make_tables(url)
    else:
        needs_postgres()
        url = str(request.getfixturevalue("postgres_hub_url"))
    opened = SqlStore(url)
    yield opened
    opened.close()


class Office:
    """The hub's services, the chore, and a document that is under way to three recipients."""

    def __init__(self, store: Store) -> None:
        self.desk = Desk(store=store)
        self.store = store
        self.chore = Deadlines(self.desk.policy)
        self.settled = self.desk.send(a_document(recipients=tuple(map(an_organ, (SILENT, NO_01, NO_03)))))
        self.message = self.settled.message
        self.told = 0

    def look(self, at: datetime) -> Sequence[OutboxItem]:
        """One look of the chore; the receipts to be published."""
        with self.store.begin() as tx:
            return self.chore.run(tx, now=at).publish

    def heard(self, at: datetime) -> list[tuple[str, str, str]]:
        """What a look makes the history say that it did not say before: event, recipient, deadline."""
        self.look(at)
        events = [each for each in self.store.events_of(self.message.id) if "deadline" in each.facts]
        new, self.told = events[self.told :], len(events)
        return sorted((each.name, each.facts["recipient"], each.facts["deadline"]) for each in new)

    def says(self, organ: str, code: str, at: datetime) -> None:
        self.carry(a_status(sender=an_organ(organ), status_code=code), at)

    def carry(self, status: StatusMessage, at: datetime) -> None:
        """A status that arrives as it should."""
        settled = self.desk.settle(self.desk.submission(status, received_at=at), now=at)[0]
        assert settled.message.state.value == "accepted", settled.message.findings
        self.desk.confirm([each for each in settled.outbox if each.kind is OutboxKind.DELIVERY], now=at)
        (leg,) = self.store.legs_of(settled.message.id)
        self.desk.report(leg, now=at)

    def alarms(self, at: datetime) -> Sequence[Alarm]:
        return alarms(self.store, self.desk.policy.clocks, now=at)

    def under_way(self) -> None:
        """Handed over to all, reported by two, 01 by one of them."""
        self.desk.confirm([each for each in self.settled.outbox if each.kind is OutboxKind.DELIVERY], now=NOW + MINUTE)
        for organ in (NO_01, NO_03):
            self.desk.report(self.desk.leg(self.message, organ), now=NOW + 2 * MINUTE)
        self.says(NO_03, "01", NOW + 3 * MINUTE)


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


def test_exactly_the_right_alarms_are_raised_at_their_moments(office: Office) -> None:
    office.under_way()
    over = "leg.overdue"
    for moment, expected in (
        (30 * MINUTE, []),
        (31 * MINUTE, [(over, SILENT, "not-acknowledged")]),
        (8 * HOUR + 2 * MINUTE, [(over, NO_01, "not-arrived")]),
        (72 * HOUR + 2 * MINUTE, [(over, NO_01, "not-received"), (over, NO_03, "not-received")]),
    ):
        assert office.heard(NOW + moment - INSTANT) == []
        assert office.heard(NOW + moment) == sorted(expected)
    late = [(each.leg.recipient, each.overdue.deadline.value) for each in office.alarms(NOW + 73 * HOUR)]
    assert late[:2] == [(SILENT, "not-acknowledged"), (NO_01, "not-arrived")]
    assert set(late[2:]) == {(NO_01, "not-received"), (NO_03, "not-received")}
    assert overdue_legs(office.store, office.desk.policy.clocks, now=NOW + 73 * HOUR) == 3


def test_the_due_date_is_over_for_whoever_has_not_finished(office: Office) -> None:
    office.under_way()
    office.says(NO_03, "06", NOW + 4 * MINUTE)
    office.look(NOW + 6 * DAY)
    office.told = len([each for each in office.store.events_of(office.message.id) if "deadline" in each.facts])
    over = datetime.fromisoformat("2026-10-16T00:00:00+07:00")
    assert [each for each in office.heard(over - INSTANT) if each[2] == "not-finished"] == []
    assert office.heard(over) == sorted(
        [("leg.overdue", SILENT, "not-finished"), ("leg.overdue", NO_01, "not-finished")]
    )


def test_what_is_done_at_last_ends_its_alarms_and_no_others(office: Office) -> None:
    office.under_way()
    office.heard(NOW + 4 * DAY)
    office.says(NO_01, "03", NOW + 4 * DAY + MINUTE)
    assert [each.leg.recipient for each in office.alarms(NOW + 4 * DAY + MINUTE)] == [SILENT, NO_03]
    assert office.heard(NOW + 4 * DAY + 2 * MINUTE) == [
        ("leg.back-in-time", NO_01, "not-arrived"),
        ("leg.back-in-time", NO_01, "not-received"),
    ]
    assert office.desk.leg(office.message, NO_01).raised == ()
    assert office.heard(NOW + 4 * DAY + 3 * MINUTE) == []


def test_a_recall_that_nobody_answers_is_overdue_and_one_that_is_answered_is_not(office: Office) -> None:
    office.under_way()
    for organ in (NO_01, NO_03):
        asked = a_status(
            sender=an_organ(SENDER),
            status_code="13",
            description="Gửi nhầm",
            response_for=replace(a_status().response_for, organ_id=organ),
        )
        office.carry(asked, NOW + HOUR)
    office.says(NO_03, "15", NOW + 2 * HOUR)
    assert office.desk.leg(office.message, NO_01).recall_at == NOW + HOUR
    office.heard(NOW + 73 * HOUR - INSTANT)
    assert office.heard(NOW + 73 * HOUR) == [("leg.overdue", NO_01, "recall-unanswered")]
    assert {each.leg.recipient for each in office.alarms(NOW + 80 * HOUR)} == {SILENT, NO_01}


def test_what_nobody_acknowledged_in_its_time_is_parked_and_the_sender_is_told_once(office: Office) -> None:
    office.under_way()
    gives_up = NOW + MINUTE + 7 * DAY
    assert office.look(gives_up - INSTANT) == ()
    receipts = office.look(gives_up)
    told = receipt_in(receipts)
    assert (told.kind, [each.recipient for each in told.legs]) == (ReceiptKind.NOT_DELIVERED, [SILENT])
    assert receipts[0].agent == office.message.agent
    assert office.desk.leg(office.message, SILENT).state is LegState.PARKED
    assert [leg.recipient for _, leg in office.store.parked_legs()] == [SILENT]
    assert office.look(gives_up + DAY) == ()
    assert office.desk.events(office.message).count("leg.parked") == 1
    assert SILENT in {each.leg.recipient for each in office.alarms(gives_up + DAY)}


def test_a_report_that_comes_after_all_still_delivers_what_was_parked(office: Office) -> None:
    office.under_way()
    office.look(NOW + 8 * DAY)
    (receipt,) = office.desk.report(office.desk.leg(office.message, SILENT), now=NOW + 9 * DAY)
    assert receipt_in([receipt]).kind is ReceiptKind.DELIVERED
    leg = office.desk.leg(office.message, SILENT)
    assert (leg.state, leg.delivered_at) == (LegState.DELIVERED, NOW + 9 * DAY)
    assert ("leg.back-in-time", SILENT, "not-acknowledged") in office.heard(NOW + 9 * DAY)
    assert office.store.parked_legs() == ()


def test_a_parked_leg_is_sent_once_more_alone_and_the_recipient_sees_it_once(office: Office, tmp_path: Path) -> None:
    office.under_way()
    then = NOW + 8 * DAY
    office.look(then)
    desk, leg = office.desk, office.desk.leg(office.message, SILENT)
    first = next(each for each in office.settled.outbox if each.leg_id == leg.id)
    ids = [leg.id for _, leg in legs_to(office.store, "7816/VPCP-TTĐT", SILENT)]
    assert ids == [leg.id]
    others = [desk.leg(office.message, each).id for each in (NO_01, NO_03)]
    with office.store.begin() as tx:
        rehearsed = resend(tx, desk.relay, ids, actor="admin:an", reason="đã sửa", now=then, dry_run=True)
    assert [each.answer for each in rehearsed] == [Answer.RESENT]
    assert desk.leg(office.message, SILENT).state is LegState.PARKED
    with office.store.begin() as tx:
        wishes = resend(
            tx, desk.relay, [*ids, *others, "khong-co"], actor="admin:an", reason="đã sửa", now=then, dry_run=False
        )
    assert [each.answer for each in wishes] == [Answer.RESENT, Answer.DELIVERED, Answer.DELIVERED, Answer.UNKNOWN]
    with office.store.begin() as tx:
        (again,) = resend(tx, desk.relay, ids, actor="admin:an", reason="đã sửa", now=then, dry_run=False)
    assert again.answer is Answer.QUEUED
    copies = [each for each in desk.lease(now=then + INSTANT) if each.kind is OutboxKind.DELIVERY]
    assert [each.recipient for each in copies] == [SILENT]
    desk.confirm(copies, now=then + MINUTE)
    spool = Spool.open(tmp_path / "agent")
    kept = [spool.add_delivery(_arrived(each, desk.relay.load(each), at=then)) for each in (first, *copies)]
    assert (kept, len(spool.documents())) == ([True, False], 1)
    spool.close()
    sent = desk.leg(office.message, SILENT)
    assert (sent.state, sent.handed_over_at) == (LegState.HANDED_OVER, then + MINUTE)
    for moment in (2 * MINUTE, 3 * MINUTE):
        desk.report(sent, now=then + moment)
    names = desk.events(office.message)
    assert (names.count("leg.resent"), names.count("leg.parked")) == (1, 1)
    resent = next(each for each in office.store.events_of(office.message.id) if each.name == "leg.resent")
    assert (resent.actor, dict(resent.facts)) == ("admin:an", {"recipient": SILENT, "reason": "đã sửa"})
    delivered = [each for each in office.store.events_of(office.message.id) if each.name == "leg.delivered"]
    assert [each.leg_id for each in delivered].count(sent.id) == 1


def test_a_leg_that_was_sent_once_more_has_its_whole_time_again(office: Office) -> None:
    office.under_way()
    then = NOW + 8 * DAY
    office.look(then)
    leg = office.desk.leg(office.message, SILENT)
    with office.store.begin() as tx:
        resend(tx, office.desk.relay, [leg.id], actor="admin:an", reason="đã sửa", now=then, dry_run=False)
    copies = [each for each in office.desk.lease(now=then) if each.leg_id == leg.id]
    office.desk.confirm([each for each in copies if each.kind is OutboxKind.DELIVERY], now=then + MINUTE)
    office.look(then + 7 * DAY)
    assert office.desk.leg(office.message, SILENT).state is LegState.HANDED_OVER
    (receipt,) = office.look(then + 7 * DAY + MINUTE)
    assert receipt_in([receipt]).kind is ReceiptKind.NOT_DELIVERED
    assert office.desk.events(office.message).count("leg.parked") == 2


def test_what_never_reached_an_inbox_is_an_alarm_first_and_then_parked(office: Office) -> None:
    assert office.heard(NOW + 30 * MINUTE - INSTANT) == []
    assert office.heard(NOW + 30 * MINUTE) == sorted(
        ("leg.overdue", each, "not-delivered") for each in (SILENT, NO_01, NO_03)
    )
    leased = office.desk.lease(now=NOW + 7 * DAY)
    assert {each.kind for each in leased} == {OutboxKind.RECEIPT}
    assert {leg.recipient for _, leg in office.store.parked_legs()} == {SILENT, NO_01, NO_03}
    assert office.heard(NOW + 7 * DAY + MINUTE) == []
    late = office.alarms(NOW + 7 * DAY + MINUTE)
    assert {each.overdue.deadline for each in late} == {Deadline.NOT_DELIVERED}


def test_alarms_are_found_by_organ_and_by_kind(office: Office) -> None:
    office.under_way()
    at = NOW + 4 * DAY
    office.look(at)
    clocks = office.desk.policy.clocks
    found = alarms(office.store, clocks, now=at, organ=NO_01)
    assert [each.overdue.deadline for each in found] == [Deadline.NOT_ARRIVED, Deadline.NOT_RECEIVED]
    by_kind = alarms(office.store, clocks, now=at, kind=Deadline.NOT_RECEIVED)
    assert {each.leg.recipient for each in by_kind} == {NO_01, NO_03}
    assert len(alarms(office.store, clocks, now=at, organ=SENDER)) == 4
    assert alarms(office.store, clocks, now=at, organ="000.00.00.H01") == []


def _arrived(item: OutboxItem, envelope: bytes, *, at: datetime) -> NewDelivery:
    return NewDelivery(
        leg_id=item.leg_id,
        message_id=item.message_id,
        type=item.type,
        urgency=item.urgency,
        recipient=item.recipient,
        sender=item.sender,
        envelope=envelope,
        digest=item.digest,
        received_at=at,
    )
