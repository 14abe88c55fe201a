"""Valid envelopes for tests: as values (`a_document`, `a_status`) and as bytes in the layout of the vendors.

The bytes are put together as text and owe nothing to the codec, so that they can testify against it.
"""

import base64
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from html import escape
from typing import Any, Final

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
from edxml_schemas.names import EDXML_NS

VIETNAM: Final = timezone(timedelta(hours=7))
SENDER: Final = "000.00.00.G22"
RECIPIENTS: Final = ("000.00.00.H41", "000.00.00.H14")
DOCUMENT_ID: Final = "000.00.00.G22,2026/09/30,7816/VPCP-TTĐT"

A_PDF: Final = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

DECORATIVE_SIGNATURE: Final = (
    "<Signature><SignedInfo>"
    '<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315" />'
    '<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1" />'
    '<Reference URI=""><Transforms>'
    '<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature" />'
    "</Transforms>"
    '<DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1" />'
    "<DigestValue>FwgIqsSYJshUS2+wlOM61L+q7Aw=</DigestValue></Reference></SignedInfo>"
    "<SignatureValue>GbVb8n9+qFxz466Ag0sbpQ==</SignatureValue>"
    "<KeyInfo><X509Data><X509SubjectName>CN=user05</X509SubjectName>"
    "<X509Certificate>MIIFqTCCBJG</X509Certificate></X509Data></KeyInfo></Signature>"
)
"""What vendors put where a signature belongs: in the EDXML namespace, with a placeholder for a certificate."""


def an_organ(organ_id: str = SENDER, **changes: Any) -> Organ:
    """A body with every field filled."""
    base = Organ(
        organ_id=organ_id,
        organization_in_charge="Văn phòng Chính phủ",
        organ_name=f"Cơ quan {organ_id}",
        organ_add="Số 1 Hoàng Hoa Thám, Hà Nội",
        email="vanthu@example.gov.vn",
        telephone="(84-24) 804 3100",
        fax="024 804 4130",
        website="example.gov.vn",
    )
    return replace(base, **changes)


def an_attachment(content: bytes = A_PDF, **changes: Any) -> Attachment:
    """An attachment `1`, a PDF unless `content` says otherwise."""
    base = Attachment(
        content_id="1",
        attachment_name="Công văn 7816.pdf",
        description="Công văn",
        content_type="application/pdf",
        encoded=base64.b64encode(content).decode("ascii"),
    )
    return replace(base, **changes)


def manifest_of(attachments: Iterable[Attachment]) -> tuple[Reference, ...]:
    """The manifest that goes with these attachments."""
    return tuple(
        Reference(
            content_id=each.content_id,
            content_type=each.content_type,
            description=each.description,
            attachment_name=each.attachment_name,
        )
        for each in attachments
    )


def a_document(**changes: Any) -> Document:
    """A new document from `SENDER` to `RECIPIENTS` with one PDF; `changes` replace whole fields of `Document`.

    When `attachments` are given and `manifest` is not, the manifest follows the attachments.
    """
    if "attachments" in changes and "manifest" not in changes:
        changes["manifest"] = manifest_of(changes["attachments"])
    attachments = (an_attachment(),)
    base = Document(
        sender=an_organ(),
        recipients=tuple(an_organ(each) for each in RECIPIENTS),
        document_id=DOCUMENT_ID,
        code=Code(code_number="7816", code_notation="VPCP-TTĐT"),
        promulgation_info=PromulgationInfo(place="Hà Nội", promulgation_date=date(2026, 9, 30)),
        document_type=DocumentType(type=2, type_detail=1, type_name="Công văn"),
        subject="V/v kết nối, liên thông phần mềm quản lý văn bản",
        content="Kết nối, liên thông phần mềm quản lý văn bản",
        signer_info=SignerInfo(competence="TL. BỘ TRƯỞNG", position="Cục trưởng", full_name="Nguyễn Thành Phúc"),
        due_date=date(2026, 10, 15),
        to_places=("Các bộ và cơ quan ngang bộ", "Ủy ban nhân dân các tỉnh"),
        other_info=OtherInfo(
            sphere_of_promulgation="Liên thông văn bản quốc gia",
            typer_notation="TVC",
            promulgation_amount=2,
            page_amount=22,
            direction=False,
            appendixes=("Phụ lục I",),
        ),
        steering_type=1,
        trace_headers=(TraceHeader(organ_id=SENDER, timestamp=datetime(2026, 9, 30, 8, 15, 0, tzinfo=VIETNAM)),),
        bussiness=Bussiness(
            document_id=DOCUMENT_ID,
            bussiness_doc_reason="Văn bản điện tử mới",
            paper=0,
            staff_info=a_staff(),
        ),
        manifest=manifest_of(attachments),
        attachments=attachments,
    )
    return replace(base, **changes)


