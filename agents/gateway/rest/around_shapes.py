"""What the operations around sending and receiving take and answer, as the OpenAPI shows it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.gateway.rest.shapes import Asked, FindingShape, OrganId, Told, Words
from agents.spool.news import NewsKind


class OrganShape(Told):
    organ_id: str
    name: str
    parent: str
    old_code: str
    email: str
    phone: str
    address: str
    level: int
    connected: bool


class OrgansPage(Told):
    items: list[OrganShape]
    next: str | None


class OwnOrgan(Told):
    organ_id: str
    name: str


class WhoShape(Told):
    """Khóa này là ai, được làm gì / who this key is, and what it may do."""

    key_id: str
    system_id: str
    organs: list[OwnOrgan]
    rights: list[str]
    per_minute: int
    agent: str
    time: datetime


class SelfTestRequest(Asked):
    to: OrganId | None = Field(default=None, description="Cơ quan robot / a robot agency; default: selftest_organ")
    sender: OrganId | None = Field(default=None, description="Cơ quan gửi / the sending organ; default: the key's own")
    timeout: float = Field(default=30.0, gt=0, le=120, description="Giây / seconds")


class SelfTestShape(BaseModel):
    """Từng chặng của lần tự kiểm tra / every hop; `ms` from the beginning."""

    model_config = ConfigDict(extra="allow")

    ok: bool
    submission_id: str
    document_id: str
    seconds: float
    hops: list[dict[str, Any]]
    fault: dict[str, Any] | None


class JudgementShape(BaseModel):
    """Như `edxml check --json` / one element of what `edxml check --json` prints."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    file: str
    verdict: Literal["accepted", "accepted-if-signed", "refused"]
    kind: str | None
    summary: Words
    would_be_accepted_if: list[Words]
    lgsp: int
    schema_: list[FindingShape] = Field(alias="schema")
    attachments: list[FindingShape]
    signature: dict[str, Any]
    remarks: list[FindingShape]
    document: dict[str, Any] | None
    digest: str
    size: int


class HintShape(Told):
    """Có gì mới; nội dung lấy ở /inbox và /documents / something is new; what it says is read there."""

    id: str
    kind: NewsKind
    organ: str
    leg_id: str
    submission_id: str
    at: datetime


class WebhookRequest(Asked):
    url: str = Field(
        min_length=8,
        max_length=2000,
        pattern=r"^https?://[!-~]+$",
        description="https://…",
        examples=["https://qlvb.example/webhook"],
    )
    kinds: list[NewsKind] = Field(default_factory=lambda: list(NewsKind), min_length=1, max_length=3)


class WebhookShape(Told):
    webhook_id: str
    url: str
    kinds: list[NewsKind]
    created_at: datetime
    delivered_at: datetime | None
    attempts: int = Field(description="Số lần lỗi liên tiếp / failures in a row")
    problem: str
    next_attempt_at: datetime | None


class NewWebhookShape(WebhookShape):
    secret: str = Field(description="Chỉ hiện một lần / shown once: whsec_…")


class WebhooksShape(Told):
    webhooks: list[WebhookShape]
