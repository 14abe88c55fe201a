"""Delivery reports: believed from the agent that got the leg, and from nobody else."""

import pytest

from edxml_schemas.receipts import ReceiptKind
from router.core.policy import Policy
from router.core.records import Leg, LegState
from router.ports import DeliveredReport
from tests.support.envelopes import SENDER, a_document, a_status
from tests.support.hub_desk import H41, NOW, Desk, receipt_in


@pytest.fixture
def desk() -> Desk:
    return Desk()


def sent(desk: Desk) -> Leg:
    return desk.leg(desk.accept(a_document()), H41)


def test_a_report_delivers_the_leg_and_tells_the_sender(desk: Desk) -> None:
    leg = sent(desk)
    (receipt,) = desk.report(leg)
    delivered = desk.store.legs_of(leg.message_id)[0]
    assert (delivered.state, delivered.delivered_at) == (LegState.DELIVERED, NOW)
    assert receipt.agent == "vpcp"
    told = receipt_in([receipt])
    assert (told.kind, [each.recipient for each in told.legs]) == (ReceiptKind.DELIVERED, [H41])


def test_a_repeated_report_changes_nothing(desk: Desk) -> None:
    leg = sent(desk)
    desk.report(leg)
    assert desk.report(leg) == []
    assert desk.store.legs_of(leg.message_id)[0].version == 1


def test_the_same_report_twice_in_one_batch_counts_once(desk: Desk) -> None:
    leg = sent(desk)
    message = desk.store.message(leg.message_id)
    assert message is not None
    report = DeliveredReport(leg_id=leg.id, agent=leg.agent, digest=message.digest, at=NOW)
    with desk.store.begin() as tx:
        assert len(desk.tracking.record(tx, [report, report], now=NOW)) == 1


@pytest.mark.parametrize(
    ("changes", "event"),
    [({"agent": "caobang"}, "report.foreign"), ({"digest": "0" * 64}, "report.digest-mismatch")],
)
def test_a_report_that_cannot_be_true_changes_nothing_and_leaves_an_event(
    desk: Desk, changes: dict[str, str], event: str
) -> None:
    leg = sent(desk)
    assert desk.report(leg, now=NOW, **changes) == []
    message = desk.store.message(leg.message_id)
    assert message is not None
    assert desk.store.legs_of(message.id)[0].state is LegState.QUEUED
    assert desk.events(message)[-1] == event


def test_a_report_about_an_unknown_leg_is_left_aside(desk: Desk) -> None:
    leg = sent(desk)
    assert desk.report(leg, leg_id="khong-co" * 100) == []
    assert desk.store.events_of("")[-1].name == "report.unknown"


def test_a_status_that_was_delivered_needs_no_receipt(desk: Desk) -> None:
    sent(desk)
    status = desk.accept(a_status())
    assert desk.report(desk.leg(status, SENDER)) == []
    assert desk.leg(status, SENDER).state is LegState.DELIVERED


def test_receipts_on_delivery_can_be_left_out() -> None:
    desk = Desk(Policy(delivery_receipts=False))
    leg = sent(desk)
    assert desk.report(leg) == []
    assert desk.store.legs_of(leg.message_id)[0].state is LegState.DELIVERED
