"""The tolerant reader: a tree becomes a model, one pass, whatever the prefixes, the order and the spelling.

Trees come from `schemas.check` (or are the signed part of one); on any other tree of EDXML the reader still raises
nothing and leaves out what it cannot read. Elements are known by Clark name, so prefixes make no difference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, Final

from lxml import etree

from edxml_schemas.model import (
    Attachment,
    Bussiness,
    BussinessDocumentInfo,
    Code,
    Document,
    DocumentType,
    Envelope,
    Organ,
    OtherInfo,
    PromulgationInfo,
    Receiver,
    Reference,
    ReplacementInfo,
    ResponseFor,
    SignerInfo,
    StaffInfo,
    StatusMessage,
    TraceHeader,
)
from edxml_schemas.names import q
from edxml_schemas.safe_xml import children_of, line_of, text_of
from edxml_schemas.statuses import BussinessDocType, Priority

VIETNAM_TIME: Final = timezone(timedelta(hours=7))
"""Timestamps of EDXML carry no zone and mean this one."""

Read = Callable[[etree._Element], object]
Plan = Mapping[str, tuple[str, Read]]
"""Per child element: the field it fills, and how its text or tree becomes a value. `text_of` reads a plain text."""

NOTHING: Final[Plan] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Leaf:
    """Reads a leaf whose text means something else than itself."""

    value: Callable[[str], object]

    def __call__(self, element: etree._Element) -> object:
        return self.value(text_of(element))


@dataclass(frozen=True, slots=True)
class Texts:
    """Reads a list of leaves; empty ones are left out."""

    tag: str

    def __call__(self, element: etree._Element) -> tuple[str, ...]:
        return tuple([text for child in children_of(element) if child.tag == self.tag and (text := text_of(child))])


@dataclass(frozen=True, slots=True)
class Several:
    """Reads a list of elements."""

    tag: str
    each: Read

    def __call__(self, element: etree._Element) -> tuple[Any, ...]:
        read_one, tag = self.each, self.tag
        return tuple([read_one(child) for child in children_of(element) if child.tag == tag])


@dataclass(frozen=True, slots=True)
class Block:
    """Reads an element whose children are fields. `must` is a field that is there in any case, if only empty."""

    kind: Callable[..., object]
    plan: Plan
    must: str = ""

    def __call__(self, element: etree._Element) -> object:
        return self.kind(**fields_of(element, self.plan, must=self.must))


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Reads a code: two children, or the text `number/notation`. `as_text` keeps it a text."""

    as_text: bool

    def __call__(self, element: etree._Element) -> Code | str:
        fields = fields_of(element, CODE)
        if fields:
            return str(Code(**fields)) if self.as_text else Code(**fields)
        return self.of_text(text_of(element))

    def of_text(self, text: str) -> Code | str:
        if self.as_text:
            return text
        number, _, notation = text.partition("/")
        return Code(code_number=number.strip(), code_notation=notation.strip())


def read(root: etree._Element) -> Envelope:
    """The envelope of an `edXML` tree: a status when its header has a StatusCode, else a document."""
    found: dict[str, Any] = {}
    for part in children_of(root):
        if part.tag == ENVELOPE:
            found |= _envelope(part)
        elif part.tag == ATTACHMENT_ENCODED:
            found["attachments"] = ATTACHMENTS(part)
    return envelope_of(found)


def envelope_of(found: dict[str, Any]) -> Envelope:
    """The envelope with these fields, by the names of either kind. Takes the fields over."""
    found.setdefault("sender", _NOBODY)
    if "status_code" in found:
        return StatusMessage(
            sender=found["sender"],
            response_for=next(iter(found.get("response_for", ())), ResponseFor()),
            status_code=found["status_code"],
            description=found.get("description", ""),
            staff_info=found.get("staff_info"),
            timestamp=found.get("timestamp"),
        )
    for name in ("description", "staff_info", "timestamp"):
        found.pop(name, None)
    found.setdefault("recipients", ())
    found.setdefault("document_id", "")
    return Document(**found)


