"""Receipts: the hub's word to the submitting agent, from a record to the bytes that travel.

Words follow from records alone, and so do ids: whoever makes a receipt again gets the same bytes.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from edxml_schemas.findings import Findings
from edxml_schemas.receipts import VERDICTS, Receipt, ReceiptKind, ReceiptLeg, encode_receipt
from router.core.events import EventName
from router.core.ids import outbox_id_of
from router.core.records import Event, Leg, MessageRecord, MessageState
from router.core.traces import trace_of

_NO_DIGEST: Final = "0" * 64
"""On the receipt of a message that stated no digest and brought no bytes."""
_TOLD_OF: Final[Mapping[str, ReceiptKind]] = MappingProxyType(
    {
        EventName.LEG_HANDED_OVER.value: ReceiptKind.HANDED_OVER,
        EventName.LEG_DELIVERED.value: ReceiptKind.DELIVERED,
        EventName.LEG_PARKED.value: ReceiptKind.NOT_DELIVERED,
    }
)
"""Events of a leg, and the receipt that tells the sender of each."""


def receipt_words(
    message: MessageRecord,
    legs: Iterable[Leg | ReceiptLeg],
    *,
    kind: ReceiptKind,
    decided_at: datetime,
    trace: str | None = None,
) -> tuple[str, bytes]:
    """Id and unsigned bytes of the receipt of this kind about a message and these legs.

    accepted and refused speak of all legs, in their order, by the recipients that the sender named, at
    `message.decided_at`, with every finding and who vouched; the legs of a duplicate are those of the first message.
    There is one per submission, so its id follows from the message's. The others speak of one leg at the time of its
    event, and leave findings to the first receipt; there may be another of the same kind when a leg was sent once
    more, so the time is part of the id. `trace` is the trace id, that of the message's record when left out; empty for
    a receipt without one. Pure: the same records give the same bytes (`made_again`).
    """
    verdict = kind in VERDICTS
    spoken = tuple([each if isinstance(each, ReceiptLeg) else _spoken(each, verdict=verdict) for each in legs])
    findings: Findings = ()
    if verdict:
        receipt_id, findings = outbox_id_of("receipt", message.id), message.findings
    else:
        moment = decided_at.astimezone(UTC).isoformat()
        receipt_id = outbox_id_of(f"{kind.value}-{moment}", spoken[0].leg_id)
    receipt = Receipt(
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
        vouched=message.vouched if verdict else None,
        legs=spoken,
        findings=findings,
        trace_id=trace_of(message) if trace is None else trace,
    )
    return receipt_id, encode_receipt(receipt)


def spoken_leg(leg_id: str, *, recipient: str, named: str) -> ReceiptLeg:
    """A leg as a receipt about it speaks of it: `recipient` receives in place of `named`, when that is not empty."""
    if not named or named == recipient:
        return ReceiptLeg(recipient=recipient, leg_id=leg_id)
    return ReceiptLeg(recipient=named, leg_id=leg_id, forwarded_to=recipient)


def _spoken(leg: Leg, *, verdict: bool) -> ReceiptLeg:
    """A verdict names whom the sender named: who receives in its place may change while the leg is held."""
    if verdict:
        return ReceiptLeg(recipient=leg.forwarded_from or leg.recipient, leg_id=leg.id)
    return spoken_leg(leg.id, recipient=leg.recipient, named=leg.forwarded_from)


def made_again(
    message: MessageRecord, legs: Iterable[Leg], events: Iterable[Event], *, trace: str | None = None
) -> Mapping[str, bytes]:
    """All receipts that there may have been about a decided message, by id, in the words in which they were sent.

    `legs` are the message's; of a duplicate, those of the first message. `events` are the message's own, in any order:
    they tell when a leg was handed over, delivered or parked, and who received for it then. `trace` as in
    `receipt_words`: a hub of an earlier version wrote none.
    """
    known = {each.id: each for each in legs}
    verdict = verdict_of(message)
    made = [receipt_words(message, known.values(), kind=verdict, decided_at=message.decided_at, trace=trace)]
    for event in events:
        kind, leg = _TOLD_OF.get(event.name), known.get(event.leg_id)
        if kind is not None and leg is not None:
            then = spoken_leg(
                leg.id,
                recipient=event.facts.get("recipient", leg.recipient),
                named=leg.forwarded_from or leg.recipient,
            )
            made.append(receipt_words(message, (then,), kind=kind, decided_at=event.at, trace=trace))
    return dict(made)


def verdict_of(message: MessageRecord) -> ReceiptKind:
    """The kind of receipt that answers the submission of a decided message."""
    return ReceiptKind.REFUSED if message.state is MessageState.REFUSED else ReceiptKind.ACCEPTED


def told_by(words: bytes) -> tuple[str, str]:
    """Id and kind of a receipt in the bytes that `receipt_words` made."""
    return _leaf(words, b"ReceiptId"), _leaf(words, b"Kind")


def _leaf(words: bytes, name: bytes) -> str:
    return words.partition(b"<%b>" % name)[2].partition(b"<")[0].decode("utf-8")
