"""Outcomes of the office that are no success, as dialect B says them: LGSP number and Vietnamese text."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.responses import Response

from agents.gateway.lgsp.answers import Number, Operation, not_now, refused
from agents.gateway.outcomes import LeasedByOther
from agents.packaging import VIETNAM, Refusal
from edxml_schemas import catalogue
from edxml_schemas.drafts import DraftProblem
from edxml_schemas.findings import Finding, Severity

TOLD: Final = 10
"""Faults told in one answer; columns of document systems are short."""
RETRY_AFTER: Final = 30  # seconds; what such clients wait first, anyway
KEY_RETRY_AFTER: Final = 300  # seconds; somebody has to put a key file right

_NOT_THERE: Final = (
    "Không có văn bản đến nào mang docId này mà hệ thống được nhận. Đề nghị dùng docId lấy từ syncReceivedEdocList "
    "với đúng cặp X-SystemId, X-SecretKey của đơn vị nhận, và kiểm tra quyền nhận của khóa."
)
_IN_OTHER_HANDS: Final = "Hệ thống khác của đơn vị đang xử lý văn bản này, đến {until}. Đề nghị thử lại sau."
_KEY: Final = (
    "Tác nhân chưa ký được: khóa hoặc chứng thư của đơn vị không dùng được. Văn bản không sai, chưa mất gì; đề nghị "
    "người quản trị tác nhân kiểm tra key và cert trong agent.toml rồi gọi lại."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A refusal in words. `passing`: the same may be good later, so it is no refusal to the client."""

    number: int
    text: str
    passing: bool


def told(refusal: Refusal) -> Told:
    """The number of the first error, and the text of all of them, each with its place and remedy."""
    errors = [each for each in refusal if _refuses(each)] or list(refusal)
    lines = [_line(each) for each in errors[:TOLD]]
    if len(errors) > TOLD:
        lines.append(f"Và {len(errors) - TOLD} lỗi khác.")
    number = catalogue.lgsp_of(each for each in errors if isinstance(each, Finding))
    return Told(number=number or Number.BAD_FILE, text=" ".join(lines), passing=all(map(_passes, errors)))


def not_taken(operation: Operation, refusal: Refusal) -> Response:
    """The envelope or status was not taken: final, unless every fault of it may pass."""
    words = told(refusal)
    if words.passing:
        return not_now(operation, words.text, retry_after=RETRY_AFTER)
    return refused(operation, words.text, number=words.number)


def not_there(operation: Operation) -> Response:
    """One answer for what does not exist, is another's, or is beyond the key's rights."""
    return refused(operation, _NOT_THERE, number=Number.PROCESSING)


def in_other_hands(operation: Operation, leased: LeasedByOther, *, now: datetime) -> Response:
    """Another system of the organ has fetched it. It may let go of it, so this is no final word."""
    until = leased.until.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y")
    seconds = int((leased.until - now).total_seconds())
    return not_now(operation, _IN_OTHER_HANDS.format(until=until), retry_after=seconds)


def cannot_sign(operation: Operation) -> Response:
    """The organ's key file is unusable: the agency's own trouble, and no fault of the document."""
    return not_now(operation, _KEY, retry_after=KEY_RETRY_AFTER)


def _refuses(each: Finding | DraftProblem) -> bool:
    return isinstance(each, DraftProblem) or catalogue.severity_of(each.code) is Severity.ERROR


def _passes(each: Finding | DraftProblem) -> bool:
    return isinstance(each, Finding) and catalogue.entry(each.code).retry


def _line(each: Finding | DraftProblem) -> str:
    if isinstance(each, DraftProblem):
        return f"{each.vi} {each.remedy_vi}"
    words = catalogue.explain(each)
    place = words.code.value if words.line is None else f"{words.code.value}, dòng {words.line}"
    return f"[{place}] {words.message_vi} {words.remedy_vi}"
