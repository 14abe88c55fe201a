"""`GET /events`: server-sent events that something is new. Hints only; what is new is read elsewhere.

A stream is a place in the spool that moves on: who comes back with `Last-Event-ID` hears what was missed, and nothing
is kept in memory for who listens slowly.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from agents.errors import Unavailable
from agents.gateway.callers import Caller, Right
from agents.gateway.rest.doors import Door, recognised
from agents.gateway.rest.openapi import bytes_answer, problems
from agents.gateway.rest.problems import Problem, ProblemCode, Said
from agents.gateway.rest.rights import of_organ, requires
from agents.gateway.rest.room import RestRoom, Room, Who
from agents.pacing import news_or
from agents.spool.news import News, NewsKind, Place, latest, news_since

BATCH: Final = 100
LONGEST: Final = 3600.0
"""Seconds after which a stream ends; clients come back by themselves and miss nothing."""
COME_BACK: Final = 5000
"""Milliseconds that a client waits before it comes back."""
EVENT_STREAM: Final = "text/event-stream"
PLACE_CHARS: Final = 40


def event_routes() -> APIRouter:
    router = APIRouter(route_class=Door, tags=["sự kiện / events"])
    router.add_api_route(
        "/events",
        events,
        methods=["GET"],
        response_class=StreamingResponse,
        summary="Luồng báo có gì mới (SSE) / server-sent events that something is new",
        responses=bytes_answer("event: inbox | status | receipt; data: HintShape", EVENT_STREAM)
        | problems(ProblemCode.CURSOR, ProblemCode.FORBIDDEN, ProblemCode.INVALID, ProblemCode.TOO_MANY_LISTENERS),
    )
    return router


async def events(
    *,
    request: Request,
    room: Room,
    who: Who,
    kind: Annotated[list[NewsKind] | None, Query(max_length=3, description="Chỉ loại này / only these kinds")] = None,
    organ: Annotated[str, Query(max_length=200, description="Chỉ cơ quan này / this organ only")] = "",
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=PLACE_CHARS, description="Nghe tiếp từ đó / go on there")
    ] = None,
    after: Annotated[
        str | None, Query(max_length=PLACE_CHARS, description="Như Last-Event-ID / for who cannot set headers")
    ] = None,
) -> StreamingResponse:
    """Chỉ là lời nhắc; GET /inbox và GET /documents mới là sự thật / hints; polling is the truth.

    Không có Last-Event-ID thì nghe từ bây giờ / without Last-Event-ID it begins now.
    """
    requires(who, Right.READ)
    of_organ(who, organ)
    place = await _place(room, last_event_id if last_event_id is not None else after)
    if not room.listeners.enter(who.key_id):
        raise Problem(ProblemCode.TOO_MANY_LISTENERS, headers={"Retry-After": str(COME_BACK // 1000)})

    async def still() -> Caller | None:
        try:
            caller = await recognised(request, room)
        except Unavailable:
            return None  # whoever comes back is asked again
        return caller if caller is not None and caller.may(Right.READ) else None

    told = told_events(room, who, place, kinds=tuple(kind or NewsKind), organ=organ, still=still)
    return _Stream(told, leave=lambda: room.listeners.leave(who.key_id))


async def told_events(
    room: RestRoom,
    caller: Caller,
    place: Place,
    *,
    kinds: Sequence[NewsKind],
    organ: str = "",
    still: Callable[[], Awaitable[Caller | None]],
) -> AsyncIterator[bytes]:
    """The stream, piece by piece. `still` says who the caller is now, and None when the key is no more.

    It is asked once in a heartbeat, however much there is to tell meanwhile.
    """
    spool = room.gateway.desk.spool
    heartbeat = room.gateway.settings.rest.heartbeat.total_seconds()
    time = asyncio.get_running_loop().time
    end, beat = time() + LONGEST, time() + heartbeat
    yield f"retry: {COME_BACK}\nid: {place}\n\n".encode()
    async with room.tide.watched():
        while time() < end and not room.gateway.stopping.is_set():
            if time() >= beat:
                now = await still()
                if now is None:
                    return
                caller, beat = now, time() + heartbeat
                yield f": còn nghe\nid: {place}\n\n".encode()
            turn = room.tide.turn()
            organs = caller.organs & {organ} if organ else caller.organs
            news: Sequence[News] = ()
            try:
                news, place = await asyncio.to_thread(news_since, spool, place, organs=organs, limit=BATCH)
            except Unavailable:
                return  # the client comes back to the place that it knows
            for each in news:
                if each.kind in kinds:
                    yield event_of(each)
            if len(news) < BATCH:
                await news_or(turn, room.gateway.stopping, max(0.0, beat - time()))


def event_of(news: News) -> bytes:
    data = orjson.dumps(hint_of(news)).decode()
    return f"event: {news.kind.value}\nid: {news.place}\ndata: {data}\n\n".encode()


def hint_of(news: News) -> dict[str, Any]:
    """The members of a HintShape."""
    return {
        "id": str(news.place),
        "kind": news.kind.value,
        "organ": news.organ,
        "leg_id": news.leg_id,
        "submission_id": news.submission_id,
        "at": news.at.isoformat(),
    }


async def _place(room: RestRoom, stated: str | None) -> Place:
    if not stated:
        return await asyncio.to_thread(latest, room.gateway.desk.spool)
    place = Place.parse(stated)
    if place is None:
        raise Problem(
            ProblemCode.CURSOR,
            Said(
                vi="Last-Event-ID không do luồng này cấp. Đề nghị bỏ đi để nghe từ bây giờ.",
                en="This stream gave no such Last-Event-ID. Leave it out to listen from now on.",
            ),
        )
    return place


class _Stream(StreamingResponse):
    """Gives its place among the listeners back, however it ends."""

    def __init__(self, told: AsyncIterator[bytes], *, leave: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(told, media_type=EVENT_STREAM, headers=headers)
        self._told = told
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
            close = getattr(self._told, "aclose", None)
            if close is not None:
                await close()