def a_lean_document(**changes: Any) -> Document:
    """A document with only what a hub asks for, so that small payloads stay small."""
    lean: dict[str, Any] = {
        "sender": Organ(organ_id=SENDER, organ_name="Văn phòng Chính phủ"),
        "recipients": (Organ(organ_id=RECIPIENTS[0], organ_name="UBND tỉnh Nghệ An"),),
        "signer_info": SignerInfo(),
        "due_date": None,
        "to_places": (),
        "other_info": OtherInfo(),
        "steering_type": None,
        "bussiness": Bussiness(paper=0),
    }
    return a_document(**(lean | changes))


def a_staff(**changes: Any) -> StaffInfo:
    base = StaffInfo(
        department="Văn thư văn phòng",
        department_id="VT01",
        staff="Nguyễn Thị Ngọc Trâm",
        staff_id="NV07",
        email="vanthuvanphong@example.gov.vn",
        mobile="84912000001",
    )
    return replace(base, **changes)


def a_status(**changes: Any) -> StatusMessage:
    """Status 03 of the first recipient about the document of `a_document`; `changes` replace whole fields."""
    base = StatusMessage(
        sender=an_organ(RECIPIENTS[0]),
        response_for=ResponseFor(
            organ_id=SENDER,
            code="7816/VPCP-TTĐT",
            promulgation_date=date(2026, 9, 30),
            document_id=DOCUMENT_ID,
        ),
        status_code="03",
        description="Văn thư: Đã tiếp nhận",
        staff_info=a_staff(),
        timestamp=datetime(2026, 9, 30, 11, 8, 36, tzinfo=VIETNAM),
    )
    return replace(base, **changes)


def envelope_bytes(envelope: Envelope | None = None, *, signature: str = "", indent: bool = True) -> bytes:
    """The envelope (`a_document()` when None) as vendors write it, unsigned unless `signature` is an element's text."""
    envelope = envelope or a_document()
    lines = (
        _document_lines(envelope, signature) if isinstance(envelope, Document) else _status_lines(envelope, signature)
    )
    text = "\n".join(lines) if indent else "".join(line.strip() for line in lines)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def of_size(n_bytes: int, envelope: Document | None = None, *, seed: int = 1) -> bytes:
    """A valid document envelope of exactly `n_bytes` bytes: the attachment grows, the rest is `a_lean_document()`.

    Raises ValueError when that is less than the envelope needs (about 2 KB).
    """
    document = envelope or a_lean_document()
    first = document.attachments[0]
    start = base64.b64encode(A_PDF).decode("ascii")
    bare = len(envelope_bytes(replace(document, attachments=(replace(first, encoded=""),)), indent=False))
    room = n_bytes - bare
    if room < len(start):
        raise ValueError(f"an envelope of {n_bytes} bytes has no room: it needs {bare + len(start)}")
    quads = room // 4
    filled = A_PDF + random.Random(seed).randbytes(quads * 3)  # noqa: S311  filling, no secret
    encoded = base64.b64encode(filled[: quads * 3]).decode("ascii")
    body = envelope_bytes(replace(document, attachments=(replace(first, encoded=encoded),)), indent=False)
    return body + b"\n" * (n_bytes - len(body))


