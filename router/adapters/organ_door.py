"""The organ door: agents learn who may be written to, and apply for changes of it.

    GET  /-/organs                     all active organs, as lines of JSON (`edxml_schemas.organ_list`); gzip on demand
    GET  /-/organs?since=VERSION       what changed since that version of the registry; all, when it is none of ours
         If-None-Match: the ETag       304 when the list is the one that the agent has
    POST /-/organs/applications        an application: 201 kept, 200 known or true already; 404 the end of an organ
                                       that this agent does not carry; 422 cannot be; 429 too many wait
    GET  /-/organs/applications        the agent's own, newest first

Which agent carries for an organ is nobody's business; that some agent does is told.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edxml_schemas.organ_list import (
    APPLICATIONS_PATH,
    LINE_BYTES,
    LIST_TYPE,
    ORGANS_PATH,
    ApplicationState,
    GoneOrgan,
    ListedOrgan,
    ListHead,
    Wish,
    WishAnswer,
    line_digest,
    line_of,
    list_digest,
    read_wish,
)
from router.adapters.agent_proof import CHALLENGE, problem_answer, proven_agent
from router.core.applications import Application
from router.core.registry import OrganRecord, OrganState, Registry
from router.logs import logger
from router.ports import Clock, Store
from router.services.registration import applications

PORTION: Final = 1000  # organs rendered at a time
LISTS_AT_ONCE: Final = 2
"""Lists on their way to one agent; an agent needs one."""
LATER: Final = {"Retry-After": "60"}
MUCH_LATER: Final = {"Retry-After": "3600"}
SINCE_CHARS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganList:
    """The registry's organs in the order of codes, and the digest of the active ones' lines."""

    version: int
    digest: str
    organs: tuple[OrganRecord, ...]

    @classmethod
    def of(cls, registry: Registry) -> "OrganList":
        organs = tuple(sorted(registry.organs.values(), key=lambda each: each.code))
        active = (each for each in organs if each.state is OrganState.ACTIVE)
        digest = list_digest(line_digest(line_of(_listed(each))) for each in active)
        return cls(version=registry.version, digest=digest, organs=organs)

    @property
    def etag(self) -> str:
        return f'W/"{self.digest}"'

    def after(self, since: int | None) -> tuple[int | None, Sequence[OrganRecord]]:
        """What is to be told to who has the list of a version, and whether (not None) it is only what changed."""
        if since is None or since > self.version:
            return None, [each for each in self.organs if each.state is OrganState.ACTIVE]
        return since, [each for each in self.organs if each.changed_in > since]


class OrganDoor:
    """Answers from the registry as it is; the digest is reckoned once for every version."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._log = logger("organ-door")
        self._list = OrganList(version=-1, digest="", organs=())
        self._reckoning = asyncio.Lock()
        self._lists: dict[str, int] = {}

    def routes(self) -> list[Route]:
        zipped = [Middleware(GZipMiddleware, minimum_size=1000, compresslevel=1)]
        return [
            Route(ORGANS_PATH, self.organs, methods=["GET"], middleware=zipped),
            Route(APPLICATIONS_PATH, self.apply, methods=["POST"]),
            Route(APPLICATIONS_PATH, self.applications, methods=["GET"]),
        ]

    # ── The list ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def organs(self, request: Request) -> Response:
        registry = await asyncio.to_thread(self._store.registry)
        agent = proven_agent(request, registry)
        if agent is None:
            return _unproven()
        asked = request.query_params.get("since")
        if asked is not None and not (asked.isascii() and asked.isdigit() and len(asked) <= SINCE_CHARS):
            return problem_answer(400, "since không phải là một số", "since is no number")
        known = await self._reckoned(registry)
        headers = {"ETag": known.etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == known.etag:
            return Response(status_code=304, headers=headers)
        if self._lists.get(agent, 0) >= LISTS_AT_ONCE:
            return problem_answer(429, "danh sách đang được gửi", "the list is on its way already", LATER)
        since, told = known.after(None if asked is None else int(asked))
        head = ListHead(version=known.version, digest=known.digest, since=since, count=len(told))
        self._log.info("organs-given", agent=agent, version=known.version, since=since, count=len(told))
        return StreamingResponse(self._lines(agent, head, told), media_type=LIST_TYPE, headers=headers)

    async def _reckoned(self, registry: Registry) -> OrganList:
        async with self._reckoning:
            if self._list.version != registry.version:
                self._list = await asyncio.to_thread(OrganList.of, registry)
            return self._list

    async def _lines(self, agent: str, head: ListHead, organs: Sequence[OrganRecord]) -> AsyncIterator[bytes]:
        self._lists[agent] = self._lists.get(agent, 0) + 1
        try:
            yield line_of(head) + b"\n"
            for start in range(0, len(organs), PORTION):
                yield await asyncio.to_thread(_rendered, organs[start : start + PORTION])
        finally:
            self._lists[agent] -= 1
            if not self._lists[agent]:
                del self._lists[agent]

    # ── Applications ────────────────────────────────────────────────────────────────────────────────────────────────

    async def apply(self, request: Request) -> Response:
        agent = proven_agent(request, await asyncio.to_thread(self._store.registry))
        if agent is None:
            return _unproven()
        body = await _body(request)
        if body is None:
            return problem_answer(413, f"lớn hơn {LINE_BYTES} byte", f"more than {LINE_BYTES} bytes")
        try:
            wish = read_wish(body)
        except ValueError as problem:
            return problem_answer(422, f"không phải hồ sơ: {problem}", f"no application: {problem}")
        outcome = await asyncio.to_thread(
            applications.apply, self._store, agent=agent, wish=wish, now=self._clock.now()
        )
        if isinstance(outcome, Application):
            self._log.info("application", agent=agent, id=outcome.id, kind=outcome.kind.value, code=outcome.code)
        return _said(wish, outcome)

    async def applications(self, request: Request) -> Response:
        agent = proven_agent(request, await asyncio.to_thread(self._store.registry))
        if agent is None:
            return _unproven()
        found = await asyncio.to_thread(self._store.applications, agent=agent)
        return _json([WishAnswer(reference=each.reference, state=each.state, note=each.note) for each in found])


def _listed(organ: OrganRecord) -> ListedOrgan:
    return ListedOrgan(
        code=organ.code,
        name=organ.name,
        parent=organ.parent,
        old_code=organ.old_code,
        email=organ.email,
        phone=organ.phone,
        address=organ.address,
        connected=bool(organ.agent),
        version=organ.changed_in,
    )


def _rendered(organs: Iterable[OrganRecord]) -> bytes:
    return b"".join(line_of(_told(each)) + b"\n" for each in organs)


def _told(organ: OrganRecord) -> ListedOrgan | GoneOrgan:
    if organ.state is OrganState.ACTIVE:
        return _listed(organ)
    return GoneOrgan(code=organ.code, version=organ.changed_in)


async def _body(request: Request) -> bytes | None:
    """None when it is too large; what comes is not gathered beyond that."""
    gathered = bytearray()
    async for chunk in request.stream():
        gathered += chunk
        if len(gathered) > LINE_BYTES:
            return None
    return bytes(gathered)


def _said(wish: Wish, outcome: applications.Outcome) -> Response:
    match outcome:
        case Application():
            new = outcome.reference == wish.reference and outcome.is_open
            answer = WishAnswer(reference=outcome.reference, state=outcome.state, note=outcome.note)
            return _json(answer, status=201 if new else 200)
        case applications.AlreadySo():
            return _json(WishAnswer(reference=wish.reference, state=ApplicationState.ALREADY))
        case applications.NotTheirs():
            return problem_answer(404, "không có cơ quan này", "there is no such organ for you")
        case applications.TooMany():
            waiting = outcome.open
            return problem_answer(429, f"đã có {waiting} hồ sơ chờ duyệt", f"{waiting} applications wait", MUCH_LATER)
        case applications.Impossible():
            return problem_answer(422, outcome.vi, outcome.en)


def _unproven() -> Response:
    return problem_answer(401, "sai tên hoặc mã của điểm kết nối", "wrong agent name or token", CHALLENGE)


def _json(value: object, *, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")
