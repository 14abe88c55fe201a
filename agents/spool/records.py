"""What an agent's spool remembers, as values. All times are aware datetimes in UTC."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from edxml_schemas.contract import MessageType, Urgency
from edxml_schemas.vouched import Vouched


class SubmissionKind(StrEnum):
    """What was submitted. Raw bytes are published as they are, for tests of the hub."""

    DOCUMENT = "document"
    STATUS = "status"
    RAW = "raw"


class SubmissionState(StrEnum):
    """How far a submission is."""

    WAITING = "waiting"  # durable here, not yet confirmed by the broker
    PUBLISHED = "published"  # in the hub's queue
    ANSWERED = "answered"  # the hub's receipt is here


class Taking(StrEnum):
    """Whether a document system has what came."""

    NEW = "new"
    LEASED = "processing"
    TAKEN = "done"
    FAILED = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubmission:
    """An envelope to be kept and sent. What is not known of raw bytes is empty.

    `origin` is the place, relative to the folder connector's root, where its result file belongs. `caller` is the
    document system that offered it at the gateway, `offered` the digest of what it offered, and `original` the bytes
    as offered when the envelope differs from them. `vouched` is this agent's word for that system, which the hub is
    told.
    """

    submission_id: str
    kind: SubmissionKind
    type: MessageType
    urgency: Urgency
    envelope: bytes = field(repr=False)
    created_at: datetime
    organ: str = ""
    recipients: tuple[str, ...] = ()
    document_id: str = ""
    code: str = ""
    subject: str = ""
    status_code: str = ""
    about_leg: str = ""
    origin: str = ""
    caller: str = ""
    offered: str = ""
    original: bytes | None = field(default=None, repr=False)
    vouched: Vouched | None = None
    self_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submission in the spool.

    `outcome` is the hub's verdict (`accepted`, `refused`), empty before. `version` counts what people can see of it;
    `shown_version` is the one the folder connector has written down. `caller` and `offered` are of NewSubmission;
    `original` is the digest of the bytes as offered, empty when they were sent as they are.
    """

    seq: int
    submission_id: str
    kind: SubmissionKind
    type: MessageType
    urgency: Urgency
    organ: str
    recipients: tuple[str, ...]
    document_id: str
    code: str
    subject: str
    status_code: str
    about_leg: str
    origin: str
    digest: str
    size: int
    state: SubmissionState
    outcome: str
    duplicate: bool
    created_at: datetime
    published_at: datetime | None
    answered_at: datetime | None
    attempts: int
    next_attempt_at: datetime
    problem: str
    version: int
    shown_version: int
    caller: str = ""
    offered: str = ""
    original: str = ""
    vouched: Vouched | None = None
    self_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """What arrived on a leg. A document and a status fill different fields; `about_*` are of a status.

    `outlined` says that the fields are those of a document that could be read.
    """

    leg_id: str
    message_id: str
    type: MessageType
    urgency: Urgency
    recipient: str
    sender: str
    envelope: bytes = field(repr=False)
    digest: str
    received_at: datetime
    document_id: str = ""
    code: str = ""
    subject: str = ""
    doc_type: int = 0
    priority: int = 0
    status_code: str = ""
    description: str = ""
    staff: str = ""
    said_at: datetime | None = None
    about_document_id: str = ""
    about_code: str = ""
    arrival_due: bool = False
    self_test: bool = False
    outlined: bool = False
    promulgated_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """A delivery in the spool.

    `about_submission` and `about_leg` name the document of ours, or the delivery, that a status speaks of. `place` is
    the name of its folder at the folder connector. `arrival_due` says that status 01 still has to be sent.

    `taken_at` says that it waits for no document system any more, `taken_by` through which key of the gateway;
    `failed_at` is set, too, when the document system could not take it. A live lease (`lease_until`) of the key
    `lease_by` keeps other keys from it.

    `self_test`: a self-test of the link, or a status about one. `outlined`: the fields are those of a document that
    could be read; None of what an earlier version kept, of which nobody knows.
    """

    seq: int
    leg_id: str
    message_id: str
    type: MessageType
    urgency: Urgency
    recipient: str
    sender: str
    digest: str
    size: int
    document_id: str
    code: str
    subject: str
    doc_type: int
    priority: int
    status_code: str
    description: str
    staff: str
    said_at: datetime | None
    about_document_id: str
    about_code: str
    about_submission: str
    about_leg: str
    received_at: datetime
    reported_at: datetime | None
    taken_at: datetime | None
    exported_at: datetime | None
    place: str
    arrival_due: bool
    taken_by: str = ""
    failed_at: datetime | None = None
    lease_by: str = ""
    lease_until: datetime | None = None
    self_test: bool = False
    outlined: bool | None = None
    promulgated_on: date | None = None

    def taking(self, now: datetime) -> Taking:
        """Whether a document system has it."""
        if self.taken_at is not None:
            return Taking.FAILED if self.failed_at is not None else Taking.TAKEN
        return Taking.LEASED if self.lease_until is not None and self.lease_until > now else Taking.NEW

    def leased_to_other(self, key: str, now: datetime) -> bool:
        return self.taking(now) is Taking.LEASED and self.lease_by != key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceipt:
    """A receipt as it came from the hub, with its signature. `kind` is the value of its ReceiptKind.

    `recipient` is of a receipt about one leg. `signer` and `fingerprint` tell whose signature was found good when it
    came: the common name, and the SHA-256 of the certificate; both are empty when no certificate of the hub is pinned.
    """

    receipt_id: str
    submission_id: str
    kind: str
    duplicate: bool
    body: bytes = field(repr=False)
    received_at: datetime
    recipient: str = ""
    signer: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtfulReceipt:
    """What came as a receipt and is not the hub's word. `submission_id` and `kind` are what it claims.

    `digest` is the SHA-256 of its bytes, `findings` say why it is not believed, one per line.
    """

    digest: str
    submission_id: str
    kind: str
    findings: str
    body: bytes = field(repr=False)
    received_at: datetime
