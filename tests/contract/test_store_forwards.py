"""Holds and forwards on every kind of store: what waits is moved, let go and found again."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from router.adapters.memory_store import MemoryPayloads
from router.core.holds import Hold, HoldKind
from router.core.ids import leg_id_of
from router.core.records import Leg, LegState, MessageRecord, OutboxItem, OutboxKind, PutLeg, PutMessage, PutOutbox
from router.core.registry import AgentRecord, OrganRecord
from router.ports import Store
from router.services.carriage import holds
from router.services.carriage.attempts import note_failures
from router.services.carriage.relay import Relay
from tests.support.records import MINUTE, NOON, digest_of, leg, message, outbox_item

HERE, THERE = "000.00.01.H30", "000.00.00.H41"
LATER = NOON + 10 * MINUTE


@pytest.fixture
def hub(store: Store) -> Store:
    store.put_agents([AgentRecord(name="so"), AgentRecord(name="tinh")])
    store.put_organs(
        [OrganRecord(code=HERE, name="Sở", agent="so"), OrganRecord(code=THERE, name="Tỉnh", agent="tinh")]
    )
    return store


def held(store: Store, name: str, *more: tuple[str, str]) -> tuple[MessageRecord, Leg]:
    """A document held for HERE, with more legs for organs and agents."""
    document = message(name, payload=f"blob:{digest_of(name)}")
    waits = leg(document, name, id=leg_id_of(document.id, HERE), recipient=HERE, agent="", state=LegState.HELD)
    others = [
        leg(document, name, id=leg_id_of(document.id, organ), recipient=organ, agent=agent, ordinal=number + 1)
        for number, (organ, agent) in enumerate(more)
    ]
    item = outbox_item(name, agent="", recipient=HERE, leg_id=waits.id, leased_until=NOON + timedelta(days=1))
    with store.begin() as tx:
        tx.apply([PutMessage(document), PutLeg(waits), *map(PutLeg, others), PutOutbox(item)])
    return document, waits


def leased(store: Store, relay: Relay) -> Sequence[OutboxItem]:
    with store.begin() as tx:
        items = relay.take_up(tx, now=LATER, lease_for=MINUTE, limit=100).publish
    return [each for each in items if each.kind is OutboxKind.DELIVERY]


def forward(store: Store) -> holds.Arranged:
    planned = holds.plan_forward(
        store, HERE, to=THERE, since=NOON, until=None, reason="sáp nhập", by="admin:lan", now=LATER
    )
    assert isinstance(planned, holds.Arranged), planned
    holds.arrange(store, planned, now=LATER)
    return planned


def test_a_held_leg_is_moved_and_found_by_who_was_named_and_who_receives(hub: Store) -> None:
    document, waits = held(hub, "1")
    assert forward(hub).moved == 1
    (item,) = leased(hub, Relay(MemoryPayloads()))
    assert (item.agent, item.recipient, item.forwarded_from, item.leg_id) == ("tinh", THERE, HERE, waits.id)
    with hub.begin() as tx:
        assert tx.forwarded_legs(["m-none"]) == ()
        (moved,) = tx.forwarded_legs([document.id])
    assert (moved.id, moved.recipient, moved.agent, moved.forwarded_from) == (waits.id, THERE, "tinh", HERE)
    assert (moved.state, moved.version) == (LegState.QUEUED, waits.version + 1)
    assert hub.held_legs(HERE) == ()
    assert [each.name for each in hub.events_of(document.id)] == ["leg.forwarded", "leg.released"]
    assert hub.may_read(agent="tinh", digest=document.digest)


def test_what_one_worker_leased_keeps_who_was_named(hub: Store) -> None:
    held(hub, "1")
    forward(hub)
    (item,) = leased(hub, Relay(MemoryPayloads()))
    with hub.begin() as tx:
        note_failures(tx, [(item, "no-inbox")], now=LATER)
    with hub.begin() as tx:
        (again,) = tx.lease_outbox(now=LATER + timedelta(hours=1), lease_for=MINUTE, limit=10)
    assert (again.forwarded_from, again.attempts) == (HERE, item.attempts + 1)
    assert [each.reason for each in hub.attempts_of(item.message_id)] == ["no-inbox"]


def test_a_held_leg_to_an_organ_that_has_the_document_is_parked(hub: Store) -> None:
    document, waits = held(hub, "1", (THERE, "tinh"))
    assert forward(hub).parked == 1
    assert leased(hub, Relay(MemoryPayloads())) == []
    states = {each.recipient: each.state for each in hub.legs_of(document.id)}
    assert states == {HERE: LegState.PARKED, THERE: LegState.QUEUED}
    assert hub.legs_of(document.id)[0].id == waits.id


def test_what_is_released_is_due_at_once_and_what_others_wait_for_is_not(hub: Store) -> None:
    hub.put_hold(Hold(organ=HERE, kind=HoldKind.HOLD, since=NOON, reason="bảo trì", by="admin:lan"))
    held(hub, "1")
    assert leased(hub, Relay(MemoryPayloads())) == []
    planned = holds.plan_release(hub, HERE)
    assert isinstance(planned, holds.Arranged)
    holds.release(hub, planned, reason="xong", by="admin:lan", now=LATER)
    (item,) = leased(hub, Relay(MemoryPayloads()))
    assert (item.agent, item.recipient, item.forwarded_from) == ("so", HERE, "")
    assert [(each.name, each.facts["organ"]) for each in hub.events_of("")] == [("hold.released", HERE)]
