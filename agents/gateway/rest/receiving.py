"""Operations of who receives: look into the inbox, take what is there, say what became of it."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from agents.gateway.callers import Right
from agents.gateway.outcomes import NotYours, Received, Taking
from agents.gateway.rest.cursors import CURSOR_CHARS, cursor_of, place_of
from agents.gateway.rest.doors import Door
from agents.gateway.rest.marks import accomplished, marked, submitted
from agents.gateway.rest.openapi import OF_BODY, OF_LIST, OF_ONE, problems
from agents.gateway.rest.problems import Problem, ProblemCode
from agents.gateway.rest.rights import of_organ, requires
from agents.gateway.rest.room import Room, Who
from agents.gateway.rest.shapes import (
    LEG_CHARS,
    FailRequest,
    HeardShape,
    HistoryShape,
    LeaseRequest,
    LeaseShape,
    MarkedShape,
    ReceivedPage,
    ReceivedShape,
    SaidShape,
    StatusRequest,
    SubmittedShape,
)
from agents.sent_view import state_of, status_as_dict
from edxml_schemas.contract import MessageType
from edxml_schemas.model import StaffInfo

MOST: Final = 500  # items on a page
LegId = Annotated[str, Path(min_length=1, max_length=LEG_CHARS)]
_KINDS: Final = {"document": MessageType.DOCUMENT, "status": MessageType.STATUS}


def receiving_routes() -> APIRouter:
    router = APIRouter(route_class=Door, tags=["nhận / receiving"])
    router.add_api_route(
        "/inbox",
        inbox,
        methods=["GET"],
        response_model=ReceivedPage,
        response_model_by_alias=True,
        summary="Văn bản và trạng thái đến, cũ nhất trước / what came, oldest first",
        responses=problems(*OF_LIST),
    )
    router.add_api_route(
        "/inbox/{leg_id}",
        history,
        methods=["GET"],
        response_model=HistoryShape,
        response_model_by_alias=True,
        summary="Một văn bản đến với mọi trạng thái / one delivery with everything said about it",
        responses=problems(*OF_ONE),
    )
    router.add_api_route(
        "/inbox/{leg_id}/lease",
        lease,
        methods=["POST"],
        response_model=LeaseShape,
        response_model_by_alias=True,
        summary="Giữ văn bản để xử lý, có thời hạn / take it in hand for a time",
        responses=problems(*OF_ONE, *OF_BODY, ProblemCode.LEASED),
    )
    router.add_api_route(
        "/inbox/{leg_id}/ack",
        acknowledge,
        methods=["POST"],
        response_model=MarkedShape,
        summary="Đã nhận hẳn / taken for good",
        responses=problems(*OF_ONE, ProblemCode.LEASED),
    )
    router.add_api_route(
        "/inbox/{leg_id}/fail",
        fail,
        methods=["POST"],
        response_model=MarkedShape,
        summary="Không nhận được, kèm lý do: nơi gửi nhận 02 / cannot be taken, with the reason: the sender gets 02",
        responses=problems(*OF_ONE, *OF_BODY, ProblemCode.LEASED, ProblemCode.REFUSED),
    )
    router.add_api_route(
        "/inbox/{leg_id}/statuses",
        say,
        methods=["POST"],
        status_code=202,
        response_model=SubmittedShape,
        summary="Báo trạng thái xử lý cho nơi gửi / tell the sender a status",
        responses=problems(*OF_ONE, *OF_BODY, ProblemCode.LEASED, ProblemCode.REFUSED),
    )
    return router


def inbox(
    *,
    room: Room,
    who: Who,
    kind: Annotated[
        Literal["document", "status"] | None, Query(description="Mặc định: cả hai / both when left out")
    ] = None,
    organ: Annotated[str, Query(max_length=200, description="Chỉ cơ quan này / this organ only")] = "",
    taken: Annotated[
        Literal["false", "true", "any"],
        Query(description="false: còn chờ (mặc định) / waiting; true: đã nhận / taken; any: tất cả / everything"),
    ] = "false",
    state: Annotated[Taking | None, Query(description="Chỉ trạng thái này, thay cho taken / instead of taken")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Từ lúc này / received_at from then on")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Trước lúc này / received_at before then")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    cursor: Annotated[str | None, Query(max_length=CURSOR_CHARS)] = None,
) -> ReceivedPage:
    """Trang ổn định: thứ tự theo lúc đến, văn bản mới luôn ở trang sau.

    Pages are stable: what comes meanwhile is on a later page.
    """
    requires(who, Right.READ)
    of_organ(who, organ)
    wanted = Taking.TAKEN if state is None and taken == "true" else state
    filters = ("inbox", kind, organ, taken, state, since, until)
    found = room.gateway.office.received(
        who,
        kind=_KINDS[kind] if kind else None,
        organ=organ,
        state=wanted,
        everything=taken == "any",
        since=since,
        until=until,
        after=place_of(cursor, *filters),
        limit=limit + 1,
    )
    shown = found[:limit]
    return ReceivedPage(
        items=[received_shape(each) for each in shown],
        next=cursor_of(shown[-1].item.seq, *filters) if len(found) > limit else None,
    )


def history(room: Room, who: Who, leg_id: LegId) -> HistoryShape:
    """Trạng thái bên này đã báo, và trạng thái nơi gửi báo sau đó (13) / both sides' statuses."""
    requires(who, Right.READ)
    about = room.gateway.office.about(who, leg_id)
    if isinstance(about, NotYours):
        raise Problem(ProblemCode.NOT_FOUND)
    return HistoryShape(
        item=received_shape(about.received),
        said=[
            SaidShape.model_validate(
                {
                    "submission_id": each.submission_id,
                    "status_code": each.status_code,
                    "state": state_of(each),
                    "created_at": each.created_at,
                }
            )
            for each in about.said
        ],
        heard=[HeardShape.model_validate(status_as_dict(each)) for each in about.heard],
    )


