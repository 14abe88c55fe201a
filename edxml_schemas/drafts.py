"""Drafts: metadata that people write (TOML or JSON) and files, made into a document or a status.

Keys are the EDXML element names in snake case, nested as in QCVN 102:2016/BTTTT (`from.organ_id`,
`promulgation_info.promulgation_date`). What is left out and can be derived is derived. Faults are values, all of them
at once; an unknown key is a fault, so that a slip of the pen never silently loses a field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

from edxml_schemas.drafting import fields
from edxml_schemas.drafting.files import attach, folder_files, read_metadata
from edxml_schemas.drafting.reader import DraftProblem, DraftProblems, Notebook, Table, parse_day
from edxml_schemas.limits import DEFAULT_LIMITS, Limits
from edxml_schemas.model import (
    Attachment,
    Bussiness,
    Code,
    Document,
    DocumentType,
    Envelope,
    Reference,
    ResponseFor,
    StatusMessage,
    TraceHeader,
)
from edxml_schemas.reader import VIETNAM_TIME
from edxml_schemas.statuses import REASON_REQUIRED, BussinessDocType, StatusCode

__all__ = ["DEFAULT_DOCUMENT_TYPE", "DraftProblem", "DraftProblems", "draft_from_mapping", "draft_keys", "load_draft"]

DEFAULT_DOCUMENT_TYPE: Final = DocumentType(type=2, type_detail=0, type_name="Văn bản hành chính")
"""What a document is when its draft does not say: an administrative document of no stated kind."""


def load_draft(
    place: Path, files: Sequence[Path] = (), *, now: datetime, limits: Limits = DEFAULT_LIMITS
) -> Envelope | DraftProblems:
    """The envelope that a metadata file and `files`, or a folder, describe.

    A folder holds one of `document.toml`, `document.json`, `status.toml`, `status.json`; its other files, except hidden
    ones, are attached in the order of their names. Problems also name unreadable files; nothing is raised.
    """
    meta = read_metadata(place)
    if isinstance(meta, tuple):
        return meta
    beside = folder_files(meta.path) if place.is_dir() else ()
    return draft_from_mapping(
        meta.values, (*files, *beside), now=now, source=meta.path.name, folder=meta.path.parent, limits=limits
    )


def draft_from_mapping(
    meta: Mapping[str, object],
    files: Sequence[Path] = (),
    *,
    now: datetime,
    source: str = "metadata",
    folder: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Envelope | DraftProblems:
    """The document or status that `meta` describes, with `files` attached; or every problem.

    `now` is aware and fills dates that are left out. Files named in `attachments` and not among `files` are looked for
    in `folder`, never outside it. A draft with `status_code` is a status.
    """
    notebook = Notebook(source=source)
    table = Table(meta, path="", notebook=notebook)
    local = now.astimezone(VIETNAM_TIME).replace(microsecond=0)
    draft: Envelope
    if table.has("status_code"):
        draft = _status(table, now=local)
        if files:
            notebook.problem(
                "",
                vi="Trạng thái xử lý không mang tệp đính kèm.",
                en="A status carries no attachments.",
                remedy_vi="Đề nghị bỏ các tệp đi kèm.",
                remedy_en="Leave the files out.",
            )
    else:
        draft, wanted = _document(table, now=local)
        if not notebook.problems:
            packed = attach(wanted, files, folder=folder, notebook=notebook, limits=limits)
            draft = replace(draft, attachments=packed, manifest=_manifest(packed))
    return tuple(notebook.problems) or draft


def draft_keys(kind: type[Envelope]) -> tuple[str, ...]:
    """Every key that a draft of this kind may have, dotted, `[]` for lists; the documentation is checked against it."""
    notebook = Notebook(source="", listing=True)
    table = Table({}, path="", notebook=notebook)
    now = datetime(2000, 1, 1, tzinfo=VIETNAM_TIME)
    if kind is StatusMessage:
        _status(table, now=now)
    else:
        _document(table, now=now)
    return tuple(notebook.keys)


@dataclass(frozen=True, slots=True)
class _Identity:
    """What a DocumentId of the form `OrganId,YYYY/MM/DD,number/notation` says."""

    day: date | None = None
    code: str = ""


def _identity(document_id: str) -> _Identity:
    parts = document_id.split(",")
    if len(parts) != 3:
        return _Identity()
    return _Identity(parse_day(parts[1]), parts[2].strip())


def _document(table: Table, *, now: datetime) -> tuple[Document, tuple[fields.AttachmentDraft, ...]]:
    sender = fields.organ(table.table("from"))
    recipients = table.each("to", fields.organ, shorthand="organ_id")
    stated_id = table.text("document_id")
    identity = _identity(stated_id)
    code = fields.code(table.table("code"))
    if not code.code_number and identity.code:
        number, _, notation = identity.code.partition("/")
        code = Code(code_number=number, code_notation=notation)
    promulgation = fields.promulgation_info(table.table("promulgation_info"))
    day = promulgation.promulgation_date or identity.day or now.date()
    document_id = stated_id or f"{sender.organ_id},{day:%Y/%m/%d},{code}"
    subject, content = table.text("subject"), table.text("content")
    kind = fields.document_type(table.table("document_type"))
    document = Document(
        sender=sender,
        recipients=recipients,
        document_id=document_id,
        code=code,
        promulgation_info=replace(promulgation, promulgation_date=day),
        document_type=_document_type(kind),
        subject=subject or content,
        content=content or subject,
        signer_info=fields.signer_info(table.table("signer_info")),
        due_date=table.day("due_date"),
        to_places=table.texts("to_places", inner="place"),
        other_info=fields.other_info(table.table("other_info")),
        response_for=table.each("response_for", fields.response_for),
        response_for_task=table.texts("response_for_task", inner="task_code"),
        steering_type=table.whole("steering_type", allowed=range(1000)),
        application_type=table.text("application_type"),
        trace_headers=table.each("trace_header_list", fields.trace_header, inner="trace_header")
        or (TraceHeader(organ_id=sender.organ_id, timestamp=now),),
        bussiness=fields.bussiness(table.table("bussiness")),
    )
    wanted = table.each("attachments", fields.attachment, shorthand="file")
    table.done()
    _require_document(table, document)
    return replace(document, bussiness=_bussiness(table, document)), wanted


def _document_type(stated: DocumentType) -> DocumentType:
    default = DEFAULT_DOCUMENT_TYPE
    return DocumentType(
        type=default.type if stated.type is None else stated.type,
        type_detail=default.type_detail if stated.type_detail is None else stated.type_detail,
        type_name=stated.type_name or default.type_name,
    )


def _require_document(table: Table, document: Document) -> None:
    codes = [each.organ_id for each in document.recipients if each.organ_id]
    if not document.recipients:
        table.missing(
            "to",
            remedy_vi='Đề nghị ghi ít nhất một nơi nhận, ví dụ to = [{organ_id = "000.00.00.H41"}].',
            remedy_en='Name at least one recipient, for example to = [{organ_id = "000.00.00.H41"}].',
        )
    for index, organ_id in enumerate(codes):
        if organ_id in codes[:index]:
            table.repeated("to", organ_id)
    if not document.code.code_number:
        table.missing(
            "code.code_number",
            remedy_vi="Đề nghị ghi số của văn bản, ví dụ 7816 (và code_notation, ví dụ VPCP-TTĐT).",
            remedy_en="State the document's number, for example 7816 (and code_notation, for example VPCP-TTĐT).",
        )
    if not document.subject:
        table.missing(
            "subject",
            remedy_vi="Đề nghị ghi trích yếu của văn bản.",
            remedy_en="State what the document is about.",
        )


def _bussiness(table: Table, document: Document) -> Bussiness:
    """Business with its DocumentId; a revocation, update or replacement that names nothing is a problem."""
    stated = document.bussiness
    answered = tuple(each for each in document.response_for if not each.empty)
    kind = stated.bussiness_doc_type
    if kind == BussinessDocType.REVOKE and not answered:
        table.missing(
            "response_for",
            remedy_vi="Đề nghị nêu văn bản bị thu hồi: organ_id, code, promulgation_date, document_id.",
            remedy_en="Name the revoked document: organ_id, code, promulgation_date, document_id.",
        )
    if kind == BussinessDocType.UPDATE and not (answered or stated.document_id):
        table.missing(
            "bussiness.document_id",
            remedy_vi="Đề nghị nêu DocumentId của văn bản được cập nhật (hoặc response_for).",
            remedy_en="Name the DocumentId of the updated document (or response_for).",
        )
    if kind == BussinessDocType.REPLACE and not stated.replacement_info_list:
        table.missing(
            "bussiness.replacement_info_list",
            remedy_vi="Đề nghị nêu các văn bản bị thay thế, mỗi văn bản một document_id.",
            remedy_en="Name the replaced documents, one document_id each.",
        )
    original = answered[0].document_id if answered and kind == BussinessDocType.UPDATE else ""
    return replace(
        stated,
        document_id=stated.document_id or original or document.document_id,
        paper=0 if stated.paper is None else stated.paper,
    )


def _status(table: Table, *, now: datetime) -> StatusMessage:
    status = StatusMessage(
        sender=fields.organ(table.table("from")),
        response_for=_original(fields.response_for(table.table("response_for"))),
        status_code=table.choice("status_code", [each.value for each in StatusCode]),
        description=table.text("description"),
        staff_info=fields.staff_info(table.table("staff_info")),
        timestamp=table.moment("timestamp") or now,
    )
    table.done()
    if not status.response_for.organ_id:
        table.missing(
            "response_for.organ_id",
            remedy_vi="Đề nghị ghi mã cơ quan nhận trạng thái: nơi gửi văn bản (với 13: nơi nhận văn bản).",
            remedy_en="State who is told: the document's sender (for 13: its recipient).",
        )
    if not (status.response_for.document_id or status.response_for.code):
        table.missing(
            "response_for.document_id",
            remedy_vi="Đề nghị nêu DocumentId của văn bản, hoặc ít nhất code (số/ký hiệu).",
            remedy_en="Name the document's DocumentId, or at least its code (number/notation).",
        )
    if status.status_code in REASON_REQUIRED and not status.description:
        table.missing(
            "description",
            remedy_vi=f"Trạng thái {status.status_code} phải kèm lý do.",
            remedy_en=f"A status {status.status_code} must give its reason.",
        )
    return status


def _original(stated: ResponseFor) -> ResponseFor:
    """What a DocumentId tells of number and date need not be written twice."""
    identity = _identity(stated.document_id)
    return replace(
        stated,
        code=stated.code or identity.code,
        promulgation_date=stated.promulgation_date or identity.day,
    )


def _manifest(attachments: Sequence[Attachment]) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            content_id=each.content_id,
            content_type=each.content_type,
            description=each.description,
            attachment_name=each.attachment_name,
        )
        for each in attachments
    )
