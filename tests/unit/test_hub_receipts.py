"""The hub's receipts: which there are, who signs them, what the log says of them, and that they can be made again."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import timedelta

import pytest

from edxml_schemas.model import Envelope
from edxml_schemas.receipts import Receipt, ReceiptKind, decode_receipt
from edxml_schemas.signed_receipts import HubTrust, SignedReceipt, open_receipt
from router.core.holds import Hold, HoldKind
from router.core.policy import Policy
from router.core.receipts import made_again, receipt_words, told_by
from router.core.records import Event, MessageRecord, OutboxItem, OutboxKind
from router.ports import Transaction
from router.services.carriage.relay import Relay
from tests.support.envelopes import a_document, a_lean_document, a_status, an_organ
from tests.support.hub_desk import G17, H14, H41, NOW, Desk

LATER = NOW + timedelta(minutes=2)
MUCH_LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def receipts_among(items: Iterable[OutboxItem]) -> list[OutboxItem]:
    return [each for each in items if each.kind is OutboxKind.RECEIPT]


def read(item: OutboxItem) -> Receipt:
    receipt = decode_receipt(item.body)
    assert isinstance(receipt, Receipt), receipt
    return receipt


def sent_events(desk: Desk, message: MessageRecord) -> list[Event]:
    return [each for each in desk.store.events_of(message.id) if each.name == "receipt.sent"]


# ── Handed over ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_sender_is_told_of_every_leg_that_is_in_an_inbox(desk: Desk) -> None:
    settled = desk.send(a_document())
    told = desk.confirm(settled.outbox, now=LATER)
    assert {(read(each).kind, read(each).legs[0].recipient) for each in told} == {
        (ReceiptKind.HANDED_OVER, H41),
        (ReceiptKind.HANDED_OVER, H14),
    }
    for each in told:
        assert (each.agent, each.submission_id) == ("vpcp", settled.message.submission_id)
        assert read(each).decided_at == LATER
        assert each.leased_until == LATER + desk.policy.lease_for
        assert read(each).legs[0].leg_id == each.leg_id


def test_a_delivery_confirmed_twice_is_told_once(desk: Desk) -> None:
    settled = desk.send(a_document())
    assert len(desk.confirm([*settled.outbox, *settled.outbox], now=LATER)) == 2
    assert desk.confirm(settled.outbox, now=MUCH_LATER) == []


def test_a_status_on_its_way_is_not_receipted(desk: Desk) -> None:
    document = desk.send(a_document())
    desk.confirm(document.outbox)
    status = desk.send(a_status())
    assert status.message.state.value == "accepted"
    assert [each.kind for each in status.outbox if each.leg_id] == [OutboxKind.DELIVERY]
    assert desk.confirm(status.outbox, now=LATER) == []


def test_an_operator_may_do_without_them() -> None:
    desk = Desk(Policy(handover_receipts=False))
    settled = desk.send(a_document())
    assert desk.confirm(settled.outbox, now=LATER) == []
    assert desk.store.backlog().outbox == 0


def test_the_messages_of_a_batch_are_asked_for_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    settled = [desk.send(a_lean_document(document_id=f"000.00.00.G22,2026/09/30,{n}")) for n in range(5)]
    items = [item for each in settled for item in each.outbox]
    with desk.store.begin() as tx:
        asked: list[set[str]] = []
        ask = tx.messages

        def counted(ids: Iterable[str]) -> Mapping[str, MessageRecord]:
            asked.append(set(ids))
            return ask(asked[-1])

        monkeypatch.setattr(tx, "messages", counted, raising=False)
        told = desk.relay.confirm(tx, items, now=LATER)
    assert len(told) == 5
    assert asked == [{each.message.id for each in settled}]


def test_confirmed_receipts_ask_for_nothing_at_all(desk: Desk) -> None:
    (receipt,) = receipts_among(desk.send(b"<edXML/>").outbox)

    class Deaf:
        def __init__(self, tx: Transaction) -> None:
            self.drop_outbox, self.apply = tx.drop_outbox, tx.apply

    with desk.store.begin() as tx:
        assert desk.relay.confirm(Deaf(tx), [receipt], now=LATER) == []  # type: ignore[arg-type]  # on purpose


# ── Signed ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_is_kept_as_words_and_signed_when_it_is_published(desk: Desk) -> None:
    settled = desk.send(a_document())
    hub = HubTrust.from_pem(desk.hub_key.cert_pem)
    for item in receipts_among([*settled.outbox, *desk.confirm(settled.outbox)]):
        assert b"Signature" not in item.body
        opened = open_receipt(desk.relay.load(item), hub)
        assert isinstance(opened, SignedReceipt), opened
        assert opened.receipt == read(item)
        assert opened.words_digest == item.digest


def test_a_receipt_published_again_carries_the_same_bytes(desk: Desk) -> None:
    (item,) = receipts_among(desk.send(b"<edXML/>").outbox)
    assert desk.relay.load(item) == desk.relay.load(item)


def test_deliveries_are_not_touched_by_the_hubs_signature(desk: Desk) -> None:
    settled = desk.send(a_document())
    deliveries = [each for each in settled.outbox if each.kind is OutboxKind.DELIVERY]
    unsigned = Relay(desk.payloads, desk.policy)
    assert [desk.relay.load(each) for each in deliveries] == [unsigned.load(each) for each in deliveries]


def test_the_log_says_which_receipt_was_sent_and_what_its_words_were(desk: Desk) -> None:
    settled = desk.send(a_document())
    told = desk.confirm(settled.outbox)
    desk.confirm(told, now=LATER)
    wanted = [*receipts_among(settled.outbox), *told]
    for event, item in zip(sent_events(desk, settled.message), wanted, strict=True):
        assert dict(event.facts) == {
            "agent": "vpcp",
            "receipt": read(item).receipt_id,
            "kind": read(item).kind.value,
            "digest": hashlib.sha256(item.body).hexdigest(),
        }
        assert told_by(item.body) == (item.id, read(item).kind.value)


# ── Made again ──────────────────────────────────────────────────────────────────────────────────────────────────────


def again(desk: Desk, item: OutboxItem) -> bytes | None:
    """The receipt made again from what the store remembers."""
    message = desk.store.message(item.message_id)
    assert message is not None
    legs = desk.store.legs_of(message.duplicate_of or message.id)
    return made_again(message, legs, desk.store.events_of(message.id)).get(read(item).receipt_id)


def test_an_accepted_document_and_all_that_was_said_of_its_legs_is_said_again_in_the_same_words(desk: Desk) -> None:
    settled = desk.send(a_document(recipients=(an_organ(H41), an_organ(H14), an_organ(G17))))
    items = receipts_among(settled.outbox)
    items += desk.confirm([each for each in settled.outbox if each.agent], now=LATER)
    items += desk.report(desk.leg(settled.message, H41), now=MUCH_LATER)
    beyond = NOW + desk.policy.deliver_within + timedelta(hours=1)
    items += receipts_among(desk.lease(now=beyond))
    unlike = {each.id: each for each in items}.values()
    assert {read(each).kind for each in unlike} == set(ReceiptKind) - {ReceiptKind.REFUSED}
    for each in unlike:
        assert again(desk, each) == each.body


@pytest.mark.parametrize(
    "what",
    [b"", b"<edXML/>", a_document(recipients=(an_organ("000.00.00.H99"),))],
    ids=["nothing", "no envelope", "unknown recipient"],
)
def test_a_refusal_is_said_again_with_every_finding(desk: Desk, what: Envelope | bytes) -> None:
    settled = desk.send(what)
    (item,) = receipts_among(settled.outbox)
    assert read(item).kind is ReceiptKind.REFUSED
    assert read(item).findings
    assert again(desk, item) == item.body


def test_a_duplicate_is_said_again_as_a_duplicate(desk: Desk) -> None:
    envelope = desk.signed(a_document())
    desk.send(envelope)
    settled = desk.send(envelope)
    (item,) = receipts_among(settled.outbox)
    assert read(item).duplicate
    assert again(desk, item) == item.body


def test_a_leg_that_was_sent_once_more_gets_receipts_of_their_own(desk: Desk) -> None:
    settled = desk.send(a_lean_document())
    first = desk.confirm(settled.outbox, now=LATER)[0]
    leg = desk.store.legs_of(settled.message.id)[0]
    ids = {
        receipt_words(settled.message, (leg,), kind=kind, decided_at=at)[0]
        for kind in (ReceiptKind.HANDED_OVER, ReceiptKind.NOT_DELIVERED, ReceiptKind.DELIVERED)
        for at in (LATER, MUCH_LATER)
    }
    assert len(ids) == 6
    assert first.id in ids


def test_a_leg_that_is_forwarded_is_told_by_the_name_the_sender_knows_and_by_who_receives(desk: Desk) -> None:
    desk.store.put_hold(Hold(organ=H41, kind=HoldKind.HOLD, reason="bảo trì", since=NOW))
    settled = desk.send(a_lean_document(recipients=(an_organ(H41),)))
    verdict = receipts_among(settled.outbox)[0]
    assert [each.recipient for each in read(verdict).legs] == [H41]
    desk.store.put_hold(Hold(organ=H41, kind=HoldKind.FORWARD, to=H14, reason="sáp nhập", since=NOW))
    released = [each for each in desk.lease(now=NOW + desk.policy.held_check) if each.leg_id]
    (handed,) = desk.confirm(released, now=MUCH_LATER)
    (told,) = read(handed).legs
    assert (told.recipient, told.forwarded_to) == (H41, H14)
    (delivered,) = desk.report(desk.leg(settled.message, H14), now=MUCH_LATER)
    assert read(delivered).legs == (told,)
    for each in (verdict, handed, delivered):
        assert again(desk, each) == each.body
