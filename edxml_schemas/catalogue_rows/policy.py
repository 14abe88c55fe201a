"""What the axis does not carry, whoever sends it."""

from typing import Final

from edxml_schemas.catalogue_rows.entry import Entry
from edxml_schemas.findings import FindingCode, Severity

ROWS: Final[tuple[Entry, ...]] = (
    Entry(
        code=FindingCode.POLICY_STATE_SECRET,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi="Văn bản có dấu hiệu bí mật nhà nước[: “{value}”][ tại {place}]. Trục không chuyển và không lưu nội dung.",
        en=(
            "The document is marked as a state secret[: “{value}”][ in {place}]. The axis does not carry it and does "
            "not keep its content."
        ),
        remedy_vi=(
            "Đề nghị gửi văn bản mật theo quy định về bảo vệ bí mật nhà nước, không gửi qua trục; báo người phụ trách "
            "an toàn thông tin để xử lý bản đã soạn trên phần mềm. Nếu không phải văn bản mật, sửa lại chỗ ghi dấu."
        ),
        remedy_en=(
            "Send secret documents by the ways that the law on state secrets names, never over the axis, and tell your "
            "security officer that it was in this software. If it is no secret, change the words that mark it."
        ),
    ),
)
