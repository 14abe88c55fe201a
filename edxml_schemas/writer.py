"""The strict writer: one layout, the one that vendor parsers read.

XML declaration and UTF-8, the default prefix outside the envelope and `edXML:` inside it, elements in the order of
QCVN 102:2016, `Bussiness` always there, `cid:` before every ContentId. What the model leaves empty is left out.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from edxml_schemas.model import (
    Attachment,
    Bussiness,
    Code,
    Document,
    Envelope,
    Organ,
    OtherInfo,
    Reference,
    ResponseFor,
    StaffInfo,
    StatusMessage,
    TraceHeader,
)
from edxml_schemas.names import EDXML_NS, EDXML_PREFIX
from edxml_schemas.reader import VIETNAM_TIME

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document can hold."""

_SPECIAL: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_P: Final = EDXML_PREFIX


def encode(envelope: Envelope) -> bytes:
    """The bytes of an envelope, unsigned. Characters that XML cannot carry (control characters) are left out.

    What the rules ask for is not checked here: `decode` of the result tells.
    """
    header = _status_header(envelope) if isinstance(envelope, StatusMessage) else _document_header(envelope)
    body = outside = ""
    if isinstance(envelope, Document):
        manifest = "".join(_reference(each) for each in envelope.manifest)
        body = (
            f'<{_P}:edXMLBody>\n<{_P}:edXMLManifest version="1.0">\n{manifest}'
            f"</{_P}:edXMLManifest>\n</{_P}:edXMLBody>\n"
        )
        if envelope.attachments:
            attached = "".join(_attachment(each) for each in envelope.attachments)
            outside = f"<AttachmentEncoded>\n{attached}</AttachmentEncoded>\n"
    text = (
        f'{_DECLARATION}<edXML xmlns="{EDXML_NS}">\n<{_P}:edXMLEnvelope xmlns:{_P}="{EDXML_NS}">\n'
        f"<{_P}:edXMLHeader>\n{header}</{_P}:edXMLHeader>\n{body}</{_P}:edXMLEnvelope>\n{outside}</edXML>\n"
    )
    return text.encode("utf-8")


def _document_header(document: Document) -> str:
    promulgation = document.promulgation_info
    kind = document.document_type
    signer = document.signer_info
    message = _block(
        "MessageHeader",
        _organ("From", document.sender),
        *(_organ("To", each) for each in document.recipients),
        _leaf("DocumentId", document.document_id),
        _code(document.code),
        _some(
            "PromulgationInfo",
            _leaf("Place", promulgation.place),
            _leaf("PromulgationDate", _day(promulgation.promulgation_date)),
        ),
        _some(
            "DocumentType",
            _leaf("Type", kind.type),
            _leaf("TypeDetail", kind.type_detail),
            _leaf("TypeName", kind.type_name),
        ),
        _leaf("Subject", document.subject),
        _leaf("Content", document.content),
        _some(
            "SignerInfo",
            _leaf("Competence", signer.competence),
            _leaf("Position", signer.position),
            _leaf("FullName", signer.full_name),
        ),
        _leaf("DueDate", _day(document.due_date)),
        _leaves("ToPlaces", "Place", document.to_places),
        _other(document.other_info),
        *(_response_for(each) for each in document.response_for),
        _leaves("ResponseForTask", "TaskCode", document.response_for_task),
        _leaf("SteeringType", document.steering_type),
        _leaf("ApplicationType", document.application_type),
    )
    trace = _block(
        "TraceHeaderList", *(_trace(each) for each in document.trace_headers), _bussiness(document.bussiness)
    )
    return message + trace


def _status_header(status: StatusMessage) -> str:
    return _block(
        "MessageHeader",
        _organ("From", status.sender),
        _response_for(status.response_for),
        _staff(status.staff_info),
        _leaf("StatusCode", status.status_code),
        _leaf("Description", status.description),
        _leaf("Timestamp", _moment(status.timestamp)),
    )


def _organ(name: str, organ: Organ) -> str:
    return _block(
        name,
        _leaf("OrganId", organ.organ_id),
        _leaf("OrganizationInCharge", organ.organization_in_charge),
        _leaf("OrganName", organ.organ_name),
        _leaf("OrganAdd", organ.organ_add),
        _leaf("Email", organ.email),
        _leaf("Telephone", organ.telephone),
        _leaf("Fax", organ.fax),
        _leaf("Website", organ.website),
    )


def _code(code: Code) -> str:
    return _some("Code", _leaf("CodeNumber", code.code_number), _leaf("CodeNotation", code.code_notation))


