"""Once, exactly: whatever is repeated, lost or sent again, every inbox has a document once, and the sender knows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from edxml_schemas.findings import FindingCode
from edxml_schemas.model import Document
from edxml_schemas.receipts import Receipt, ReceiptKind, decode_receipt
from router.core.holds import Hold, HoldKind
from router.core.records import LegState, MessageState, OutboxItem, OutboxKind
from router.core.registry import OrganState
from tests.support.envelopes import SENDER, a_document, an_organ
from tests.support.hub_desk import G17, H14, H41, LOCKED, NOW, Desk, found, receipt_in

MINUTE = timedelta(minutes=1)
RECIPIENTS = (H41, H14)


@dataclass(slots=True)
class Inboxes:
    """The spools of all agents: a leg that came before is not kept again, as the agents' spool does it."""

    desk: Desk
    came: list[tuple[str, str, bytes]] = field(default_factory=list)
    kept: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)

    def take(self, items: Sequence[OutboxItem]) -> None:
        """What the broker puts into inboxes. It says nothing to the hub: that is for the test to do, or to lose."""
        for item in items:
            if item.kind is OutboxKind.RECEIPT:
                receipt = decode_receipt(self.desk.relay.load(item))
                assert isinstance(receipt, Receipt), receipt
                self.receipts.append(receipt)
                continue
            body = self.desk.relay.load(item)
            self.came.append((item.recipient, item.leg_id, body))
            self.kept.setdefault(item.leg_id, (item.recipient, body))

    def documents(self) -> Counter[tuple[str, bytes]]:
        """How often each recipient has each document in the end."""
        return Counter(self.kept.values())

    def kinds(self, submission_id: str) -> list[ReceiptKind]:
        return [each.kind for each in self.receipts if each.submission_id == submission_id]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def inboxes(desk: Desk) -> Inboxes:
    return Inboxes(desk)


def one_each(body: bytes, recipients: Sequence[str] = RECIPIENTS) -> Counter[tuple[str, bytes]]:
    return Counter((each, body) for each in recipients)


def to(*organs: str, **changes: object) -> Document:
    return a_document(recipients=tuple(an_organ(each) for each in organs), **changes)


def drain(desk: Desk, inboxes: Inboxes, *, now: datetime) -> None:
    """A worker's looks at the outbox, until nothing is due."""
    while items := desk.lease(now=now):
        while items:
            inboxes.take(items)
            items = desk.confirm(items, now=now)


# ── The same submission again ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("together", [True, False])
def test_the_same_submission_ten_times_is_one_document_in_each_inbox(
    desk: Desk, inboxes: Inboxes, together: bool
) -> None:
    submission = desk.submission(a_document())
    again = [submission, *(replace(submission, redelivered=number % 2 == 0) for number in range(9))]
    batches = [again] if together else [[each] for each in again]
    settled = [each for batch in batches for each in desk.settle(*batch)]
    for each in settled:
        inboxes.take(each.outbox)
    assert len({each.message.id for each in settled}) == 1
    assert inboxes.documents() == one_each(submission.body or b"")
    assert len(inboxes.came) == len(RECIPIENTS)
    assert inboxes.kinds(submission.submission_id) == [ReceiptKind.ACCEPTED]


@pytest.mark.parametrize("together", [True, False])
def test_the_same_content_under_ten_ids_is_one_document_in_each_inbox_and_ten_receipts(
    desk: Desk, inboxes: Inboxes, together: bool
) -> None:
    body = desk.signed(a_document())
    submissions = [desk.submission(body) for _ in range(10)]
    batches = [submissions] if together else [[each] for each in submissions]
    settled = [each for batch in batches for each in desk.settle(*batch)]
    for each in settled:
        inboxes.take(each.outbox)
    assert {each.message.state for each in settled} == {MessageState.ACCEPTED}
    assert inboxes.documents() == one_each(body)
    assert len(inboxes.came) == len(RECIPIENTS)
    assert [each.duplicate for each in inboxes.receipts] == [False] + [True] * 9
    first, *rest = inboxes.receipts
    for receipt in rest:
        assert receipt.kind is ReceiptKind.ACCEPTED
        (told,) = receipt.findings
        assert (told.code, dict(told.facts)["first"]) == (FindingCode.DOCUMENT_DUPLICATE, first.message_id)
        assert [each.leg_id for each in receipt.legs] == [each.leg_id for each in first.legs]