def _envelope(envelope: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in children_of(envelope):
        if part.tag == HEADER:
            for block in children_of(part):
                if block.tag in HEADER_BLOCKS:
                    found |= fields_of(block, *HEADER_BLOCKS[block.tag])
        elif part.tag == BODY:
            for block in children_of(part):
                if block.tag == MANIFEST:
                    found["manifest"] = REFERENCES(block)
    return found


def fields_of(element: etree._Element, plan: Plan, many: Plan = NOTHING, *, must: str = "") -> dict[str, Any]:
    """What the children say, by field name. Children of `many` gather in tuples, in their order.

    `must` is a field that is there in any case, if only as an empty text.
    """
    found: dict[str, Any] = {must: ""} if must else {}
    for child in children_of(element):
        one = plan.get(child.tag)
        if one is not None:
            name, read_one = one
            found[name] = read_one(child)
        elif many and (several := many.get(child.tag)) is not None:
            name, read_one = several
            found.setdefault(name, []).append(read_one(child))
    for name, _ in many.values():
        if name in found:
            found[name] = tuple(found[name])
    return found


def _int(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _priority(text: str) -> int:
    return _int(text) or Priority.NORMAL.value


def _doc_type(text: str) -> int:
    return _int(text) or BussinessDocType.NEW.value


def _flag(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower())


def _date(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:10])) if len(text) == 10 else None
    except ValueError:
        return None


def _timestamp(text: str) -> datetime | None:
    day, _, hour = text.partition(" ")
    try:
        year, month, date_of_month = map(int, day.split("/"))
        hours, minutes, seconds = map(int, hour.strip().split(":"))
        return datetime(year, month, date_of_month, hours, minutes, seconds, tzinfo=VIETNAM_TIME)
    except ValueError:
        return None


def _content_id(text: str) -> str:
    return text[4:].strip() if text[:4].lower() == "cid:" else text


def _trace_organ(text: str) -> str:
    return "" if text.lower() == "null" else text


def _attachment(element: etree._Element) -> Attachment:
    return Attachment(**fields_of(element, ATTACHMENT.plan, must=ATTACHMENT.must), line=line_of(element))


def _plan(**fields: tuple[str, Read]) -> Plan:
    return {q(name): row for name, row in fields.items()}


_NOBODY: Final = Organ(organ_id="")
ENVELOPE: Final = q("edXMLEnvelope")
HEADER: Final = q("edXMLHeader")
BODY: Final = q("edXMLBody")
MANIFEST: Final = q("edXMLManifest")
ATTACHMENT_ENCODED: Final = q("AttachmentEncoded")

