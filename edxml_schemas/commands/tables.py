"""Tables for people: what an envelope holds, and the catalogue of codes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edxml_schemas.catalogue import plain
from edxml_schemas.commands.output import Lang, in_languages, label
from edxml_schemas.commands.shapes import signed_shape
from edxml_schemas.model import Document, Envelope, Organ, ResponseFor, StatusMessage
from edxml_schemas.statuses import DOC_TYPE_TEXT, PRIORITY_TEXT, STATUS_TEXT, BussinessDocType, Priority, StatusCode
from edxml_schemas.visible import visible

if TYPE_CHECKING:
    from edxml_schemas.catalogue import Entry
    from edxml_schemas.judgement import Judgement

_WIDTH_UNATTENDED = 120  # columns when stdout is not a terminal

Row = tuple[str, str]


def print_envelope(
    name: str, judgement: "Judgement", envelope: Envelope, files: Sequence[Mapping[str, object]], *, lang: Lang
) -> None:
    """Header fields, recipients, attachments, signature and trace of one envelope."""
    console = _console()
    kind = label(lang, "Văn bản", "document") if isinstance(envelope, Document) else label(lang, "Trạng thái", "status")
    body = _document_rows(envelope, lang) if isinstance(envelope, Document) else _status_rows(envelope, lang)
    head: list[Row] = [
        (label(lang, "Tệp", "file"), name),
        (label(lang, "Loại gói tin", "kind"), kind),
        (label(lang, "Kích thước", "size"), f"{judgement.size:,} byte"),
        ("SHA-256", judgement.digest),
    ]
    _grid(console, [*head, *body, *_signature_rows(judgement, lang)])
    if isinstance(envelope, Document):
        _organs(console, label(lang, "Nơi nhận", "recipients"), envelope.recipients, lang)
        _files(console, files, lang)
        _trace(console, envelope, lang)


def print_codes(entries: Iterable["Entry"], *, lang: Lang) -> None:
    """The catalogue: a row per code."""
    table = Table(box=SIMPLE, show_lines=True)
    for title in (
        "code",
        "",
        "LGSP",
        label(lang, "Nội dung", "what it says"),
        label(lang, "Cách sửa", "how to mend it"),
    ):
        table.add_column(title, overflow="fold")
    for each in entries:
        says = "\n".join(in_languages(lang, plain(each.vi), plain(each.en)))
        mend = "\n".join(in_languages(lang, plain(each.remedy_vi), plain(each.remedy_en)))
        again = label(lang, "có", "yes") if each.retry else ""
        table.add_row(each.code.value, each.severity.value, str(each.lgsp), again, Text(says), Text(mend))
    _console().print(table)


def _console() -> Console:
    probe = Console(highlight=False)
    return probe if probe.is_terminal else Console(highlight=False, width=_WIDTH_UNATTENDED)


def _grid(console: Console, found: Iterable[Row]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", overflow="fold", max_width=34)
    table.add_column(overflow="fold")
    for title, value in found:
        if value:
            table.add_row(Text(title), Text(visible(value)))
    console.print(table)


def _document_rows(document: Document, lang: Lang) -> list[Row]:
    doc_type, priority = document.bussiness.bussiness_doc_type, document.other_info.priority
    does = DOC_TYPE_TEXT[BussinessDocType(doc_type)] if doc_type in set(BussinessDocType) else ("?", "?")
    urgency = PRIORITY_TEXT[Priority(priority)] if priority in set(Priority) else ("?", "?")
    signer = document.signer_info
    return [
        (label(lang, "Nơi gửi", "from"), _organ(document.sender)),
        ("DocumentId", document.document_id),
        (label(lang, "Số/ký hiệu", "code"), str(document.code)),
        (
            label(lang, "Ban hành", "promulgated"),
            ", ".join(
                part
                for part in (document.promulgation_info.place, _day(document.promulgation_info.promulgation_date))
                if part
            ),
        ),
        (label(lang, "Loại văn bản", "document type"), document.document_type.type_name),
        (label(lang, "Trích yếu", "subject"), document.subject),
        (label(lang, "Nội dung", "content"), document.content if document.content != document.subject else ""),
        (
            label(lang, "Người ký", "signer"),
            ", ".join(part for part in (signer.competence, signer.position, signer.full_name) if part),
        ),
        (label(lang, "Hạn xử lý", "due date"), _day(document.due_date)),
        (label(lang, "Độ khẩn", "priority"), f"{priority} ({label(lang, *urgency)})"),
        (label(lang, "Nghiệp vụ", "business"), f"{doc_type} ({label(lang, *does)})"),
        (label(lang, "Lý do", "reason"), document.bussiness.bussiness_doc_reason),
        (
            label(lang, "Văn bản liên quan", "response for"),
            "; ".join(_response(each) for each in document.response_for if not each.empty),
        ),
        (
            label(lang, "Thay thế", "replaces"),
            "; ".join(each.document_id for each in document.bussiness.replacement_info_list),
        ),
        (label(lang, "Nơi nhận (in)", "to places"), "; ".join(document.to_places)),
    ]


def _status_rows(status: StatusMessage, lang: Lang) -> list[Row]:
    known = status.status_code in {each.value for each in StatusCode}
    words = label(lang, *STATUS_TEXT[StatusCode(status.status_code)]) if known else "?"
    staff = status.staff_info
    return [
        (label(lang, "Nơi gửi", "from"), _organ(status.sender)),
        (label(lang, "Nơi nhận", "to"), status.response_for.organ_id),
        (label(lang, "Trạng thái", "status"), f"{status.status_code} ({words})"),
        (label(lang, "Nội dung", "description"), status.description),
        (label(lang, "Về văn bản", "about"), _response(status.response_for)),
        (
            label(lang, "Cán bộ", "staff"),
            ", ".join(part for part in (staff.staff, staff.department) if part) if staff else "",
        ),
        (label(lang, "Thời điểm", "timestamp"), f"{status.timestamp:%Y/%m/%d %H:%M:%S}" if status.timestamp else ""),
    ]


def _signature_rows(judgement: "Judgement", lang: Lang) -> list[Row]:
    found = [(label(lang, "Chữ ký", "signature"), judgement.signature_state.value)]
    if judgement.signed is not None:
        shape = signed_shape(judgement.signed)
        found += [
            (label(lang, "Thuật toán", "algorithm"), judgement.signed.algorithm),
            (label(lang, "Chủ thể", "subject of certificate"), shape["subject"]),
            (label(lang, "Nơi cấp", "issuer"), shape["issuer"]),
            (label(lang, "Số hiệu", "serial"), shape["serial"]),
            (label(lang, "Hiệu lực", "validity"), f"{shape['not_before']} – {shape['not_after']}"),
        ]
    return found


def _organs(console: Console, title: str, organs: Sequence[Organ], lang: Lang) -> None:
    table = Table(box=SIMPLE, title=f"{title} ({len(organs)})", title_justify="left")
    table.add_column(label(lang, "Mã", "code"), overflow="fold")
    table.add_column(label(lang, "Tên", "name"), overflow="fold")
    for each in organs:
        table.add_row(Text(visible(each.organ_id)), Text(visible(each.organ_name or each.organization_in_charge)))
    console.print(table)


def _files(console: Console, files: Sequence[Mapping[str, object]], lang: Lang) -> None:
    title = label(lang, "Tệp đính kèm", "attachments")
    table = Table(box=SIMPLE, title=f"{title} ({len(files)})", title_justify="left")
    for column in (label(lang, "Tên", "name"), label(lang, "Loại", "type"), label(lang, "Byte", "bytes"), "SHA-256"):
        table.add_column(column, overflow="fold")
    for each in files:
        zipped = " (zip)" if each.get("zipped") else ""
        table.add_row(
            Text(visible(str(each.get("name", each["attachment_name"])))),
            Text(visible(f"{each.get('content_type', each['stated_content_type'])}{zipped}")),
            Text(str(each.get("size", "?"))),
            Text(str(each.get("digest", "?"))),
        )
    console.print(table)


def _trace(console: Console, document: Document, lang: Lang) -> None:
    if not document.trace_headers:
        return
    table = Table(box=SIMPLE, title=label(lang, "Đường đi", "trace"), title_justify="left")
    table.add_column(label(lang, "Mã", "code"), overflow="fold")
    table.add_column(label(lang, "Thời điểm", "timestamp"))
    for each in document.trace_headers:
        moment = f"{each.timestamp:%Y/%m/%d %H:%M:%S}" if each.timestamp else "?"
        table.add_row(Text(visible(each.organ_id or "?")), Text(moment))
    console.print(table)


def _organ(organ: Organ) -> str:
    name = organ.organ_name or organ.organization_in_charge
    return f"{organ.organ_id} – {name}" if name else organ.organ_id


def _response(response: ResponseFor) -> str:
    day = _day(response.promulgation_date)
    return ", ".join(part for part in (response.organ_id, response.code, day, response.document_id) if part)


def _day(day: object) -> str:
    return f"{day:%Y/%m/%d}" if day else ""
