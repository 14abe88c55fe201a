"""The header of an envelope as named fields, in the order in which people read it."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from edxml_schemas.model import Document, Envelope, Organ, StaffInfo, StatusMessage
from edxml_schemas.statuses import DOC_TYPE_TEXT, PRIORITY_TEXT
from edxml_schemas.visible import visible

FIELD_CHARS: Final = 1000
MOST_PLACES: Final = 100

Field = tuple[str, str, str, str]
"""Name in the envelope, Vietnamese, English, value."""


def header_fields(envelope: Envelope) -> list[dict[str, Any]]:
    """[{"name", "text": {vi, en}, "value"}], without what is empty."""
    fields = _document(envelope) if isinstance(envelope, Document) else _status(envelope)
    return [
        {"name": name, "text": {"vi": vi, "en": en}, "value": _shown(value)} for name, vi, en, value in fields if value
    ]


def _document(document: Document) -> Iterator[Field]:
    yield from _sender(document.sender)
    yield "DocumentId", "DocumentId", "DocumentId", document.document_id
    yield "Code", "Số và ký hiệu", "Code", str(document.code)
    yield "Place", "Nơi ban hành", "Place", document.promulgation_info.place
    yield "PromulgationDate", "Ngày ban hành", "Promulgated", _day(document.promulgation_info.promulgation_date)
    yield "TypeName", "Loại văn bản", "Type", document.document_type.type_name
    yield "BussinessDocType", "Nghiệp vụ", "Does", _named(DOC_TYPE_TEXT, document.bussiness.bussiness_doc_type)
    yield "BussinessDocReason", "Lý do nghiệp vụ", "Reason", document.bussiness.bussiness_doc_reason
    yield "Paper", "Gửi kèm bản giấy", "Paper copy follows", _number(document.bussiness.paper)
    yield from _staff(document.bussiness.staff_info)
    yield "Priority", "Độ khẩn", "Priority", _named(PRIORITY_TEXT, document.other_info.priority)
    yield "DueDate", "Hạn xử lý", "Due", _day(document.due_date)
    signer = document.signer_info
    yield "SignerInfo", "Người ký", "Signer", _joined(signer.full_name, signer.position, signer.competence)
    yield "ToPlaces", "Nơi nhận ghi trên văn bản", "Places named", "; ".join(document.to_places[:MOST_PLACES])
    other = document.other_info
    yield "SphereOfPromulgation", "Phạm vi phổ biến", "Sphere", other.sphere_of_promulgation
    yield "TyperNotation", "Ký hiệu người đánh máy", "Typer", other.typer_notation
    yield "PromulgationAmount", "Số bản", "Copies", _number(other.promulgation_amount)
    yield "PageAmount", "Số trang", "Pages", _number(other.page_amount)
    yield "Appendixes", "Phụ lục", "Appendixes", "; ".join(other.appendixes[:MOST_PLACES])
    for each in document.response_for[:MOST_PLACES]:
        named = _joined(each.document_id, each.code, each.organ_id, _day(each.promulgation_date))
        yield "ResponseFor", "Trả lời văn bản", "Answers", named
    yield "ResponseForTask", "Nhiệm vụ", "Tasks", "; ".join(document.response_for_task[:MOST_PLACES])
    yield "SteeringType", "Loại chỉ đạo", "Steering", _number(document.steering_type)
    yield "ApplicationType", "Phần mềm", "Application", document.application_type


def _status(status: StatusMessage) -> Iterator[Field]:
    yield from _sender(status.sender)
    yield "StatusCode", "Trạng thái", "Status", status.status_code
    yield "Description", "Diễn giải", "Description", status.description
    said_of = status.response_for
    named = _joined(said_of.document_id, said_of.code, said_of.organ_id, _day(said_of.promulgation_date))
    yield "ResponseFor", "Về văn bản", "About", named
    yield from _staff(status.staff_info)


def _sender(sender: Organ) -> Iterator[Field]:
    yield "From", "Cơ quan gửi", "From", _joined(sender.organ_name, sender.organ_id)
    yield "OrganizationInCharge", "Cơ quan chủ quản", "In charge", sender.organization_in_charge
    yield "OrganAdd", "Địa chỉ", "Address", sender.organ_add
    yield "Email", "Thư điện tử", "Email", sender.email
    yield "Telephone", "Điện thoại", "Telephone", sender.telephone


def _staff(staff: StaffInfo | None) -> Iterator[Field]:
    if staff is not None:
        yield "StaffInfo", "Cán bộ", "Staff", _joined(staff.staff, staff.department, staff.email, staff.mobile)


def _joined(*parts: str) -> str:
    return " · ".join(each for each in parts if each)


def _named(texts: Any, number: int) -> str:
    found = next((text for kind, text in texts.items() if kind == number), None)
    return f"{number} {found[0]} / {found[1]}" if found is not None else str(number)


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _day(day: date | None) -> str:
    return "" if day is None else f"{day:%d/%m/%Y}"


def _shown(value: str) -> str:
    told = visible(value[:FIELD_CHARS])
    return told if len(value) <= FIELD_CHARS else f"{told}…"
