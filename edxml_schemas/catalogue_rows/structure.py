"""The bytes and the XML: what is refused before anyone reads a word of it."""

from typing import Final

from edxml_schemas.catalogue_rows.entry import Entry
from edxml_schemas.findings import FindingCode, Severity

ROWS: Final[tuple[Entry, ...]] = (
    Entry(
        code=FindingCode.XML_EMPTY,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp rỗng, không có byte nào.",
        en="The file is empty: not a single byte.",
        remedy_vi=(
            "Đề nghị xuất lại văn bản từ phần mềm quản lý văn bản rồi gửi lại; tệp có thể đã bị cắt khi sao chép."
        ),
        remedy_en=(
            "Export the document again from the document system and resend it; the file was probably "
            "cut while being copied."
        ),
    ),
    Entry(
        code=FindingCode.XML_NOT_XML,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp không phải là XML[; tệp bắt đầu bằng “{value}”].",
        en="The file is not XML[; it starts with “{value}”].",
        remedy_vi="Đề nghị gửi tệp .edxml (XML, mã UTF-8), không gửi thẳng tệp PDF, DOC, ZIP hay văn bản thường.",
        remedy_en="Send the .edxml file itself (XML in UTF-8), not a bare PDF, DOC, ZIP or plain text.",
    ),
    Entry(
        code=FindingCode.XML_LEADING_BYTES,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Có byte thừa đứng trước khai báo XML[ ({count} byte)]: “{value}”[ (mã hex: {hex})].",
        en="There are stray bytes before the XML declaration[ ({count} bytes)]: “{value}”[ (hex: {hex})].",
        remedy_vi=(
            "Đề nghị xóa các byte thừa ở đầu tệp để tệp bắt đầu đúng bằng “<?xml”; sửa đoạn chương "
            "trình ghi thêm chúng."
        ),
        remedy_en=(
            "Delete the stray bytes so that the file starts exactly with “<?xml”, and mend the code that writes them."
        ),
    ),
    Entry(
        code=FindingCode.XML_NOT_WELL_FORMED,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="XML sai cú pháp[: {value}].",
        en="The XML is not well-formed[: {value}].",
        remedy_vi=(
            "Đề nghị mở tệp tại dòng nêu trên: thường là thẻ chưa đóng, ký tự & hoặc < chưa viết thành "
            "&amp; &lt;, hoặc tệp bị cắt cụt."
        ),
        remedy_en=(
            "Look at that line: usually a tag is not closed, an & or < is not written as &amp; &lt;, "
            "or the file is cut short."
        ),
    ),
    Entry(
        code=FindingCode.XML_UNBOUND_PREFIX,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tiền tố “{value}” được dùng mà chưa khai báo không gian tên.",
        en="The prefix “{value}” is used without being bound to a namespace.",
        remedy_vi=(
            'Đề nghị khai báo tiền tố, ví dụ xmlns:xlink="http://www.w3.org/1999/xlink", hoặc bỏ thuộc tính đó.'
        ),
        remedy_en=(
            'Declare the prefix, for example xmlns:xlink="http://www.w3.org/1999/xlink", or leave the attribute out.'
        ),
    ),
    Entry(
        code=FindingCode.XML_ENCODING,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Bảng mã của tệp không được chấp nhận hoặc không khớp nội dung[: “{value}”].",
        en="The file's character encoding is not accepted or does not match its bytes[: “{value}”].",
        remedy_vi=(
            'Đề nghị ghi tệp bằng UTF-8 và khai báo encoding="UTF-8"; không dùng UTF-7, UTF-16, UTF-32 hay TCVN3.'
        ),
        remedy_en=(
            'Write the file in UTF-8 and declare encoding="UTF-8"; UTF-7, UTF-16, UTF-32 and TCVN3 are not accepted.'
        ),
    ),
    Entry(
        code=FindingCode.XML_NUL,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp có byte NUL (00)[ tại vị trí {offset}]; XML không cho phép.",
        en="The file holds a NUL byte (00)[ at offset {offset}]; XML forbids it.",
        remedy_vi="Đề nghị xuất lại tệp bằng UTF-8; byte NUL thường do ghi nhầm UTF-16 hoặc tệp bị hỏng.",
        remedy_en="Export the file again in UTF-8; NUL bytes usually mean UTF-16 or a damaged file.",
    ),
    Entry(
        code=FindingCode.XML_DTD,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp có khai báo DTD hoặc thực thể (<!DOCTYPE …>)[: “{value}”]. Trục không bao giờ đọc chúng.",
        en="The file declares a DTD or entities (<!DOCTYPE …>)[: “{value}”]. They are never read.",
        remedy_vi="Đề nghị bỏ toàn bộ phần <!DOCTYPE …>; viết thẳng ký tự thay cho thực thể tự đặt.",
        remedy_en="Remove the whole <!DOCTYPE …>; write characters directly instead of entities of your own.",
    ),
    Entry(
        code=FindingCode.XML_XINCLUDE,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp dùng XInclude để nhúng nội dung bên ngoài[: “{value}”]; không được phép.",
        en="The file uses XInclude to pull in outside content[: “{value}”]; this is not allowed.",
        remedy_vi="Đề nghị đưa nội dung trực tiếp vào tệp và bỏ phần tử xi:include.",
        remedy_en="Put the content into the file itself and remove the xi:include element.",
    ),
    Entry(
        code=FindingCode.XML_TOO_LARGE,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp quá lớn[: {value} byte][, giới hạn {limit} byte].",
        en="The file is too large[: {value} bytes][, the limit is {limit} bytes].",
        remedy_vi="Đề nghị nén tệp đính kèm, giảm độ phân giải bản quét hoặc tách thành nhiều văn bản.",
        remedy_en="Compress the attachments, scan at a lower resolution or split the document.",
    ),
    Entry(
        code=FindingCode.XML_TOO_DEEP,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Các phần tử lồng nhau quá sâu[: {count} tầng][, giới hạn {limit} tầng].",
        en="Elements are nested too deeply[: {count} levels][, the limit is {limit}].",
        remedy_vi="Đề nghị kiểm tra chương trình tạo tệp; gói tin EDXML đúng chỉ sâu khoảng mười tầng.",
        remedy_en="Check the program that writes the file; a proper EDXML envelope is about ten levels deep.",
    ),
    Entry(
        code=FindingCode.XML_TOO_MANY_ELEMENTS,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Tệp có quá nhiều phần tử[: {count}][, giới hạn {limit}].",
        en="The file has too many elements[: {count}][, the limit is {limit}].",
        remedy_vi="Đề nghị kiểm tra chương trình tạo tệp, hoặc chia danh sách nơi nhận thành nhiều lần gửi.",
        remedy_en="Check the program that writes the file, or split the list of recipients over several sendings.",
    ),
    Entry(
        code=FindingCode.XML_TOO_MANY_ATTRIBUTES,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Có quá nhiều thuộc tính[: {count}][, giới hạn {limit}].",
        en="There are too many attributes[: {count}][, the limit is {limit}].",
        remedy_vi="Đề nghị bỏ các thuộc tính không có trong quy chuẩn QCVN 102:2016/BTTTT.",
        remedy_en="Remove the attributes that QCVN 102:2016/BTTTT does not define.",
    ),
    Entry(
        code=FindingCode.XML_ATTRIBUTE_TOO_LONG,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi=("Giá trị thuộc tính quá dài[: {count} ký tự][, giới hạn {limit} ký tự][ (bắt đầu bằng “{value}”)]."),
        en=(
            "An attribute value is too long[: {count} characters][, the limit is {limit}][ (it starts with “{value}”)]."
        ),
        remedy_vi="Đề nghị rút ngắn giá trị; nội dung dài phải nằm trong phần tử hoặc tệp đính kèm.",
        remedy_en="Shorten the value; long content belongs in an element or an attachment.",
    ),
    Entry(
        code=FindingCode.SCHEMA_ROOT,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Phần tử gốc không phải edXML của QCVN 102:2016/BTTTT[; tìm thấy “{value}”].",
        en="The root element is not the edXML of QCVN 102:2016/BTTTT[; found “{value}”].",
        remedy_vi="Đề nghị dùng phần tử gốc edXML với không gian tên http://www.mic.gov.vn/TBT/QCVN_102_2016.",
        remedy_en="Use the root element edXML in the namespace http://www.mic.gov.vn/TBT/QCVN_102_2016.",
    ),
    Entry(
        code=FindingCode.SCHEMA_KIND,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Không nhận ra đây là văn bản hay trạng thái xử lý.",
        en="It cannot be told whether this is a document or a status[: {detail}].",
        remedy_vi=(
            "Văn bản phải có To, DocumentId và nội dung; trạng thái phải có ResponseFor và StatusCode "
            "trong MessageHeader. Đề nghị bổ sung."
        ),
        remedy_en=(
            "A document needs To, DocumentId and content; a status needs ResponseFor and StatusCode in "
            "MessageHeader. Add what is missing."
        ),
    ),
    Entry(
        code=FindingCode.SCHEMA_UNKNOWN_ELEMENT,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Phần tử {element} không được phép ở đây[; có thể dùng: {expected}].",
        en="The element {element} is not allowed here[; expected: {expected}].",
        remedy_vi="Đề nghị bỏ phần tử này hoặc viết lại đúng tên, đúng chỗ, đúng không gian tên theo quy chuẩn.",
        remedy_en="Remove the element, or correct its name, its place or its namespace.",
    ),
    Entry(
        code=FindingCode.SCHEMA_UNKNOWN_ATTRIBUTE,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Thuộc tính “{attribute}” không được phép ở phần tử {element}.",
        en="The attribute “{attribute}” is not allowed on the element {element}.",
        remedy_vi="Đề nghị bỏ thuộc tính này.",
        remedy_en="Remove the attribute.",
    ),
    Entry(
        code=FindingCode.SCHEMA_BAD_VALUE,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Giá trị “{value}” của {element} không hợp lệ[; cần: {expected}].",
        en="The value “{value}” of {element} is not valid[; expected: {expected}][: {detail}].",
        remedy_vi=(
            "Đề nghị sửa giá trị theo đúng dạng: ngày YYYY/MM/DD, thời điểm YYYY/MM/DD HH:MM:SS, số "
            "nguyên, true/false hoặc mã trong danh mục."
        ),
        remedy_en=(
            "Correct the value: dates are YYYY/MM/DD, times YYYY/MM/DD HH:MM:SS, numbers whole, flags "
            "true/false, codes from their list."
        ),
    ),
    Entry(
        code=FindingCode.SCHEMA_TOO_LONG,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi=("Nội dung của {element} quá dài[: {length} ký tự][, tối đa {limit} ký tự][; bắt đầu bằng “{value}”]."),
        en=(
            "The content of {element} is too long[: {length} characters][, at most {limit}][; it "
            "starts with “{value}”]."
        ),
        remedy_vi="Đề nghị rút gọn nội dung; phần đầy đủ đưa vào tệp đính kèm.",
        remedy_en="Shorten it; the full text belongs in an attachment.",
    ),
    Entry(
        code=FindingCode.SCHEMA_MISSING,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Thiếu phần tử bắt buộc {element}[ trong {parent}] hoặc phần tử này để trống.",
        en="The required element {element}[ in {parent}] is missing or empty.",
        remedy_vi="Đề nghị bổ sung {element} với giá trị đúng rồi ký và gửi lại.",
        remedy_en="Add {element} with its proper value, then sign and send again.",
    ),
    Entry(
        code=FindingCode.SCHEMA_REPEATED,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Phần tử {element}[ trong {parent}] xuất hiện nhiều lần[ ({count} lần)]; chỉ được có một.",
        en=("The element {element}[ in {parent}] occurs more than once[ ({count} times)]; only one is allowed."),
        remedy_vi="Đề nghị chỉ giữ lại một phần tử {element} đúng.",
        remedy_en="Keep the one {element} that is right.",
    ),
    Entry(
        code=FindingCode.SCHEMA_TOO_MANY,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Có quá nhiều phần tử {element}[: {count}][, giới hạn {limit}].",
        en="There are too many {element} elements[: {count}][, the limit is {limit}].",
        remedy_vi="Đề nghị chia thành nhiều lần gửi.",
        remedy_en="Split them over several sendings.",
    ),
    Entry(
        code=FindingCode.SCHEMA_TEXT,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Có chữ nằm ngoài chỗ cho phép trong {element}[: “{value}”].",
        en="There is stray text inside {element}[: “{value}”].",
        remedy_vi="Đề nghị xóa phần chữ này hoặc đưa vào đúng phần tử con.",
        remedy_en="Delete the text or put it into the child element it belongs to.",
    ),
    Entry(
        code=FindingCode.SCHEMA_MORE,
        severity=Severity.ERROR,
        lgsp=22,
        retry=False,
        vi="Còn nhiều lỗi khác không liệt kê hết[ (chỉ nêu {limit} lỗi đầu)].",
        en="There are more faults than are listed[ (only the first {limit} are named)].",
        remedy_vi="Đề nghị sửa các lỗi đã nêu rồi kiểm tra lại bằng lệnh edxml check.",
        remedy_en="Mend the faults named and check again with edxml check.",
    ),
)
