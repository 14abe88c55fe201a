"""The verdict with the hub's memory: who sends, who receives, and documents that speak about documents."""

from dataclasses import replace
from typing import Any, Final

import pytest

from edxml_schemas.contract import Urgency
from edxml_schemas.findings import FindingCode
from edxml_schemas.model import Bussiness, Document, OtherInfo, ReplacementInfo, ResponseFor, StatusMessage
from edxml_schemas.statuses import BussinessDocType
from router.core.records import LegState, MessageState, RecallState
from tests.support.envelopes import DOCUMENT_ID, SENDER, a_document, a_status, an_organ
from tests.support.hub_desk import FORMER, G17, H14, H41, LOCKED, RENAMED, Desk, found, receipt_in


@pytest.fixture
def desk() -> Desk:
    return Desk()


def to(*organs: str, **changes: object) -> Document:
    return a_document(recipients=tuple(an_organ(each) for each in organs), **changes)


def change(kind: BussinessDocType, *recipients: str, **bussiness: object) -> Document:
    """A change with a DocumentId of its own."""
    own = {
        "document_id": bussiness.pop("own_id", f"00000000-0000-4000-8000-00000000000{int(kind)}"),
        "response_for": bussiness.pop("response_for", ()),
    }
    stated = Bussiness(bussiness_doc_type=kind, **bussiness)  # type: ignore[arg-type]  # fields by name
    return to(*(recipients or (H41, H14)), bussiness=stated, **own)


def says(code: str, by: str = H41, to_organ: str = SENDER, **changes: object) -> StatusMessage:
    about = ResponseFor(organ_id=to_organ, code="7816/VPCP-TTĐT", document_id=DOCUMENT_ID)
    return a_status(**{"sender": an_organ(by), "response_for": about, "status_code": code, **changes})


# ── Who sends, who receives ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_document_gets_a_leg_and_a_delivery_for_every_recipient(desk: Desk) -> None:
    settled = desk.send(a_document())
    legs = desk.store.legs_of(settled.message.id)
    assert settled.message.state is MessageState.ACCEPTED
    assert [(each.recipient, each.agent, each.state) for each in legs] == [
        (H41, "nghean", LegState.QUEUED),
        (H14, "caobang", LegState.QUEUED),
    ]
    assert [(each.recipient, each.agent) for each in settled.outbox] == [
        (H41, "nghean"),
        (H14, "caobang"),
        ("", "vpcp"),
    ]
    receipt = receipt_in(settled.outbox)
    assert (receipt.kind.value, receipt.digest) == ("accepted", settled.message.digest)
    assert [(each.recipient, each.leg_id) for each in receipt.legs] == [(each.recipient, each.id) for each in legs]


def test_one_bad_recipient_refuses_the_whole_document_and_all_are_named(desk: Desk) -> None:
    settled = desk.send(to(H41, "000.00.00.X01", LOCKED, "000.00.00.X02"))
    values = [(each.code, each.value) for each in receipt_in(settled.outbox).findings]
    assert (FindingCode.RECIPIENT_UNKNOWN, "000.00.00.X01") in values
    assert (FindingCode.RECIPIENT_UNKNOWN, "000.00.00.X02") in values
    assert (FindingCode.RECIPIENT_LOCKED, LOCKED) in values
    assert settled.message.state is MessageState.REFUSED
    assert desk.store.legs_of(settled.message.id) == ()
    assert [each.agent for each in settled.outbox] == ["vpcp"]


def test_a_recipient_that_nobody_carries_for_is_held_and_told_of(desk: Desk) -> None:
    settled = desk.send(to(G17, H41))
    assert found(settled) == (FindingCode.RECIPIENT_NO_AGENT,)
    assert desk.leg(settled.message, G17).state is LegState.HELD
    assert [each.recipient for each in settled.outbox if each.recipient] == [H41]
    assert "leg.held" in desk.events(settled.message)


def test_a_former_code_reaches_the_present_organ(desk: Desk) -> None:
    message = desk.accept(to(FORMER))
    assert [each.recipient for each in desk.store.legs_of(message.id)] == [RENAMED]


def test_a_sender_under_its_former_code_is_the_present_organ(desk: Desk) -> None:
    message = desk.accept(replace(to(H41), sender=an_organ(FORMER)))
    assert message.sender == RENAMED


def test_an_unknown_sender_is_told_by_the_agent_that_submitted_it(desk: Desk) -> None:
    stranger = replace(a_document(), sender=an_organ("000.00.00.X09"))
    settled = desk.send(desk.signed(stranger, key=desk.keys[SENDER]), agent="vpcp")
    assert FindingCode.SENDER_UNKNOWN in found(settled)
    assert [each.agent for each in settled.outbox] == ["vpcp"]


