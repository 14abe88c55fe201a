"""The chore that raises alarms, and what is parked when."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from edxml_schemas.model import ResponseFor
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.statuses import BussinessDocType, Priority
from router.app.worker import build_services
from router.core.deadlines import Clocks
from router.core.policy import Policy
from router.core.records import LegState, MessageRecord, OutboxKind, RecallState
from router.services.carriage.deadlines import Deadlines
from tests.support.envelopes import SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import G17, H14, H41, NOW, Desk, receipt_in

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def send(desk: Desk, priority: Priority = Priority.NORMAL) -> MessageRecord:
    """A document that is in the inboxes of both recipients."""
    document = a_document(other_info=replace(a_document().other_info, priority=priority))
    settled = desk.send(document)
    desk.confirm([each for each in settled.outbox if each.kind is OutboxKind.DELIVERY])
    return settled.message


def look(desk: Desk, *, after: timedelta, portion: int = 500) -> tuple[int, bool]:
    """How many receipts a look is to publish, and whether it wants to come again at once."""
    with desk.store.begin() as tx:
        done = Deadlines(desk.policy, portion=portion).run(tx, now=NOW + after)
    return len(done.publish), done.more


def test_a_look_before_anything_is_due_finds_nothing_and_writes_nothing(desk: Desk) -> None:
    message = send(desk)
    before = desk.store.legs_of(message.id)
    assert look(desk, after=30 * MINUTE - timedelta(microseconds=1)) == (0, False)
    assert desk.store.legs_of(message.id) == before


def test_more_than_a_portion_is_looked_at_in_several_transactions(desk: Desk) -> None:
    message = send(desk)
    assert look(desk, after=HOUR, portion=1) == (0, True)
    assert len([each for each in desk.store.legs_of(message.id) if each.raised]) == 1
    assert look(desk, after=HOUR, portion=1) == (0, True)
    assert look(desk, after=HOUR, portion=1) == (0, False)
    assert desk.events(message).count("leg.overdue") == 2


def test_an_alarm_that_stands_is_not_raised_again(desk: Desk) -> None:
    message = send(desk)
    for hours in range(1, 100):
        look(desk, after=hours * HOUR)
    assert desk.events(message).count("leg.overdue") == 2


def test_what_was_reported_and_finished_in_time_is_never_looked_at(desk: Desk) -> None:
    message = send(desk)
    desk.report(desk.leg(message, H41), now=NOW + MINUTE)
    for minutes, code in ((2, "01"), (3, "03"), (4, "06")):
        then = NOW + minutes * MINUTE
        desk.settle(desk.submission(a_status(status_code=code), received_at=then), now=then)
    leg = desk.leg(message, H41)
    assert (leg.look_at, leg.raised) == (None, ())
    look(desk, after=400 * DAY)
    assert desk.leg(message, H41) == leg


def test_what_is_done_moves_the_next_look_on_without_the_chore(desk: Desk) -> None:
    message = send(desk)
    desk.report(desk.leg(message, H41), now=NOW + MINUTE)
    assert desk.leg(message, H41).look_at == NOW + MINUTE + 8 * HOUR
    then = NOW + 2 * MINUTE
    desk.settle(desk.submission(a_status(status_code="01"), received_at=then), now=then)
    assert desk.leg(message, H41).look_at == NOW + MINUTE + 72 * HOUR


@pytest.mark.parametrize("priority", Priority)
def test_each_urgency_has_its_own_time_to_live(desk: Desk, priority: Priority) -> None:
    message = send(desk, priority)
    life = desk.policy.clocks.rows[priority].deliver_within
    assert look(desk, after=life - timedelta(microseconds=1)) == (0, False)
    assert look(desk, after=life) == (2, False)
    assert {each.state for each in desk.store.legs_of(message.id)} == {LegState.PARKED}


def test_what_is_still_in_the_outbox_has_the_time_of_its_urgency_too(desk: Desk) -> None:
    urgent = replace(a_document().other_info, priority=Priority.FLASH)
    message = desk.send(a_document(other_info=urgent)).message
    life = desk.policy.clocks.flash.deliver_within
    desk.lease(now=NOW + life - timedelta(microseconds=1))
    assert {each.state for each in desk.store.legs_of(message.id)} == {LegState.QUEUED}
    leased = desk.lease(now=NOW + life + 2 * MINUTE)
    told = [each for each in leased if each.leg_id]
    assert {receipt_in([each]).kind for each in told} == {ReceiptKind.NOT_DELIVERED}
    assert {each.state for each in desk.store.legs_of(message.id)} == {LegState.PARKED}
    assert "receipt.dropped" not in desk.events(message), "a receipt has the time of an ordinary document"


def test_an_ordinary_document_beside_an_urgent_one_keeps_its_own_time(desk: Desk) -> None:
    message = desk.send(a_document()).message
    desk.lease(now=NOW + desk.policy.clocks.flash.deliver_within)
    assert {each.state for each in desk.store.legs_of(message.id)} == {LegState.QUEUED}


def test_the_operator_sets_the_clocks() -> None:
    calm = replace(Clocks().normal, acknowledged=3 * HOUR, delivered=2 * HOUR)
    desk = Desk(Policy(clocks=Clocks(normal=calm)))
    message = send(desk)
    look(desk, after=3 * HOUR - timedelta(microseconds=1))
    assert [each.raised for each in desk.store.legs_of(message.id)] == [(), ()]
    look(desk, after=3 * HOUR)
    assert [each.raised for each in desk.store.legs_of(message.id)] == [("not-acknowledged",)] * 2


def test_a_held_leg_is_an_alarm_until_it_is_in_the_inbox(desk: Desk) -> None:
    message = desk.send(a_document(recipients=(an_organ(G17),))).message
    look(desk, after=30 * MINUTE)
    assert desk.leg(message, G17).raised == ("not-delivered",)
    assert desk.leg(message, G17).look_at == datetime.fromisoformat("2026-10-16T00:00+07:00"), "nobody asks in between"
    desk.store.put_organs([replace(desk.store.registry().organs[G17], agent="caobang")])
    released = [each for each in desk.lease(now=NOW + HOUR) if each.leg_id]
    desk.confirm(released, now=NOW + HOUR)
    look(desk, after=2 * HOUR)
    assert desk.leg(message, G17).raised == ("not-acknowledged",)
    assert desk.events(message).count("leg.back-in-time") == 1


def test_a_status_that_reaches_nobody_is_an_alarm_of_its_own(desk: Desk) -> None:
    send(desk)
    status = desk.accept(a_status())
    look(desk, after=2 * HOUR)
    (leg,) = desk.store.legs_of(status.id)
    assert leg.raised == ("not-delivered",)


def test_a_late_report_delivers_what_was_parked_and_its_alarm_ends(desk: Desk) -> None:
    message = send(desk)
    look(desk, after=8 * DAY)
    parked = desk.leg(message, H14)
    assert parked.state is LegState.PARKED
    (receipt,) = desk.report(parked, now=NOW + 9 * DAY)
    assert receipt_in([receipt]).kind is ReceiptKind.DELIVERED
    look(desk, after=9 * DAY)
    assert (desk.leg(message, H14).state, desk.leg(message, H14).raised) == (LegState.DELIVERED, ())


def test_who_looks_a_moment_later_finds_nothing_left_to_do(desk: Desk) -> None:
    message = send(desk)
    for _ in range(2):
        look(desk, after=31 * MINUTE)
    assert desk.events(message).count("leg.overdue") == 2
    assert {each.version for each in desk.store.legs_of(message.id)} == {2}


def test_a_revocation_asks_and_the_answer_is_awaited_from_then_on(desk: Desk) -> None:
    message = send(desk)
    desk.report(desk.leg(message, H41), now=NOW + MINUTE)
    revocation = a_document(
        document_id="thu-hoi-1",
        subject="V/v thu hồi",
        recipients=(an_organ(H41),),
        bussiness=replace(a_document().bussiness, bussiness_doc_type=BussinessDocType.REVOKE, document_id="thu-hoi-1"),
        response_for=(ResponseFor(organ_id=SENDER, document_id=message.document_id),),
    )
    desk.settle(desk.submission(revocation, received_at=NOW + HOUR), now=NOW + HOUR)
    asked, untouched = desk.leg(message, H41), desk.leg(message, H14)
    assert (asked.recall, asked.recall_at) == (RecallState.REQUESTED, NOW + HOUR)
    assert (untouched.recall, untouched.recall_at) == (RecallState.NONE, None)
    look(desk, after=73 * HOUR)
    assert "recall-unanswered" in desk.leg(message, H41).raised


def test_the_running_hub_does_this_chore(desk: Desk) -> None:
    services = build_services(policy=desk.policy, payloads=desk.payloads, trust=desk.trust, signer=desk.pen)
    assert "deadlines" in {each.name for each in services.chores}
