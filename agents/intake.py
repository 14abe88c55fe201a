"""What comes from the hub, made durable: documents with their status 01, statuses, receipts."""

import hashlib
from dataclasses import replace
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from agents.arrivals import Arrivals
from agents.keys import Keyring
from agents.ports import Clock, Incoming
from agents.settings import Settings
from agents.spool import Spool
from agents.spool.form import has_form
from agents.spool.records import DoubtfulReceipt, NewDelivery, StoredReceipt
from agents.trail import Trail, trace_of_delivery
from edxml_schemas import codec
from edxml_schemas.contract import MessageType, unbundled
from edxml_schemas.findings import FindingCode, Findings, codes, finding
from edxml_schemas.model import Document, Envelope, StatusMessage
from edxml_schemas.receipts import Receipt, ReceiptKind, decode_receipt
from edxml_schemas.signed_receipts import HubTrust, SignedReceipt, open_receipt


class Unreadable(Exception):
    """Receipts that are none: the message goes back to the broker and ends as a dead letter."""


class Intake:
    """Synchronous; call it in a thread. Every method is idempotent."""

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        *,
        keyring: Keyring,
        clock: Clock,
        log: FilteringBoundLogger,
        hub: HubTrust | None = None,
        trail: Trail | None = None,
    ) -> None:
        """`hub` is whose receipts count; without it all do."""
        self._trail = trail or Trail(log, agent=settings.name)
        self._arrivals = Arrivals(settings, spool, keyring=keyring, clock=clock, log=log)
        self._spool = spool
        self._clock = clock
        self._log = log
        self._hub = hub

    def keep(self, incoming: Incoming, content: bytes) -> bool:
        """Durable on return; False when it was there already. `content` has the digest that `incoming` states."""
        if incoming.type is MessageType.RECEIPT:
            return self._keep_receipts(content)
        return self._keep_delivery(incoming, content)

    def _keep_receipts(self, content: bytes) -> bool:
        """All receipts of a message, or none of them. What the hub did not sign is set aside and decides nothing."""
        arrived: list[StoredReceipt] = []
        set_aside: list[DoubtfulReceipt] = []
        for body in unbundled(content) or ():
            stored = self._read_receipt(body)
            if isinstance(stored, StoredReceipt):
                arrived.append(stored)
            else:
                set_aside.append(stored)
        if not arrived and not set_aside:
            raise Unreadable("receipt")
        kept = self._spool.add_receipts(arrived, set_aside)
        for each in kept:
            trace = self._trace_of(each)
            self._log.info("receipt", trace_id=trace, submission=each.submission_id, kind=each.kind, signer=each.signer)
        return bool(kept)

    def _trace_of(self, receipt: StoredReceipt) -> str:
        """The trace id that a believed receipt names; of an earlier hub's, that of the submission."""
        said = decode_receipt(receipt.body)
        if isinstance(said, Receipt) and said.trace_id:
            return said.trace_id
        return self._trace_of_submission(receipt.submission_id)

    def _trace_of_submission(self, submission_id: str) -> str:
        sent = self._spool.submission(submission_id) if submission_id else None
        return self._trail.trace_before_reading(submission_id) if sent is None else self._trail.trace(sent)

    def _read_receipt(self, body: bytes) -> StoredReceipt | DoubtfulReceipt:
        """A receipt that counts, or one to set aside. Raises Unreadable for what is none, when none can be verified."""
        now = self._clock.now()
        if self._hub is None:
            receipt = decode_receipt(body)
            if not isinstance(receipt, Receipt):
                raise Unreadable("receipt")
            return _stored(receipt, body, now=now)
        opened = open_receipt(body, self._hub)
        if isinstance(opened, SignedReceipt):
            opened = self._foreign(opened.receipt) or opened
        if isinstance(opened, SignedReceipt):
            return _stored(opened.receipt, body, now=now, signer=opened.signer, fingerprint=opened.fingerprint)
        claimed = decode_receipt(body)
        found = [str(code) for code in codes(opened)]
        doubtful = DoubtfulReceipt(
            digest=hashlib.sha256(body).hexdigest(),
            submission_id=claimed.submission_id if isinstance(claimed, Receipt) else "",
            kind=claimed.kind.value if isinstance(claimed, Receipt) else "",
            findings="\n".join(found),
            body=body,
            received_at=now,
        )
        self._log.error(
            "receipt.not-believed",
            trace_id=self._trace_of_submission(doubtful.submission_id),
            submission=doubtful.submission_id,
            kind=doubtful.kind,
            findings=found,
            vi="Biên nhận này không phải lời của trục về lần gửi ấy, không được tính; xem truc-agent status.",
            en="This receipt is not the hub's word on that submission, and does not count; see truc-agent status.",
        )
        return doubtful

    def _foreign(self, receipt: Receipt) -> Findings:
        """What is wrong with the hub's word when it accepts other bytes than those that were submitted here."""
        submission = self._spool.submission(receipt.submission_id) if receipt.kind is ReceiptKind.ACCEPTED else None
        if submission is None or submission.digest == receipt.digest:
            return ()
        return (finding(FindingCode.TRANSPORT_DIGEST, stated=receipt.digest, computed=submission.digest),)

    def _keep_delivery(self, incoming: Incoming, content: bytes) -> bool:
        began = self._clock.now()
        decoded = codec.decode(content)
        envelope = decoded.envelope if isinstance(decoded, codec.Decoded) else None
        delivery = _delivery(incoming, content, envelope, now=self._clock.now())
        if envelope is None:
            # The hub let it pass; it is kept all the same, and people see that it is strange.
            self._log.error("delivery.unreadable", trace_id=trace_of_delivery(delivery), leg=incoming.leg_id)
        arrival = None
        if not self._arrivals.when_taken or delivery.self_test:  # which no document system ever sees
            arrival = self._arrivals.of(incoming.leg_id, incoming.recipient, envelope)
        delivery = replace(delivery, arrival_due=incoming.type is MessageType.DOCUMENT and arrival is None)
        kept = self._spool.add_delivery(delivery, arrival)
        if kept:
            self._trail.arrived(delivery, began=began, ended=self._clock.now())
        return kept

    def send_late_arrivals(self) -> int:
        """Writes the 01 of documents that came, or were taken, while the organ's key was missing; how many."""
        return self._arrivals.send_late()


def _stored(receipt: Receipt, body: bytes, *, now: datetime, signer: str = "", fingerprint: str = "") -> StoredReceipt:
    about_leg = receipt.kind not in {ReceiptKind.ACCEPTED, ReceiptKind.REFUSED} and receipt.legs
    return StoredReceipt(
        receipt_id=receipt.receipt_id,
        submission_id=receipt.submission_id,
        kind=receipt.kind.value,
        duplicate=receipt.duplicate,
        body=body,
        received_at=now,
        recipient=receipt.legs[0].recipient if about_leg else "",
        signer=signer,
        fingerprint=fingerprint,
    )


def _delivery(incoming: Incoming, content: bytes, envelope: Envelope | None, *, now: datetime) -> NewDelivery:
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
    )
    if isinstance(envelope, Document):
        return replace(
            bare,
            document_id=envelope.document_id,
            code=str(envelope.code),
            subject=envelope.subject,
            doc_type=int(envelope.bussiness.bussiness_doc_type),
            priority=int(envelope.other_info.priority),
            self_test=incoming.type is MessageType.DOCUMENT and has_form(envelope, size=len(content)),
            outlined=True,
            promulgated_on=envelope.promulgation_info.promulgation_date,
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
