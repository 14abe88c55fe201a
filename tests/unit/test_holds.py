"""Recipients whose deliveries are kept or sent elsewhere: who is told what, what waits, and how it goes on."""

import asyncio
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import datetime, timedelta

import pytest

from edxml_schemas.catalogue import explain, severity_of
from edxml_schemas.contract import Header, Urgency
from edxml_schemas.evidence.replay import differences, replayed
from edxml_schemas.findings import FindingCode, Severity
from edxml_schemas.model import Bussiness, Document, ResponseFor, StatusMessage
from edxml_schemas.receipts import ReceiptKind
from edxml_schemas.statuses import BussinessDocType
from router.adapters import wire
from router.adapters.memory_broker import MemoryBroker
from router.core.holds import Hold, HoldKind
from router.core.policy import Policy
from router.core.proof import leg_json
from router.core.records import LegState, MessageRecord, MessageState, OutboxItem, OutboxKind, RecallState
from router.core.registry import OrganState
from router.core.routing import Hop, route
from router.services.carriage import holds
from router.services.carriage.holds import Arranged, Refused
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import FORMER, G17, H14, H41, LOCKED, NOW, RENAMED, Desk, found, receipt_in

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ADMIN = "admin:lan"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def kept(organ: str, **changes: object) -> Hold:
    made = Hold(organ=organ, kind=HoldKind.HOLD, since=NOW, until=NOW + DAY, reason="bảo trì", by=ADMIN)
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def sent_on(organ: str, to: str, **changes: object) -> Hold:
    return kept(organ, **{"kind": HoldKind.FORWARD, "to": to, "until": None, "reason": "sáp nhập", **changes})


def to(*organs: str, **changes: object) -> Document:
    return a_document(recipients=tuple(an_organ(each) for each in organs), **changes)


def numbered(number: int, *organs: str, **changes: object) -> Document:
    return to(*organs, document_id=f"{SENDER},2026/09/30,{number}/VPCP", **changes)


