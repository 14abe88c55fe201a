"""Addressing inside the envelope, the registry, and the life of documents and statuses."""

from typing import Final

from edxml_schemas.catalogue_rows.entry import Entry
from edxml_schemas.findings import FindingCode, Severity

ROWS: Final[tuple[Entry, ...]] = (
    Entry(
        code=FindingCode.RECIPIENT_REPEATED,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Nơi nhận “{value}” được ghi nhiều lần[ ({count} lần)] trong danh sách To.",
        en="The recipient “{value}” stands more than once[ ({count} times)] in the To list.",
        remedy_vi="Đề nghị chỉ ghi mỗi cơ quan nhận một lần.",
        remedy_en="Name every recipient once.",
    ),
    Entry(
        code=FindingCode.ORGAN_CODE_FORM,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Mã định danh “{value}” không theo dạng cũ (000.00.00.H41) hay dạng mới (H41.08.13.02).",
        en=("The organ code “{value}” has neither the old form (000.00.00.H41) nor the new one (H41.08.13.02)."),
        remedy_vi=(
            "Đề nghị đối chiếu mã với danh mục mã định danh điện tử (Quyết định 20/2020/QĐ-TTg); mã "
            "đặc thù vẫn được nhận nếu đã đăng ký."
        ),
        remedy_en=(
            "Compare it with the list of electronic identifiers (Decision 20/2020/QĐ-TTg); special "
            "codes work if registered."
        ),
    ),
    Entry(
        code=FindingCode.DOCUMENT_ID_FORM,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi=("Mã văn bản “{value}” không theo dạng “mã cơ quan,YYYY/MM/DD,số/ký hiệu” và cũng không phải UUID."),
        en="The DocumentId “{value}” is neither “organ code,YYYY/MM/DD,number/notation” nor a UUID.",
        remedy_vi=(
            "Đề nghị phần mềm tạo DocumentId đúng dạng để bên nhận đối chiếu được, ví dụ "
            "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT."
        ),
        remedy_en=(
            "Let the software write DocumentId in one of these forms, for example "
            "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT."
        ),
    ),
    Entry(
        code=FindingCode.DOCUMENT_ID_FOREIGN,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Mã văn bản “{value}” mang mã cơ quan khác với nơi gửi[ ({sender})].",
        en="The DocumentId “{value}” carries the code of another body than the sender[ ({sender})].",
        remedy_vi="Nếu đây không phải văn bản chuyển tiếp, đề nghị dùng mã cơ quan gửi trong DocumentId.",
        remedy_en="Unless this document is being passed on, use the sender's own code in DocumentId.",
    ),
    Entry(
        code=FindingCode.DOCUMENT_NAMES_NOTHING,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Văn bản thu hồi, cập nhật hoặc thay thế[ (loại {kind})] không nêu văn bản gốc.",
        en="This revocation, update or replacement[ (type {kind})] does not name the document it is about.",
        remedy_vi=(
            "Đề nghị ghi văn bản gốc: thu hồi ghi trong ResponseFor; cập nhật ghi Bussiness/DocumentId "
            "hoặc ResponseFor; thay thế ghi trong ReplacementInfoList."
        ),
        remedy_en=(
            "Name the original: a revocation in ResponseFor, an update in Bussiness/DocumentId or "
            "ResponseFor, a replacement in ReplacementInfoList."
        ),
    ),
    Entry(
        code=FindingCode.DOCUMENT_DUPLICATE,
        severity=Severity.NOTE,
        lgsp=0,
        retry=False,
        vi="Văn bản “{value}” đã được trục tiếp nhận trước đó[ lúc {at}]; không chuyển thêm lần nữa.",
        en="The document “{value}” was accepted before[ at {at}]; it is not delivered a second time.",
        remedy_vi="Không cần làm gì. Nếu muốn gửi nội dung mới, đề nghị dùng nghiệp vụ cập nhật hoặc thay thế.",
        remedy_en="Nothing needs doing. To send new content, send an update or a replacement.",
    ),
    Entry(
        code=FindingCode.DOCUMENT_ID_CONFLICT,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi="Mã văn bản “{value}” đã dùng cho một văn bản khác nội dung.",
        en="The DocumentId “{value}” already belongs to a document with different content.",
        remedy_vi="Đề nghị cấp DocumentId mới, hoặc gửi theo nghiệp vụ cập nhật (2) hay thay thế (3).",
        remedy_en="Give the document a new DocumentId, or send it as an update (2) or a replacement (3).",
    ),
    Entry(
        code=FindingCode.DOCUMENT_UNKNOWN_ORIGINAL,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi="Không tìm thấy văn bản gốc “{value}” trên trục.",
        en="The original document “{value}” is not known to the hub.",
        remedy_vi="Đề nghị kiểm tra DocumentId, số ký hiệu và mã cơ quan của văn bản gốc.",
        remedy_en="Check the DocumentId, the number and notation and the organ code of the original.",
    ),
    Entry(
        code=FindingCode.DOCUMENT_NOT_OWNER,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi="Cơ quan gửi[ {sender}] không phải nơi ban hành văn bản gốc “{value}”[ ({owner})].",
        en="The sender[ {sender}] did not issue the original document “{value}”[ (that was {owner})].",
        remedy_vi=("Chỉ cơ quan đã gửi văn bản gốc được thu hồi, cập nhật hoặc thay thế; đề nghị liên hệ cơ quan đó."),
        remedy_en=("Only the body that sent the original may revoke, update or replace it; please turn to that body."),
    ),
    Entry(
        code=FindingCode.STATUS_NOT_RECIPIENT,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi="Cơ quan[ {sender}] không phải nơi nhận của văn bản “{value}” nên không được báo trạng thái này.",
        en=("The body[ {sender}] is not a recipient of the document “{value}” and may not report this status."),
        remedy_vi="Đề nghị kiểm tra mã cơ quan gửi và văn bản nêu trong ResponseFor.",
        remedy_en="Check the sender's code and the document named in ResponseFor.",
    ),
    Entry(
        code=FindingCode.STATUS_NOT_SENDER,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi=("Chỉ nơi gửi văn bản gốc mới được yêu cầu lấy lại (13)[; {sender} không phải nơi gửi của “{value}”]."),
        en="Only the original sender may ask for a recall (13)[; {sender} did not send “{value}”].",
        remedy_vi="Đề nghị kiểm tra mã cơ quan; với trạng thái 13, ResponseFor/OrganId là cơ quan nhận.",
        remedy_en="Check the codes; in a status 13, ResponseFor/OrganId is the recipient.",
    ),
    Entry(
        code=FindingCode.STATUS_ILLEGAL,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi="Trạng thái “{value}” không hợp lệ ở bước này[: văn bản đang ở trạng thái {state}].",
        en="The status “{value}” is not possible at this point[: the document is in state {state}].",
        remedy_vi="Đề nghị kiểm tra thứ tự xử lý; 15 và 16 chỉ dùng khi có yêu cầu cập nhật hoặc lấy lại đang chờ.",
        remedy_en="Check the order of handling; 15 and 16 only answer a pending update or recall.",
    ),
    Entry(
        code=FindingCode.STATUS_REASON,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Trạng thái “{value}” phải kèm lý do trong Description.",
        en="A status “{value}” must give its reason in Description.",
        remedy_vi="Đề nghị ghi rõ lý do từ chối hoặc lấy lại trong phần tử Description.",
        remedy_en="State the reason of the refusal or recall in the Description element.",
    ),
    Entry(
        code=FindingCode.SENDER_UNKNOWN,
        severity=Severity.ERROR,
        lgsp=19,
        retry=False,
        vi="Cơ quan gửi “{value}” chưa đăng ký trên trục.",
        en="The sender “{value}” is not registered at the hub.",
        remedy_vi="Đề nghị kiểm tra From/OrganId; nếu đúng, liên hệ quản trị trục để đăng ký cơ quan.",
        remedy_en="Check From/OrganId; if it is right, ask the hub's administrator to register the body.",
    ),
    Entry(
        code=FindingCode.SENDER_LOCKED,
        severity=Severity.ERROR,
        lgsp=19,
        retry=False,
        vi="Cơ quan gửi “{value}” đang bị khóa trên trục[: {reason}].",
        en="The sender “{value}” is locked at the hub[: {reason}].",
        remedy_vi="Đề nghị liên hệ quản trị trục để biết lý do và mở khóa.",
        remedy_en="Ask the hub's administrator for the reason and to be unlocked.",
    ),
    Entry(
        code=FindingCode.SENDER_CERTIFICATE,
        severity=Severity.ERROR,
        lgsp=15,
        retry=False,
        vi="Chứng thư số dùng để ký[ ({fingerprint})] chưa gắn với cơ quan gửi “{value}”.",
        en="The certificate that signed[ ({fingerprint})] is not bound to the sender “{value}”.",
        remedy_vi=("Đề nghị ký bằng chứng thư của cơ quan gửi, hoặc nhờ quản trị trục gắn chứng thư này với cơ quan."),
        remedy_en="Sign with the sender's own certificate, or ask the administrator to bind this one to the body.",
    ),
    Entry(
        code=FindingCode.SENDER_AGENT,
        severity=Severity.ERROR,
        lgsp=15,
        retry=False,
        vi="Kết nối[ “{agent}”] không được phép gửi thay cho cơ quan “{value}”.",
        en="The connection[ “{agent}”] may not send for the body “{value}”.",
        remedy_vi="Đề nghị gửi từ đúng hệ thống đã đăng ký cho cơ quan, hoặc nhờ quản trị trục cấp quyền.",
        remedy_en="Send from the system registered for that body, or ask the administrator to grant the right.",
    ),
    Entry(
        code=FindingCode.RECIPIENT_UNKNOWN,
        severity=Severity.ERROR,
        lgsp=18,
        retry=False,
        vi="Nơi nhận “{value}” không tồn tại trên trục.",
        en="The recipient “{value}” does not exist at the hub.",
        remedy_vi="Đề nghị kiểm tra mã định danh của nơi nhận; cơ quan có thể đã sáp nhập hoặc đổi mã.",
        remedy_en="Check the recipient's code; the body may have merged or changed its code.",
    ),
    Entry(
        code=FindingCode.RECIPIENT_LOCKED,
        severity=Severity.ERROR,
        lgsp=23,
        retry=False,
        vi="Nơi nhận “{value}” đang bị khóa trên trục[: {reason}].",
        en="The recipient “{value}” is locked at the hub[: {reason}].",
        remedy_vi=("Đề nghị gửi bằng cách khác hoặc liên hệ quản trị trục; có thể gửi lại khi nơi nhận được mở khóa."),
        remedy_en="Reach it another way or ask the administrator; send again once the recipient is unlocked.",
    ),
    Entry(
        code=FindingCode.RECIPIENT_NO_AGENT,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Nơi nhận “{value}” đã đăng ký nhưng chưa nối phần mềm; văn bản được giữ lại trên trục.",
        en="The recipient “{value}” is registered but not yet connected; the document is held at the hub.",
        remedy_vi=(
            "Không cần gửi lại; trục tự chuyển khi nơi nhận kết nối. Nếu gấp, đề nghị báo nơi nhận bằng cách khác."
        ),
        remedy_en=(
            "No need to resend: it is delivered once the recipient connects. If urgent, tell the recipient another way."
        ),
    ),
    Entry(
        code=FindingCode.RECIPIENT_HELD,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Nơi nhận “{value}” tạm ngừng nhận[ đến {until}][: {reason}]; văn bản được giữ lại trên trục.",
        en="The recipient “{value}” takes nothing now[ until {until}][: {reason}]; the document is held at the hub.",
        remedy_vi=(
            "Không cần gửi lại; trục tự chuyển khi nơi nhận hoạt động trở lại. Nếu gấp, đề nghị báo nơi nhận bằng cách "
            "khác."
        ),
        remedy_en=(
            "No need to resend: it is delivered once the recipient takes documents again. If urgent, tell it another "
            "way."
        ),
    ),
    Entry(
        code=FindingCode.RECIPIENT_FORWARDED,
        severity=Severity.WARNING,
        lgsp=0,
        retry=False,
        vi="Văn bản gửi “{value}” được chuyển cho cơ quan nhận thay[ {to}][ đến {until}][: {reason}].",
        en="What is sent to “{value}” goes to the organ that receives instead[: {to}][ until {until}][; {reason}].",
        remedy_vi="Không cần gửi lại; trạng thái xử lý do cơ quan nhận thay báo. Lần sau nên gửi thẳng cơ quan đó.",
        remedy_en="No need to resend: that organ reports the handling. Address it directly from now on.",
    ),
    Entry(
        code=FindingCode.RECEIPT_SIGNER,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Biên nhận do “{value}” ký, không phải trục[ “{expected}”].",
        en="The receipt is signed by “{value}”, not by the hub[ “{expected}”].",
        remedy_vi="Không tin biên nhận này. Đề nghị đối chiếu chứng thư của trục với quản trị trục.",
        remedy_en="Do not believe this receipt. Compare the hub's certificate with the hub's administrator.",
    ),
    Entry(
        code=FindingCode.COMPAT_BUSINESS_SPELLING,
        severity=Severity.NOTE,
        lgsp=0,
        retry=False,
        vi="Phần tử được viết là “{value}”; quy chuẩn viết “Bussiness”. Đã đọc như nhau.",
        en="The element is spelled “{value}”; the norm spells it “Bussiness”. It was read all the same.",
        remedy_vi="Không bắt buộc sửa; nên viết Bussiness ở phiên bản sau của phần mềm.",
        remedy_en="No need to act; let the software write Bussiness in its next version.",
    ),
    Entry(
        code=FindingCode.COMPAT_BUSSINESS_MISSING,
        severity=Severity.NOTE,
        lgsp=0,
        retry=False,
        vi="Không có phần tử Bussiness; được coi là văn bản mới.",
        en="There is no Bussiness element; the document counts as a new one.",
        remedy_vi="Không bắt buộc sửa; nên ghi Bussiness với BussinessDocType 0.",
        remedy_en="No need to act; it is better to write Bussiness with BussinessDocType 0.",
    ),
    Entry(
        code=FindingCode.COMPAT_TRACE_ORGAN,
        severity=Severity.NOTE,
        lgsp=0,
        retry=False,
        vi="Một TraceHeader không có mã cơ quan[ (“{value}”)].",
        en="A TraceHeader names no organ code[ (“{value}”)].",
        remedy_vi="Không bắt buộc sửa; nên ghi OrganId của hệ thống đã chuyển văn bản.",
        remedy_en="No need to act; it is better to write the OrganId of the system that passed the document on.",
    ),
    Entry(
        code=FindingCode.COMPAT_EMPTY_RESPONSE_FOR,
        severity=Severity.NOTE,
        lgsp=0,
        retry=False,
        vi="Phần tử ResponseFor có mặt nhưng để trống; được bỏ qua.",
        en="The element ResponseFor is there but empty; it is ignored.",
        remedy_vi="Không bắt buộc sửa; nên bỏ phần tử ResponseFor khi không phúc đáp văn bản nào.",
        remedy_en="No need to act; leave ResponseFor out when the document answers none.",
    ),
)
