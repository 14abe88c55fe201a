"""`POST /v1/updateStatus`: what a document system says of a document that came.

    processing         the system works on it: nobody else gets it for a while, and it stays listed
    done               taken for good; its sender hears 01
    fail               it cannot be taken; its sender hears 02
    01 … 16            the codes of Decision 28/2018/QĐ-TTg, to its sender

A reason may stand in `description` or `reason`. Codes that need one get one that says where it comes from.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from agents.errors import UsageFault
from agents.gateway.callers import Caller
from agents.gateway.lgsp.answers import Number, Operation, json_answer, marked, refused
from agents.gateway.lgsp.doors import Doors, small_json
from agents.gateway.lgsp.refusals import cannot_sign, in_other_hands, not_taken, not_there
from agents.gateway.outcomes import Accepted, LeasedByOther, Marked, NotYours, Taking
from agents.gateway.rooms import Gateway
from agents.packaging import Refusal
from edxml_schemas.statuses import REASON_REQUIRED, StatusCode
from edxml_schemas.visible import visible

REASON_CHARS: Final = 2000
DEFAULT_REASON: Final = "Hệ thống quản lý văn bản của đơn vị nhận tự động báo trạng thái này, không kèm lý do."
"""What the sender reads when a reason is required and the document system gave none."""
ID_CHARS: Final = 200

_SHOWN: Final = 40
NO_DOC_ID: Final = "Thiếu docId. Đề nghị gửi docId lấy từ syncReceivedEdocList."
_BAD_STATUS: Final = (
    "Không hiểu status «{value}». Đề nghị gửi processing, done, fail hoặc mã trạng thái 01, 02, 03, 04, 05, 06, 15, 16."
)
_BAD_REASON: Final = "Lý do phải là chuỗi, dài không quá {limit} ký tự. Đề nghị rút ngắn rồi gửi lại."
_RECALL: Final = (
    "Mã 13 (yêu cầu lấy lại) là của đơn vị gửi, không báo về văn bản đến. Đề nghị gửi thông điệp trạng thái 13 "
    "bằng sendEdoc với messageType=status, ghi rõ lý do."
)
_OTHERWISE: Final = {
    Taking.TAKEN: "Văn bản này đã được nhận trước đó, trạng thái mới không thay đổi điều đó.",
    Taking.FAILED: "Văn bản này đã được báo không nhận được (từ chối) trước đó, trạng thái mới không thay đổi điều đó.",
}


class Mark(StrEnum):
    """The words that are no code."""

    PROCESSING = "processing"
    DONE = "done"
    FAIL = "fail"


_RESULT: Final[Mapping[Mark, Taking]] = {Mark.DONE: Taking.TAKEN, Mark.FAIL: Taking.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked: which document, which word or code, and why."""

    doc_id: str
    status: Mark | StatusCode
    reason: str


def order_of(body: Mapping[str, object]) -> Order | str:
    """The order in a request's JSON, or what is wrong with it. A code may come as a number."""
    doc_id = body.get("docId")
    if not isinstance(doc_id, str) or not doc_id.strip() or len(doc_id) > ID_CHARS:
        return NO_DOC_ID
    status = _status_of(body.get("status"))
    if status is None:
        return _BAD_STATUS.format(value=visible(str(body.get("status", "")))[:_SHOWN])
    if status is StatusCode.RECALL_REQUESTED:
        return _RECALL
    reason = next((body[name] for name in ("description", "reason") if body.get(name)), "")
    if not isinstance(reason, str) or len(reason) > REASON_CHARS:
        return _BAD_REASON.format(limit=REASON_CHARS)
    needed = status is Mark.FAIL or status in REASON_REQUIRED
    return Order(doc_id=doc_id.strip(), status=status, reason=reason.strip() or (DEFAULT_REASON if needed else ""))


def _status_of(stated: object) -> Mark | StatusCode | None:
    if isinstance(stated, bool) or not isinstance(stated, int | str):
        return None
    word = str(stated).strip().lower()
    code = f"0{word}" if len(word) == 1 else word
    if word in set(Mark):
        return Mark(word)
    return StatusCode(code) if code in set(StatusCode) else None


class MarkDesk:
    """Marks may be repeated: the same again changes nothing and is answered alike."""

    def __init__(self, gateway: Gateway, doors: Doors) -> None:
        self._gateway = gateway
        self._doors = doors
        self._log = gateway.log

    async def update(self, request: Request) -> Response:
        """Raises SpoolUnavailable, AccessUnavailable."""
        caller = await self._doors.system(request, Operation.MARK)
        if isinstance(caller, Response):
            return caller
        body = await small_json(request, Operation.MARK)
        if isinstance(body, Response):
            return body
        order = order_of(body)
        if isinstance(order, str):
            return refused(Operation.MARK, order, number=Number.BAD_FILE)
        try:
            outcome = await asyncio.to_thread(self._carry_out, caller, order)
        except UsageFault as fault:
            self._log.error("mark.key-unusable", key=caller.key_id, vi=fault.vi, en=fault.en)
            return cannot_sign(Operation.MARK)
        return _answer(order, outcome, now=self._gateway.clock.now())

    def _carry_out(self, caller: Caller, order: Order) -> Accepted | Marked | Refusal | NotYours | LeasedByOther:
        office = self._gateway.office
        match order.status:
            case Mark.PROCESSING:
                return office.lease(caller, order.doc_id)
            case Mark.DONE:
                return office.take(caller, order.doc_id)
            case Mark.FAIL:
                return office.fail(caller, order.doc_id, reason=order.reason)
            case code:
                return office.report(caller, order.doc_id, code, reason=order.reason)


def _answer(
    order: Order, outcome: Accepted | Marked | Refusal | NotYours | LeasedByOther, *, now: datetime
) -> Response:
    if isinstance(outcome, NotYours):
        return not_there(Operation.MARK)
    if isinstance(outcome, LeasedByOther):
        return in_other_hands(Operation.MARK, outcome, now=now)
    if isinstance(outcome, tuple):
        return not_taken(Operation.MARK, outcome)
    if isinstance(outcome, Marked) and isinstance(order.status, Mark):
        wanted = _RESULT.get(order.status, outcome.state)
        if outcome.state is not wanted:
            return refused(Operation.MARK, _OTHERWISE[outcome.state], number=Number.PROCESSING)
    return json_answer(marked())
