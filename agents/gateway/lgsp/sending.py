"""`POST /v1/sendEdoc`: an envelope, document or status, from a form into the spool.

The answer is given when the envelope is durable here. The hub's verdict comes later, as receipts and statuses.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext, suppress
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from agents.errors import UsageFault
from agents.gateway.bodies import TooLarge, TooSlow, receive_body
from agents.gateway.callers import Caller
from agents.gateway.lgsp.answers import Number, Operation, json_answer, not_now, refused, sent
from agents.gateway.lgsp.doors import Doors
from agents.gateway.lgsp.forms import FormFault, FormProblem, SendForm
from agents.gateway.lgsp.refusals import RETRY_AFTER, cannot_sign, in_other_hands, not_taken, told
from agents.gateway.outcomes import Accepted, LeasedByOther
from agents.gateway.rooms import Gateway
from agents.packaging import Refusal
from edxml_schemas.limits import DEFAULT_LIMITS

LARGE: Final = 2**20
"""Bytes of an envelope above which the settings bound how many are in memory at once."""

_TOO_LARGE: Final = (
    "Tệp EDXML lớn hơn {limit} MB. Đề nghị giảm dung lượng tệp đính kèm (nén, giảm độ phân giải bản quét) rồi gửi lại."
)
_TOO_SLOW: Final = "Đường truyền ngừng giữa chừng, chưa nhận đủ tệp. Đề nghị gửi lại."


class SendDesk:
    """Memory holds one chunk of what comes; the envelope itself is read where the office reads it."""

    def __init__(self, gateway: Gateway, doors: Doors, *, large: asyncio.Semaphore) -> None:
        self._gateway = gateway
        self._doors = doors
        self._large = large
        self._log = gateway.log
        self._limit = min(DEFAULT_LIMITS.envelope_bytes, gateway.settings.body_limit)

    async def send(self, request: Request) -> Response:
        """Raises SpoolUnavailable, AccessUnavailable, OSError."""
        stream = request.stream()
        answer = await self._send(request, stream)
        # A client that is still sending would see its connection break instead of the answer. The application bounds
        # what may come, and how slowly.
        with suppress(TooLarge, TooSlow, ClientDisconnect):
            async for _ in stream:
                pass
        return answer

    async def _send(self, request: Request, stream: AsyncIterator[bytes]) -> Response:
        caller = await self._doors.system(request, Operation.SEND)
        if isinstance(caller, Response):
            return caller
        try:
            outcome = await self._receive(request, stream, caller)
        except (FormFault, TooLarge, TooSlow, ClientDisconnect) as problem:
            self._log.info("send.not-read", key=caller.key_id, why=type(problem).__name__)
            return self._not_read(problem)
        except UsageFault as fault:
            self._log.error("send.key-unusable", key=caller.key_id, vi=fault.vi, en=fault.en)
            return cannot_sign(Operation.SEND)
        if isinstance(outcome, Accepted):
            return json_answer(sent(outcome.submission_id))
        if isinstance(outcome, LeasedByOther):
            return in_other_hands(Operation.SEND, outcome, now=self._gateway.clock.now())
        self._log.info("send.refused", key=caller.key_id, number=told(outcome).number)
        return not_taken(Operation.SEND, outcome)

    def _not_read(self, problem: FormFault | TooLarge | TooSlow | ClientDisconnect) -> Response:
        """A form that was cut on its way may be whole the next time; everything else is the client's own doing."""
        if isinstance(problem, TooSlow | ClientDisconnect):
            return not_now(Operation.SEND, _TOO_SLOW, retry_after=RETRY_AFTER)
        if isinstance(problem, TooLarge):
            text = _TOO_LARGE.format(limit=self._limit // 2**20)
            return refused(Operation.SEND, text, number=Number.BAD_FILE)
        if problem.problem is FormProblem.CUT:
            return not_now(Operation.SEND, problem.vi, retry_after=RETRY_AFTER)
        return refused(Operation.SEND, problem.vi, number=Number.BAD_FILE)

    async def _receive(
        self, request: Request, stream: AsyncIterator[bytes], caller: Caller
    ) -> Accepted | Refusal | LeasedByOther:
        form = SendForm(request.headers.get("content-type", ""))
        gateway = self._gateway
        body = receive_body(form.envelope(stream), room=gateway.uploads, limit=self._limit, idle=gateway.idle)
        async with body as kept:
            kind = form.message_type
            async with self._large if kept.size > LARGE else nullcontext():
                return await asyncio.to_thread(gateway.office.submit, caller, kept.path, kind=kind)
