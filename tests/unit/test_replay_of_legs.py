"""What the log makes of a leg is what the table says of it, whatever the hub did with it."""

from dataclasses import replace
from datetime import timedelta

from edxml_schemas.evidence.replay import differences, facts_of, replayed
from router.core.events import EventName
from router.core.holds import Hold, HoldKind
from router.core.proof import leg_json
from router.core.records import LegState, PutEvent, PutMessage
from router.services.proof.log_check import check_log, history_faults, is_older_than_proof
from router.services.proof.sealing import event_words
from tests.support.envelopes import a_document, an_organ
from tests.support.hub_desk import H14, H41, NOW, Desk
from tests.support.records import event, message

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def faults(desk: Desk) -> list[str]:
    found = [each for history in desk.store.histories(limit=100) for each in history_faults(history)]
    return [f"{each.table} {each.key}: {each.en}" for each in found]


def test_a_leg_that_was_held_forwarded_and_delivered() -> None:
    desk = Desk()
    desk.store.put_hold(Hold(organ=H41, kind=HoldKind.HOLD, since=NOW - DAY))
    sent = desk.accept(a_document(recipients=(an_organ(H41),)))
    assert [each.state for each in desk.store.legs_of(sent.id)] == [LegState.HELD]
    desk.store.put_hold(Hold(organ=H41, kind=HoldKind.FORWARD, to=H14, since=NOW - DAY))
    desk.confirm(desk.lease(now=NOW + DAY), now=NOW + DAY)
    (leg,) = desk.store.legs_of(sent.id)
    assert (leg.recipient, leg.forwarded_from) == (H14, H41)
    desk.report(leg, now=NOW + DAY + MINUTE)
    assert desk.store.legs_of(sent.id)[0].state is LegState.DELIVERED
    assert faults(desk) == []


def test_a_leg_that_was_forwarded_from_the_beginning() -> None:
    desk = Desk()
    desk.store.put_hold(Hold(organ=H41, kind=HoldKind.FORWARD, to=H14, since=NOW - DAY))
    sent = desk.send(a_document(recipients=(an_organ(H41),)))
    desk.confirm(sent.outbox, now=NOW + MINUTE)
    assert [each.forwarded_from for each in desk.store.legs_of(sent.message.id)] == [H41]
    assert faults(desk) == []


def test_a_leg_that_was_parked_and_sent_once_more() -> None:
    desk = Desk()
    sent = desk.accept(a_document())
    desk.lease(now=NOW + 8 * DAY)
    legs = desk.store.legs_of(sent.id)
    assert {each.state for each in legs} == {LegState.PARKED}
    with desk.store.begin() as tx:
        desk.relay.requeue(tx, [legs[0].id], now=NOW + 9 * DAY)
    desk.confirm(desk.lease(now=NOW + 9 * DAY), now=NOW + 9 * DAY)
    assert desk.leg(sent, legs[0].recipient).state is LegState.HANDED_OVER
    assert faults(desk) == []


def test_every_field_of_a_leg_that_the_log_decides_is_compared() -> None:
    desk = Desk()
    sent = desk.accept(a_document())
    events = [event_words(each) for each in desk.store.event_rows_of(sent.id)]
    logged = replayed(events, urgency=sent.urgency.value, descriptions={})
    found = {each.id: leg_json(each) for each in desk.store.legs_of(sent.id)}
    assert differences(logged, found) == ()
    (first, *_) = found
    for name, value in found[first].items():
        changed = {**found, first: {**found[first], name: f"{value}x"}}
        assert [(each.leg_id, each.field) for each in differences(logged, changed)] == [(first, name)]
    without = {name: leg for name, leg in found.items() if name != first}
    assert [(each.leg_id, each.field) for each in differences(logged, without)] == [(first, "")]


def test_facts_that_are_no_json_are_no_facts() -> None:
    assert facts_of((1, "leg.queued", 0, "m", "l", "a", "{")) == {}
    assert facts_of((1, "leg.queued", 0, "m", "l", "a", "[1]")) == {}


def test_what_is_older_than_the_digests_is_counted_and_not_doubted() -> None:
    desk = Desk()
    old = message("old")
    with desk.store.begin() as tx:
        tx.apply([PutMessage(old), PutEvent(event(EventName.MESSAGE_ACCEPTED.value, old.id))])
    (history,) = desk.store.histories(limit=10)
    assert is_older_than_proof(history)
    assert not is_older_than_proof(replace(history, events=()))
    assert check_log(desk.store, accepted=frozenset()).unproven == 1
