"""The directory of organs, and applications for changes of it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from agents.gateway.bodies import TooLarge, TooSlow
from agents.gateway.callers import Right
from agents.gateway.directory.records import Applied, DirectoryOrgan, NotApplied
from agents.gateway.long_answers import long_answer
from agents.gateway.rooms import Gateway
from agents.gateway.vxp import faults
from agents.gateway.vxp.doors import Body
from agents.gateway.vxp.faults import ErrorCode, Fault
from agents.gateway.vxp.rows import moment
from agents.gateway.vxp.signing import SignedCall
from agents.gateway.vxp.wire import JSON, Row, answer, list_pieces

MOST_LEVEL: Final = 20
_WANTED: Final = ("code", "name", "pcode", "mail", "mobile")
_NO_JSON: Final = (
    "Nội dung không phải một đối tượng JSON {id, pcode, code, name, mail, mobile, fax} gồm các chuỗi. "
    "Đề nghị kiểm tra dữ liệu đăng ký."
)
_NOT_WHOLE: Final = "Dữ liệu đăng ký quá lớn hoặc chưa đến đủ. Đề nghị gửi lại, chỉ gồm các trường đăng ký."
NOT_SYNCHRONISED: Final = Fault(
    ErrorCode.SYSTEM,
    "Danh bạ cơ quan chưa được đồng bộ lần nào từ trục. Đề nghị thử lại sau ít phút; nếu vẫn vậy, đề nghị người quản "
    "trị xem nhật ký của truc-agent.",
)


class AgencyDesk:
    """Methods raise DirectoryUnavailable."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._directory = gateway.directory
        self._one = asyncio.Semaphore(1)

    async def listed(self, call: SignedCall) -> Response | Fault:  # noqa: ARG002  whoever is let in may see it
        """All organs that may be written to."""
        return await self._long(self._rows(None))

    async def listed_by_level(self, call: SignedCall) -> Response | Fault:
        """The same, of one level when `level` names one: 1 for ministries and provinces."""
        stated = call.arguments.read("level")
        if not stated:
            return await self._long(self._rows(None))
        level = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 3 else 0
        if not 1 <= level <= MOST_LEVEL:
            return faults.bad_value("level", stated, f"1 đến {MOST_LEVEL}, hoặc bỏ trống để lấy mọi cấp")
        return await self._long(self._rows(level))

    async def synchronised(self, call: SignedCall) -> Response | Fault:  # noqa: ARG002  as above
        """All organs, also those that may not be written to any more."""
        return await self._long(self._units())

    async def register(self, call: SignedCall, body: Body) -> Response | Fault:
        """Applies for an organ at the hub, whose administrator decides."""
        if not call.caller.may(Right.SEND):
            return faults.NO_RIGHT
        try:
            wanted = wanted_of(await body.small())
        except (TooLarge, TooSlow, ClientDisconnect):
            return Fault(ErrorCode.PROCESSING, _NOT_WHOLE)
        if isinstance(wanted, Fault):
            return wanted
        outcome = await asyncio.to_thread(
            self._directory.apply_for,
            wanted["code"],
            name=wanted["name"],
            parent=wanted["pcode"],
            email=wanted["mail"],
            phone=wanted["mobile"],
            applicant=call.caller.system_id,
            now=self._gateway.clock.now(),
        )
        return _told(outcome)

    async def remove(self, call: SignedCall) -> Response | Fault:
        """Applies for the end of an organ that the caller speaks for."""
        if not call.caller.may(Right.SEND):
            return faults.NO_RIGHT
        code = call.arguments.read("AgencyCode")
        if not code:
            return faults.missing("AgencyCode")
        outcome = await asyncio.to_thread(
            self._directory.apply_for_end,
            code,
            organs=call.caller.organs,
            applicant=call.caller.system_id,
            now=self._gateway.clock.now(),
        )
        return _told(outcome)

    def _rows(self, level: int | None) -> Iterator[Row]:
        with closing(self._directory.stream(level=level)) as organs:
            yield from map(agency_row, organs)

    def _units(self) -> Iterator[Row]:
        with closing(self._directory.stream(deleted=True)) as organs:
            yield from map(unit_row, organs)

    async def _long(self, rows: Iterator[Row]) -> Response | Fault:
        """A list of the whole country, over 100,000 bodies: one at a time is made, a piece of it is in memory."""
        gateway = self._gateway
        state = await asyncio.to_thread(self._directory.state)
        if state.synchronised_at is None:
            # An empty list would be believed: document systems remove what is not in it.
            return NOT_SYNCHRONISED
        async with self._one:
            return await long_answer(list_pieces(rows), folder=gateway.incoming, idle=gateway.idle, media_type=JSON)


def agency_row(organ: DirectoryOrgan) -> Row:
    """`oldCode` is the code that `code` has replaced; newer clients read it as `code102`."""
    return {
        "id": str(organ.number),
        "code": organ.code,
        "name": organ.name,
        "pid": _parent(organ),
        "mail": organ.email,
        "oldCode": organ.old_code,
        "code102": organ.old_code,
    }


def unit_row(organ: DirectoryOrgan) -> Row:
    """`centerCode` is empty: no organ here depends on a technical centre. `isAgency`: it has a system of its own."""
    return {
        "id": str(organ.number),
        "code": organ.code,
        "name": organ.name,
        "pid": _parent(organ),
        "mail": organ.email,
        "version": organ.version,
        "centerCode": "",
        "deleted": organ.deleted,
        "modifyDate": moment(organ.changed_at),
        "isAgency": organ.connected,
    }


def wanted_of(body: bytes) -> dict[str, str] | Fault:
    """What a registration asks for; members that are left out are empty, numbers count as text."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return Fault(ErrorCode.PROCESSING, _NO_JSON)
    found = {name: value.get(name, "") for name in _WANTED}
    if not all(isinstance(each, str | int) and not isinstance(each, bool) for each in found.values()):
        return Fault(ErrorCode.PROCESSING, _NO_JSON)
    return {name: str(each) for name, each in found.items()}


def _parent(organ: DirectoryOrgan) -> str:
    return "" if organ.parent_number is None else str(organ.parent_number)


def _told(outcome: Applied | NotApplied) -> Response | Fault:
    if isinstance(outcome, NotApplied):
        return Fault(ErrorCode.PROCESSING, f"Chưa ghi nhận được: {outcome.vi}. Đề nghị sửa rồi gửi lại.")
    return answer(members={"ErrorDesc": outcome.vi})
