"""Receipts: the hub's word to the submitting agent, from a record to the bytes that travel."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from edxml_schemas.receipts import Receipt, ReceiptKind, ReceiptLeg, encode_receipt
from router.core.ids import outbox_id_of
from router.core.records import Leg, MessageRecord, MessageState

_NO_DIGEST: Final = "0" * 64
"""On the receipt of a message that stated no digest and brought no bytes."""


def receipt_for(
    message: MessageRecord, legs: Iterable[Leg], *, kind: ReceiptKind, receipt_id: str, decided_at: datetime
) -> Receipt:
    """A receipt about a message; `legs` are those it speaks of."""
    return Receipt(
        receipt_id=receipt_id,
        kind=kind,
        message_id=message.id,
        submission_id=message.submission_id,
        message_type=message.type,
        document_id=message.document_id,
        sender=message.sender,
        digest=message.digest or _NO_DIGEST,
        size=message.size,
        received_at=message.received_at,
        decided_at=decided_at,
        duplicate=bool(message.duplicate_of),
        legs=tuple(ReceiptLeg(recipient=each.recipient, leg_id=each.id) for each in legs),
        findings=message.findings,
    )


def verdict_receipt(message: MessageRecord, legs: Iterable[Leg]) -> tuple[str, bytes]:
    """Id and bytes of the receipt that answers a submission: accepted or refused, with every finding.

    There is one per submission, so the id follows from the message's.
    """
    receipt_id = outbox_id_of("receipt", message.id)
    kind = ReceiptKind.REFUSED if message.state is MessageState.REFUSED else ReceiptKind.ACCEPTED
    receipt = receipt_for(message, legs, kind=kind, receipt_id=receipt_id, decided_at=message.decided_at)
    return receipt_id, encode_receipt(receipt)


def leg_receipt(message: MessageRecord, leg: Leg, *, kind: ReceiptKind, at: datetime) -> tuple[str, bytes]:
    """Id and bytes of a receipt about one leg: delivered, or not delivered in time. One per leg and kind."""
    receipt_id = outbox_id_of(kind.value, leg.id)
    return receipt_id, encode_receipt(receipt_for(message, (leg,), kind=kind, receipt_id=receipt_id, decided_at=at))