def says(code: str, by: str, to_organ: str = SENDER, **changes: object) -> StatusMessage:
    about = ResponseFor(organ_id=to_organ, code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    return a_status(**{"sender": an_organ(by), "response_for": about, "status_code": code, **changes})


def deliveries(outbox: Sequence[OutboxItem]) -> list[OutboxItem]:
    return [each for each in outbox if each.kind is OutboxKind.DELIVERY]


def arrange(desk: Desk, planned: Arranged | Refused, *, now: datetime = NOW) -> Arranged:
    assert isinstance(planned, Arranged), planned
    holds.arrange(desk.store, planned, now=now)
    return planned


def forward(desk: Desk, organ: str, target: str, *, now: datetime = NOW) -> Arranged:
    planned = holds.plan_forward(
        desk.store, organ, to=target, since=now, until=None, reason="sáp nhập", by=ADMIN, now=now
    )
    return arrange(desk, planned, now=now)


def let_go(desk: Desk, organ: str, *, now: datetime) -> Arranged:
    planned = holds.plan_release(desk.store, organ)
    assert isinstance(planned, Arranged), planned
    holds.release(desk.store, planned, reason="xong", by=ADMIN, now=now)
    return planned


# ── Where a copy goes ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_arrangement_counts_from_its_beginning_until_its_end(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, since=NOW + HOUR, until=NOW + 2 * HOUR))
    registry = desk.store.registry()
    hops = [route(registry, [H41], now=NOW + HOUR * hours)[0][0] for hours in (0, 1, 1.5, 2)]
    waiting = Hop(H41, "", held_until=NOW + 2 * HOUR)
    assert hops == [Hop(H41, "nghean"), waiting, waiting, Hop(H41, "nghean")]


def test_a_forward_is_followed_once_and_never_in_a_circle(desk: Desk) -> None:
    for hold in (sent_on(H41, H14), sent_on(H14, G17), sent_on(G17, H41)):
        desk.store.put_hold(hold)
    hops, _ = route(desk.store.registry(), [H41], now=NOW)
    assert hops == (Hop(H14, "caobang", forwarded_from=H41),)


@pytest.mark.parametrize("target", [LOCKED, "000.00.00.X01"])
def test_what_would_go_to_an_organ_that_cannot_receive_is_held(desk: Desk, target: str) -> None:
    desk.store.put_hold(sent_on(H41, target))
    hops, findings = route(desk.store.registry(), [H41], now=NOW)
    assert hops == (Hop(H41, ""),)
    assert [each.code for each in findings] == [FindingCode.RECIPIENT_HELD]


def test_what_goes_to_an_organ_in_maintenance_is_held_there(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    desk.store.put_hold(kept(H14))
    hops, findings = route(desk.store.registry(), [H41], now=NOW)
    assert hops == (Hop(H14, "", forwarded_from=H41, held_until=NOW + DAY),)
    assert [(each.code, each.value) for each in findings] == [
        (FindingCode.RECIPIENT_FORWARDED, H41),
        (FindingCode.RECIPIENT_HELD, H14),
    ]


def test_what_goes_to_an_organ_without_an_agent_is_held_there(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, G17))
    hops, findings = route(desk.store.registry(), [H41], now=NOW)
    assert hops == (Hop(G17, "", forwarded_from=H41),)
    assert [(each.code, each.value) for each in findings][1:] == [(FindingCode.RECIPIENT_NO_AGENT, G17)]


@pytest.mark.parametrize("order", [(H41, H14), (H14, H41)])
def test_an_organ_that_also_receives_for_another_one_gets_one_copy(desk: Desk, order: tuple[str, str]) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    settled = desk.send(to(*order))
    (leg,) = desk.store.legs_of(settled.message.id)
    assert (leg.recipient, leg.agent, leg.forwarded_from) == (H14, "caobang", H41)
    assert len(deliveries(settled.outbox)) == 1


def test_three_organs_that_were_merged_into_one_get_one_copy(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    desk.store.put_hold(sent_on(G17, H14))
    settled = desk.send(to(H41, G17, H14))
    assert [each.recipient for each in desk.store.legs_of(settled.message.id)] == [H14]
    assert found(settled) == (FindingCode.RECIPIENT_FORWARDED,)


def test_an_arrangement_stays_with_an_organ_that_gets_another_code(desk: Desk) -> None:
    desk.store.put_hold(kept(FORMER))
    assert route(desk.store.registry(), [RENAMED], now=NOW)[0] == (Hop(RENAMED, "", held_until=NOW + DAY),)


def test_a_locked_organ_refuses_whatever_is_arranged_for_it(desk: Desk) -> None:
    desk.store.put_hold(sent_on(LOCKED, H41))
    settled = desk.send(to(LOCKED))
    assert settled.message.state is MessageState.REFUSED
    assert found(settled) == (FindingCode.RECIPIENT_LOCKED,)


# ── What senders are told ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_sender_is_told_on_the_receipt_that_a_recipient_is_held_and_until_when(desk: Desk) -> None:
    desk.store.put_hold(kept(H41))
    settled = desk.send(to(H41, H14))
    receipt = receipt_in(settled.outbox)
    (told,) = receipt.findings
    assert (receipt.kind, settled.message.state) == (ReceiptKind.ACCEPTED, MessageState.ACCEPTED)
    assert severity_of(told.code) is Severity.WARNING
    assert (told.code, told.value) == (FindingCode.RECIPIENT_HELD, H41)
    assert dict(told.facts) == {"until": "2026-10-02T09:00+07:00", "reason": "bảo trì"}
    assert "2026-10-02T09:00+07:00: bảo trì" in explain(told).message_vi
    assert [each.recipient for each in deliveries(settled.outbox)] == [H14]
    assert desk.leg(settled.message, H41).state is LegState.HELD


def test_the_sender_is_told_on_the_receipt_who_receives_instead(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    settled = desk.send(to(H41))
    (told,) = receipt_in(settled.outbox).findings
    assert (told.code, told.value) == (FindingCode.RECIPIENT_FORWARDED, H41)
    assert dict(told.facts) == {"to": H14, "reason": "sáp nhập"}
    assert H14 in explain(told).message_en
    assert desk.events(settled.message)[:3] == ["message.accepted", "leg.forwarded", "leg.queued"]


def test_the_wire_names_who_receives_and_who_was_named(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    (item,) = deliveries(desk.send(to(H41)).outbox)
    headers = wire.headers_of(item)
    assert (headers[Header.RECIPIENT], headers[Header.FORWARDED]) == (H14, H41)
    assert Header.FORWARDED not in wire.headers_of(replace(item, forwarded_from=""))


# ── Held, and let go ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_released_reaches_the_recipient_urgent_first_and_then_in_order_of_age(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    lanes = [Urgency.NORMAL, Urgency.NORMAL, Urgency.URGENT, Urgency.NORMAL, Urgency.URGENT]
    for number, lane in enumerate(lanes):
        document = numbered(number, H41)
        if lane is Urgency.URGENT:
            document = replace(document, other_info=replace(document.other_info, priority=3))
        desk.send(document, now=NOW + timedelta(minutes=number))
    later = NOW + HOUR
    assert deliveries(desk.lease(now=later)) == []
    assert len(let_go(desk, H41, now=later).held) == 5
    released = deliveries(desk.lease(now=later))
    ids = [message.document_id.split(",")[2] for each in released if (message := desk.store.message(each.message_id))]
    assert ids == ["2/VPCP", "4/VPCP", "0/VPCP", "1/VPCP", "3/VPCP"]

    async def arrived() -> list[str]:
        broker = MemoryBroker(clock=_Still(), agents=["nghean"])
        await broker.publish([(each, desk.relay.load(each)) for each in released])
        taken = []
        for urgency in (Urgency.URGENT, Urgency.NORMAL):
            inbox = broker.inbox("nghean", urgency=urgency.value, prefetch=10)
            depth = {each.queue: each.messages for each in await broker.depths(["nghean"])}
            count = depth[f"edxml.inbox.nghean.{urgency.value}"]
            taken += [str((await anext(inbox)).headers[Header.LEG]) for _ in range(count)]
            await inbox.aclose()
        return taken

    assert asyncio.run(arrived()) == [each.leg_id for each in released]


class _Still:
    def now(self) -> datetime:
        return NOW


def test_a_hold_whose_time_is_over_lets_everything_go_by_itself_at_that_moment(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=NOW + timedelta(minutes=7)))
    message = desk.send(to(H41)).message
    assert deliveries(desk.lease(now=NOW + timedelta(minutes=5))) == []
    assert deliveries(desk.lease(now=NOW + timedelta(minutes=6))) == []
    (released,) = deliveries(desk.lease(now=NOW + timedelta(minutes=7)))
    assert (released.recipient, released.agent) == (H41, "nghean")
    assert desk.leg(message, H41).state is LegState.QUEUED


def test_a_held_leg_is_looked_at_without_being_written_anew(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    message = desk.send(to(H41)).message
    before = desk.leg(message, H41)
    for looks in range(1, 4):
        assert deliveries(desk.lease(now=NOW + desk.policy.held_check * looks)) == []
    assert desk.leg(message, H41) == before
    assert desk.events(message).count("leg.held") == 1


def test_what_is_on_its_way_when_a_hold_is_set_goes_on(desk: Desk) -> None:
    settled = desk.send(to(H41))
    desk.store.put_hold(kept(H41))
    assert len(deliveries(desk.lease(now=NOW + timedelta(minutes=2)))) == 1
    desk.confirm(settled.outbox)
    assert desk.leg(settled.message, H41).state is LegState.HANDED_OVER


def test_a_leg_held_beyond_its_time_is_parked_and_the_sender_is_told(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    message = desk.send(to(H41)).message
    leased = desk.lease(now=NOW + desk.policy.clocks.normal.deliver_within)
    assert desk.leg(message, H41).state is LegState.PARKED
    assert ReceiptKind.NOT_DELIVERED in {receipt_in([each]).kind for each in leased}


def test_a_parked_leg_of_a_held_organ_that_is_sent_again_waits_for_the_release(desk: Desk) -> None:
    message = desk.send(to(H41)).message
    beyond = NOW + desk.policy.clocks.normal.deliver_within
    desk.lease(now=beyond)
    leg = desk.leg(message, H41)
    assert leg.state is LegState.PARKED
    desk.store.put_hold(kept(H41, until=None))
    with desk.store.begin() as tx:
        desk.relay.requeue(tx, [leg.id], now=beyond)
    assert deliveries(desk.lease(now=beyond)) == []
    assert (desk.leg(message, H41).state, desk.leg(message, H41).agent) == (LegState.HELD, "")
    let_go(desk, H41, now=beyond + HOUR)
    (released,) = deliveries(desk.lease(now=beyond + HOUR))
    assert (released.recipient, released.agent) == (H41, "nghean")


def test_the_sender_s_own_resend_of_a_parked_leg_heeds_a_hold_too(desk: Desk) -> None:
    message = desk.send(to(H41)).message
    beyond = NOW + desk.policy.clocks.normal.deliver_within
    desk.lease(now=beyond)
    desk.store.put_hold(kept(H41, until=None))
    again = desk.send(to(H41), now=beyond)
    assert again.message.duplicate_of == message.id
    assert deliveries(again.outbox) == []
    assert desk.leg(message, H41).state is LegState.HELD


# ── Forwarded ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_held_when_a_forward_is_set_goes_to_the_organ_that_receives_instead(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    message = desk.send(to(H41)).message
    leg = desk.leg(message, H41)
    later = NOW + HOUR
    planned = forward(desk, H41, H14, now=later)
    assert (planned.moved, planned.parked) == (1, 0)
    (moved,) = deliveries(desk.lease(now=later))
    assert (moved.agent, moved.recipient, moved.forwarded_from, moved.leg_id) == ("caobang", H14, H41, leg.id)
    there = desk.leg(message, H14)
    assert (there.id, there.forwarded_from, there.state) == (leg.id, H41, LegState.QUEUED)
    assert [each for each in desk.events(message) if each.startswith("leg.")] == [
        "leg.held",
        "leg.forwarded",
        "leg.released",
    ]
    desk.confirm([moved], now=later)
    desk.report(there)
    assert desk.leg(message, H14).state is LegState.DELIVERED


def test_a_held_leg_to_an_organ_that_has_the_document_already_is_parked_and_nobody_gets_it_twice(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    settled = desk.send(to(H41, H14))
    later = NOW + HOUR
    planned = forward(desk, H41, H14, now=later)
    assert (planned.moved, planned.parked) == (0, 1)
    leased = desk.lease(now=later)
    of_h41 = [each for each in leased if each.leg_id == desk.leg(settled.message, H41).id]
    assert [receipt_in([each]).kind for each in of_h41] == [ReceiptKind.NOT_DELIVERED]
    assert desk.leg(settled.message, H41).state is LegState.PARKED
    (parked,) = [each for each in desk.store.events_of(settled.message.id) if each.name == "leg.parked"]
    assert parked.facts["already_at"] == H14


def test_two_held_legs_of_one_document_that_go_to_one_organ_are_one(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    message = desk.send(to(H41, G17)).message
    forward(desk, H41, H14)
    forward(desk, G17, H14)
    moved = deliveries(desk.lease(now=NOW + HOUR))
    assert [each.recipient for each in moved] == [H14]
    assert sorted(each.state.value for each in desk.store.legs_of(message.id)) == ["parked", "queued"]


def test_a_forward_to_an_organ_that_is_held_moves_the_leg_and_it_waits_there(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    message = desk.send(to(H41)).message
    desk.store.put_hold(kept(H14, until=None))
    forward(desk, H41, H14)
    assert deliveries(desk.lease(now=NOW)) == []
    assert (desk.leg(message, H14).state, desk.leg(message, H14).agent) == (LegState.HELD, "")
    let_go(desk, H14, now=NOW + HOUR)
    (released,) = deliveries(desk.lease(now=NOW + HOUR))
    assert (released.recipient, released.forwarded_from) == (H14, H41)


def test_a_forward_that_begins_later_moves_what_is_held_when_it_begins(desk: Desk) -> None:
    message = desk.send(to(G17)).message
    planned = holds.plan_forward(
        desk.store, G17, to=H14, since=NOW + HOUR, until=None, reason="sáp nhập", by=ADMIN, now=NOW
    )
    assert (arrange(desk, planned).moved, len(desk.store.held_legs(G17))) == (0, 1)
    assert deliveries(desk.lease(now=NOW + desk.policy.held_check)) == []
    (moved,) = deliveries(desk.lease(now=NOW + HOUR))
    assert (moved.recipient, desk.leg(message, H14).forwarded_from) == (H14, G17)


def test_the_statuses_of_a_forwarded_document_come_from_who_received_it(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    message = desk.accept(to(H41))
    settled = desk.send(says("01", H14))
    assert settled.message.state is MessageState.ACCEPTED
    assert [(each.recipient, each.agent) for each in deliveries(settled.outbox)] == [(SENDER, "vpcp")]
    assert desk.leg(message, H14).status == "01"
    assert found(desk.send(says("03", H41))) == (FindingCode.STATUS_NOT_RECIPIENT,)


def test_the_statuses_of_a_document_that_was_moved_while_held_come_from_who_received_it(desk: Desk) -> None:
    message = desk.accept(to(G17))
    forward(desk, G17, H14)
    desk.lease(now=NOW)
    let_go(desk, G17, now=NOW)
    desk.accept(says("01", H14))
    desk.accept(says("03", H14))
    assert desk.leg(message, H14).status == "03"


@pytest.mark.parametrize("released", [False, True])
def test_a_recall_of_a_forwarded_document_goes_to_who_has_it(desk: Desk, released: bool) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    message = desk.accept(to(H41))
    if released:
        desk.store.drop_hold(H41)
    asked = desk.send(says("13", SENDER, H41, description="gửi nhầm"))
    assert found(asked)[:1] == (() if released else (FindingCode.RECIPIENT_FORWARDED,))
    assert [(each.recipient, each.agent) for each in deliveries(asked.outbox)] == [(H14, "caobang")]
    assert desk.leg(message, H14).recall is RecallState.REQUESTED
    desk.accept(says("15", H14))
    assert desk.leg(message, H14).recall is RecallState.ACCEPTED


def test_a_recall_and_a_status_in_one_batch_each_find_their_leg(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, G17))
    message = desk.accept(to(H41, H14))
    settled = desk.settle(
        desk.submission(says("01", H14)), desk.submission(says("13", SENDER, H41, description="gửi nhầm"))
    )
    assert {each.message.state for each in settled} == {MessageState.ACCEPTED}
    assert (desk.leg(message, H14).status, desk.leg(message, G17).recall) == ("01", RecallState.REQUESTED)


def test_a_recall_that_names_one_of_two_merged_organs_reaches_the_one_that_received(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    desk.store.put_hold(sent_on(G17, H14))
    message = desk.accept(to(H41, G17))
    for named in (H41, G17):
        asked = desk.send(says("13", SENDER, named, description=f"gửi nhầm {named}"))
        assert asked.message.state is MessageState.ACCEPTED
        assert [each.recipient for each in deliveries(asked.outbox)] == [H14]
    assert desk.leg(message, H14).recall is RecallState.REQUESTED


@pytest.mark.parametrize("released", [False, True])
def test_a_revocation_of_a_forwarded_document_reaches_who_has_it(desk: Desk, released: bool) -> None:
    desk.store.put_hold(sent_on(H41, H14))
    original = desk.accept(to(H41))
    if released:
        desk.store.drop_hold(H41)
    about = ResponseFor(organ_id=H41, code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    revocation = to(
        H41,
        bussiness=Bussiness(bussiness_doc_type=BussinessDocType.REVOKE),
        response_for=(about,),
        document_id="00000000-0000-4000-8000-000000000001",
    )
    settled = desk.send(revocation)
    assert settled.message.state is MessageState.ACCEPTED
    reached = [each.recipient for each in deliveries(settled.outbox)]
    assert reached == ([H41, H14] if released else [H14])
    assert desk.leg(original, H14).recall is RecallState.REQUESTED
    answer = says("15", H14, response_for=replace(about, organ_id=SENDER, document_id=revocation.document_id))
    desk.accept(answer)
    assert desk.leg(original, H14).recall is RecallState.ACCEPTED


# ── What an administrator does ──────────────────────────────────────────────────────────────────────────────────────


def test_what_an_administrator_arranges_is_an_event_with_name_and_reason(desk: Desk) -> None:
    planned = holds.plan_hold(desk.store, H41, since=NOW, until=NOW + DAY, reason="bảo trì", by=ADMIN)
    arrange(desk, planned)
    let_go(desk, H41, now=NOW + HOUR)
    first, second = desk.store.events_of("")
    assert (first.name, first.actor) == ("hold.set", ADMIN)
    assert first.facts["organ"] == H41
    assert (first.facts["kind"], first.facts["reason"]) == ("hold", "bảo trì")
    assert first.facts["until"] == (NOW + DAY).isoformat()
    assert (second.name, second.actor, second.facts["reason"]) == ("hold.released", ADMIN, "xong")
    assert desk.store.registry().holds == {}


def test_planning_writes_nothing(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    desk.send(to(H41))
    before = (desk.store.registry().version, desk.store.backlog(), desk.store.events_of(""))
    holds.plan_hold(desk.store, H14, since=NOW, until=None, reason="x", by=ADMIN)
    holds.plan_forward(desk.store, H41, to=H14, since=NOW, until=None, reason="x", by=ADMIN, now=NOW)
    holds.plan_release(desk.store, H41)
    assert (desk.store.registry().version, desk.store.backlog(), desk.store.events_of("")) == before


@pytest.mark.parametrize(
    ("organ", "target"),
    [
        (H41, H41),
        (RENAMED, FORMER),
        (H41, LOCKED),
        (H41, "000.00.00.X01"),
        ("000.00.00.X01", H41),
        (G17, H41),  # H41 → H14 stands: a chain
        (H14, G17),  # and so is this
        (H14, H41),  # a circle
    ],
)
def test_a_forward_to_nowhere_in_a_chain_or_in_a_circle_is_refused(desk: Desk, organ: str, target: str) -> None:
    forward(desk, H41, H14)
    planned = holds.plan_forward(desk.store, organ, to=target, since=NOW, until=None, reason="x", by=ADMIN, now=NOW)
    assert isinstance(planned, Refused)
    assert planned.vi
    assert planned.en
    assert planned.unknown is ("X01" in organ + target)


def test_a_forward_whose_time_is_over_stands_in_nobody_s_way(desk: Desk) -> None:
    desk.store.put_hold(sent_on(H41, H14, until=NOW))
    assert forward(desk, H14, G17).hold.to == G17


def test_an_arrangement_takes_the_place_of_the_one_before(desk: Desk) -> None:
    desk.store.put_hold(kept(FORMER))
    planned = holds.plan_hold(desk.store, RENAMED, since=NOW, until=None, reason="x", by=ADMIN)
    assert arrange(desk, planned).before == kept(FORMER)
    assert list(desk.store.registry().holds) == [RENAMED]


def test_nothing_is_released_that_was_not_arranged(desk: Desk) -> None:
    assert isinstance(holds.plan_release(desk.store, H41), Refused)
    unknown = holds.plan_release(desk.store, "000.00.00.X01")
    assert isinstance(unknown, Refused)
    assert unknown.unknown


def test_what_waits_is_counted_by_organ_with_the_oldest_and_the_urgent_ones(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    desk.store.put_hold(sent_on(H14, RENAMED))
    urgent = numbered(2, H41)
    desk.send(numbered(1, H41, G17))
    desk.send(replace(urgent, other_info=replace(urgent.other_info, priority=3)), now=NOW + HOUR)
    rows = {each.organ: each for each in holds.waiting(desk.store)}
    assert list(rows) == sorted({H41, H14, G17})
    assert (rows[H41].held, rows[H41].urgent, rows[H41].oldest) == (2, 1, NOW)
    assert (rows[G17].held, rows[G17].hold) == (1, None)
    assert (rows[H14].held, rows[H14].oldest) == (0, None)


def test_the_log_alone_tells_where_every_held_forwarded_and_parked_leg_is(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    desk.store.put_hold(sent_on(G17, RENAMED))
    messages = [desk.accept(numbered(1, H41, G17)), desk.accept(numbered(2, H41, H14)), desk.accept(numbered(3, H41))]
    beyond = NOW + desk.policy.clocks.normal.deliver_within
    desk.lease(now=beyond)
    with desk.store.begin() as tx:
        desk.relay.requeue(tx, [desk.leg(messages[0], H41).id], now=beyond)
    desk.store.put_hold(kept(H14, since=beyond, until=None))
    forward(desk, H41, H14, now=beyond)
    messages.append(desk.send(numbered(4, H41), now=beyond).message)
    desk.confirm(desk.lease(now=beyond), now=beyond)
    let_go(desk, H14, now=beyond + HOUR)
    desk.confirm(deliveries(desk.lease(now=beyond + HOUR)), now=beyond + HOUR)
    for message in messages:
        events = [astuple(each) for each in desk.store.event_rows_of(message.id)]
        logged = replayed(events, urgency=message.urgency.value, descriptions={})
        there = {leg.id: leg_json(leg) for leg in desk.store.legs_of(message.id)}
        assert differences(logged, there) == ()


def test_an_organ_that_is_locked_while_something_is_held_for_it_keeps_it_waiting(desk: Desk) -> None:
    desk.store.put_hold(kept(H41, until=None))
    message = desk.send(to(H41)).message
    desk.store.put_organs([replace(desk.store.registry().organs[H41], state=OrganState.LOCKED)])
    let_go(desk, H41, now=NOW)
    assert deliveries(desk.lease(now=NOW)) == []
    assert desk.leg(message, H41).state is LegState.HELD


def test_a_message_without_a_leg_of_its_own_is_not_taken_for_a_forwarded_one() -> None:
    desk = Desk(Policy(held_check=timedelta(minutes=1)))
    message: MessageRecord = desk.accept(to(H41))
    assert found(desk.send(says("01", H14))) == (FindingCode.STATUS_NOT_RECIPIENT,)
    assert desk.leg(message, H41).status == ""