def test_the_same_content_signed_anew_is_the_same_document(desk: Desk, inboxes: Inboxes) -> None:
    renewed = desk.pki.issue("Văn phòng Chính phủ, chứng thư mới")
    desk.bind(SENDER, renewed)
    bodies = [desk.signed(a_document(), key=key) for key in (desk.keys[SENDER], renewed)]
    assert bodies[0] != bodies[1]
    for body in bodies:
        inboxes.take(desk.send(body).outbox)
    assert inboxes.documents() == one_each(bodies[0])


def test_a_duplicate_is_told_so_whatever_became_of_the_first_since(desk: Desk, inboxes: Inboxes) -> None:
    first = desk.send(a_document())
    inboxes.take(first.outbox)
    desk.confirm(first.outbox)
    for recipient in RECIPIENTS:
        desk.report(desk.leg(first.message, recipient))
    again = desk.send(a_document(), now=NOW + 30 * MINUTE)
    assert receipt_in(again.outbox).duplicate
    assert [each.kind for each in again.outbox] == [OutboxKind.RECEIPT]
    assert {each.state for each in desk.store.legs_of(first.message.id)} == {LegState.DELIVERED}


# ── Lost words ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_answer_to_the_broker_brings_the_submission_again_and_changes_nothing(
    desk: Desk, inboxes: Inboxes
) -> None:
    submission = desk.submission(a_document())
    (first,) = desk.settle(submission)
    inboxes.take(first.outbox)
    desk.confirm(first.outbox)
    for number in range(3):
        (again,) = desk.settle(replace(submission, redelivered=True), now=NOW + number * MINUTE)
        assert (again.message, again.outbox) == (first.message, ())
    drain(desk, inboxes, now=NOW + 30 * MINUTE)
    assert inboxes.documents() == one_each(submission.body or b"")


def test_lost_confirms_bring_the_deliveries_again_and_each_inbox_keeps_one(desk: Desk, inboxes: Inboxes) -> None:
    settled = desk.send(a_document())
    inboxes.take(settled.outbox)
    for number in range(1, 5):
        inboxes.take(desk.lease(now=NOW + 2 * number * MINUTE))
    assert len(inboxes.came) == 5 * len(RECIPIENTS)
    drain(desk, inboxes, now=NOW + 30 * MINUTE)
    assert inboxes.documents() == one_each(desk.payloads.read(settled.message.payload))
    assert desk.store.backlog().outbox == 0
    assert desk.events(settled.message).count("leg.handed-over") == len(RECIPIENTS)


def test_a_lost_report_is_said_again_and_the_sender_is_told_once(desk: Desk) -> None:
    settled = desk.send(to(H41))
    desk.confirm(settled.outbox)
    leg = desk.leg(settled.message, H41)
    receipts = [desk.report(leg, now=NOW + number * MINUTE) for number in range(3)]
    assert [len(each) for each in receipts] == [1, 0, 0]
    assert desk.events(settled.message).count("leg.delivered") == 1


def test_a_worker_that_died_after_the_commit_leaves_everything_to_the_next_one(desk: Desk, inboxes: Inboxes) -> None:
    settled = desk.send(a_document())  # and nobody publishes it
    with desk.store.begin() as tx:
        assert tx.free_leases(now=NOW) == len(settled.outbox)
    drain(desk, inboxes, now=NOW)
    assert inboxes.documents() == one_each(desk.payloads.read(settled.message.payload))
    assert inboxes.kinds(settled.message.submission_id)[0] is ReceiptKind.ACCEPTED


# ── A lawful second try ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_refused_is_accepted_once_it_is_mended(desk: Desk, inboxes: Inboxes) -> None:
    document = to(H41, LOCKED)
    body = desk.signed(document)
    for _ in range(2):
        refused = desk.send(body)
        assert (refused.message.state, found(refused)) == (MessageState.REFUSED, (FindingCode.RECIPIENT_LOCKED,))
        inboxes.take(refused.outbox)
    assert inboxes.documents() == Counter()
    desk.store.put_organs([replace(desk.store.registry().organs[LOCKED], state=OrganState.ACTIVE)])
    accepted = desk.send(body)
    assert (accepted.message.state, accepted.message.duplicate_of) == (MessageState.ACCEPTED, "")
    inboxes.take(accepted.outbox)
    assert inboxes.documents() == one_each(body, (H41, LOCKED))


def test_a_refused_document_may_come_again_with_other_content_under_its_document_id(desk: Desk) -> None:
    assert desk.send(to(LOCKED)).message.state is MessageState.REFUSED
    assert desk.send(to(H41)).message.state is MessageState.ACCEPTED