def lease(room: Room, who: Who, leg_id: LegId, asked: LeaseRequest | None = None) -> LeaseShape:
    """Khóa khác không lấy được cho đến hết hạn hoặc đến khi có ack / other keys wait until it ends. Renews."""
    requires(who, Right.RECEIVE)
    office = room.gateway.office
    seconds = asked.seconds if asked is not None else None
    until = None if seconds is None else room.gateway.clock.now() + timedelta(seconds=seconds)
    accomplished(office.lease(who, leg_id, until=until))
    found = office.find(who, leg_id)
    if isinstance(found, NotYours):
        raise Problem(ProblemCode.NOT_FOUND)
    shown = received_shape(found)
    return LeaseShape(item=shown, lease_until=shown.lease_until)


def acknowledge(room: Room, who: Who, leg_id: LegId) -> MarkedShape:
    """Phần mềm đã lưu văn bản; không liệt kê nữa, nơi gửi được báo 01 / the document system has it.

    Gọi lại vô hại / may be called again.
    """
    requires(who, Right.RECEIVE)
    return marked(leg_id, room.gateway.office.take(who, leg_id))


def fail(room: Room, who: Who, leg_id: LegId, asked: FailRequest) -> MarkedShape:
    """Văn bản không liệt kê nữa / it is not listed any more."""
    requires(who, Right.RECEIVE)
    return marked(leg_id, room.gateway.office.fail(who, leg_id, reason=asked.reason))


def say(room: Room, who: Who, leg_id: LegId, asked: StatusRequest) -> SubmittedShape:
    """03 đã tiếp nhận, 04 phân công, 05 đang xử lý, 06 hoàn thành, 15, 16; 01 như ack, 02 như fail.

    Báo lại y hệt là cùng một lần gửi / the same again is the same submission.
    """
    requires(who, Right.SEND, Right.RECEIVE)
    staff = None if asked.staff is None else StaffInfo(**asked.staff.model_dump())
    return submitted(room.gateway.office.report(who, leg_id, asked.status_code, reason=asked.reason, staff=staff))


def received_shape(received: Received) -> ReceivedShape:
    item = received.item
    return ReceivedShape(
        leg_id=item.leg_id,
        message_id=item.message_id,
        kind="document" if item.type is MessageType.DOCUMENT else "status",
        state=received.state,
        sender=item.sender,
        recipient=item.recipient,
        document_id=item.document_id or item.about_document_id,
        code=item.code or item.about_code,
        subject=item.subject,
        bussiness_doc_type=item.doc_type,
        priority=item.priority,
        urgency=item.urgency.value,
        status_code=item.status_code,
        description=item.description,
        about_submission=item.about_submission,
        about_leg=item.about_leg,
        digest=item.digest,
        size=item.size,
        received_at=item.received_at,
        taken_at=item.taken_at,
        lease_until=item.lease_until if received.state is Taking.LEASED else None,
    )
