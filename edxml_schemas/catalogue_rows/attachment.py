"""Attachments: the manifest, base64, names, the zip rule."""

from typing import Final

from edxml_schemas.catalogue_rows.entry import Entry
from edxml_schemas.findings import FindingCode, Severity

ROWS: Final[tuple[Entry, ...]] = (
    Entry(
        code=FindingCode.ATTACHMENT_MISSING,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Danh mục tệp (edXMLManifest) nêu “{value}” nhưng không có tệp đính kèm tương ứng.",
        en="The manifest lists “{value}”, but there is no such attachment.",
        remedy_vi="Đề nghị kèm tệp đó với cùng ContentId, hoặc bỏ dòng này khỏi danh mục tệp.",
        remedy_en="Attach the file under the same ContentId, or take the line out of the manifest.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_UNLISTED,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Tệp đính kèm “{value}” không có trong danh mục tệp (edXMLManifest).",
        en="The attachment “{value}” is not listed in the manifest.",
        remedy_vi=(
            "Đề nghị thêm một Reference có cùng ContentId vào edXMLManifest; một số phần mềm sẽ bỏ qua tệp này."
        ),
        remedy_en="Add a Reference with the same ContentId to edXMLManifest; some systems will overlook this file.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_DUPLICATE_ID,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Nhiều tệp đính kèm hoặc dòng danh mục dùng chung ContentId “{value}”.",
        en="Several attachments or manifest lines share the ContentId “{value}”.",
        remedy_vi="Đề nghị đặt cho mỗi tệp một ContentId riêng, ở cả danh mục và tệp đính kèm.",
        remedy_en="Give each file a ContentId of its own, in the manifest and at the attachment.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_DUPLICATE_NAME,
        severity=Severity.NOTE,
        lgsp=0,
        retry=False,
        vi="Nhiều tệp đính kèm cùng tên “{value}”; khi lưu, tên sẽ được đánh số.",
        en="Several attachments are called “{value}”; numbers are added to the names on saving.",
        remedy_vi="Không bắt buộc sửa; nên đặt tên khác nhau để người nhận khỏi nhầm.",
        remedy_en="No need to act; different names spare the reader confusion.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_NAME_PATH,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi=(
            "Tên tệp đính kèm “{value}” chứa đường dẫn hoặc ký tự không dùng được trong tên tệp; chỉ "
            "phần tên được giữ lại."
        ),
        en=(
            "The attachment's name “{value}” holds a path or characters no file name may have; only "
            "the name part is used."
        ),
        remedy_vi="Đề nghị chỉ ghi tên tệp, không ghi thư mục.",
        remedy_en="Give the file's name alone, without folders.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_NAME_DIFFERS,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Tên tệp ở danh mục và ở tệp đính kèm khác nhau[: “{listed}”][ và “{value}”].",
        en="The manifest and the attachment give different names[: “{listed}”][ and “{value}”].",
        remedy_vi="Đề nghị ghi cùng một AttachmentName ở cả hai nơi.",
        remedy_en="Write the same AttachmentName in both places.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_TYPE,
        severity=Severity.NOTE,
        lgsp=0,
        retry=False,
        vi=(
            "Loại nội dung khai “{value}” không khớp với dữ liệu của tệp[ “{name}”][ (thực tế: "
            "{actual})]; đã đọc theo dữ liệu."
        ),
        en=(
            "The stated content type “{value}” does not match the bytes[ of “{name}”][ (they are "
            "{actual})]; the bytes were believed."
        ),
        remedy_vi="Không bắt buộc sửa; nên khai đúng ContentType.",
        remedy_en="No need to act; it is better to state the right ContentType.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_BASE64,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Nội dung tệp[ “{name}”] không phải base64 hợp lệ[: “{value}”].",
        en="The content of the attachment[ “{name}”] is not valid base64[: {detail}][: “{value}”].",
        remedy_vi=("Đề nghị mã hóa lại tệp bằng base64 chuẩn (A–Z a–z 0–9 + / và = ở cuối); tệp có thể đã bị cắt cụt."),
        remedy_en=(
            "Encode the file again in standard base64 (A–Z a–z 0–9 + / with = at the end); it may have been cut short."
        ),
    ),
    Entry(
        code=FindingCode.ATTACHMENT_EMPTY,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Tệp đính kèm “{value}” rỗng.",
        en="The attachment “{value}” is empty.",
        remedy_vi="Đề nghị kiểm tra tệp gốc; nếu không cần, bỏ tệp này khỏi văn bản.",
        remedy_en="Check the original file; if it is not needed, leave it out.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_TOO_LARGE,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp đính kèm quá lớn[: “{name}”][, {size} byte][, giới hạn {limit} byte].",
        en="An attachment is too large[: “{name}”][, {size} bytes][, the limit is {limit} bytes].",
        remedy_vi="Đề nghị nén, giảm độ phân giải hoặc tách tệp.",
        remedy_en="Compress the file, lower its resolution or split it.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_ZIP_BROKEN,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp nén[ “{name}”] bị hỏng, không giải nén được.",
        en="The zipped attachment[ “{name}”] is damaged and cannot be opened[: {detail}].",
        remedy_vi="Đề nghị nén lại tệp gốc rồi đính kèm lại, hoặc đính kèm thẳng không nén.",
        remedy_en="Zip the original again and attach it again, or attach it unzipped.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_ZIP_BOMB,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp nén[ “{name}”] giải ra quá lớn so với kích thước nén[ ({size} byte)][ (giới hạn {limit})].",
        en=(
            "The zipped attachment[ “{name}”] unpacks to far more than it should[ ({size} bytes)][ "
            "(the limit is {limit})]."
        ),
        remedy_vi=(
            "Đề nghị kiểm tra tệp có an toàn không; đính kèm tệp gốc không nén nếu đúng là văn bản của cơ quan."
        ),
        remedy_en="Check that the file is safe; attach the original unzipped if it really is yours.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_ZIP_ENTRIES,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Tệp nén[ “{name}”] chứa {count} tệp, trong khi chỉ cần một; được giữ nguyên dạng ZIP.",
        en="The zipped attachment[ “{name}”] holds {count} files instead of one; it is kept as a ZIP.",
        remedy_vi="Đề nghị nén riêng từng tệp, mỗi tệp một Attachment.",
        remedy_en="Zip each file by itself, one Attachment per file.",
    ),
    Entry(
        code=FindingCode.ATTACHMENT_ZIP_ENCRYPTED,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp nén[ “{name}”] có mật khẩu nên không đọc được.",
        en="The zipped attachment[ “{name}”] is protected by a password and cannot be read.",
        remedy_vi="Đề nghị gửi tệp không đặt mật khẩu; đường truyền và chữ ký số đã bảo vệ văn bản.",
        remedy_en="Send the file without a password; transport and signature protect the document.",
    ),
)