def test_a_resend_after_a_parked_delivery_brings_the_document_to_who_lacks_it_and_to_nobody_twice(
    desk: Desk, inboxes: Inboxes
) -> None:
    first = desk.send(a_document())
    body = desk.payloads.read(first.message.payload)
    to_h14 = [each for each in first.outbox if each.recipient == H14]
    inboxes.take(to_h14)
    desk.confirm(to_h14)
    desk.report(desk.leg(first.message, H14))
    beyond = NOW + desk.policy.clocks.normal.deliver_within
    inboxes.take(desk.lease(now=beyond))
    assert ReceiptKind.NOT_DELIVERED in inboxes.kinds(first.message.submission_id)
    assert inboxes.documents() == one_each(body, (H14,))
    for number in range(3):
        again = desk.send(a_document(), now=beyond + number * MINUTE)
        assert receipt_in(again.outbox).duplicate
        inboxes.take(again.outbox)
    assert inboxes.documents() == one_each(body)
    assert len(inboxes.came) == len(RECIPIENTS)


def test_a_late_report_of_a_parked_leg_and_a_resend_do_not_bring_it_twice(desk: Desk, inboxes: Inboxes) -> None:
    first = desk.send(to(H41))
    inboxes.take(first.outbox)  # it arrives, and every word about that is lost
    beyond = NOW + desk.policy.clocks.normal.deliver_within
    desk.lease(now=beyond)
    leg = desk.leg(first.message, H41)
    assert leg.state is LegState.PARKED
    desk.report(leg, now=beyond)
    again = desk.send(to(H41), now=beyond + MINUTE)
    inboxes.take(again.outbox)
    drain(desk, inboxes, now=beyond + 30 * MINUTE)
    assert desk.leg(first.message, H41).state is LegState.DELIVERED
    assert inboxes.documents() == one_each(desk.payloads.read(first.message.payload), (H41,))
    assert len(inboxes.came) == 1


def test_a_resend_while_the_recipient_is_held_waits_with_the_first_and_arrives_once(
    desk: Desk, inboxes: Inboxes
) -> None:
    desk.store.put_hold(Hold(organ=H41, kind=HoldKind.HOLD, since=NOW, reason="bảo trì"))
    body = desk.signed(to(H41))
    for _ in range(3):
        inboxes.take(desk.send(body).outbox)
    assert inboxes.documents() == Counter()
    desk.store.drop_hold(H41)
    drain(desk, inboxes, now=NOW + 30 * MINUTE)
    assert inboxes.documents() == one_each(body, (H41,))
    assert len(inboxes.came) == 1


def test_a_document_that_was_forwarded_and_is_sent_to_the_other_organ_too_arrives_there_once_per_document(
    desk: Desk, inboxes: Inboxes
) -> None:
    desk.store.put_hold(Hold(organ=G17, kind=HoldKind.FORWARD, since=NOW, to=H41, reason="sáp nhập"))
    body = desk.signed(to(G17, H41, H14))
    for _ in range(2):
        inboxes.take(desk.send(body).outbox)
    assert inboxes.documents() == one_each(body)


# ── The same name for something else ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("together", [True, False])
def test_other_content_under_a_used_document_id_is_refused_with_a_code_of_its_own(
    desk: Desk, inboxes: Inboxes, together: bool
) -> None:
    first, other = desk.submission(a_document()), desk.submission(a_document(subject="Nội dung khác"))
    settled = desk.settle(first, other) if together else (*desk.settle(first), *desk.settle(other))
    for each in settled:
        inboxes.take(each.outbox)
    assert [each.message.state for each in settled] == [MessageState.ACCEPTED, MessageState.REFUSED]
    assert found(settled[1]) == (FindingCode.DOCUMENT_ID_CONFLICT,)
    assert inboxes.kinds(other.submission_id) == [ReceiptKind.REFUSED]
    assert inboxes.documents() == one_each(first.body or b"")


def test_other_bytes_under_a_used_submission_id_reach_nobody(desk: Desk, inboxes: Inboxes) -> None:
    first = desk.submission(a_document())
    other = desk.submission(a_document(document_id=f"{SENDER},2026/09/30,2/X"), submission_id=first.submission_id)
    for each in desk.settle(first, other):
        inboxes.take(each.outbox)
    assert inboxes.documents() == one_each(first.body or b"")