_ORGAN: Final = _plan(
    OrganId=("organ_id", text_of),
    OrganizationInCharge=("organization_in_charge", text_of),
    OrganName=("organ_name", text_of),
    OrganAdd=("organ_add", text_of),
    Email=("email", text_of),
    Telephone=("telephone", text_of),
    Fax=("fax", text_of),
    Website=("website", text_of),
)
CODE: Final = _plan(CodeNumber=("code_number", text_of), CodeNotation=("code_notation", text_of))
_PROMULGATION: Final = _plan(Place=("place", text_of), PromulgationDate=("promulgation_date", Leaf(_date)))
_DOCUMENT_TYPE: Final = _plan(
    Type=("type", Leaf(_int)), TypeDetail=("type_detail", Leaf(_int)), TypeName=("type_name", text_of)
)
_SIGNER: Final = _plan(
    Competence=("competence", text_of), Position=("position", text_of), FullName=("full_name", text_of)
)
_OTHER: Final = _plan(
    Priority=("priority", Leaf(_priority)),
    SphereOfPromulgation=("sphere_of_promulgation", text_of),
    TyperNotation=("typer_notation", text_of),
    PromulgationAmount=("promulgation_amount", Leaf(_int)),
    PageAmount=("page_amount", Leaf(_int)),
    Direction=("direction", Leaf(_flag)),
    Appendixes=("appendixes", Texts(q("Appendix"))),
)
_RESPONSE_FOR: Final = _plan(
    OrganId=("organ_id", text_of),
    Code=("code", CodeBlock(as_text=True)),
    PromulgationDate=("promulgation_date", Leaf(_date)),
    DocumentId=("document_id", text_of),
)
_STAFF: Final = _plan(
    Department=("department", text_of),
    DepartmentId=("department_id", text_of),
    Staff=("staff", text_of),
    StaffId=("staff_id", text_of),
    Email=("email", text_of),
    Mobile=("mobile", text_of),
)
_MESSAGE: Final = _plan(
    From=("sender", Block(Organ, _ORGAN, "organ_id")),
    DocumentId=("document_id", text_of),
    Code=("code", CodeBlock(as_text=False)),
    PromulgationInfo=("promulgation_info", Block(PromulgationInfo, _PROMULGATION)),
    DocumentType=("document_type", Block(DocumentType, _DOCUMENT_TYPE)),
    Subject=("subject", text_of),
    Content=("content", text_of),
    SignerInfo=("signer_info", Block(SignerInfo, _SIGNER)),
    DueDate=("due_date", Leaf(_date)),
    ToPlaces=("to_places", Texts(q("Place"))),
    OtherInfo=("other_info", Block(OtherInfo, _OTHER)),
    ResponseForTask=("response_for_task", Texts(q("TaskCode"))),
    SteeringType=("steering_type", Leaf(_int)),
    ApplicationType=("application_type", text_of),
    StaffInfo=("staff_info", Block(StaffInfo, _STAFF)),
    StatusCode=("status_code", text_of),
    Description=("description", text_of),
    Timestamp=("timestamp", Leaf(_timestamp)),
)
_MESSAGE_MANY: Final = _plan(
    To=("recipients", Block(Organ, _ORGAN, "organ_id")), ResponseFor=("response_for", Block(ResponseFor, _RESPONSE_FOR))
)
_TRACE_HEADER: Final = _plan(OrganId=("organ_id", Leaf(_trace_organ)), Timestamp=("timestamp", Leaf(_timestamp)))
_RECEIVER_PLAN: Final = _plan(OrganId=("organ_id", text_of), ReceiverType=("receiver_type", Leaf(_int)))
_UPDATE: Final = _plan(
    DocumentInfo=("document_info", Leaf(_int)),
    DocumentReceiver=("document_receiver", Leaf(_int)),
    ReceiverList=("receiver_list", Several(q("Receiver"), Block(Receiver, _RECEIVER_PLAN, "organ_id"))),
)
_REPLACEMENT_PLAN: Final = _plan(
    DocumentId=("document_id", text_of), OrganIdList=("organ_id_list", Texts(q("OrganId")))
)
_BUSSINESS: Final = _plan(
    DocumentId=("document_id", text_of),
    BussinessDocType=("bussiness_doc_type", Leaf(_doc_type)),
    BusinessDocType=("bussiness_doc_type", Leaf(_doc_type)),
    BussinessDocReason=("bussiness_doc_reason", text_of),
    BusinessDocReason=("bussiness_doc_reason", text_of),
    Paper=("paper", Leaf(_int)),
    StaffInfo=("staff_info", Block(StaffInfo, _STAFF)),
    BussinessDocumentInfo=("bussiness_document_info", Block(BussinessDocumentInfo, _UPDATE)),
    BusinessDocumentInfo=("bussiness_document_info", Block(BussinessDocumentInfo, _UPDATE)),
    ReplacementInfoList=(
        "replacement_info_list",
        Several(q("ReplacementInfo"), Block(ReplacementInfo, _REPLACEMENT_PLAN, "document_id")),
    ),
)
_TRACE: Final = _plan(
    Bussiness=("bussiness", Block(Bussiness, _BUSSINESS)), Business=("bussiness", Block(Bussiness, _BUSSINESS))
)
_TRACE_MANY: Final = _plan(TraceHeader=("trace_headers", Block(TraceHeader, _TRACE_HEADER)))
_REFERENCE_PLAN: Final = _plan(
    ContentId=("content_id", Leaf(_content_id)),
    ContentType=("content_type", text_of),
    Description=("description", text_of),
    AttachmentName=("attachment_name", text_of),
)
ATTACHMENT: Final = Block(
    Attachment, {**_REFERENCE_PLAN, **_plan(ContentTransferEncoded=("encoded", text_of))}, "content_id"
)
"""Its line is not among the children."""

HEADER_BLOCKS: Final[Mapping[str, tuple[Plan, Plan]]] = MappingProxyType(
    {q("MessageHeader"): (_MESSAGE, _MESSAGE_MANY), q("TraceHeaderList"): (_TRACE, _TRACE_MANY)}
)
"""The fields of the envelope in the blocks of its header."""
REFERENCES: Final = Several(q("Reference"), Block(Reference, _REFERENCE_PLAN, "content_id"))
ATTACHMENTS: Final = Several(q("Attachment"), _attachment)
