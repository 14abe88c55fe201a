"""`GET /v1/syncReceivedEdocList`: what came between two days of Vietnam, both inclusive, taken or not.

Without days: what no document system has taken yet.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from agents.gateway.callers import Caller
from agents.gateway.lgsp.answers import DONE, Number, Operation, refused
from agents.gateway.lgsp.doors import Doors
from agents.gateway.lgsp.pieces import json_list, long_json
from agents.gateway.long_answers import Pieces
from agents.gateway.outcomes import Received, Taking
from agents.gateway.rooms import Gateway
from agents.packaging import VIETNAM
from edxml_schemas.contract import MessageType
from edxml_schemas.visible import visible

PAGE: Final = 1000
SERVICE: Final = "eDoc"
TYPES: Final = {each.value: each for each in (MessageType.DOCUMENT, MessageType.STATUS)}
STATUS: Final[dict[Taking, tuple[str, str]]] = {
    Taking.NEW: ("initial", "Chưa nhận"),
    Taking.LEASED: ("processing", "Đang xử lý"),
    Taking.TAKEN: ("done", "Đã nhận"),
    Taking.FAILED: ("fail", "Không nhận được"),
}
"""What the dialect calls the states, and what people read."""

_DAY: Final = re.compile(r"([0-9]{4})[/-]([0-9]{1,2})[/-]([0-9]{1,2})")
_SHOWN: Final = 40
_BAD_TYPE: Final = "messageType là «{value}». Đề nghị hỏi edoc (văn bản) hoặc status (trạng thái)."
_BAD_DAY: Final = "{name} là «{value}», không phải ngày dạng YYYY/MM/DD. Đề nghị ghi ví dụ 2026/09/30 (giờ Việt Nam)."
_BACKWARDS: Final = "fromDate sau toDate. Đề nghị đổi lại hai ngày."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which deliveries are asked for. The bounds are moments in UTC: from `since`, before `until`."""

    kind: MessageType
    since: datetime | None
    until: datetime | None

    @property
    def everything(self) -> bool:
        """Whether what was taken is listed, too."""
        return self.since is not None or self.until is not None


def question_of(*, kind: str, first: str, last: str) -> Question | str:
    """The question in a request's parameters, or what is wrong with it. Empty days bound nothing."""
    wanted = TYPES.get(kind.strip().lower() or MessageType.DOCUMENT.value)
    if wanted is None:
        return _BAD_TYPE.format(value=visible(kind)[:_SHOWN])
    days = []
    for name, stated in (("fromDate", first), ("toDate", last)):
        day = _day_of(stated) if stated.strip() else None
        if isinstance(day, str):
            return _BAD_DAY.format(name=name, value=visible(stated)[:_SHOWN])
        days.append(day)
    since, until = days
    if since is not None and until is not None and since > until:
        return _BACKWARDS
    return Question(kind=wanted, since=_start_of(since), until=_start_of(until, plus=timedelta(days=1)))


def _day_of(stated: str) -> date | str:
    """The day, or what was found instead."""
    match = _DAY.fullmatch(stated.strip())
    try:
        return stated if match is None else date(*map(int, match.groups()))
    except ValueError:
        return stated


def _start_of(day: date | None, *, plus: timedelta = timedelta(0)) -> datetime | None:
    """Midnight in Vietnam, in UTC. None for no day, and for one before or after all time."""
    if day is None:
        return None
    try:
        return (datetime.combine(day, time(), VIETNAM) + plus).astimezone(UTC)
    except OverflowError:
        return None


def row_of(received: Received) -> dict[str, str]:
    """A delivery as the dialect lists it; times are Vietnam's."""
    item = received.item
    status, described = STATUS[received.state]
    return {
        "docId": item.leg_id,
        "serviceType": SERVICE,
        "messageType": item.type.value,
        "from": item.sender,
        "to": item.recipient,
        "status": status,
        "statusDesc": described,
        "createdTime": told_time(item.received_at),
        "updatedTime": told_time(max(filter(None, (item.received_at, item.taken_at, item.failed_at)))),
    }


def told_time(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%Y/%m/%d %H:%M:%S")


class ListDesk:
    """Lists of any length: a page is in memory at a time."""

    def __init__(self, gateway: Gateway, doors: Doors) -> None:
        self._gateway = gateway
        self._doors = doors

    async def received(self, request: Request) -> Response:
        """Raises SpoolUnavailable, AccessUnavailable, OSError."""
        caller = await self._doors.system(request, Operation.LIST)
        if isinstance(caller, Response):
            return caller
        asked = request.query_params
        question = question_of(
            kind=asked.get("messageType", ""), first=asked.get("fromDate", ""), last=asked.get("toDate", "")
        )
        if isinstance(question, str):
            return refused(Operation.LIST, question, number=Number.BAD_FILE)
        pieces = _pieces(self._rows(caller, question))
        return await long_json(pieces, self._gateway)

    def _rows(self, caller: Caller, question: Question) -> Iterator[dict[str, str]]:
        after = 0
        while True:
            page = self._gateway.office.received(
                caller,
                kind=question.kind,
                everything=question.everything,
                since=question.since,
                until=question.until,
                after=after,
                limit=PAGE,
            )
            yield from map(row_of, page)
            if len(page) < PAGE:
                return
            after = page[-1].item.seq


def _pieces(rows: Iterator[dict[str, str]]) -> Pieces:
    """The number of rows is known, and told, behind the rows."""
    count = 0

    def counted() -> Iterator[dict[str, str]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    yield b'{"success":true,"message":"' + DONE.encode() + b'","data":'
    yield from json_list(counted())
    yield b',"count":%d}' % count
