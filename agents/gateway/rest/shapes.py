"""What the operations take and answer, as the OpenAPI shows it. Times are ISO 8601 with their zone."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents.gateway.outcomes import Taking
from edxml_schemas.statuses import StatusCode

LEG_CHARS = 200
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
OrganId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Asked(BaseModel):
    """A body from outside: no key that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Words(Told):
    vi: str
    en: str


# ── Problems ────────────────────────────────────────────────────────────────────────────────────────────────────────


class FindingShape(BaseModel):
    """Một lỗi / one fault. A fault of the format has type, code, xpath and line; one of a value has `where`."""

    model_config = ConfigDict(extra="allow")

    type: str | None = None
    code: str | None = None
    where: str | None = None
    line: int | None = None
    xpath: str | None = None
    message: Words
    remedy: Words


class ProblemShape(BaseModel):
    """RFC 9457. `type` là URN ổn định; title, detail tiếng Việt, title_en, detail_en tiếng Anh."""

    type: str = Field(pattern=r"^urn:vn:truc-lien-thong:problem:[a-z-]+$")
    title: str
    status: int
    detail: str
    title_en: str
    detail_en: str
    instance: str | None = None
    findings: list[FindingShape]


# ── Sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class FileUpload(Asked):
    """Một tệp đính kèm / one attachment."""

    name: str = Field(min_length=1, max_length=500, description="Tên tệp / file name")
    content: str = Field(
        description="Nội dung base64 / base64 of the file", json_schema_extra={"contentEncoding": "base64"}
    )


class NewDocument(Asked):
    """Văn bản (hoặc trạng thái) để gửi: `metadata` và `files`, hoặc `envelope` là gói EDXML đã đóng.

    Give either `metadata` (keys of a draft, see `edxml_schemas/README.md`) with `files`, or a finished `envelope`.
    """

    metadata: dict[str, Any] | None = Field(
        default=None,
        description="Siêu dữ liệu, khóa như document.json / keys as in document.json of a draft",
        examples=[
            {
                "from": {"organ_id": "000.00.00.H01"},
                "to": ["000.00.00.H41"],
                "code": {"code_number": "7816", "code_notation": "VPCP-TTĐT"},
                "subject": "Về việc kết nối trục liên thông",
            }
        ],
    )
    files: list[FileUpload] = Field(default_factory=list, max_length=1000)
    envelope: str | None = Field(
        default=None,
        description="Gói EDXML, base64 / an EDXML envelope in base64",
        json_schema_extra={"contentEncoding": "base64"},
    )


class RepairsShape(Told):
    """Gói tin của hệ thống chưa ký số: tác nhân đã sửa gì và ký bảo lãnh / what the agent mended and vouched for."""

    repairs: list[str]
    original_digest: str


class SubmittedShape(Told):
    """Đã lưu bền ở tác nhân; lời đáp của trục đến sau / durable at the agent, the hub's verdict comes later."""

    submission_id: str
    repeated: bool = Field(description="Đã nhận nội dung này trước đó / the same was submitted before")
    vouched: RepairsShape | None = None


class ReceiptShape(Told):
    """Biên nhận của trục / a receipt of the hub."""

    receipt_id: str
    kind: str
    kind_text: Words
    recipient: str
    received_at: datetime
    signed_by: str | None
    certificate: str | None


class HeardShape(Told):
    """Trạng thái nhận được / a status that came."""

    leg_id: str
    status_code: str
    status_text: Words
    sender: str = Field(alias="from")
    recipient: str = Field(alias="to")
    description: str
    staff: str
    said_at: datetime | None
    received_at: datetime
    document_id: str
    code: str


class LegShape(Told):
    recipient: str
    leg_id: str


class SentShape(Told):
    """Văn bản hoặc trạng thái đã gửi / a document or status that was sent."""

    submission_id: str
    kind: str
    state: Literal["spooled", "published", "accepted", "refused"]
    state_text: Words
    sender: str = Field(alias="from")
    recipients: list[str] = Field(alias="to")
    document_id: str
    code: str
    subject: str
    status_code: str
    digest: str
    size: int
    created_at: datetime
    published_at: datetime | None
    answered_at: datetime | None
    problem: str
    message_id: str | None = None
    trace_id: str | None = None
    duplicate: bool = False
    legs: list[LegShape] = Field(default_factory=list)
    findings: list[FindingShape] = Field(default_factory=list)
    receipts: list[ReceiptShape] = Field(default_factory=list)
    statuses: list[HeardShape] = Field(default_factory=list)


class SentPage(Told):
    items: list[SentShape]
    next: str | None = Field(description="Con trỏ trang sau; null là hết / cursor of the next page, null at the end")


class RecallRequest(Asked):
    """Yêu cầu lấy lại (13) / asks a recipient to give a document back."""

    recipient: OrganId
    reason: Text


# ── Receiving ───────────────────────────────────────────────────────────────────────────────────────────────────────


class ReceivedShape(Told):
    """Văn bản hoặc trạng thái đến / what came. Of a status: status_code, description, about_*."""

    leg_id: str
    message_id: str
    kind: Literal["document", "status"]
    state: Taking
    sender: str = Field(alias="from")
    recipient: str = Field(alias="to")
    document_id: str
    code: str
    subject: str
    bussiness_doc_type: int
    priority: int
    urgency: str
    status_code: str
    description: str
    about_submission: str
    about_leg: str
    digest: str
    size: int
    received_at: datetime
    taken_at: datetime | None
    lease_until: datetime | None


class ReceivedPage(Told):
    items: list[ReceivedShape]
    next: str | None = Field(description="Con trỏ trang sau; null là hết / cursor of the next page, null at the end")


class SaidShape(Told):
    """Trạng thái bên này đã báo / a status that this side sent."""

    submission_id: str
    status_code: str
    state: Literal["spooled", "published", "accepted", "refused"]
    created_at: datetime


class HistoryShape(Told):
    """Văn bản đến với mọi trạng thái / a delivery with everything said about it."""

    item: ReceivedShape
    said: list[SaidShape]
    heard: list[HeardShape]


class LeaseRequest(Asked):
    seconds: int | None = Field(
        default=None, ge=1, le=86_400, description="Giữ bao lâu / how long; default: the gateway's setting"
    )


class LeaseShape(Told):
    item: ReceivedShape
    lease_until: datetime | None = Field(description="null: đã nhận trước đó / null when it was taken before")


class FileShape(Told):
    """Một tệp trong văn bản / a file of a document; `number` counts from 1."""

    number: int
    name: str
    stated_name: str
    description: str
    content_type: str
    zipped: bool
    size: int | None
    digest: str | None
    findings: list[FindingShape] = Field(default_factory=list)


class FilesShape(Told):
    files: list[FileShape]


class FailRequest(Asked):
    reason: Text


class MarkedShape(Told):
    leg_id: str
    state: Taking
    repeated: bool


class StaffShape(Asked):
    department: str = Field(default="", max_length=500)
    department_id: str = Field(default="", max_length=200)
    staff: str = Field(default="", max_length=500)
    staff_id: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=200)
    mobile: str = Field(default="", max_length=100)


class StatusRequest(Asked):
    """Báo trạng thái theo Quyết định 28/2018/QĐ-TTg / a status of Decision 28 about what came."""

    status_code: StatusCode
    reason: str = Field(default="", max_length=2000)
    staff: StaffShape | None = None
