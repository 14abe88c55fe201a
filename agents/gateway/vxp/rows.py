"""What lists show, row by row: members are strings, numbers or truth values, never null.

Moments are written `YYYY/MM/DD HH:MM:SS` in Vietnam time, as EDXML writes them; what has not happened yet is empty.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from agents.gateway.outcomes import Received, Sent, Taking
from agents.gateway.vxp.timestamps import VIETNAM
from agents.sent_view import RECEIPT_TEXT, STATE_TEXT, answer_of, state_of
from agents.spool.records import InboxItem, StoredReceipt
from edxml_schemas import catalogue
from edxml_schemas.contract import MessageType
from edxml_schemas.receipts import Receipt, ReceiptKind
from edxml_schemas.statuses import STATUS_TEXT, StatusCode

SERVICE: Final = "eDoc"
Row = dict[str, str]


class Stage(StrEnum):
    """How far something is, in the words of the dialect."""

    INITIAL = "initial"
    PROCESSING = "processing"
    DONE = "done"
    FAIL = "fail"


MESSAGE_TYPES: Final[Mapping[str, MessageType]] = MappingProxyType(
    {"edoc": MessageType.DOCUMENT, "status": MessageType.STATUS}
)
"""What `messagetype` may say."""
_TYPE_NAMES: Final = {kind: name for name, kind in MESSAGE_TYPES.items()}

_TAKING: Final[Mapping[Taking, tuple[Stage, str]]] = MappingProxyType(
    {
        Taking.NEW: (Stage.INITIAL, "Chưa lấy"),
        Taking.LEASED: (Stage.PROCESSING, "Đang xử lý"),
        Taking.TAKEN: (Stage.DONE, "Đã lấy"),
        Taking.FAILED: (Stage.FAIL, "Không nhận được"),
    }
)
_SENDING: Final[Mapping[str, Stage]] = MappingProxyType(
    {"spooled": Stage.INITIAL, "published": Stage.PROCESSING, "accepted": Stage.DONE, "refused": Stage.FAIL}
)
_RANK: Final = tuple(StatusCode)
"""Of several statuses of a recipient the one furthest down says most, in whatever order they came."""
_PROGRESS: Final = (ReceiptKind.HANDED_OVER.value, ReceiptKind.NOT_DELIVERED.value, ReceiptKind.DELIVERED.value)
_REASON_CHARS: Final = 500


def received_row(received: Received) -> Row:
    """A document or status that came."""
    item = received.item
    stage, said = _TAKING[received.state]
    return {
        "docId": item.leg_id,
        "serviceType": SERVICE,
        "messageType": _TYPE_NAMES[item.type],
        "created_time": moment(item.received_at),
        "updated_time": moment(item.taken_at or item.received_at),
        "from": item.sender,
        "to": item.recipient,
        "status": stage.value,
        "status_desc": said,
    }


def sent_rows(sent: Sent) -> list[Row]:
    """What was sent, once per recipient.

    Recipients are those that the hub named when it accepted (a successor in place of a body that was merged), before
    that those of the envelope.
    """
    submission = sent.submission
    answer = answer_of(sent.receipts)
    legs = {leg.recipient: leg.leg_id for leg in answer.legs} if answer is not None else {}
    state = state_of(submission)
    common = {
        "serviceType": SERVICE,
        "messageType": _TYPE_NAMES[submission.type],
        "senderDocId": submission.submission_id,
        "fromCode": submission.organ,
        "title": submission.subject,
        "notation": submission.code,
        "sentTime": moment(submission.created_at),
        "sendStatus": _SENDING[state].value,
        "sendStatusDesc": _send_said(state, answer),
    }
    return [
        common | {"receiverDocId": legs.get(recipient, ""), "toCode": recipient} | _receiving(sent, recipient, state)
        for recipient in (tuple(legs) or submission.recipients)
    ]


def moment(at: datetime | None) -> str:
    """A moment in Vietnam time; empty for none."""
    return "" if at is None else at.astimezone(VIETNAM).strftime("%Y/%m/%d %H:%M:%S")


def _send_said(state: str, answer: Receipt | None) -> str:
    """How sending went, and of a refusal every reason."""
    said = STATE_TEXT[state][0]
    reasons = "; ".join(catalogue.explain(each).message_vi for each in answer.findings) if answer is not None else ""
    return f"{said}: {reasons}"[:_REASON_CHARS] if state == "refused" and reasons else said


def _receiving(sent: Sent, recipient: str, state: str) -> Row:
    """`receiveStatus`, its words and the time of one recipient."""
    statuses = [each for each in sent.statuses if each.sender == recipient and each.status_code in set(StatusCode)]
    progress = _furthest(sent.receipts, recipient)
    if state == "refused":
        stage, said, at = Stage.FAIL, STATE_TEXT[state][0], None
    elif statuses:
        stage, said, at = _by_statuses(statuses)
    elif progress is not None:
        stage, said, at = _by_receipt(progress, sent.submission.type)
    else:
        stage, said, at = Stage.INITIAL, "Chưa có xác nhận của nơi nhận", None
    return {"receiveStatus": stage.value, "receiveStatusDesc": said, "receivedTime": moment(at)}


def _by_statuses(statuses: Sequence[InboxItem]) -> tuple[Stage, str, datetime | None]:
    """What a recipient said: done from 01 on, fail after 02. The time is that of its first word."""
    last = max(statuses, key=lambda each: _RANK.index(StatusCode(each.status_code)))
    code = StatusCode(last.status_code)
    said = f"{code.value} - {STATUS_TEXT[code][0]}"
    if last.description and last.description != STATUS_TEXT[code][0]:
        said = f"{said}: {last.description}"[:_REASON_CHARS]
    first = min(statuses, key=lambda each: each.seq)
    return (
        (Stage.FAIL if code is StatusCode.RECEPTION_REFUSED else Stage.DONE),
        said,
        first.said_at or first.received_at,
    )


def _by_receipt(receipt: StoredReceipt, kind: MessageType) -> tuple[Stage, str, datetime | None]:
    """What the hub knows of a recipient that has said nothing. A status is at its end when it is delivered."""
    said = RECEIPT_TEXT[receipt.kind][0]
    told = f"{said[0].upper()}{said[1:]}"
    if receipt.kind == ReceiptKind.NOT_DELIVERED.value:
        return Stage.FAIL, told, None
    if receipt.kind == ReceiptKind.DELIVERED.value:
        return (Stage.DONE if kind is MessageType.STATUS else Stage.PROCESSING), told, receipt.received_at
    return Stage.PROCESSING, told, None


def _furthest(receipts: Sequence[StoredReceipt], recipient: str) -> StoredReceipt | None:
    legs = [each for each in receipts if each.recipient == recipient and each.kind in _PROGRESS]
    return max(legs, key=lambda each: _PROGRESS.index(each.kind), default=None)
