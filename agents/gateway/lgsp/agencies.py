"""`GET /v1/getAgenciesList`: every body of the registry, from the local copy, without asking the hub."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from agents.gateway.lgsp.answers import OK, Operation, not_now
from agents.gateway.lgsp.doors import Doors
from agents.gateway.lgsp.pieces import json_list, long_json
from agents.gateway.long_answers import Pieces
from agents.gateway.rooms import Gateway

RETRY_AFTER: Final = 60  # seconds
_NOT_YET: Final = (
    "Danh bạ đơn vị liên thông chưa được đồng bộ lần nào từ trục. Đề nghị thử lại sau ít phút; nếu vẫn vậy, đề nghị "
    "người quản trị tác nhân xem nhật ký."
)


class AgencyDesk:
    """Lists of the whole country, over 100,000 bodies: one at a time is made, and only a piece of it is in memory."""

    def __init__(self, gateway: Gateway, doors: Doors) -> None:
        self._gateway = gateway
        self._doors = doors
        self._one = asyncio.Semaphore(1)

    async def all(self, request: Request) -> Response:
        """The token alone suffices: the list is nobody's secret. Raises DirectoryUnavailable, AccessUnavailable."""
        login = await self._doors.installation(request, Operation.AGENCIES)
        if isinstance(login, Response):
            return login
        state = await asyncio.to_thread(self._gateway.directory.state)
        if state.synchronised_at is None:
            # An empty list would be believed: document systems remove what is not in it.
            return not_now(Operation.AGENCIES, _NOT_YET, retry_after=RETRY_AFTER)
        async with self._one:
            return await long_json(self._pieces(), self._gateway)

    def _pieces(self) -> Pieces:
        yield b'{"code":%d,"data":' % OK
        yield from json_list(self._rows())
        yield b"}"

    def _rows(self) -> Iterator[dict[str, str]]:
        with closing(self._gateway.directory.stream()) as organs:
            for organ in organs:
                yield {
                    "orgCode": organ.code,
                    "orgName": organ.name,
                    "parentCode": organ.parent,
                    "address": organ.address,
                    "email": organ.email,
                    "phone": organ.phone,
                }
