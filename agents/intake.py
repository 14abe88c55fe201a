"""What comes from the hub, made durable: documents with their status 01, statuses, receipts."""

from dataclasses import replace
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from structlog.typing import FilteringBoundLogger

from agents.errors import UsageFault
from agents.keys import Keyring
from agents.packaging import package, status_of, submission
from agents.ports import Clock, Incoming
from agents.settings import Settings
from agents.spool import Spool
from agents.spool.records import InboxItem, NewDelivery, NewSubmission, StoredReceipt
from edxml_schemas import codec
from edxml_schemas.contract import MessageType, unbundled, urgency_of
from edxml_schemas.model import Document, Envelope, StatusMessage
from edxml_schemas.receipts import Receipt, decode_receipt
from edxml_schemas.statuses import StatusCode


class Unreadable(Exception):
    """Receipts that are none: the message goes back to the broker and ends as a dead letter."""


def arrival_id(leg_id: str) -> str:
    """The submission id of the status 01 of a leg: the same however often it is written."""
    return str(uuid5(NAMESPACE_URL, f"urn:vn:truc-lien-thong:arrival:{leg_id}"))


class Intake:
    """Synchronous; call it in a thread. Every method is idempotent."""

    def __init__(
        self, settings: Settings, spool: Spool, *, keyring: Keyring, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._keyring = keyring
        self._clock = clock
        self._log = log

    def keep(self, incoming: Incoming, content: bytes) -> bool:
        """Durable on return; False when it was there already. `content` has the digest that `incoming` states."""
        if incoming.type is MessageType.RECEIPT:
            return self._keep_receipts(content)
        return self._keep_delivery(incoming, content)

    def _keep_receipts(self, content: bytes) -> bool:
        """All receipts of a message, or none of them."""
        arrived = []
        for body in unbundled(content) or ():
            receipt = decode_receipt(body)
            if not isinstance(receipt, Receipt):
                raise Unreadable("receipt")
            arrived.append(self._stored(receipt, body))
        if not arrived:
            raise Unreadable("receipt")
        kept = self._spool.add_receipts(arrived)
        for each in kept:
            self._log.info("receipt", submission=each.submission_id, kind=each.kind)
        return bool(kept)

    def _stored(self, receipt: Receipt, body: bytes) -> StoredReceipt:
        return StoredReceipt(
            receipt_id=receipt.receipt_id,
            submission_id=receipt.submission_id,
            kind=receipt.kind.value,
            duplicate=receipt.duplicate,
            body=body,
            received_at=self._clock.now(),
        )

    def _keep_delivery(self, incoming: Incoming, content: bytes) -> bool:
        decoded = codec.decode(content)
        envelope = decoded.envelope if isinstance(decoded, codec.Decoded) else None
        if envelope is None:
            # The hub let it pass; it is kept all the same, and people see that it is strange.
            self._log.error("delivery.unreadable", leg=incoming.leg_id)
        arrival = self._arrival(incoming.leg_id, incoming.recipient, envelope)
        is_document = incoming.type is MessageType.DOCUMENT
        delivery = _delivery(incoming, content, envelope, now=self._clock.now(), due=is_document and arrival is None)
        kept = self._spool.add_delivery(delivery, arrival)
        if kept:
            self._log.info(
                "arrived",
                leg=incoming.leg_id,
                recipient=incoming.recipient,
                sender=delivery.sender,
                document=delivery.document_id or delivery.about_document_id,
                status=delivery.status_code,
            )
        return kept

    def send_late_arrivals(self) -> int:
        """Writes the 01 of documents that came while the organ's key was missing; how many."""
        written = 0
        for item in self._spool.arrivals_due():
            decoded = codec.decode(self._spool.envelope(item.digest))
            envelope = decoded.envelope if isinstance(decoded, codec.Decoded) else None
            arrival = self._arrival(item.leg_id, item.recipient, envelope)
            if arrival is not None:
                self._spool.add_arrival(item.leg_id, arrival)
                written += 1
        return written

    def _arrival(self, leg_id: str, recipient: str, envelope: Envelope | None) -> NewSubmission | None:
        """Status 01, signed by the recipient; None for anything but a document, and without a key."""
        if not isinstance(envelope, Document):
            return None
        organ = self._settings.organ(recipient)
        now = self._clock.now()
        message = status_of(
            envelope,
            sender=recipient,
            sender_name=organ.name if organ else "",
            towards=envelope.sender.organ_id,
            code=StatusCode.ARRIVED,
            now=now,
        )
        try:
            packed = package(message, keyring=self._keyring, organs=[recipient] if organ else [])
        except UsageFault as fault:
            self._log.error("key.unusable", organ=recipient, vi=fault.vi, en=fault.en)
            return None
        if isinstance(packed, tuple):
            self._log.error("arrival.not-sent", organ=recipient, leg=leg_id, findings=[str(each) for each in packed])
            return None
        return submission(
            packed,
            submission_id=arrival_id(leg_id),
            now=now,
            urgency=urgency_of(envelope.other_info.priority),
            about_leg=leg_id,
        )


def document_of(spool: Spool, item: InboxItem) -> Document | None:
    """The document of a delivery, read anew from its bytes."""
    decoded = codec.decode(spool.envelope(item.digest))
    if isinstance(decoded, codec.Decoded) and isinstance(decoded.envelope, Document):
        return decoded.envelope
    return None


def _delivery(
    incoming: Incoming, content: bytes, envelope: Envelope | None, *, now: datetime, due: bool
) -> NewDelivery:
    bare = NewDelivery(
        leg_id=incoming.leg_id,
        message_id=incoming.message_id,
        type=incoming.type,
        urgency=incoming.urgency,
        recipient=incoming.recipient,
        sender=envelope.sender.organ_id if envelope else incoming.sender,
        envelope=content,
        digest=incoming.digest,
        received_at=now,
        arrival_due=due,
    )
    if isinstance(envelope, Document):
        return replace(
            bare,
            document_id=envelope.document_id,
            code=str(envelope.code),
            subject=envelope.subject,
            doc_type=int(envelope.bussiness.bussiness_doc_type),
            priority=int(envelope.other_info.priority),
        )
    if isinstance(envelope, StatusMessage):
        return replace(
            bare,
            status_code=envelope.status_code,
            description=envelope.description,
            staff=envelope.staff_info.staff if envelope.staff_info else "",
            said_at=envelope.timestamp,
            about_document_id=envelope.response_for.document_id,
            about_code=envelope.response_for.code,
        )
    return bare
