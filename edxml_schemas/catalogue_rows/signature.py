"""Signature: is what was signed what is here? Trust: may that key sign?"""

from typing import Final

from edxml_schemas.catalogue_rows.entry import Entry
from edxml_schemas.findings import FindingCode, Severity

ROWS: Final[tuple[Entry, ...]] = (
    Entry(
        code=FindingCode.SIGNATURE_MISSING,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Gói tin không có chữ ký số.",
        en="The envelope carries no signature.",
        remedy_vi=(
            "Đề nghị ký gói tin (edxml sign) bằng chứng thư của cơ quan; nếu phần mềm không ký được, "
            "agent của cơ quan sẽ ký bảo lãnh."
        ),
        remedy_en=(
            "Sign the envelope (edxml sign) with the body's certificate; if the software cannot sign, "
            "its agent vouches by signing."
        ),
    ),
    Entry(
        code=FindingCode.SIGNATURE_DECORATIVE,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi=("Phần tử Signature chỉ để trang trí, không phải chữ ký kiểm tra được[ (chứng thư ghi “{value}”)]."),
        en=(
            "The Signature element is decoration, not a signature that can be checked[ (its "
            "certificate reads “{value}”)]."
        ),
        remedy_vi=(
            "Đề nghị ký thật bằng XMLDSig trong không gian tên http://www.w3.org/2000/09/xmldsig# với "
            "SHA-256 (edxml sign), hoặc gửi qua agent ký bảo lãnh."
        ),
        remedy_en=(
            "Sign for real with XMLDSig in the namespace http://www.w3.org/2000/09/xmldsig# and "
            "SHA-256 (edxml sign), or send through a vouching agent."
        ),
    ),
    Entry(
        code=FindingCode.SIGNATURE_SEVERAL,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Gói tin có nhiều hơn một chữ ký[ ({found})]; chỉ được có một.",
        en="The envelope carries more than one signature[ ({found})]; exactly one is allowed.",
        remedy_vi="Đề nghị chỉ giữ chữ ký của cơ quan gửi trong edXMLHeader rồi ký lại.",
        remedy_en="Keep only the sender's signature in edXMLHeader, and sign again.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_MISPLACED,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Chữ ký nằm sai chỗ[: {found}]; chữ ký phải là phần tử con của edXMLHeader.",
        en="The signature stands in the wrong place[: {found}]; it must be a child of edXMLHeader.",
        remedy_vi="Đề nghị đặt Signature trực tiếp trong edXMLHeader rồi ký lại.",
        remedy_en="Put Signature directly into edXMLHeader and sign again.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_MALFORMED,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Cấu trúc chữ ký sai ở {element}[: tìm thấy “{found}”][, cần {expected}].",
        en="The signature's structure is wrong at {element}[: found “{found}”][, wanted {expected}].",
        remedy_vi="Đề nghị tạo lại chữ ký bằng thư viện XMLDSig chuẩn hoặc lệnh edxml sign.",
        remedy_en="Make the signature again with a standard XMLDSig library or with edxml sign.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_ALGORITHM,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Thuật toán ký hoặc băm[ “{value}”] không được chấp nhận[; cần {expected}].",
        en="The signature or digest algorithm[ “{value}”] is not accepted[; wanted {expected}].",
        remedy_vi=(
            "Đề nghị dùng SHA-256 với RSA (từ 2048 bit) hoặc ECDSA P-256/P-384, chuẩn hóa exc-c14n; "
            "không dùng SHA-1, HMAC."
        ),
        remedy_en=(
            "Use SHA-256 with RSA (2048 bits or more) or ECDSA P-256/P-384 and exclusive C14N; no SHA-1, no HMAC."
        ),
    ),
    Entry(
        code=FindingCode.SIGNATURE_TRANSFORM,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Phép biến đổi (Transform) của chữ ký không được chấp nhận[: “{value}”].",
        en="The signature's transforms are not accepted[: “{value}”].",
        remedy_vi="Đề nghị chỉ dùng enveloped-signature rồi exc-c14n, đúng thứ tự đó.",
        remedy_en="Use exactly enveloped-signature, then exclusive C14N, in this order.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_REFERENCE,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Chữ ký không bao trùm toàn bộ gói tin[: Reference “{value}”].",
        en="The signature does not cover the whole envelope[: Reference “{value}”].",
        remedy_vi='Đề nghị ký với đúng một Reference có URI="".',
        remedy_en='Sign with exactly one Reference whose URI is "".',
    ),
    Entry(
        code=FindingCode.SIGNATURE_COMMENT,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Gói tin đã ký có chú thích hoặc chỉ thị xử lý XML; chữ ký không bao trùm chúng.",
        en=("The signed envelope holds comments or processing instructions, which the signature does not cover."),
        remedy_vi="Đề nghị bỏ hết chú thích <!-- --> và chỉ thị <? ?> trong gói tin rồi ký lại.",
        remedy_en="Remove all comments <!-- --> and instructions <? ?> from the envelope and sign again.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_KEY_INFO,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="KeyInfo của chữ ký không hợp lệ[: tìm thấy “{found}”][, cần {expected}].",
        en="The signature's KeyInfo is not valid[: found “{found}”][, wanted {expected}].",
        remedy_vi="Đề nghị để KeyInfo chỉ chứa X509Data với đúng chứng thư đã ký.",
        remedy_en="Let KeyInfo hold X509Data with the signing certificate and nothing else.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_CERTIFICATE,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Không đọc được chứng thư số trong chữ ký[: tìm thấy “{found}”][, cần {expected}].",
        en="The certificate in the signature cannot be read[: found “{found}”][, wanted {expected}].",
        remedy_vi="Đề nghị ghi chứng thư X.509 đầy đủ, dạng DER mã base64, trong X509Certificate.",
        remedy_en="Put the complete X.509 certificate, DER in base64, into X509Certificate.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_WEAK_KEY,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Khóa ký quá yếu hoặc không được hỗ trợ[: {value}].",
        en="The signing key is too weak or of an unsupported kind[: {value}].",
        remedy_vi="Đề nghị dùng khóa RSA từ 2048 bit hoặc ECDSA P-256/P-384.",
        remedy_en="Use an RSA key of 2048 bits or more, or ECDSA P-256/P-384.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_DIGEST,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi=(
            "Nội dung gói tin đã bị thay đổi sau khi ký (giá trị băm không khớp[: chữ ký ghi "
            "{found}][, tính được {expected}])."
        ),
        en=(
            "The envelope was changed after signing (the digest does not match[: signed {found}][, "
            "computed {expected}])."
        ),
        remedy_vi="Đề nghị không dùng văn bản này; lấy lại bản gốc hoặc yêu cầu nơi gửi ký và gửi lại.",
        remedy_en="Do not use this document; fetch the original or ask the sender to sign and send again.",
    ),
    Entry(
        code=FindingCode.SIGNATURE_VALUE,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Chữ ký không khớp với chứng thư kèm theo.",
        en="The signature does not match the certificate that comes with it.",
        remedy_vi="Đề nghị kiểm tra khóa bí mật và chứng thư có phải một cặp không, rồi ký lại.",
        remedy_en="Check that private key and certificate belong together, then sign again.",
    ),
    Entry(
        code=FindingCode.VOUCHING_DIFFERS,
        severity=Severity.ERROR,
        lgsp=21,
        retry=False,
        vi="Không ký thay được: bản sửa lại không nói đúng như bản gốc[, khác tại {place}].",
        en="The agent cannot vouch for this envelope: mended, it would not say what the original says[, at {place}].",
        remedy_vi="Đề nghị sửa gói tin ở phần mềm gửi rồi gửi lại; bản gốc chưa bị thay đổi và chưa được gửi.",
        remedy_en="Mend the envelope in the sending software and send again; nothing was changed and nothing was sent.",
    ),
    Entry(
        code=FindingCode.TRUST_UNKNOWN_ISSUER,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Chứng thư do một nơi cấp không được tin cậy[: “{value}”].",
        en="The certificate comes from an issuer that is not trusted[: “{value}”].",
        remedy_vi=(
            "Đề nghị dùng chứng thư do tổ chức chứng thực được trục công nhận cấp (ví dụ Ban Cơ yếu Chính phủ)."
        ),
        remedy_en=(
            "Use a certificate from an authority the hub recognises (for example the Government Cipher Committee)."
        ),
    ),
    Entry(
        code=FindingCode.TRUST_CHAIN,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Chuỗi chứng thư không hợp lệ[: {found}][, cần {expected}][ (chứng thư “{subject}”)].",
        en="The certificate chain is not valid[: {found}][, wanted {expected}][ (certificate “{subject}”)].",
        remedy_vi="Đề nghị kèm đủ chứng thư trung gian, hoặc báo quản trị trục kiểm tra chuỗi tin cậy.",
        remedy_en="Include the intermediate certificates, or ask the administrator to look at the chain.",
    ),
    Entry(
        code=FindingCode.TRUST_EXPIRED,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Chứng thư đã hết hạn[ từ {date}][ (chứng thư “{subject}”)].",
        en="The certificate has expired[ on {date}][ (certificate “{subject}”)].",
        remedy_vi="Đề nghị gia hạn hoặc xin cấp chứng thư mới rồi ký lại.",
        remedy_en="Renew the certificate, then sign again.",
    ),
    Entry(
        code=FindingCode.TRUST_NOT_YET_VALID,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Chứng thư chưa có hiệu lực[ trước {date}][ (chứng thư “{subject}”)].",
        en="The certificate is not valid yet[: only from {date}][ (certificate “{subject}”)].",
        remedy_vi="Đề nghị kiểm tra đồng hồ máy ký và ngày bắt đầu hiệu lực của chứng thư.",
        remedy_en="Check the signing machine's clock and the certificate's first day.",
    ),
    Entry(
        code=FindingCode.TRUST_KEY_USAGE,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi=(
            "Chứng thư không được cấp để ký văn bản[: quyền ghi là {found}][, cần {expected}][ (chứng "
            "thư “{subject}”)]."
        ),
        en=(
            "The certificate was not issued for signing documents[: its usage is {found}][, wanted "
            "{expected}][ (certificate “{subject}”)]."
        ),
        remedy_vi="Đề nghị dùng chứng thư có quyền digitalSignature (chữ ký số).",
        remedy_en="Use a certificate whose key usage includes digitalSignature.",
    ),
    Entry(
        code=FindingCode.TRUST_REVOKED,
        severity=Severity.ERROR,
        lgsp=10,
        retry=False,
        vi="Chứng thư đã bị thu hồi[ ngày {date}][, lý do: {reason}][ (chứng thư “{subject}”)].",
        en="The certificate was revoked[ on {date}][, reason: {reason}][ (certificate “{subject}”)].",
        remedy_vi=(
            "Đề nghị không dùng chứng thư này; ký lại bằng chứng thư còn hiệu lực và báo an toàn thông tin nếu lộ khóa."
        ),
        remedy_en=(
            "Do not use this certificate; sign with a valid one, and report a leaked key to your security office."
        ),
    ),
    Entry(
        code=FindingCode.TRUST_REVOCATION_UNKNOWN,
        severity=Severity.ERROR,
        lgsp=20,
        retry=True,
        vi="Chưa kiểm tra được chứng thư có bị thu hồi hay không[ (chứng thư “{subject}”)].",
        en="It is not known whether the certificate was revoked[ (certificate “{subject}”)].",
        remedy_vi=(
            "Văn bản chưa bị từ chối: trục sẽ kiểm tra lại. Khi kiểm tra tại chỗ, đề nghị kèm danh "
            "sách thu hồi mới (--crl)."
        ),
        remedy_en=(
            "The document is not refused: the hub will look again. When checking offline, give a fresh list with --crl."
        ),
    ),
)
