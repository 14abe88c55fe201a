"""The tolerant reader: a tree becomes a model, one pass, whatever the prefixes, the order and the spelling.

Trees come from `schemas.check` (or are the signed part of one); on any other tree of EDXML the reader still raises
nothing and leaves out what it cannot read. Elements are known by Clark name, so prefixes make no difference.
"""

from collections.abc import Callable, Mapping
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

_Read = Callable[[etree._Element], object]
_Plan = Mapping[str, tuple[str, _Read]]
"""Per child element: the field it fills, and how its text or tree becomes a value."""


def read(root: etree._Element) -> Envelope:
    """The envelope of an `edXML` tree: a status when its header has a StatusCode, else a document."""
    found: dict[str, Any] = {}
    attachments: tuple[Attachment, ...] = ()
    for part in children_of(root):
        if part.tag == _ENVELOPE:
            found |= _envelope(part)
        elif part.tag == _ATTACHMENT_ENCODED:
            attachments = _all(part, _ATTACHMENT, _attachment)
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
    return Document(**found, attachments=attachments)


def _envelope(envelope: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in children_of(envelope):
        if part.tag == _HEADER:
            for block in children_of(part):
                if block.tag == _MESSAGE_HEADER:
                    found |= _fields(block, _MESSAGE, _MESSAGE_MANY)
                elif block.tag == _TRACE_HEADER_LIST:
                    found |= _fields(block, _TRACE, _TRACE_MANY)
        elif part.tag == _BODY:
            for block in children_of(part):
                if block.tag == _MANIFEST:
                    found["manifest"] = _all(block, _REFERENCE, _reference)
    return found


def _fields(
    element: etree._Element, plan: _Plan, many: _Plan = MappingProxyType({}), *, must: str = ""
) -> dict[str, Any]:
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


def _all(element: etree._Element, tag: str, read_one: Callable[[etree._Element], Any]) -> tuple[Any, ...]:
    return tuple([read_one(child) for child in children_of(element) if child.tag == tag])


def _texts(tag: str) -> _Read:
    """Reads a list of leaves; empty ones are left out."""

    def read_list(element: etree._Element) -> tuple[str, ...]:
        return tuple([text for child in children_of(element) if child.tag == tag and (text := text_of(child))])

    return read_list


def _integer(element: etree._Element) -> int | None:
    return _int(text_of(element))


def _int(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _priority(element: etree._Element) -> int:
    return _int(text_of(element)) or Priority.NORMAL.value


def _doc_type(element: etree._Element) -> int:
    return _int(text_of(element)) or BussinessDocType.NEW.value


def _flag(element: etree._Element) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text_of(element).lower())


def _date(element: etree._Element) -> date | None:
    text = text_of(element)
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:10])) if len(text) == 10 else None
    except ValueError:
        return None


def _timestamp(element: etree._Element) -> datetime | None:
    text = text_of(element)
    day, _, hour = text.partition(" ")
    try:
        year, month, date_of_month = map(int, day.split("/"))
        hours, minutes, seconds = map(int, hour.strip().split(":"))
        return datetime(year, month, date_of_month, hours, minutes, seconds, tzinfo=VIETNAM_TIME)
    except ValueError:
        return None


def _content_id(element: etree._Element) -> str:
    text = text_of(element)
    return text[4:].strip() if text[:4].lower() == "cid:" else text


def _code(element: etree._Element) -> Code:
    fields = _fields(element, _CODE)
    if fields:
        return Code(**fields)
    number, _, notation = text_of(element).partition("/")
    return Code(code_number=number.strip(), code_notation=notation.strip())


def _code_text(element: etree._Element) -> str:
    """The code of a ResponseFor is text, or has the two children of a document's own code."""
    fields = _fields(element, _CODE)
    return str(Code(**fields)) if fields else text_of(element)


def _trace_organ(element: etree._Element) -> str:
    text = text_of(element)
    return "" if text.lower() == "null" else text


def _organ(element: etree._Element) -> Organ:
    return Organ(**_fields(element, _ORGAN, must="organ_id"))


def _receiver(element: etree._Element) -> Receiver:
    return Receiver(**_fields(element, _RECEIVER_PLAN, must="organ_id"))


def _replacement(element: etree._Element) -> ReplacementInfo:
    return ReplacementInfo(**_fields(element, _REPLACEMENT_PLAN, must="document_id"))


def _reference(element: etree._Element) -> Reference:
    return Reference(**_fields(element, _REFERENCE_PLAN, must="content_id"))


def _attachment(element: etree._Element) -> Attachment:
    return Attachment(**_fields(element, _ATTACHMENT_PLAN, must="content_id"), line=line_of(element))


def _to(kind: Callable[..., object], plan: _Plan) -> _Read:
    """Reads an element whose children all may be left out."""

    def read_one(element: etree._Element) -> object:
        return kind(**_fields(element, plan))

    return read_one


def _list_of(tag: str, read_one: Callable[[etree._Element], object]) -> _Read:
    def read_list(element: etree._Element) -> tuple[object, ...]:
        return _all(element, tag, read_one)

    return read_list


