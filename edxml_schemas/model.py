"""An EDXML envelope as an immutable value.

Field names are the element names in snake case. Text that an envelope leaves out is the empty string; numbers and
dates that it leaves out, or that cannot be read, are None. Dates are calendar dates in Vietnam; timestamps are aware
datetimes in UTC+7 (QCVN 102:2016 writes them without a zone).
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from edxml_schemas.statuses import BussinessDocType, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Organ:
    """A body as sender or recipient (From, To). Only `organ_id` is always there."""

    organ_id: str
    organization_in_charge: str = ""
    organ_name: str = ""
    organ_add: str = ""
    email: str = ""
    telephone: str = ""
    fax: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Number and notation of a document: 7816 and VPCP-TTĐT."""

    code_number: str = ""
    code_notation: str = ""

    def __str__(self) -> str:
        return f"{self.code_number}/{self.code_notation}" if self.code_notation else self.code_number


@dataclass(frozen=True, slots=True, kw_only=True)
class PromulgationInfo:
    place: str = ""
    promulgation_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentType:
    """Type 1 is a legal normative document, 2 an administrative one."""

    type: int | None = None
    type_detail: int | None = None
    type_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerInfo:
    competence: str = ""
    position: str = ""
    full_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherInfo:
    priority: int = Priority.NORMAL
    sphere_of_promulgation: str = ""
    typer_notation: str = ""
    promulgation_amount: int | None = None
    page_amount: int | None = None
    direction: bool | None = None
    appendixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFor:
    """Which document is meant. `code` is the text `number/notation`."""

    organ_id: str = ""
    code: str = ""
    promulgation_date: date | None = None
    document_id: str = ""

    @property
    def empty(self) -> bool:
        """Whether the element was present and said nothing (vendors send it so)."""
        return not (self.organ_id or self.code or self.promulgation_date or self.document_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffInfo:
    department: str = ""
    department_id: str = ""
    staff: str = ""
    staff_id: str = ""
    email: str = ""
    mobile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHeader:
    """One hop. `organ_id` is empty when a hub left it out or wrote `null`."""

    organ_id: str = ""
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    organ_id: str
    receiver_type: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BussinessDocumentInfo:
    document_info: int | None = None
    document_receiver: int | None = None
    receiver_list: tuple[Receiver, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementInfo:
    """The replaced document, and for which receivers it is replaced."""

    document_id: str
    organ_id_list: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bussiness:
    """What the document does. Missing in the wild means: a new document."""

    bussiness_doc_type: int = BussinessDocType.NEW
    document_id: str = ""
    bussiness_doc_reason: str = ""
    paper: int | None = None
    staff_info: StaffInfo | None = None
    bussiness_document_info: BussinessDocumentInfo | None = None
    replacement_info_list: tuple[ReplacementInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A line of the manifest. `content_id` has no `cid:`."""

    content_id: str
    content_type: str = ""
    description: str = ""
    attachment_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """An attachment as it travels. `content_id` has no `cid:`; `encoded` is the base64 text as found.

    `attachments.py` decodes it and applies the zip rule.
    """

    content_id: str
    attachment_name: str = ""
    description: str = ""
    content_type: str = ""
    encoded: str = field(default="", repr=False)
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document envelope (message type `edoc`)."""

    sender: Organ
    recipients: tuple[Organ, ...]
    document_id: str
    code: Code = Code()
    promulgation_info: PromulgationInfo = PromulgationInfo()
    document_type: DocumentType = DocumentType()
    subject: str = ""
    content: str = ""
    signer_info: SignerInfo = SignerInfo()
    due_date: date | None = None
    to_places: tuple[str, ...] = ()
    other_info: OtherInfo = OtherInfo()
    response_for: tuple[ResponseFor, ...] = ()
    response_for_task: tuple[str, ...] = ()
    steering_type: int | None = None
    application_type: str = ""
    trace_headers: tuple[TraceHeader, ...] = ()
    bussiness: Bussiness = Bussiness()
    manifest: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMessage:
    """A status envelope (message type `status`). Its addressee is `response_for.organ_id`."""

    sender: Organ
    response_for: ResponseFor
    status_code: str
    description: str = ""
    staff_info: StaffInfo | None = None
    timestamp: datetime | None = None


Envelope = Document | StatusMessage
