"""The outbox: confirmed, left over, held, beyond its time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edxml_schemas.receipts import ReceiptKind
from router.core.records import LegState, OutboxKind
from tests.support.envelopes import a_document, an_organ
from tests.support.hub_desk import G17, H14, H41, NOW, Desk, receipt_in

LATER = NOW + timedelta(minutes=2)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_the_broker_confirmed_leaves_the_outbox_and_its_legs_are_handed_over(desk: Desk) -> None:
    settled = desk.send(a_document())
    told = desk.confirm(settled.outbox, now=LATER)
    legs = desk.store.legs_of(settled.message.id)
    assert {(each.state, each.handed_over_at) for each in legs} == {(LegState.HANDED_OVER, LATER)}
    assert desk.events(settled.message)[-3:] == ["leg.handed-over", "leg.handed-over", "receipt.sent"]
    assert desk.store.backlog().outbox == len(told) == 2  # what the sender is told of it
    assert desk.confirm(told, now=LATER) == []
    assert desk.store.backlog().outbox == 0


def test_confirming_twice_changes_nothing(desk: Desk) -> None:
    settled = desk.send(a_document())
    deliveries = [each for each in settled.outbox if each.kind is OutboxKind.DELIVERY]
    desk.confirm([*deliveries, *deliveries])
    desk.confirm(deliveries, now=LATER)
    assert {each.version for each in desk.store.legs_of(settled.message.id)} == {1}
    assert desk.events(settled.message).count("leg.handed-over") == 2


def test_a_confirm_after_the_report_does_not_take_the_delivery_back(desk: Desk) -> None:
    settled = desk.send(a_document())
    desk.report(desk.leg(settled.message, H41))
    desk.confirm(settled.outbox, now=LATER)
    leg = desk.leg(settled.message, H41)
    assert (leg.state, leg.handed_over_at) == (LegState.DELIVERED, LATER)


def test_nobody_else_gets_what_is_leased_until_the_lease_has_run_out(desk: Desk) -> None:
    settled = desk.send(a_document())
    assert desk.lease(now=NOW + timedelta(seconds=59)) == ()
    leased = desk.lease(now=NOW + timedelta(seconds=61))
    assert {each.id for each in leased} == {each.id for each in settled.outbox}
    assert {each.attempts for each in leased} == {1}
    assert desk.lease(now=NOW + timedelta(seconds=62)) == ()


def test_what_was_delivered_all_the_same_is_not_published_again(desk: Desk) -> None:
    settled = desk.send(a_document())
    desk.report(desk.leg(settled.message, H41))
    leased = desk.lease(now=LATER)
    deliveries = [each for each in leased if each.kind is OutboxKind.DELIVERY]
    assert [each.recipient for each in deliveries] == [H14]


def test_a_receipt_about_a_delivered_leg_is_not_taken_for_its_delivery(desk: Desk) -> None:
    settled = desk.send(a_document(recipients=(an_organ(H41),)))
    told = desk.report(desk.leg(settled.message, H41))  # and then the worker dies, with both still to publish
    leased = desk.lease(now=LATER)
    assert {each.id for each in told} <= {each.id for each in leased}
    assert {each.kind for each in leased} == {OutboxKind.RECEIPT}


def test_a_held_leg_waits_and_is_released_when_somebody_carries_for_the_recipient(desk: Desk) -> None:
    message = desk.send(a_document(recipients=(an_organ(G17),))).message
    first_look = NOW + desk.policy.held_check
    assert [each for each in desk.lease(now=first_look) if each.leg_id] == []
    desk.store.put_organs([replace(desk.store.registry().organs[G17], agent="caobang")])
    assert [each for each in desk.lease(now=first_look + timedelta(minutes=1)) if each.leg_id] == []
    (released,) = [each for each in desk.lease(now=first_look + desk.policy.held_check) if each.leg_id]
    assert (released.agent, released.recipient) == ("caobang", G17)
    assert desk.relay.load(released) == desk.payloads.read(message.payload)
    assert (desk.leg(message, G17).state, desk.leg(message, G17).agent) == (LegState.QUEUED, "caobang")
    desk.confirm([released], now=LATER)
    assert desk.leg(message, G17).state is LegState.HANDED_OVER
    assert [each for each in desk.events(message) if each.startswith("leg.")] == [
        "leg.held",
        "leg.released",
        "leg.handed-over",
    ]


def test_a_leg_beyond_its_time_is_parked_and_the_sender_is_told(desk: Desk) -> None:
    settled = desk.send(a_document())
    beyond = NOW + desk.policy.deliver_within
    leased = desk.lease(now=beyond)
    assert {each.state for each in desk.store.legs_of(settled.message.id)} == {LegState.PARKED}
    assert {each.kind for each in leased} == {OutboxKind.RECEIPT}
    receipts = [receipt_in([each]) for each in leased]
    assert {each.kind for each in receipts} == {ReceiptKind.NOT_DELIVERED}
    assert {each.legs[0].recipient for each in receipts} == {H41, H14}
    assert "receipt.dropped" in desk.events(settled.message)
    desk.confirm(leased)
    assert desk.store.backlog().outbox == 0


def test_a_held_leg_is_not_held_for_ever(desk: Desk) -> None:
    message = desk.send(a_document(recipients=(an_organ(G17),))).message
    desk.lease(now=NOW + desk.policy.deliver_within)
    assert desk.leg(message, G17).state is LegState.PARKED


def test_an_administrator_sends_a_parked_leg_once_more_and_it_may_be_parked_again(desk: Desk) -> None:
    message = desk.send(a_document()).message
    beyond = NOW + desk.policy.deliver_within
    desk.lease(now=beyond)
    leg = desk.leg(message, H41)
    with desk.store.begin() as tx:
        assert desk.relay.requeue(tx, [leg.id, "khong-co"], now=beyond) == [leg.id]
    with desk.store.begin() as tx:
        assert desk.relay.requeue(tx, [leg.id], now=beyond) == []
    (again,) = [each for each in desk.lease(now=beyond) if each.kind is OutboxKind.DELIVERY]
    assert (again.recipient, again.claim) == (H41, False)
    desk.lease(now=beyond + desk.policy.deliver_within)
    assert desk.leg(message, H41).state is LegState.PARKED


def test_a_resend_after_a_failed_delivery_sets_the_parked_legs_out_once_more_and_no_others(desk: Desk) -> None:
    settled = desk.send(a_document())
    first = settled.message
    desk.report(desk.leg(first, H14))
    beyond = NOW + desk.policy.deliver_within
    desk.lease(now=beyond)
    assert [each.state for each in desk.store.legs_of(first.id)] == [LegState.PARKED, LegState.DELIVERED]
    again = desk.send(a_document(), now=beyond)
    (delivery,) = [each for each in again.outbox if each.kind is OutboxKind.DELIVERY]
    assert (again.message.duplicate_of, delivery.message_id, delivery.recipient) == (first.id, first.id, H41)
    assert desk.relay.load(delivery) == desk.payloads.read(first.payload)
    assert desk.leg(first, H41).state is LegState.QUEUED
    third = desk.send(a_document(), now=beyond)
    assert [each.kind for each in third.outbox] == [OutboxKind.RECEIPT]


def test_an_empty_outbox_has_nothing_to_lease(desk: Desk) -> None:
    assert desk.lease(now=LATER) == ()