def test_nobody_sends_for_another_agency(desk: Desk) -> None:
    settled = desk.send(desk.signed(a_document()), agent="nghean")
    assert found(settled) == (FindingCode.SENDER_AGENT,)
    assert settled.message.agent == "nghean"


def test_a_good_signature_of_another_organ_is_refused(desk: Desk) -> None:
    settled = desk.send(desk.signed(a_document(), key=desk.keys[H41]))
    assert found(settled) == (FindingCode.SENDER_CERTIFICATE,)


def test_a_forged_document_is_refused_and_found_again_by_its_number(desk: Desk) -> None:
    forged = desk.signed(a_document()).replace(b"<edXML:OrganId>" + H41.encode(), b"<edXML:OrganId>000.00.00.X01")
    settled = desk.send(forged)
    assert FindingCode.SIGNATURE_DIGEST in found(settled)
    assert FindingCode.RECIPIENT_UNKNOWN in found(settled)
    assert [each.id for each in desk.store.find("7816")] == [settled.message.id]


def test_a_submission_with_anothers_routing_key_is_the_speakers_and_leaves_the_others_ids_alone(desk: Desk) -> None:
    body = desk.signed(a_document())
    intruder = replace(desk.submission(body, agent="vpcp"), user_id="nghean")
    honest = replace(intruder, user_id="vpcp")
    refused, accepted = desk.settle(intruder, honest)
    assert FindingCode.TRANSPORT_IDENTITY in found(refused)
    assert (refused.message.agent, [each.agent for each in refused.outbox]) == ("nghean", ["nghean"])
    assert accepted.message.state is MessageState.ACCEPTED


def test_an_unknown_agent_gets_no_receipt_but_leaves_a_record(desk: Desk) -> None:
    settled = desk.send(desk.signed(a_document()), agent="ma")
    assert FindingCode.TRANSPORT_IDENTITY in found(settled)
    assert settled.outbox == ()
    assert desk.events(settled.message) == ["message.refused"]


def test_urgency_is_the_documents_own_whatever_lane_it_came_by(desk: Desk) -> None:
    urgent = desk.accept(a_document(other_info=OtherInfo(priority=3)))
    assert {each.urgency for each in desk.store.legs_of(urgent.id)} == {Urgency.URGENT}
    jumped = desk.submission(a_document(document_id="khac"), urgency=Urgency.URGENT)
    assert desk.settle(jumped)[0].message.urgency is Urgency.NORMAL
    status = desk.send(says("03"))
    assert {each.urgency for each in status.outbox} == {Urgency.URGENT}


# ── Once, twice ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_content_in_another_submission_is_a_duplicate_and_nobody_gets_it_twice(desk: Desk) -> None:
    first = desk.accept(a_document())
    again = desk.send(a_document())
    assert again.message.duplicate_of == first.id
    assert [each.agent for each in again.outbox] == ["vpcp"]
    receipt = receipt_in(again.outbox)
    assert (receipt.kind.value, receipt.duplicate, len(receipt.legs)) == ("accepted", True, 2)
    assert dict(receipt.findings[0].facts)["first"] == first.id
    third = desk.send(a_document())
    assert third.message.duplicate_of == first.id


def test_the_same_content_twice_in_one_batch_is_delivered_once(desk: Desk) -> None:
    first, second = desk.settle(desk.submission(a_document()), desk.submission(a_document()))
    assert second.message.duplicate_of == first.message.id


def test_a_resend_after_a_refusal_is_no_duplicate(desk: Desk) -> None:
    refused = desk.send(to("000.00.00.H77"))
    assert refused.message.state is MessageState.REFUSED
    desk.store.put_organs([replace(desk.store.registry().organs[H41], code="000.00.00.H77")])
    again = desk.send(to("000.00.00.H77"))
    assert again.message.state is MessageState.ACCEPTED
    assert again.message.duplicate_of == ""


def test_other_content_under_a_used_document_id_is_refused(desk: Desk) -> None:
    desk.accept(a_document())
    settled = desk.send(a_document(subject="Khác"))
    assert found(settled) == (FindingCode.DOCUMENT_ID_CONFLICT,)


def test_two_bodies_may_use_the_same_document_id(desk: Desk) -> None:
    desk.accept(a_document())
    passed_on = replace(to(H14), sender=an_organ(H41))
    assert desk.send(passed_on).message.state is MessageState.ACCEPTED


# ── Revocation, update, replacement ─────────────────────────────────────────────────────────────────────────────────

