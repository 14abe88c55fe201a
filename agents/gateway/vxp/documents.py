"""What came: listed, counted, fetched and marked; and what was sent, with what became of it."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Final

from starlette.responses import Response

from agents.gateway.callers import Caller, Right
from agents.gateway.long_answers import Pieces, long_answer, plain_pieces
from agents.gateway.outcomes import Fetched, LeasedByOther, Marked, NotYours, Taking
from agents.gateway.rooms import Gateway
from agents.gateway.vouching.copies import fetch_copy
from agents.gateway.vxp import faults
from agents.gateway.vxp.arguments import doc_id_of, kind_of
from agents.gateway.vxp.faults import ErrorCode, Fault
from agents.gateway.vxp.marking import Marks
from agents.gateway.vxp.rows import Row, received_row, sent_rows
from agents.gateway.vxp.signing import SignedCall
from agents.gateway.vxp.wire import JSON, answer, envelope_pieces, list_pieces
from agents.packaging import Refusal
from edxml_schemas.contract import MessageType

PAGE: Final = 500
SENT_PAGE: Final = 100
MOST_LISTED: Final = 20_000
"""Rows of one list of what came. Who marks what it took sees the next ones with the next list."""
MOST_SENT: Final = 1_000
"""Newest submissions in one list of what was sent."""
DOC_ID: Final = ("docId", "docid")
FAIL_REASON: Final = (
    "Hệ thống quản lý văn bản của đơn vị nhận báo không tiếp nhận được văn bản (updateStatus fail), không kèm lý do."
)


class Mark(StrEnum):
    """What a document system says of a document that came."""

    PROCESSING = "processing"
    DONE = "done"
    FAIL = "fail"


_RESULT: Final = {Mark.DONE: Taking.TAKEN, Mark.FAIL: Taking.FAILED}
_OTHERWISE: Final = {
    Taking.TAKEN: "Văn bản này đã được nhận (done) trước đó; trạng thái mới không thay đổi điều đó.",
    Taking.FAILED: "Văn bản này đã được báo không nhận được (fail) trước đó; trạng thái mới không thay đổi điều đó.",
}


class DocumentDesk:
    """Methods raise SpoolUnavailable, and UsageFault for an unusable key of an organ."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._office = gateway.office
        self._marks = Marks(gateway.office)

    async def received(self, call: SignedCall) -> Response | Fault:
        """Documents, or statuses, that no document system has marked done or fail."""
        kind = kind_of(call.arguments)
        if isinstance(kind, Fault):
            return kind
        if not call.caller.may(Right.READ):
            return faults.NO_RIGHT
        return await self._long(list_pieces(self._received(call.caller, kind or MessageType.DOCUMENT)))

    async def count(self, call: SignedCall, kind: MessageType) -> Response | Fault:
        if not call.caller.may(Right.READ):
            return faults.NO_RIGHT
        count = await asyncio.to_thread(self._office.count, call.caller, kind=kind)
        return answer(members={"count": count})

    async def sent(self, call: SignedCall) -> Response | Fault:
        """What was sent, once per recipient, with how far it is there."""
        kind = kind_of(call.arguments)
        if isinstance(kind, Fault):
            return kind
        if not call.caller.may(Right.READ):
            return faults.NO_RIGHT
        doc_id = call.arguments.read(*DOC_ID)
        return await self._long(list_pieces(self._sent(call.caller, doc_id, kind or MessageType.DOCUMENT)))

    async def fetch(self, call: SignedCall) -> Response | Fault:
        """The envelope, in base64."""
        async with await self._turn(call):
            fetched = await self._fetched(call)
            return fetched if isinstance(fetched, Fault) else await self._long(envelope_pieces(fetched.envelope))

    async def download(self, call: SignedCall) -> Response | Fault:
        """The envelope, byte for byte."""
        async with await self._turn(call):
            fetched = await self._fetched(call)
            if isinstance(fetched, Fault):
                return fetched
            return await self._long(plain_pieces(fetched.envelope), media_type="application/xml")

    async def mark(self, call: SignedCall) -> Response | Fault:
        doc_id = await asyncio.to_thread(self._marks.chosen, call)
        if isinstance(doc_id, Fault):
            return doc_id
        stated = call.arguments.read("status")
        if not stated:
            return faults.missing("status")
        if stated.lower() not in set(Mark):
            return faults.bad_value("status", stated, "processing, done hoặc fail")
        mark = Mark(stated.lower())
        outcome = await asyncio.to_thread(self._marked, call.caller, doc_id, mark)
        match outcome:
            case Marked():
                self._marks.left(call, doc_id, is_open=outcome.state is Taking.LEASED)
                wanted = _RESULT.get(mark, outcome.state)
                same = outcome.state is wanted
                return answer() if same else Fault(ErrorCode.PROCESSING, _OTHERWISE[outcome.state])
            case tuple():
                return faults.refused(outcome)
        return _kept_from(outcome)

    def _marked(self, caller: Caller, doc_id: str, mark: Mark) -> Marked | Refusal | NotYours | LeasedByOther:
        match mark:
            case Mark.PROCESSING:
                return self._office.lease(caller, doc_id)
            case Mark.DONE:
                return self._office.take(caller, doc_id)
            case Mark.FAIL:
                return self._office.fail(caller, doc_id, reason=FAIL_REASON)

    async def _turn(self, call: SignedCall) -> AbstractAsyncContextManager[object]:
        """What a large envelope has to wait for before it is in memory."""
        known = await asyncio.to_thread(self._office.find, call.caller, call.arguments.read(*DOC_ID))
        return self._gateway.turn(0 if isinstance(known, NotYours) else known.item.size)

    async def _fetched(self, call: SignedCall) -> Fetched | Fault:
        doc_id = doc_id_of(call.arguments, *DOC_ID)
        if isinstance(doc_id, Fault):
            return doc_id
        outcome = await asyncio.to_thread(fetch_copy, self._gateway, call.caller, doc_id)
        return outcome if isinstance(outcome, Fetched) else _kept_from(outcome)

    def _received(self, caller: Caller, kind: MessageType) -> Iterator[Row]:
        after = listed = 0
        while listed < MOST_LISTED:
            page = self._office.received(caller, kind=kind, after=after, limit=PAGE)
            yield from map(received_row, page)
            if len(page) < PAGE:
                return
            after, listed = page[-1].item.seq, listed + len(page)

    def _sent(self, caller: Caller, doc_id: str, kind: MessageType) -> Iterator[Row]:
        """`doc_id` is a submission id, DocumentId or code; one left over from a fetch names nothing that was sent."""
        if doc_id:
            found = self._office.sent(caller, name=doc_id, limit=SENT_PAGE)
            if found or isinstance(self._office.find(caller, doc_id), NotYours):
                for each in found:
                    yield from sent_rows(each)
                return
        after = listed = 0
        while listed < MOST_SENT:
            page = self._office.sent(caller, kind=kind, after=after, limit=SENT_PAGE)
            for each in page:
                yield from sent_rows(each)
            if len(page) < SENT_PAGE:
                return
            after, listed = page[-1].submission.seq, listed + len(page)

    async def _long(self, pieces: Pieces, *, media_type: str = JSON) -> Response:
        gateway = self._gateway
        return await long_answer(pieces, folder=gateway.incoming, idle=gateway.idle, media_type=media_type)


def _kept_from(outcome: NotYours | LeasedByOther) -> Fault:
    if isinstance(outcome, NotYours):
        return faults.not_there(outcome.leg_id)
    return faults.in_other_hands(outcome.until)
