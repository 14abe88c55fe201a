"""What the hub held of a signature when it took a document in, in words. Follows from the record alone."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edxml_schemas.catalogue import severity_of
from edxml_schemas.findings import FindingCode, Severity
from router.core.records import MessageRecord, MessageState


class Standing(StrEnum):
    """How a signature stood at the time of receipt."""

    GOOD = "good"
    BAD = "bad"  # signed, and by somebody who may not
    UNKNOWN = "unknown"  # a revocation list was out of reach
    BROKEN = "broken"  # what was signed is not what came
    NOT_ASKED = "not-asked"  # it never came to that


STANDING_TEXT: Final[Mapping[Standing, tuple[str, str]]] = MappingProxyType(
    {
        Standing.GOOD: (
            "Lúc tiếp nhận: chữ ký toàn vẹn, chứng thư đúng cơ quan gửi, còn hạn và chưa bị thu hồi.",
            "At receipt: the signature was intact, the certificate the sender's own, valid and not revoked.",
        ),
        Standing.BAD: (
            "Lúc tiếp nhận: chữ ký toàn vẹn nhưng chứng thư không được tin cậy, hoặc không phải của cơ quan gửi.",
            "At receipt: the signature was intact, but its certificate was not trusted, or not the sender's.",
        ),
        Standing.UNKNOWN: (
            "Chưa xác minh được chứng thư: không lấy được danh sách thu hồi; trục sẽ kiểm tra lại.",
            "Not yet known: a revocation list was out of reach; the hub will ask again.",
        ),
        Standing.BROKEN: (
            "Chữ ký không có hoặc không khớp nội dung.",
            "There is no signature, or it is not over what came.",
        ),
        Standing.NOT_ASKED: (
            "Không xét đến chữ ký.",
            "It never came to the signature.",
        ),
    }
)


def standing_of(message: MessageRecord) -> Standing:
    """What the hub held of the signature when it decided."""
    if message.state is not MessageState.REFUSED:
        return Standing.GOOD if message.state is MessageState.ACCEPTED else Standing.UNKNOWN
    faults = {each.code for each in message.findings if severity_of(each.code) is Severity.ERROR}
    kinds = {each.value.partition(".")[0] for each in faults - {FindingCode.TRUST_REVOCATION_UNKNOWN}}
    if "signature" in kinds:
        return Standing.BROKEN
    if "trust" in kinds or FindingCode.SENDER_CERTIFICATE in faults:
        return Standing.BAD
    if FindingCode.TRUST_REVOCATION_UNKNOWN in faults:
        return Standing.UNKNOWN
    return Standing.GOOD if message.certificate else Standing.NOT_ASKED