def xml_date(day: date | None) -> str:
    return day.strftime("%Y/%m/%d") if day else ""


def xml_time(moment: datetime | None) -> str:
    return moment.astimezone(VIETNAM).strftime("%Y/%m/%d %H:%M:%S") if moment else ""


Node = tuple[str, "str | int | bool | list[Node] | None"]


def _lines(nodes: Iterable[Node], depth: int) -> list[str]:
    """Elements with the prefix; an empty text, an empty list or None is left out."""
    pad = "  " * depth
    lines: list[str] = []
    for name, value in nodes:
        tag = f"edXML:{name}"
        if isinstance(value, list):
            inner = _lines(value, depth + 1)
            if inner:
                lines += [f"{pad}<{tag}>", *inner, f"{pad}</{tag}>"]
            continue
        text = {True: "true", False: "false"}[value] if isinstance(value, bool) else value
        if text is not None and text != "":
            lines.append(f"{pad}<{tag}>{escape(str(text), quote=False)}</{tag}>")
    return lines


def _organ(organ: Organ) -> list[Node]:
    return [
        ("OrganId", organ.organ_id),
        ("OrganizationInCharge", organ.organization_in_charge),
        ("OrganName", organ.organ_name),
        ("OrganAdd", organ.organ_add),
        ("Email", organ.email),
        ("Telephone", organ.telephone),
        ("Fax", organ.fax),
        ("Website", organ.website),
    ]


def _staff(staff: StaffInfo | None) -> list[Node]:
    if staff is None:
        return []
    return [
        ("Department", staff.department),
        ("DepartmentId", staff.department_id),
        ("Staff", staff.staff),
        ("StaffId", staff.staff_id),
        ("Email", staff.email),
        ("Mobile", staff.mobile),
    ]


def _response_for(response: ResponseFor) -> list[Node]:
    return [
        ("OrganId", response.organ_id),
        ("Code", response.code),
        ("PromulgationDate", xml_date(response.promulgation_date)),
        ("DocumentId", response.document_id),
    ]


def _document_header(document: Document) -> list[Node]:
    info, kind, signer = document.promulgation_info, document.document_type, document.signer_info
    other = document.other_info
    return [
        ("From", _organ(document.sender)),
        *[("To", _organ(each)) for each in document.recipients],
        ("DocumentId", document.document_id),
        ("Code", [("CodeNumber", document.code.code_number), ("CodeNotation", document.code.code_notation)]),
        ("PromulgationInfo", [("Place", info.place), ("PromulgationDate", xml_date(info.promulgation_date))]),
        ("DocumentType", [("Type", kind.type), ("TypeDetail", kind.type_detail), ("TypeName", kind.type_name)]),
        ("Subject", document.subject),
        ("Content", document.content),
        (
            "SignerInfo",
            [("Competence", signer.competence), ("Position", signer.position), ("FullName", signer.full_name)],
        ),
        ("DueDate", xml_date(document.due_date)),
        (
            "OtherInfo",
            [
                ("Priority", int(other.priority)),
                ("SphereOfPromulgation", other.sphere_of_promulgation),
                ("TyperNotation", other.typer_notation),
                ("PromulgationAmount", other.promulgation_amount),
                ("PageAmount", other.page_amount),
                ("Direction", other.direction),
                ("Appendixes", [("Appendix", each) for each in other.appendixes]),
            ],
        ),
        *[("ResponseFor", _response_for(each)) for each in document.response_for],
        ("ResponseForTask", [("TaskCode", each) for each in document.response_for_task]),
        ("SteeringType", document.steering_type),
        ("ApplicationType", document.application_type),
        ("ToPlaces", [("Place", each) for each in document.to_places]),
    ]


def _reference(reference: Reference) -> list[Node]:
    return [
        ("ContentId", f"cid:{reference.content_id}"),
        ("ContentType", reference.content_type),
        ("Description", reference.description),
        ("AttachmentName", reference.attachment_name),
    ]


