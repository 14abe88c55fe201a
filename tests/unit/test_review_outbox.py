"""What must never keep the outbox from moving, or an alarm from being seen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edxml_schemas.model import Bussiness
from edxml_schemas.receipts import Receipt
from edxml_schemas.signed_receipts import HubTrust, verify_receipt
from edxml_schemas.statuses import BussinessDocType
from edxml_schemas.trust import TrustMaterial
from router.core.records import DelayOutbox, OutboxKind, PutLeg, PutMessage, RecallState
from router.core.registry import OrganRecord
from router.ports import PayloadUnavailable
from router.services.carriage.deadlines import alarms
from tests.support.envelopes import a_document
from tests.support.hub_desk import G17, H14, H41, NOW, Desk
from tests.support.records import leg, message


def test_a_receipt_that_an_earlier_version_wrote_is_signed_all_the_same() -> None:
    desk = Desk()
    (item,) = [each for each in desk.send(a_document()).outbox if each.kind is OutboxKind.RECEIPT]
    former = replace(item, body=b'<?xml version="1.0" encoding="UTF-8"?>\n' + item.body + b"\n")
    hub = HubTrust(TrustMaterial(anchors=(desk.hub_key.cert,), require_revocation=False))
    assert isinstance(verify_receipt(desk.relay.load(former), hub), Receipt)
    assert desk.relay.load(former) == desk.relay.load(item)


def test_an_item_that_is_no_receipt_fails_alone() -> None:
    desk = Desk()
    (item,) = [each for each in desk.send(a_document()).outbox if each.kind is OutboxKind.RECEIPT]
    with pytest.raises(PayloadUnavailable):
        desk.relay.load(replace(item, body=b"nonsense"))


def test_a_lease_from_a_clock_that_was_a_year_ahead_holds_nothing_up() -> None:
    desk = Desk()
    settled = desk.send(a_document())
    with desk.store.begin() as tx:
        tx.apply(DelayOutbox(each.id, NOW + timedelta(days=365)) for each in settled.outbox)
    taken = desk.lease(now=NOW + timedelta(seconds=5))
    assert {each.id for each in taken} == {each.id for each in settled.outbox}
    assert desk.lease(now=NOW + timedelta(seconds=6)) == ()


def test_the_alarms_of_one_organ_do_not_hide_behind_those_of_another() -> None:
    desk = Desk()
    sent = message("1")
    crowd = [leg(sent, f"{n}", ordinal=n, recipient=H41, raised=("not-delivered",)) for n in range(30)]
    last = leg(sent, "z", recipient=H14, raised=("not-delivered",), created_at=sent.received_at + timedelta(hours=1))
    with desk.store.begin() as tx:
        tx.apply([PutMessage(sent), *map(PutLeg, (*crowd, last))])
    later = sent.received_at + timedelta(hours=9)
    found = alarms(desk.store, desk.policy.clocks, now=later, organ=H14, limit=10)
    assert [each.leg.id for each in found] == ["l-z"]


def test_a_change_that_names_very_much_still_asks_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    first = desk.accept(a_document())
    monkeypatch.setattr("router.services.verdicts.lookup.MOST_NAMED", 0)
    bussiness = Bussiness(bussiness_doc_type=BussinessDocType.REVOKE, document_id=first.document_id)
    desk.accept(a_document(document_id="000.00.00.G22,2026/10/01,1/VPCP-TTĐT", bussiness=bussiness))
    assert {each.recall for each in desk.store.legs_of(first.id)} == {RecallState.REQUESTED}


def test_looks_at_a_held_document_are_no_failed_attempts() -> None:
    desk = Desk()
    to_nobody = tuple(replace(each, organ_id=G17) for each in a_document().recipients[:1])
    desk.accept(a_document(recipients=to_nobody))
    for looks in range(1, 4):
        desk.lease(now=NOW + looks * timedelta(minutes=6))
    desk.store.put_organs([OrganRecord(code=G17, name="Bộ Xây dựng", agent="vpcp")])
    released = desk.lease(now=NOW + timedelta(minutes=30))
    assert [each.attempts for each in released if each.kind is OutboxKind.DELIVERY] == [0]
