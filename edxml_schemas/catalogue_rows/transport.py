"""The way to the hub, and the hub itself."""

from typing import Final

from edxml_schemas.catalogue_rows.entry import Entry
from edxml_schemas.findings import FindingCode, Severity

ROWS: Final[tuple[Entry, ...]] = (
    Entry(
        code=FindingCode.TRANSPORT_IDENTITY,
        severity=Severity.ERROR,
        lgsp=15,
        retry=False,
        vi="Danh tính kết nối[ “{agent}”] không khớp với nơi gửi khai trong thông điệp[: “{value}”].",
        en=("The connection's identity[ “{agent}”] does not match the sender stated in the message[: “{value}”]."),
        remedy_vi="Đề nghị kiểm tra tài khoản và chứng thư kết nối của phần mềm.",
        remedy_en="Check the account and the client certificate the software connects with.",
    ),
    Entry(
        code=FindingCode.TRANSPORT_DIGEST,
        severity=Severity.ERROR,
        lgsp=21,
        retry=True,
        vi=(
            "Giá trị băm SHA-256 của gói tin không khớp[: khai {stated}][, tính được {computed}]; dữ "
            "liệu bị đổi trên đường truyền."
        ),
        en=(
            "The envelope's SHA-256 does not match[: stated {stated}][, computed {computed}]; the "
            "bytes changed on the way."
        ),
        remedy_vi="Đề nghị gửi lại nguyên gói tin; nếu lặp lại, báo quản trị trục.",
        remedy_en="Send the same envelope again; if it happens again, tell the hub's administrator.",
    ),
    Entry(
        code=FindingCode.TRANSPORT_CLAIM,
        severity=Severity.ERROR,
        lgsp=21,
        retry=True,
        vi="Không tìm thấy phần dữ liệu gửi riêng[ có giá trị băm {value}] trong kho của trục.",
        en="The separately uploaded bytes[ with digest {value}] are not in the hub's store.",
        remedy_vi="Đề nghị tải dữ liệu lên lại rồi gửi lại gói tin.",
        remedy_en="Upload the bytes again, then send the envelope again.",
    ),
    Entry(
        code=FindingCode.TRANSPORT_HEADERS,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi="Thông tin vận chuyển thiếu hoặc sai[: {header}][ = “{value}”].",
        en="A transport header is missing or wrong[: {header}][ = “{value}”].",
        remedy_vi="Đề nghị cập nhật phần mềm kết nối (agent) lên phiên bản phù hợp với trục.",
        remedy_en="Update the agent to a version that fits the hub.",
    ),
    Entry(
        code=FindingCode.HUB_FAILURE,
        severity=Severity.ERROR,
        lgsp=20,
        retry=True,
        vi="Trục gặp sự cố khi xử lý văn bản[ (mã tra cứu {reference})].",
        en="The hub failed while handling the document[ (reference {reference})].",
        remedy_vi="Văn bản không sai. Đề nghị gửi lại sau ít phút; nếu lặp lại, báo quản trị trục kèm mã tra cứu.",
        remedy_en=(
            "The document is not at fault. Send it again in a few minutes; if it happens again, tell "
            "the administrator the reference."
        ),
    ),
)
