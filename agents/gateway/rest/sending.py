"""Operations of who sends: submit, look what became of it, ask for it back."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from agents.gateway.callers import Caller, Right
from agents.gateway.outcomes import Sent
from agents.gateway.rest.cursors import CURSOR_CHARS, cursor_of, place_of
from agents.gateway.rest.doors import Door
from agents.gateway.rest.marks import submitted
from agents.gateway.rest.offering import offered, packaged
from agents.gateway.rest.once import IdempotencyKey, once
from agents.gateway.rest.openapi import OF_BODY, OF_LIST, OF_ONE, bytes_answer, problems
from agents.gateway.rest.problems import Problem, ProblemCode, refused
from agents.gateway.rest.reading import Offer
from agents.gateway.rest.rights import of_organ, requires
from agents.gateway.rest.room import RestRoom, Room, Who
from agents.gateway.rest.shapes import LEG_CHARS, RecallRequest, SentPage, SentShape, SubmittedShape
from agents.packaging import reason_required, status_of
from agents.sent_view import sent_as_dict
from edxml_schemas import codec
from edxml_schemas.contract import MessageType
from edxml_schemas.findings import FindingCode, finding
from edxml_schemas.model import Document
from edxml_schemas.statuses import StatusCode

MOST: Final = 200  # submissions on a page
_KINDS: Final = {"document": MessageType.DOCUMENT, "status": MessageType.STATUS}
SubmissionId = Annotated[str, Path(min_length=1, max_length=LEG_CHARS)]

OFFER_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "description": "envelope, hoặc metadata và files / envelope, or metadata and files",
                    "properties": {
                        "metadata": {"type": "string", "description": "JSON, như document.json / as in document.json"},
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "envelope": {"type": "string", "format": "binary", "description": "EDXML"},
                    },
                    "additionalProperties": False,
                },
                "encoding": {"metadata": {"contentType": "application/json"}},
            },
            "application/json": {"schema": {"$ref": "#/components/schemas/NewDocument"}},
            "application/xml": {"schema": {"type": "string", "contentMediaType": "application/xml"}},
        },
    }
}


def sending_routes() -> APIRouter:
    router = APIRouter(route_class=Door, tags=["gửi / sending"])
    router.add_api_route(
        "/documents",
        submit,
        methods=["POST"],
        status_code=202,
        response_model=SubmittedShape,
        summary="Gửi văn bản hoặc trạng thái / submit a document or status",
        openapi_extra=OFFER_BODY,
        responses=problems(
            *OF_BODY, ProblemCode.FORBIDDEN, ProblemCode.REFUSED, ProblemCode.KEY_REUSED, ProblemCode.NO_ROOM
        ),
    )
    router.add_api_route(
        "/documents",
        list_sent,
        methods=["GET"],
        response_model=SentPage,
        response_model_by_alias=True,
        summary="Danh sách đã gửi, mới nhất trước / what was sent, newest first",
        responses=problems(*OF_LIST),
    )
    router.add_api_route(
        "/documents/{submission_id}",
        one_sent,
        methods=["GET"],
        response_model=SentShape,
        response_model_by_alias=True,
        summary="Một lần gửi với biên nhận và trạng thái / one submission with receipts and statuses",
        responses=problems(*OF_ONE),
    )
    router.add_api_route(
        "/documents/{submission_id}/receipts/{receipt_id}",
        receipt,
        methods=["GET"],
        response_class=Response,
        summary="Biên nhận của trục, nguyên byte và chữ ký / a receipt of the hub, byte for byte",
        responses=bytes_answer("Biên nhận XML / the receipt", "application/xml") | problems(*OF_ONE),
    )
    router.add_api_route(
        "/documents/{submission_id}/recall",
        recall,
        methods=["POST"],
        status_code=202,
        response_model=SubmittedShape,
        summary="Yêu cầu nơi nhận trả lại văn bản (13) / ask a recipient to give a document back",
        responses=problems(*OF_ONE, *OF_BODY, ProblemCode.REFUSED, ProblemCode.KEY_REUSED),
    )
    return router


async def submit(request: Request, room: Room, who: Who, key: IdempotencyKey = None) -> Response:
    """Gói EDXML đã đóng, hoặc siêu dữ liệu và tệp để tác nhân đóng gói và ký.

    A finished EDXML envelope, or metadata with files for the agent to package and sign. Durable on return.
    """
    requires(who, Right.SEND, Right.RECEIVE)
    async with offered(request, room) as offer:
        return await once(room, who, key, f"documents:{offer.digest}", partial(_submit, room, who, offer))


async def _submit(room: RestRoom, caller: Caller, offer: Offer, now: datetime) -> SubmittedShape:
    envelope = await packaged(offer, caller, room, now=now)
    if isinstance(envelope, tuple):
        raise refused(envelope)
    if not offer.large:
        return submitted(await asyncio.to_thread(room.gateway.office.submit, caller, envelope))
    async with room.large:
        return submitted(await asyncio.to_thread(room.gateway.office.submit, caller, envelope))


def list_sent(
    *,
    room: Room,
    who: Who,
    name: Annotated[
        str, Query(max_length=300, description="submission_id, DocumentId hoặc số/ký hiệu / or number and notation")
    ] = "",
    kind: Literal["document", "status"] | None = None,
    organ: Annotated[str, Query(max_length=200, description="Chỉ cơ quan này / this organ only")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Annotated[str | None, Query(max_length=CURSOR_CHARS)] = None,
) -> SentPage:
    """Của các cơ quan mà khóa được nói thay / of the organs that the key speaks for."""
    requires(who, Right.READ)
    of_organ(who, organ)
    filters = ("sent", name, kind, organ)
    found = room.gateway.office.sent(
        who,
        name=name,
        kind=_KINDS[kind] if kind else None,
        organ=organ,
        after=place_of(cursor, *filters),
        limit=limit + 1,
    )
    more = len(found) > limit
    shown = found[:limit]
    return SentPage(
        items=[_shape(each) for each in shown],
        next=cursor_of(shown[-1].submission.seq, *filters) if more else None,
    )


def one_sent(room: Room, who: Who, submission_id: SubmissionId) -> SentShape:
    """Lịch sử đầy đủ: lời đáp của trục, từng nơi nhận, trạng thái nhận được / the whole history."""
    return _shape(_own(room, who, submission_id))


def receipt(room: Room, who: Who, submission_id: SubmissionId, receipt_id: SubmissionId) -> Response:
    """Kiểm tra được ở bất kỳ máy nào: edxml verify-receipt / can be verified anywhere."""
    for each in _own(room, who, submission_id).receipts:
        if each.receipt_id == receipt_id:
            return Response(each.body, media_type="application/xml")
    raise Problem(ProblemCode.NOT_FOUND)


async def recall(
    room: Room, who: Who, submission_id: SubmissionId, asked: RecallRequest, key: IdempotencyKey = None
) -> Response:
    """Nơi nhận trả lời bằng 15 (đồng ý) hoặc 16 (từ chối) / the recipient answers with 15 or 16."""
    requires(who, Right.SEND)
    content = f"recall:{submission_id}:{asked.recipient}:{asked.reason}"
    work = partial(_recall, room, who, submission_id, asked)

    async def in_thread(now: datetime) -> SubmittedShape:
        return await asyncio.to_thread(work, now)

    return await once(room, who, key, content, in_thread)


def _recall(room: RestRoom, caller: Caller, submission_id: str, asked: RecallRequest, now: datetime) -> SubmittedShape:
    sent = _own(room, caller, submission_id)
    decoded = codec.decode(room.gateway.desk.spool.envelope(sent.submission.digest))
    original = decoded.envelope if isinstance(decoded, codec.Decoded) else None
    if not isinstance(original, Document):
        raise Problem(ProblemCode.NOT_FOUND)
    if asked.recipient not in {each.organ_id for each in original.recipients}:
        value = original.document_id
        raise refused((finding(FindingCode.STATUS_NOT_RECIPIENT, value=value, sender=asked.recipient),))
    if not asked.reason:
        raise refused((reason_required(StatusCode.RECALL_REQUESTED),))
    message = status_of(
        original,
        sender=original.sender.organ_id,
        sender_name=original.sender.organ_name,
        towards=asked.recipient,
        code=StatusCode.RECALL_REQUESTED,
        reason=asked.reason,
        now=now,
    )
    return submitted(room.gateway.office.submit(caller, codec.encode(message)))


def _own(room: RestRoom, caller: Caller, submission_id: str) -> Sent:
    requires(caller, Right.READ)
    for each in room.gateway.office.sent(caller, name=submission_id):
        if each.submission.submission_id == submission_id:
            return each
    raise Problem(ProblemCode.NOT_FOUND)


def _shape(sent: Sent) -> SentShape:
    return SentShape.model_validate(sent_as_dict(sent))