def _plan(**fields: tuple[str, _Read]) -> _Plan:
    return {q(name): row for name, row in fields.items()}


_NOBODY: Final = Organ(organ_id="")
_ENVELOPE: Final = q("edXMLEnvelope")
_HEADER: Final = q("edXMLHeader")
_MESSAGE_HEADER: Final = q("MessageHeader")
_TRACE_HEADER_LIST: Final = q("TraceHeaderList")
_BODY: Final = q("edXMLBody")
_MANIFEST: Final = q("edXMLManifest")
_REFERENCE: Final = q("Reference")
_ATTACHMENT_ENCODED: Final = q("AttachmentEncoded")
_ATTACHMENT: Final = q("Attachment")

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
_CODE: Final = _plan(CodeNumber=("code_number", text_of), CodeNotation=("code_notation", text_of))
_PROMULGATION: Final = _plan(Place=("place", text_of), PromulgationDate=("promulgation_date", _date))
_DOCUMENT_TYPE: Final = _plan(
    Type=("type", _integer), TypeDetail=("type_detail", _integer), TypeName=("type_name", text_of)
)
_SIGNER: Final = _plan(
    Competence=("competence", text_of), Position=("position", text_of), FullName=("full_name", text_of)
)
_OTHER: Final = _plan(
    Priority=("priority", _priority),
    SphereOfPromulgation=("sphere_of_promulgation", text_of),
    TyperNotation=("typer_notation", text_of),
    PromulgationAmount=("promulgation_amount", _integer),
    PageAmount=("page_amount", _integer),
    Direction=("direction", _flag),
    Appendixes=("appendixes", _texts(q("Appendix"))),
)
_RESPONSE_FOR: Final = _plan(
    OrganId=("organ_id", text_of),
    Code=("code", _code_text),
    PromulgationDate=("promulgation_date", _date),
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
    From=("sender", _organ),
    DocumentId=("document_id", text_of),
    Code=("code", _code),
    PromulgationInfo=("promulgation_info", _to(PromulgationInfo, _PROMULGATION)),
    DocumentType=("document_type", _to(DocumentType, _DOCUMENT_TYPE)),
    Subject=("subject", text_of),
    Content=("content", text_of),
    SignerInfo=("signer_info", _to(SignerInfo, _SIGNER)),
    DueDate=("due_date", _date),
    ToPlaces=("to_places", _texts(q("Place"))),
    OtherInfo=("other_info", _to(OtherInfo, _OTHER)),
    ResponseForTask=("response_for_task", _texts(q("TaskCode"))),
    SteeringType=("steering_type", _integer),
    ApplicationType=("application_type", text_of),
    StaffInfo=("staff_info", _to(StaffInfo, _STAFF)),
    StatusCode=("status_code", text_of),
    Description=("description", text_of),
    Timestamp=("timestamp", _timestamp),
)
_MESSAGE_MANY: Final = _plan(To=("recipients", _organ), ResponseFor=("response_for", _to(ResponseFor, _RESPONSE_FOR)))
_TRACE_HEADER: Final = _plan(OrganId=("organ_id", _trace_organ), Timestamp=("timestamp", _timestamp))
_RECEIVER_PLAN: Final = _plan(OrganId=("organ_id", text_of), ReceiverType=("receiver_type", _integer))
_UPDATE: Final = _plan(
    DocumentInfo=("document_info", _integer),
    DocumentReceiver=("document_receiver", _integer),
    ReceiverList=("receiver_list", _list_of(q("Receiver"), _receiver)),
)
_REPLACEMENT_PLAN: Final = _plan(
    DocumentId=("document_id", text_of), OrganIdList=("organ_id_list", _texts(q("OrganId")))
)
_BUSSINESS: Final = _plan(
    DocumentId=("document_id", text_of),
    BussinessDocType=("bussiness_doc_type", _doc_type),
    BusinessDocType=("bussiness_doc_type", _doc_type),
    BussinessDocReason=("bussiness_doc_reason", text_of),
    BusinessDocReason=("bussiness_doc_reason", text_of),
    Paper=("paper", _integer),
    StaffInfo=("staff_info", _to(StaffInfo, _STAFF)),
    BussinessDocumentInfo=("bussiness_document_info", _to(BussinessDocumentInfo, _UPDATE)),
    BusinessDocumentInfo=("bussiness_document_info", _to(BussinessDocumentInfo, _UPDATE)),
    ReplacementInfoList=("replacement_info_list", _list_of(q("ReplacementInfo"), _replacement)),
)
_TRACE: Final = _plan(
    Bussiness=("bussiness", _to(Bussiness, _BUSSINESS)), Business=("bussiness", _to(Bussiness, _BUSSINESS))
)
_TRACE_MANY: Final = _plan(TraceHeader=("trace_headers", _to(TraceHeader, _TRACE_HEADER)))
_REFERENCE_PLAN: Final = _plan(
    ContentId=("content_id", _content_id),
    ContentType=("content_type", text_of),
    Description=("description", text_of),
    AttachmentName=("attachment_name", text_of),
)
_ATTACHMENT_PLAN: Final = {**_REFERENCE_PLAN, **_plan(ContentTransferEncoded=("encoded", text_of))}
