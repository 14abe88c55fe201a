"""The hub over HTTP: health, readiness, the blob door for envelopes too large for a queue, and the organ door.

    GET /-/health            200 while the process runs
    GET /-/ready             200 when broker, database and workers are there, else 503; JSON says which is not
    PUT /-/blobs/<sha256>    an agent uploads an envelope; the digest is checked; 201,
                             or 507 when there is no room: try again later
    GET /-/blobs/<sha256>    an agent fetches an envelope to which it is a party; 404 for everybody else

    GET /                    leads to the administrators' console below /console, when it is served

What the organ door answers stands in `organ_door`. Agents prove themselves by HTTP Basic with the token that
`truc registry` gave them. TLS is for a proxy in front.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from router.adapters.agent_proof import CHALLENGE, problem_answer, proven_agent
from router.adapters.blob_room import BlobRoom, NoRoom
from router.adapters.organ_door import OrganDoor
from router.adapters.payloads import BlobRefused, BlobWriter
from router.logs import logger
from router.ports import PayloadUnavailable, Store, StoreUnavailable

CONSOLE: Final = "/console"
WRITE_BYTES: Final = 2**20  # gathered before a thread writes them
SIZE: Final = re.compile(r"[0-9]{1,18}")


class Blobs(Protocol):
    """What the door needs of the payload store."""

    def blob_path(self, digest: str) -> Path | None: ...

    def blob_writer(self, digest: str, *, limit: int) -> BlobWriter: ...


class Readiness(Protocol):
    """One question per thing that must be there; each names what is wrong, or nothing."""

    def __call__(self) -> Awaitable[Mapping[str, str]]: ...


class BlobDoor:
    """Streams envelopes in and out. Memory does not grow with them."""

    def __init__(self, store: Store, blobs: Blobs, *, room: BlobRoom, limit: int) -> None:
        self._store = store
        self._blobs = blobs
        self._room = room
        self._limit = limit
        self._log = logger("blob-door")

    async def put(self, request: Request) -> Response:
        agent = await self._agent(request)
        if agent is None:
            return problem_answer(401, "sai tên hoặc mã của điểm kết nối", "wrong agent name or token", CHALLENGE)
        stated = request.headers.get("content-length")
        if stated is not None and not SIZE.fullmatch(stated):
            return problem_answer(400, "Content-Length không phải là một số", "Content-Length is no size")
        size = self._limit if stated is None else int(stated)
        if size > self._limit:
            return self._too_large()
        try:
            await asyncio.to_thread(self._room.reserve, agent, size)
        except NoRoom as problem:
            self._log.warning("blob-put-off", agent=agent, size=size, reason=problem.en)
            return problem_answer(507, problem.vi, problem.en, {"Retry-After": "60"})
        try:
            return await self._keep(request, agent, request.path_params["digest"])
        finally:
            self._room.release(agent, size)

    async def _keep(self, request: Request, agent: str, digest: str) -> Response:
        try:
            writer = await asyncio.to_thread(self._blobs.blob_writer, digest, limit=self._limit)
        except BlobRefused as problem:
            return problem_answer(422, "mã băm không đúng dạng", str(problem))
        try:
            await self._receive(request, writer, before_the_end=lambda: self._room.mark(agent, digest))
        except BlobRefused as problem:
            if writer.size > self._limit:
                return self._too_large()
            return problem_answer(422, "nội dung không khớp mã băm", str(problem))
        finally:
            await asyncio.to_thread(writer.abort)
        self._log.info("blob-kept", agent=agent, digest=digest, size=writer.size)
        return JSONResponse({"digest": digest, "size": writer.size}, status_code=201)

    @staticmethod
    async def _receive(request: Request, writer: BlobWriter, *, before_the_end: Callable[[], None]) -> None:
        gathered = bytearray()
        async for chunk in request.stream():
            gathered += chunk
            if len(gathered) >= WRITE_BYTES:
                await asyncio.to_thread(writer.write, bytes(gathered))
                gathered.clear()

        def finish() -> None:
            writer.write(bytes(gathered))
            before_the_end()
            writer.finish()

        await asyncio.to_thread(finish)

    async def get(self, request: Request) -> Response:
        agent = await self._agent(request)
        if agent is None:
            return problem_answer(401, "sai tên hoặc mã của điểm kết nối", "wrong agent name or token", CHALLENGE)
        digest = request.path_params["digest"]
        path = await asyncio.to_thread(self._blobs.blob_path, digest)
        # What is no digest, or not there, is asked of nobody.
        allowed = path is not None and await asyncio.to_thread(self._store.may_read, agent=agent, digest=digest)
        if path is None or not allowed:
            # One answer for "not there" and "not yours": nobody learns which documents exist.
            return problem_answer(404, "không có phong bì này", "there is no such envelope for you")
        self._log.info("blob-given", agent=agent, digest=digest, size=path.stat().st_size)
        return FileResponse(path, media_type="application/xml", headers={"Cache-Control": "no-store"})

    async def _agent(self, request: Request) -> str | None:
        """The name of the agent that the request proves; None when it proves none."""
        return proven_agent(request, await asyncio.to_thread(self._store.registry))

    def _too_large(self) -> Response:
        return problem_answer(413, f"lớn hơn {self._limit} byte", f"more than {self._limit} bytes")


def web_app(
    *,
    ready: Readiness,
    door: BlobDoor | None,
    organs: OrganDoor | None = None,
    console: ASGIApp | None = None,
    more: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application. Without doors, console and `more` there are only health and readiness."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readiness(_: Request) -> Response:
        checks = await ready()
        wrong = {name: problem for name, problem in checks.items() if problem}
        status = "not ready" if wrong else "ready"
        shown = {name: problem or "ok" for name, problem in checks.items()}
        return JSONResponse({"status": status, "checks": shown}, status_code=503 if wrong else 200)

    routes = [Route("/-/health", health), Route("/-/ready", readiness)]
    if door is not None:
        routes.append(Route("/-/blobs/{digest}", door.put, methods=["PUT"]))
        routes.append(Route("/-/blobs/{digest}", door.get, methods=["GET"]))
    if organs is not None:
        routes += organs.routes()
    mounted = console_routes(console) if console is not None else []
    handlers = {StoreUnavailable: _away, PayloadUnavailable: _away, ClientDisconnect: _gone}
    return Starlette(routes=[*routes, *more, *mounted], exception_handlers={**handlers})


def console_routes(console: ASGIApp) -> list[BaseRoute]:
    """The administrators' console below /console, to which the front door leads."""

    async def front_door(_: Request) -> Response:
        return RedirectResponse(f"{CONSOLE}/", status_code=303)

    return [Route("/", front_door), Route(CONSOLE, front_door), Mount(CONSOLE, app=console)]


async def _away(_: Request, problem: Exception) -> Response:
    logger("http").warning("infrastructure-away", reason=str(problem))
    return problem_answer(
        503, "tạm thời không phục vụ được, hãy thử lại", "temporarily away, try again", {"Retry-After": "5"}
    )


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it
