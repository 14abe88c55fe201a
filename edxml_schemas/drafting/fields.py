"""From tables of metadata to the values of `model.py`. Keys are the element names in snake case.

What is left out is derived in `drafts.py`; here only what was written is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edxml_schemas.drafting.reader import Table
from edxml_schemas.model import (
    Bussiness,
    BussinessDocumentInfo,
    Code,
    DocumentType,
    Organ,
    OtherInfo,
    PromulgationInfo,
    Receiver,
    ReplacementInfo,
    ResponseFor,
    SignerInfo,
    StaffInfo,
    TraceHeader,
)
from edxml_schemas.statuses import DOC_TYPE_TEXT, PRIORITY_TEXT, BussinessDocType, Priority

DOC_TYPE_NAMES: Final[Mapping[str, int]] = MappingProxyType(
    {each.name.casefold(): int(each) for each in BussinessDocType}
    | {text.casefold(): int(each) for each, (text, _) in DOC_TYPE_TEXT.items()}
)
PRIORITY_NAMES: Final[Mapping[str, int]] = MappingProxyType(
    {each.name.casefold().replace("_", " "): int(each) for each in Priority}
    | {text.casefold(): int(each) for each, (text, _) in PRIORITY_TEXT.items()}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentDraft:
    """A line of `attachments`: which file, and how it travels."""

    where: str
    file: str
    zipped: bool = False
    content_type: str = ""
    attachment_name: str = ""
    description: str = ""


def organ(table: Table) -> Organ:
    """From or one To."""
    found = Organ(
        organ_id=table.text("organ_id"),
        organization_in_charge=table.text("organization_in_charge"),
        organ_name=table.text("organ_name"),
        organ_add=table.text("organ_add"),
        email=table.text("email"),
        telephone=table.text("telephone", number_ok=True),
        fax=table.text("fax", number_ok=True),
        website=table.text("website"),
    )
    table.done()
    if not found.organ_id:
        table.missing(
            "organ_id",
            remedy_vi="Đề nghị ghi mã định danh của cơ quan, ví dụ 000.00.00.G22 hoặc H41.08.13.02.",
            remedy_en="State the organ code, for example 000.00.00.G22 or H41.08.13.02.",
        )
    return found


def code(table: Table) -> Code:
    found = Code(code_number=table.text("code_number", number_ok=True), code_notation=table.text("code_notation"))
    table.done()
    return found


def promulgation_info(table: Table) -> PromulgationInfo:
    found = PromulgationInfo(place=table.text("place"), promulgation_date=table.day("promulgation_date"))
    table.done()
    return found


def document_type(table: Table) -> DocumentType:
    found = DocumentType(
        type=table.whole("type", allowed=range(1, 3)),
        type_detail=table.whole("type_detail", allowed=range(1000)),
        type_name=table.text("type_name"),
    )
    table.done()
    return found


def signer_info(table: Table) -> SignerInfo:
    found = SignerInfo(
        competence=table.text("competence"), position=table.text("position"), full_name=table.text("full_name")
    )
    table.done()
    return found


def other_info(table: Table) -> OtherInfo:
    found = OtherInfo(
        priority=table.whole("priority", names=PRIORITY_NAMES, allowed=range(5)) or Priority.NORMAL,
        sphere_of_promulgation=table.text("sphere_of_promulgation"),
        typer_notation=table.text("typer_notation"),
        promulgation_amount=table.whole("promulgation_amount", allowed=range(10**6)),
        page_amount=table.whole("page_amount", allowed=range(10**6)),
        direction=table.flag("direction"),
        appendixes=table.texts("appendixes", inner="appendix"),
    )
    table.done()
    return found


def response_for(table: Table) -> ResponseFor:
    found = ResponseFor(
        organ_id=table.text("organ_id"),
        code=table.text("code", number_ok=True),
        promulgation_date=table.day("promulgation_date"),
        document_id=table.text("document_id"),
    )
    table.done()
    return found


def staff_info(table: Table) -> StaffInfo | None:
    found = StaffInfo(
        department=table.text("department"),
        department_id=table.text("department_id", number_ok=True),
        staff=table.text("staff"),
        staff_id=table.text("staff_id", number_ok=True),
        email=table.text("email"),
        mobile=table.text("mobile", number_ok=True),
    )
    table.done()
    return found if table.given else None


def trace_header(table: Table) -> TraceHeader:
    found = TraceHeader(organ_id=table.text("organ_id"), timestamp=table.moment("timestamp"))
    table.done()
    return found


def bussiness(table: Table) -> Bussiness:
    """What the document does; `document_id` may still be empty."""
    doc_type = table.whole("bussiness_doc_type", names=DOC_TYPE_NAMES, allowed=range(4))
    found = Bussiness(
        bussiness_doc_type=doc_type or BussinessDocType.NEW,
        document_id=table.text("document_id"),
        bussiness_doc_reason=table.text("bussiness_doc_reason"),
        paper=table.bit("paper"),
        staff_info=staff_info(table.table("staff_info")),
        bussiness_document_info=_document_info(table.table("bussiness_document_info")),
        replacement_info_list=table.each("replacement_info_list", _replacement, inner="replacement_info"),
    )
    table.done()
    return found


def _document_info(table: Table) -> BussinessDocumentInfo | None:
    found = BussinessDocumentInfo(
        document_info=table.bit("document_info"),
        document_receiver=table.bit("document_receiver"),
        receiver_list=table.each("receiver_list", _receiver, inner="receiver", shorthand="organ_id"),
    )
    table.done()
    return found if table.given else None


def _receiver(table: Table) -> Receiver:
    found = Receiver(organ_id=table.text("organ_id"), receiver_type=table.bit("receiver_type"))
    table.done()
    return found


def _replacement(table: Table) -> ReplacementInfo:
    found = ReplacementInfo(
        document_id=table.text("document_id"), organ_id_list=table.texts("organ_id_list", inner="organ_id")
    )
    table.done()
    if table.given and not found.document_id:
        table.missing(
            "document_id",
            remedy_vi="Đề nghị ghi DocumentId của văn bản bị thay thế.",
            remedy_en="State the DocumentId of the document that is replaced.",
        )
    return found


def attachment(table: Table) -> AttachmentDraft:
    """One line of `attachments`."""
    found = AttachmentDraft(
        where=table.where("file"),
        file=table.text("file"),
        zipped=table.flag("zipped") or False,
        content_type=table.text("content_type"),
        attachment_name=table.text("attachment_name"),
        description=table.text("description"),
    )
    table.done()
    if table.given and not found.file:
        table.missing(
            "file",
            remedy_vi="Đề nghị ghi tên tệp, nằm cùng thư mục với tệp siêu dữ liệu.",
            remedy_en="Give the file's name, beside the metadata file.",
        )
    return found
