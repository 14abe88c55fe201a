"""Operations around sending and receiving: who am I, who can be written to, is this right, does the link work."""

import asyncio
import math
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from agents.errors import UsageFault
from agents.gateway.callers import Right
from agents.gateway.directory import BadCursor
from agents.gateway.rest.around_shapes import (
    JudgementShape,
    OrganShape,
    OrgansPage,
    OwnOrgan,
    SelfTestRequest,
    SelfTestShape,
    WhoShape,
)
from agents.gateway.rest.doors import Door
from agents.gateway.rest.offering import offered, packaged
from agents.gateway.rest.openapi import OF_BODY, problems
from agents.gateway.rest.problems import Fault, Problem, ProblemCode, Said, invalid, refused
from agents.gateway.rest.rights import of_organ, requires
from agents.gateway.rest.room import Room, Who
from agents.gateway.rest.sending import OFFER_BODY
from agents.packaging import read_envelope
from agents.selftest import SelfTestBusy, run_selftest
from agents.selftest_report import report_as_dict
from edxml_schemas.commands.shapes import judgement_shape
from edxml_schemas.judgement import judge

MOST: Final = 200  # organs on a page
CURSOR_CHARS: Final = 500


def around_routes() -> APIRouter:
    router = APIRouter(route_class=Door, tags=["chung / around"])
    router.add_api_route(
        "/whoami",
        whoami,
        methods=["GET"],
        response_model=WhoShape,
        summary="Khóa này là ai, được làm gì / who this key is, and what it may do",
        responses=problems(),
    )
    router.add_api_route(
        "/recipients",
        recipients,
        methods=["GET"],
        response_model=OrgansPage,
        summary="Tìm cơ quan để gửi / search for organs to write to",
        responses=problems(ProblemCode.CURSOR, ProblemCode.INVALID),
    )
    router.add_api_route(
        "/validate",
        validate,
        methods=["POST"],
        response_model=JudgementShape,
        response_model_exclude_unset=True,
        summary="Kiểm tra thử, không gửi: như lệnh edxml check / a dry run, as edxml check says it",
        openapi_extra=OFFER_BODY,
        responses=problems(*OF_BODY, ProblemCode.REFUSED, ProblemCode.NO_ROOM),
    )
    router.add_api_route(
        "/selftest",
        selftest,
        methods=["POST"],
        response_model=SelfTestShape,
        summary="Tự kiểm tra đường truyền qua trục / test the link through the hub",
        responses=problems(*OF_BODY, ProblemCode.FORBIDDEN),
    )
    return router


def whoami(room: Room, who: Who) -> WhoShape:
    """Dùng để thử khóa / good for trying a key."""
    settings = room.gateway.desk.settings
    return WhoShape(
        key_id=who.key_id,
        system_id=who.system_id,
        organs=[
            OwnOrgan(organ_id=each, name=organ.name if (organ := settings.organ(each)) is not None else "")
            for each in sorted(who.organs)
        ],
        rights=[each.value for each in Right if who.may(each)],
        per_minute=who.per_minute,
        agent=settings.name,
        time=room.gateway.clock.now(),
    )


def recipients(
    *,
    room: Room,
    who: Who,  # noqa: ARG001  any key may look; the door has let it in
    q: Annotated[
        str, Query(max_length=200, description="Từ trong tên hoặc mã, không cần dấu / words of the name or code")
    ] = "",
    parent: Annotated[str, Query(max_length=200, description="Chỉ cơ quan trực thuộc mã này / directly below")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Annotated[str, Query(max_length=CURSOR_CHARS)] = "",
) -> OrgansPage:
    """Bản sao tại chỗ của sổ đăng ký; connected cho biết cơ quan đã nối trục chưa / a local copy of the registry."""
    try:
        found = room.gateway.directory.search(q, parent=parent, limit=limit, cursor=cursor)
    except BadCursor as error:
        raise Problem(ProblemCode.CURSOR, Said(vi=error.vi, en=error.en)) from None
    return OrgansPage(
        items=[
            OrganShape(
                organ_id=each.code,
                name=each.name,
                parent=each.parent,
                old_code=each.old_code,
                email=each.email,
                phone=each.phone,
                address=each.address,
                level=each.level,
                connected=each.connected,
            )
            for each in found.organs
        ],
        next=found.cursor or None,
    )


async def validate(request: Request, room: Room, who: Who) -> dict[str, Any]:
    """Trả 200 cả khi gói tin có lỗi: xem verdict và would_be_accepted_if / 200 whatever the verdict."""
    async with offered(request, room) as offer:
        envelope = await packaged(offer, who, room, now=room.gateway.clock.now())
        if isinstance(envelope, tuple):
            raise refused(envelope)

        def judged() -> dict[str, Any]:
            data = envelope if isinstance(envelope, bytes) else read_envelope(envelope)
            return judgement_shape(offer.name, judge(data))

        if not offer.large:
            return await asyncio.to_thread(judged)
        async with room.large:
            return await asyncio.to_thread(judged)


async def selftest(room: Room, who: Who, asked: SelfTestRequest | None = None) -> dict[str, Any]:
    """Gửi văn bản kiểm tra tới cơ quan robot, không chạm tới ai / a test document to a robot, touching nobody.

    Trả 200 cả khi có chặng không tới: xem ok và fault / 200 whatever the outcome: see ok and fault.
    """
    requires(who, Right.SEND)
    wanted = asked or SelfTestRequest()
    of_organ(who, wanted.sender or "")
    settings = room.gateway.desk.settings
    own = [each.organ_id for each in settings.organs if who.speaks_for(each.organ_id)]
    with_key = [each.organ_id for each in settings.organs if each.key and each.organ_id in own]
    sender = wanted.sender or next(iter(with_key or own), "")
    if not sender:
        raise Problem(ProblemCode.FORBIDDEN)
    try:
        report = await run_selftest(room.gateway.desk, to=wanted.to or "", sender=sender, timeout=wanted.timeout)
    except SelfTestBusy as error:
        wait = str(max(1, math.ceil(error.retry_after)))
        raise Problem(ProblemCode.RATE, Said(vi=error.vi, en=error.en), headers={"Retry-After": wait}) from None
    except UsageFault as error:
        raise invalid(Fault(where="body", vi=error.vi, en=error.en)) from None
    return report_as_dict(report)