def _other(info: OtherInfo) -> str:
    direction = None if info.direction is None else str(info.direction).lower()
    return _block(
        "OtherInfo",
        _leaf("Priority", int(info.priority)),
        _leaf("SphereOfPromulgation", info.sphere_of_promulgation),
        _leaf("TyperNotation", info.typer_notation),
        _leaf("PromulgationAmount", info.promulgation_amount),
        _leaf("PageAmount", info.page_amount),
        _leaf("Direction", direction),
        _leaves("Appendixes", "Appendix", info.appendixes),
    )


def _response_for(response: ResponseFor) -> str:
    return _block(
        "ResponseFor",
        _leaf("OrganId", response.organ_id),
        _leaf("Code", response.code),
        _leaf("PromulgationDate", _day(response.promulgation_date)),
        _leaf("DocumentId", response.document_id),
    )


def _staff(staff: StaffInfo | None) -> str:
    if staff is None:
        return ""
    return _block(
        "StaffInfo",
        _leaf("Department", staff.department),
        _leaf("DepartmentId", staff.department_id),
        _leaf("Staff", staff.staff),
        _leaf("StaffId", staff.staff_id),
        _leaf("Email", staff.email),
        _leaf("Mobile", staff.mobile),
    )


def _trace(hop: TraceHeader) -> str:
    return _block("TraceHeader", _leaf("OrganId", hop.organ_id), _leaf("Timestamp", _moment(hop.timestamp)))


def _bussiness(bussiness: Bussiness) -> str:
    update = bussiness.bussiness_document_info
    receivers = update.receiver_list if update else ()
    return _block(
        "Bussiness",
        _leaf("DocumentId", bussiness.document_id),
        _leaf("BussinessDocType", int(bussiness.bussiness_doc_type)),
        _leaf("BussinessDocReason", bussiness.bussiness_doc_reason),
        _leaf("Paper", bussiness.paper),
        _block(
            "BussinessDocumentInfo",
            _leaf("DocumentInfo", update.document_info),
            _leaf("DocumentReceiver", update.document_receiver),
            _some(
                "ReceiverList",
                *(
                    _block("Receiver", _leaf("OrganId", each.organ_id), _leaf("ReceiverType", each.receiver_type))
                    for each in receivers
                ),
            ),
        )
        if update
        else "",
        _some(
            "ReplacementInfoList",
            *(
                _block(
                    "ReplacementInfo",
                    _leaf("DocumentId", each.document_id),
                    _leaves("OrganIdList", "OrganId", each.organ_id_list),
                )
                for each in bussiness.replacement_info_list
            ),
        ),
        _staff(bussiness.staff_info),
    )


def _reference(reference: Reference) -> str:
    return _block(
        "Reference",
        _leaf("ContentId", f"cid:{reference.content_id}"),
        _leaf("ContentType", reference.content_type),
        _leaf("Description", reference.description),
        _leaf("AttachmentName", reference.attachment_name),
    )


def _attachment(attachment: Attachment) -> str:
    leaves = (
        ("ContentId", f"cid:{attachment.content_id}"),
        ("AttachmentName", attachment.attachment_name),
        ("Description", attachment.description),
        ("ContentType", attachment.content_type),
    )
    written = "".join(f"<{name}>{xml_text(value)}</{name}>\n" for name, value in leaves if value)
    return (
        f'<Attachment>\n{written}<{_P}:ContentTransferEncoded xmlns:{_P}="{EDXML_NS}">{xml_text(attachment.encoded)}'
        f"</{_P}:ContentTransferEncoded>\n</Attachment>\n"
    )


def _block(name: str, *content: str) -> str:
    return f"<{_P}:{name}>\n{''.join(content)}</{_P}:{name}>\n"


def _some(name: str, *content: str) -> str:
    return _block(name, *content) if any(content) else ""


def _leaf(name: str, value: str | int | None) -> str:
    return "" if value is None or value == "" else f"<{_P}:{name}>{xml_text(str(value))}</{_P}:{name}>\n"


def _leaves(name: str, each: str, values: Iterable[str]) -> str:
    return _some(name, *(_leaf(each, value) for value in values))


def xml_text(value: str) -> str:
    """Text as it stands between two tags. Characters that XML cannot carry are left out."""
    return ILLEGAL.sub("", value).translate(_SPECIAL)


def _day(day: date | None) -> str:
    return f"{day:%Y/%m/%d}" if day else ""


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(VIETNAM_TIME):%Y/%m/%d %H:%M:%S}" if moment else ""
