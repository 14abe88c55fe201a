"""The operations of the dialect by their paths, and the one way in and out of each."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agents.errors import UsageFault
from agents.gateway.problems import Problem
from agents.gateway.rooms import Gateway
from agents.gateway.vxp import faults, wire
from agents.gateway.vxp.agencies import AgencyDesk
from agents.gateway.vxp.documents import DocumentDesk
from agents.gateway.vxp.doors import Body, Doors, Wait
from agents.gateway.vxp.faults import Fault
from agents.gateway.vxp.sending import SendDesk
from agents.gateway.vxp.signing import PREFIX, SignedCall
from edxml_schemas.contract import MessageType

Work = Callable[[SignedCall, Body], Awaitable[Response | Fault]]

SEND: Final = "/sendEdoc"
DOWNLOAD: Final = "/downloadEdoc"
_LIST: Final[Mapping[str, object]] = MappingProxyType({"data": ()})
EMPTY: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        SEND: {"DocId": ""},
        "/getReceivedEdocList": _LIST,
        "/getEdoc": {"data": ""},
        DOWNLOAD: {},
        "/updateStatus": {},
        "/getSentEdocList": _LIST,
        "/countReceiveEdoc": {"count": 0},
        "/countReceiveStatus": {"count": 0},
        "/getAgenciesList": _LIST,
        "/getAgenciesListQD20": _LIST,
        "/getSynchronizeUnit": _LIST,
        "/registerAgency": {},
        "/deleteAgency": {},
    }
)
"""Every operation, and what its answer has besides the three members when it failed: nobody looks for it in vain."""


def routes(gateway: Gateway) -> list[BaseRoute]:
    """One route per operation."""
    send, documents, agencies = SendDesk(gateway), DocumentDesk(gateway), AgencyDesk(gateway)
    work: Mapping[str, Work] = {
        SEND: send.send,
        "/getReceivedEdocList": _bodiless(documents.received),
        "/getEdoc": _bodiless(documents.fetch),
        DOWNLOAD: _bodiless(documents.download),
        "/updateStatus": _bodiless(documents.mark),
        "/getSentEdocList": _bodiless(documents.sent),
        "/countReceiveEdoc": _bodiless(partial(documents.count, kind=MessageType.DOCUMENT)),
        "/countReceiveStatus": _bodiless(partial(documents.count, kind=MessageType.STATUS)),
        "/getAgenciesList": _bodiless(agencies.listed),
        "/getAgenciesListQD20": _bodiless(agencies.listed_by_level),
        "/getSynchronizeUnit": _bodiless(agencies.synchronised),
        "/registerAgency": agencies.register,
        "/deleteAgency": _bodiless(agencies.remove),
    }
    entrance = _Entrance(gateway)
    return [
        Route(path, partial(entrance.serve, path, each), methods=["GET" if path == DOWNLOAD else "POST"])
        for path, each in work.items()
    ]


def answer(problem: Problem, request: Request) -> Response:
    """What went wrong outside an operation, as an answer that a client of the operation understands.

    What is no operation of the dialect, by its whole path, keeps its HTTP status: nobody who speaks the dialect asked.
    """
    path = request.scope["path"]
    fault = Fault(problem.lgsp, f"{problem.vi} ({problem.incident})" if problem.incident else problem.vi)
    headers = dict(problem.headers)
    if problem.retry_after is not None:
        headers["retry-after"] = str(problem.retry_after)
    response = failed(path, fault, headers=headers)
    if path not in EMPTY:
        response.status_code = problem.status
    return response


def failed(path: str, fault: Fault, *, headers: Mapping[str, str] | None = None) -> Response:
    """A failed call. A download that failed has no content: the client library writes whatever comes into a file and
    takes a file that is not empty for the document; what is wrong stands in headers, percent-encoded."""
    if path == DOWNLOAD:
        told = {
            f"{PREFIX}status": "FAIL",
            f"{PREFIX}ErrorCode": str(int(fault.code)),
            f"{PREFIX}ErrorDesc": quote(fault.text),
        }
        return Response(b"", 200, {**told, **(headers or {})}, "application/xml")
    return wire.answer(fault, headers=headers, members=EMPTY.get(path))


def _bodiless(work: Callable[[SignedCall], Awaitable[Response | Fault]]) -> Work:
    """An operation that has no use for its body (`{}`, or nothing)."""

    async def done(call: SignedCall, _body: Body) -> Response | Fault:
        return await work(call)

    return done


class _Entrance:
    """Lets a call in, has it done, and answers."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._doors = Doors(gateway)

    async def serve(self, path: str, work: Work, request: Request) -> Response:
        """Raises Unavailable for what is away now."""
        body = Body(request, idle=self._gateway.idle)
        response = await self._served(path, work, request, body)
        await body.drain(limit=self._gateway.settings.body_limit)
        return response

    async def _served(self, path: str, work: Work, request: Request, body: Body) -> Response:
        call = await self._doors.enter(request)
        if isinstance(call, Wait):
            return failed(path, call.fault, headers={"retry-after": str(call.seconds)})
        if isinstance(call, Fault):
            # Nobody who downloads comes so far without a list, and who calls by hand wants to know why.
            return wire.answer(call, members=EMPTY[path])
        try:
            outcome = await work(call, body)
        except UsageFault as fault:
            problem = {"vi": fault.vi, "en": fault.en}
            self._gateway.log.error("vxp.key-unusable", operation=path, **problem)  # noqa: TRY400  no fault of the code
            outcome = faults.CANNOT_SIGN
        if isinstance(outcome, Response):
            return outcome
        self._gateway.log.info("vxp.refused", operation=path, key=call.caller.key_id, code=int(outcome.code))
        return failed(path, outcome)
