"""Batches in one transaction: durable bytes first, each other's effects, redelivery, deferral."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edxml_schemas.catalogue import explain
from edxml_schemas.contract import CLAIM_THRESHOLD, Urgency
from edxml_schemas.findings import FindingCode
from edxml_schemas.receipts import Receipt, decode_receipt
from router.adapters.memory_payloads import MemoryPayloads
from router.core.events import EVENTS
from router.core.policy import Policy
from router.core.records import MessageState, OutboxKind
from router.ports import PayloadUnavailable
from router.services.verdicts.ingest import Ingest
from router.services.verdicts.upkeep import Upkeep
from tests.support.envelopes import SENDER, a_document, a_status, envelope_bytes
from tests.support.hub_desk import H41, NOW, Desk, found, receipt_in


@pytest.fixture
def desk() -> Desk:
    return Desk()


def deferring(policy: Policy | None = None) -> Desk:
    """A hub whose revocation lists are out of reach."""
    desk = Desk(policy) if policy is not None else Desk()
    desk.trust.now_trusted = desk.material(())
    return desk


def retry(desk: Desk, minutes: float) -> Sequence[MessageState]:
    now = NOW + timedelta(minutes=minutes)
    with desk.store.begin() as tx:
        due = desk.upkeep.due(tx, now=now, limit=10)
    retried = [desk.upkeep.examine(each, now=now) for each in due]
    with desk.store.begin() as tx:
        return [each.message.state for each in desk.upkeep.settle(tx, retried, now=now)]


def test_the_bytes_that_came_are_the_bytes_that_go(desk: Desk) -> None:
    submission = desk.submission(a_document())
    (settled,) = desk.settle(submission)
    deliveries = [each for each in settled.outbox if each.kind is OutboxKind.DELIVERY]
    assert {desk.relay.load(each) for each in deliveries} == {submission.body}
    assert {each.digest for each in deliveries} == {submission.digest}


def test_payloads_of_a_batch_are_durable_at_once_and_before_the_records_that_name_them() -> None:
    desk = Desk()
    order: list[str] = []

    class Watched(MemoryPayloads):
        def append(self, envelopes: Sequence[bytes]) -> Sequence[str]:
            order.append(f"append {len(envelopes)}")
            assert desk.store.backlog().messages == {}
            return super().append(envelopes)

    desk.ingest = Ingest(Watched(), desk.trust)
    desk.settle(*(desk.submission(a_document(document_id=f"{SENDER},2026/09/30,{n}/X")) for n in range(3)))
    assert order == ["append 3"]


def test_answers_come_in_the_order_of_the_batch_although_urgent_ones_are_decided_first(desk: Desk) -> None:
    slow = desk.submission(a_document())
    fast = desk.submission(a_document(), urgency=Urgency.URGENT)
    first, second = desk.settle(slow, fast)
    assert first.message.submission_id == slow.submission_id
    assert first.message.duplicate_of == second.message.id


def test_a_redelivery_says_nothing_new(desk: Desk) -> None:
    submission = desk.submission(a_document())
    (first,) = desk.settle(submission)
    backlog, events = desk.store.backlog(), desk.events(first.message)
    (again,) = desk.settle(replace(submission, redelivered=True), now=NOW + timedelta(seconds=1))
    assert again.message == first.message
    assert again.outbox == ()
    assert (desk.store.backlog(), desk.events(first.message)) == (backlog, events)


def test_a_redelivery_in_the_same_batch_says_nothing_new(desk: Desk) -> None:
    submission = desk.submission(a_document())
    first, again = desk.settle(submission, submission)
    assert again.message == first.message
    assert (len(first.outbox), again.outbox) == (3, ())


def test_a_redelivery_of_a_refusal_or_deferral_says_nothing_new() -> None:
    for desk in (Desk(), deferring()):
        submission = desk.submission(a_document() if desk.trust.now_trusted.crls == () else b"<a/>")
        (first,) = desk.settle(submission)
        assert first.message.state is not MessageState.ACCEPTED
        (again,) = desk.settle(submission)
        assert (again.message, again.outbox) == (first.message, ())


def test_other_bytes_under_a_used_submission_id_are_left_aside_and_leave_an_event(desk: Desk) -> None:
    submission = desk.submission(a_document())
    other = desk.submission(a_document(document_id=f"{SENDER},2026/09/30,2/X"), submission_id=submission.submission_id)
    first, second = desk.settle(submission, other)
    assert second.message == first.message
    assert [each.name for each in second.events] == ["submission.id-reused"]
    assert desk.payloads.read(first.message.payload) == submission.body


def test_refused_envelopes_are_kept_as_evidence_up_to_a_size() -> None:
    body = envelope_bytes(a_document())
    kept = Desk(Policy(keep_refused_bytes=len(body)))
    assert kept.payloads.read(kept.send(body).message.payload) == body
    dropped = Desk(Policy(keep_refused_bytes=len(body) - 1))
    refused = dropped.send(body).message
    assert (refused.state, refused.payload) == (MessageState.REFUSED, "")


def test_a_refusal_names_everything_on_its_receipt_in_both_languages(desk: Desk) -> None:
    settled = desk.send(envelope_bytes(a_document()).replace(b"Priority>0<", b"Priority>9<"))
    (item,) = settled.outbox
    receipt = decode_receipt(item.body)
    assert isinstance(receipt, Receipt)
    assert receipt.kind.value == "refused"
    assert {FindingCode.SCHEMA_BAD_VALUE, FindingCode.SIGNATURE_MISSING} <= {each.code for each in receipt.findings}
    for told in map(explain, settled.message.findings):
        assert escape(told.message_vi, quote=False).encode() in item.body
        assert escape(told.remedy_en, quote=False).encode() in item.body
    assert item.digest == hashlib.sha256(item.body).hexdigest()


@pytest.mark.parametrize("digest", ["", "khong phai", "A" * 64, "0" * 64])
def test_a_claim_without_bytes_gets_a_readable_refusal(desk: Desk, digest: str) -> None:
    settled = desk.settle(replace(desk.submission(b"x"), body=None, digest=digest, size=2 * CLAIM_THRESHOLD))[0]
    assert FindingCode.TRANSPORT_CLAIM in found(settled)
    assert receipt_in(settled.outbox).kind.value == "refused"


def test_a_claimed_envelope_goes_on_as_a_claim(desk: Desk) -> None:
    submission = desk.submission(a_document())
    assert submission.body is not None
    reference = desk.payloads.put_blob([submission.body], digest=submission.digest, limit=2**20)
    (settled,) = desk.settle(replace(submission, body=None))
    deliveries = [each for each in settled.outbox if each.kind is OutboxKind.DELIVERY]
    assert {(each.claim, each.payload, each.size) for each in deliveries} == {(True, reference, submission.size)}
    assert desk.relay.load(deliveries[0]) == b""


def test_a_blob_that_cannot_be_read_now_is_no_fault_of_the_sender(desk: Desk) -> None:
    submission = desk.submission(a_document())

    class Away(MemoryPayloads):
        def read(self, reference: str) -> bytes:
            raise PayloadUnavailable(reference)

        def claim(self, digest: str, size: int) -> str | None:
            return f"blob:{digest}" if size else None

    with pytest.raises(PayloadUnavailable):
        Ingest(Away(), desk.trust).examine(replace(submission, body=None))


def test_unknown_trust_is_deferred_without_a_receipt_and_the_bytes_are_kept() -> None:
    desk = deferring()
    submission = desk.submission(a_document())
    (settled,) = desk.settle(submission)
    message = settled.message
    assert (message.state, settled.outbox) == (MessageState.DEFERRED, ())
    assert message.retry_at == NOW + desk.policy.defer_first
    assert found(settled) == (FindingCode.TRUST_REVOCATION_UNKNOWN,)
    assert desk.payloads.read(message.payload) == submission.body
    assert desk.events(message) == ["message.deferred"]
    assert desk.store.legs_of(message.id) == ()


def test_a_deferred_document_is_accepted_once_the_list_is_there() -> None:
    desk = deferring()
    message = desk.send(a_document()).message
    assert retry(desk, 0.5) == []
    desk.trust.now_trusted = desk.material(desk.pki.crls())
    assert retry(desk, 1) == [MessageState.ACCEPTED]
    decided = desk.store.message(message.id)
    assert decided is not None
    assert (decided.attempts, decided.retry_at, decided.findings) == (2, None, ())
    assert len(desk.store.legs_of(message.id)) == 2
    assert retry(desk, 100) == []


def test_a_deferred_document_whose_certificate_turns_out_revoked_is_refused() -> None:
    desk = deferring()
    desk.send(a_document())
    desk.pki.revoke(desk.keys[SENDER], NOW - timedelta(hours=1))
    desk.trust.now_trusted = desk.material(desk.pki.crls())
    assert retry(desk, 1) == [MessageState.REFUSED]


def test_pauses_grow_and_end_in_a_refusal_that_says_why() -> None:
    desk = deferring(Policy(defer_first=timedelta(minutes=1), defer_for=timedelta(minutes=10)))
    message = desk.send(a_document()).message
    assert retry(desk, 1) == [MessageState.DEFERRED]
    assert retry(desk, 2) == []
    assert retry(desk, 3) == [MessageState.DEFERRED]
    assert retry(desk, 11) == [MessageState.REFUSED]
    refused = desk.store.message(message.id)
    assert refused is not None
    assert {each.code for each in refused.findings} == {FindingCode.TRUST_REVOCATION_UNKNOWN}
    assert refused.attempts == 4


def test_a_fault_beside_an_open_question_refuses_at_once() -> None:
    desk = deferring()
    settled = desk.send(desk.signed(a_document()), agent="nghean")
    assert settled.message.state is MessageState.REFUSED
    assert set(found(settled)) == {FindingCode.SENDER_AGENT, FindingCode.TRUST_REVOCATION_UNKNOWN}


def test_a_deferred_document_whose_bytes_are_away_waits_and_does_not_hold_up_others() -> None:
    desk = deferring(Policy(defer_for=timedelta(minutes=10)))
    lost = desk.send(a_document()).message
    desk.send(a_document(document_id=f"{SENDER},2026/09/30,2/X"))
    desk.trust.now_trusted = desk.material(desk.pki.crls())

    class Gap(MemoryPayloads):
        def read(self, reference: str) -> bytes:
            if reference == lost.payload:
                raise PayloadUnavailable(reference)
            return desk.payloads.read(reference)

    desk.upkeep = Upkeep(desk.ingest, Gap())
    assert retry(desk, 1) == [MessageState.ACCEPTED]
    assert retry(desk, 30) == [MessageState.REFUSED]
    record = desk.store.message(lost.id)
    assert record is not None
    assert FindingCode.HUB_FAILURE in {each.code for each in record.findings}


def test_two_workers_that_take_up_the_same_verdict_settle_it_once() -> None:
    desk = deferring()
    message = desk.send(a_document()).message
    desk.trust.now_trusted = desk.material(desk.pki.crls())
    later = NOW + timedelta(minutes=1)
    with desk.store.begin() as tx:
        due = desk.upkeep.due(tx, now=later, limit=10)
    first, second = ([desk.upkeep.examine(each, now=later) for each in due] for _ in range(2))
    with desk.store.begin() as tx:
        assert [bool(each.outbox) for each in desk.upkeep.settle(tx, first, now=later)] == [True]
    with desk.store.begin() as tx:
        assert [each.outbox for each in desk.upkeep.settle(tx, second, now=later)] == [()]
    assert desk.events(message).count("message.accepted") == 1


def test_accepted_content_sent_again_while_the_revocation_list_is_away_is_a_duplicate(desk: Desk) -> None:
    first = desk.accept(a_document())
    desk.trust.now_trusted = desk.material(())
    again = desk.send(a_document())
    assert (again.message.state, again.message.duplicate_of) == (MessageState.ACCEPTED, first.id)
    assert found(again) == (FindingCode.DOCUMENT_DUPLICATE,)
    assert retry(desk, 60 * 24 * 4) == []


def test_a_transaction_that_fails_leaves_nothing_and_may_be_run_again(desk: Desk) -> None:
    examined = [desk.ingest.examine(desk.submission(a_document()))]

    def fail_after_writing() -> None:
        with desk.store.begin() as tx:
            desk.ingest.settle(tx, examined, now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_writing()
    assert desk.store.backlog().messages == {}
    assert desk.settle_examined(examined)[0].message.state is MessageState.ACCEPTED


def test_every_event_is_in_the_catalogue_with_the_facts_it_announces(desk: Desk) -> None:
    desk.settle(
        *(desk.submission(each) for each in (a_document(), a_document(), a_status())),
        desk.submission(b"<a/>"),
    )
    for message in desk.store.find(SENDER):
        for event in desk.store.events_of(message.id):
            assert set(event.facts) <= set(EVENTS[event.name].facts)


def test_a_batch_of_nothing_is_nothing(desk: Desk) -> None:
    assert list(desk.settle()) == []


WHOLE = Desk()
"""For properties: making keys for every example would cost more than the example."""
SIGNED = WHOLE.signed(a_document())
CONTENT_DIGEST = WHOLE.accept(SIGNED).content_digest


@settings(max_examples=60, deadline=None)
@given(body=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode(errors="replace"))))
def test_whatever_bytes_come_there_is_a_verdict_and_a_readable_receipt(body: bytes) -> None:
    settled = WHOLE.send(body)
    assert settled.message.state is MessageState.REFUSED
    assert receipt_in(settled.outbox).kind.value == "refused"


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(SIGNED) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_never_delivers_anything_else_than_was_signed(place: int, byte: int) -> None:
    body = SIGNED[:place] + bytes([byte]) + SIGNED[place + 1 :]
    settled = WHOLE.send(body)
    receipt = receipt_in(settled.outbox)
    if settled.message.state is MessageState.ACCEPTED:
        assert settled.message.content_digest == CONTENT_DIGEST
    else:
        assert receipt.kind.value == "refused"


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_statuses_converge_through_the_hub_in_any_order_repetition_and_batching(data: st.DataObject) -> None:
    desk = Desk()
    document = desk.accept(a_document())
    codes_said = ["01", "03", "04", "05", "06"]
    order = data.draw(st.permutations([*codes_said, *data.draw(st.lists(st.sampled_from(codes_said), max_size=4))]))
    cut = data.draw(st.integers(0, len(order)))
    for batch in (order[:cut], order[cut:]):
        settled = desk.settle(*(desk.submission(a_status(status_code=code)) for code in batch))
        assert {each.message.state for each in settled} <= {MessageState.ACCEPTED}
    assert desk.leg(document, H41).status == "06"