def _receiver(receiver: Receiver) -> list[Node]:
    return [("OrganId", receiver.organ_id), ("ReceiverType", receiver.receiver_type)]


def _replacement(replacement: ReplacementInfo) -> list[Node]:
    return [
        ("DocumentId", replacement.document_id),
        ("OrganIdList", [("OrganId", each) for each in replacement.organ_id_list]),
    ]


def _change(info: BussinessDocumentInfo | None) -> list[Node]:
    if info is None:
        return []
    return [
        ("DocumentInfo", info.document_info),
        ("DocumentReceiver", info.document_receiver),
        ("ReceiverList", [("Receiver", _receiver(each)) for each in info.receiver_list]),
    ]


def _hop(hop: TraceHeader) -> list[Node]:
    return [("OrganId", hop.organ_id), ("Timestamp", xml_time(hop.timestamp))]


def _trace(document: Document) -> list[Node]:
    bussiness = document.bussiness
    return [
        *[("TraceHeader", _hop(each)) for each in document.trace_headers],
        (
            "Bussiness",
            [
                ("DocumentId", bussiness.document_id),
                ("BussinessDocType", int(bussiness.bussiness_doc_type)),
                ("BussinessDocReason", bussiness.bussiness_doc_reason),
                ("Paper", bussiness.paper),
                ("BussinessDocumentInfo", _change(bussiness.bussiness_document_info)),
                (
                    "ReplacementInfoList",
                    [("ReplacementInfo", _replacement(each)) for each in bussiness.replacement_info_list],
                ),
                ("StaffInfo", _staff(bussiness.staff_info)),
            ],
        ),
    ]


def _document_lines(document: Document, signature: str) -> list[str]:
    manifest: list[Node] = [("Reference", _reference(each)) for each in document.manifest]
    lines = [
        *_OPENING,
        *_lines([("MessageHeader", _document_header(document)), ("TraceHeaderList", _trace(document))], 3),
        *([f"      {signature}"] if signature else []),
        "    </edXML:edXMLHeader>",
        "    <edXML:edXMLBody>",
        '      <edXML:edXMLManifest version="1.0">',
        *_lines(manifest, 4),
        "      </edXML:edXMLManifest>",
        "    </edXML:edXMLBody>",
        "  </edXML:edXMLEnvelope>",
    ]
    if document.attachments:
        lines.append("  <AttachmentEncoded>")
        for each in document.attachments:
            lines += _attachment_lines(each)
        lines.append("  </AttachmentEncoded>")
    return [*lines, "</edXML>"]


def _attachment_lines(attachment: Attachment) -> list[str]:
    fields = [
        ("ContentId", f"cid:{attachment.content_id}"),
        ("AttachmentName", attachment.attachment_name),
        ("Description", attachment.description),
        ("ContentType", attachment.content_type),
    ]
    return [
        "    <Attachment>",
        *[f"      <{name}>{escape(text, quote=False)}</{name}>" for name, text in fields if text],
        f'      <edXML:ContentTransferEncoded xmlns:edXML="{EDXML_NS}">{attachment.encoded}'
        "</edXML:ContentTransferEncoded>",
        "    </Attachment>",
    ]


def _status_lines(status: StatusMessage, signature: str) -> list[str]:
    header: list[Node] = [
        ("From", _organ(status.sender)),
        ("ResponseFor", _response_for(status.response_for)),
        ("StaffInfo", _staff(status.staff_info)),
        ("StatusCode", status.status_code),
        ("Description", status.description),
        ("Timestamp", xml_time(status.timestamp)),
    ]
    return [
        *_OPENING,
        *_lines([("MessageHeader", header)], 3),
        *([f"      {signature}"] if signature else []),
        "    </edXML:edXMLHeader>",
        "  </edXML:edXMLEnvelope>",
        "</edXML>",
    ]


_OPENING: Final = (
    f'<edXML xmlns="{EDXML_NS}">',
    f'  <edXML:edXMLEnvelope xmlns:edXML="{EDXML_NS}">',
    "    <edXML:edXMLHeader>",
)