NAMED: Final[dict[BussinessDocType, dict[str, Any]]] = {
    BussinessDocType.REVOKE: {"response_for": (ResponseFor(organ_id=SENDER, document_id=DOCUMENT_ID),)},
    BussinessDocType.UPDATE: {"document_id": DOCUMENT_ID},
    BussinessDocType.REPLACE: {"replacement_info_list": (ReplacementInfo(document_id=DOCUMENT_ID),)},
}
KINDS = list(NAMED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_ones_own_document_is_delivered_and_asks_the_common_recipients(
    desk: Desk, kind: BussinessDocType
) -> None:
    original = desk.accept(a_document())
    changed = desk.accept(change(kind, H41, **NAMED[kind]))
    assert changed.about == original.id
    assert desk.leg(original, H41).recall is RecallState.REQUESTED
    assert desk.leg(original, H14).recall is RecallState.NONE
    assert "leg.recall" in desk.events(original)
    assert [each.recipient for each in desk.store.legs_of(changed.id)] == [H41]


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_may_carry_the_document_id_of_its_original(desk: Desk, kind: BussinessDocType) -> None:
    original = desk.accept(a_document())
    changed = desk.accept(change(kind, own_id=DOCUMENT_ID))
    assert changed.about == original.id


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_in_the_same_batch_finds_its_original(desk: Desk, kind: BussinessDocType) -> None:
    first, second = desk.settle(desk.submission(a_document()), desk.submission(change(kind, **NAMED[kind])))
    assert second.message.about == first.message.id
    assert desk.leg(first.message, H41).recall is RecallState.REQUESTED


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_names_nothing_is_refused(desk: Desk, kind: BussinessDocType) -> None:
    assert found(desk.send(change(kind))) == (FindingCode.DOCUMENT_NAMES_NOTHING,)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_an_unknown_document_is_refused(desk: Desk, kind: BussinessDocType) -> None:
    assert found(desk.send(change(kind, **NAMED[kind]))) == (FindingCode.DOCUMENT_UNKNOWN_ORIGINAL,)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_anothers_document_is_refused(desk: Desk, kind: BussinessDocType) -> None:
    desk.accept(a_document())
    foreign = replace(change(kind, H14, **NAMED[kind]), sender=an_organ(H41))
    assert FindingCode.DOCUMENT_NOT_OWNER in found(desk.send(foreign))


def test_a_replacement_asks_only_the_receivers_it_is_meant_for(desk: Desk) -> None:
    original = desk.accept(a_document())
    listed = (ReplacementInfo(document_id=DOCUMENT_ID, organ_id_list=(H14,)),)
    desk.accept(change(BussinessDocType.REPLACE, replacement_info_list=listed))
    assert [each.recall for each in desk.store.legs_of(original.id)] == [RecallState.NONE, RecallState.REQUESTED]


def test_a_revocation_may_name_its_original_by_code_and_date(desk: Desk) -> None:
    original = desk.accept(a_document())
    date = a_document().promulgation_info.promulgation_date
    named = (ResponseFor(organ_id=SENDER, code="7816/VPCP-TTĐT", promulgation_date=date, document_id="khong-khop"),)
    assert desk.accept(change(BussinessDocType.REVOKE, response_for=named)).about == original.id


# ── Statuses ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_status_goes_to_the_sender_and_moves_the_leg(desk: Desk) -> None:
    original = desk.accept(a_document())
    settled = desk.send(says("03"))
    assert settled.message.about == original.id
    assert [(each.recipient, each.agent) for each in settled.outbox if each.recipient] == [(SENDER, "vpcp")]
    assert desk.leg(original, H41).status == "03"
    assert desk.leg(original, H14).status == ""
    (said,) = desk.store.statuses_of([desk.leg(original, H41).id])
    assert (said.code, said.sender, said.message_id) == ("03", H41, settled.message.id)


def test_a_document_and_its_statuses_may_come_in_one_batch(desk: Desk) -> None:
    sent = [desk.submission(each) for each in (a_document(), says("01"), says("03"), says("05"), says("01", by=H14))]
    settled = desk.settle(*sent)
    assert [each.message.state for each in settled] == [MessageState.ACCEPTED] * 5
    assert [each.status for each in desk.store.legs_of(settled[0].message.id)] == ["05", "01"]


def test_statuses_of_one_leg_in_one_batch_move_it_once(desk: Desk) -> None:
    original = desk.accept(a_document())
    desk.settle(*(desk.submission(says(code)) for code in ("06", "01", "04")))
    leg = desk.leg(original, H41)
    assert (leg.status, leg.version) == ("06", 1)


def test_a_repeated_status_is_passed_on_and_the_leg_stays(desk: Desk) -> None:
    original = desk.accept(a_document())
    desk.accept(says("05"))
    again = desk.send(says("03", description="gửi lại"))
    assert again.message.state is MessageState.ACCEPTED
    assert [each.recipient for each in again.outbox if each.recipient] == [SENDER]
    assert desk.leg(original, H41).status == "05"


def test_the_very_same_status_is_a_duplicate(desk: Desk) -> None:
    desk.accept(a_document())
    first = desk.accept(says("05"))
    assert desk.send(says("05")).message.duplicate_of == first.id


def test_a_status_finds_its_document_by_code_and_date_when_the_document_id_differs(desk: Desk) -> None:
    original = desk.accept(a_document())
    about = replace(a_status().response_for, document_id="khac")
    assert desk.accept(says("03", response_for=about)).about == original.id
    other_day = replace(about, promulgation_date=None, code="7816/KHAC")
    assert found(desk.send(says("04", response_for=other_day))) == (FindingCode.DOCUMENT_UNKNOWN_ORIGINAL,)


def test_a_status_about_nothing_known_is_refused(desk: Desk) -> None:
    assert found(desk.send(says("03"))) == (FindingCode.DOCUMENT_UNKNOWN_ORIGINAL,)


def test_only_a_recipient_tells_how_it_handles_a_document(desk: Desk) -> None:
    desk.accept(to(H41))
    assert found(desk.send(says("03", by=H14))) == (FindingCode.STATUS_NOT_RECIPIENT,)
    assert found(desk.send(says("03", by=SENDER, to_organ=H41))) == (FindingCode.STATUS_NOT_RECIPIENT,)


def test_only_the_original_sender_asks_for_a_recall(desk: Desk) -> None:
    original = desk.accept(a_document())
    assert FindingCode.STATUS_NOT_SENDER in found(desk.send(says("13", by=H41, to_organ=H14)))
    assert FindingCode.STATUS_NOT_SENDER in found(desk.send(says("13", by=H41)))
    settled = desk.send(says("13", by=SENDER, to_organ=H41))
    assert [each.recipient for each in settled.outbox if each.recipient] == [H41]
    assert desk.leg(original, H41).recall is RecallState.REQUESTED


def test_a_recall_towards_somebody_who_never_got_the_document_is_refused(desk: Desk) -> None:
    desk.accept(to(H41))
    assert found(desk.send(says("13", by=SENDER, to_organ=H14))) == (FindingCode.STATUS_NOT_RECIPIENT,)


@pytest.mark.parametrize(("code", "state"), [("15", RecallState.ACCEPTED), ("16", RecallState.REFUSED)])
def test_a_recall_is_answered(desk: Desk, code: str, state: RecallState) -> None:
    original = desk.accept(a_document())
    assert found(desk.send(says(code))) == (FindingCode.STATUS_ILLEGAL,)
    desk.accept(says("13", by=SENDER, to_organ=H41))
    desk.accept(says(code, description="trả lời"))
    assert desk.leg(original, H41).recall is state


def test_an_answer_that_names_the_change_answers_for_the_original_too(desk: Desk) -> None:
    original = desk.accept(a_document())
    changed = desk.accept(change(BussinessDocType.UPDATE, **NAMED[BussinessDocType.UPDATE]))
    about = ResponseFor(organ_id=SENDER, code="khac", document_id=changed.document_id)
    desk.accept(says("15", response_for=about))
    assert desk.leg(original, H41).recall is RecallState.ACCEPTED
    assert desk.leg(changed, H41).recall is RecallState.ACCEPTED
    assert desk.leg(original, H14).recall is RecallState.REQUESTED


def test_a_document_id_that_an_update_shares_means_both(desk: Desk) -> None:
    original = desk.accept(a_document())
    desk.accept(says("06"))
    changed = desk.accept(change(BussinessDocType.UPDATE, own_id=DOCUMENT_ID))
    desk.accept(says("01"))
    assert (desk.leg(original, H41).status, desk.leg(changed, H41).status) == ("06", "01")


def test_a_contradiction_is_refused_and_the_first_word_stands(desk: Desk) -> None:
    original = desk.accept(a_document())
    desk.accept(says("02", description="Sai nơi nhận"))
    settled = desk.send(says("03"))
    assert found(settled) == (FindingCode.STATUS_ILLEGAL,)
    leg = desk.leg(original, H41)
    assert (leg.status, leg.reason) == ("02", "Sai nơi nhận")


@pytest.mark.parametrize(("code", "by", "to_organ"), [("02", H41, SENDER), ("13", SENDER, H41)])
def test_a_reason_left_out_is_asked_for(desk: Desk, code: str, by: str, to_organ: str) -> None:
    desk.accept(a_document())
    settled = desk.send(says(code, by=by, to_organ=to_organ, description=""))
    assert FindingCode.STATUS_REASON in found(settled)
    assert settled.message.state is MessageState.REFUSED
