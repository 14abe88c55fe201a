"""The calls of dialect B and their desks, mounted at `/v1`."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agents.gateway.lgsp.agencies import AgencyDesk
from agents.gateway.lgsp.answers import OK, Operation, failure, json_answer, operation_of
from agents.gateway.lgsp.doors import Doors
from agents.gateway.lgsp.fetching import FetchDesk
from agents.gateway.lgsp.listing import ListDesk
from agents.gateway.lgsp.logging_in import LoginDesk
from agents.gateway.lgsp.marking import MarkDesk
from agents.gateway.lgsp.refusals import RETRY_AFTER
from agents.gateway.lgsp.sending import SendDesk
from agents.gateway.problems import Problem, ProblemKind
from agents.gateway.rooms import Gateway

_SERVER_FAULT: Final = 500
_TRY_AGAIN: Final = frozenset(
    {ProblemKind.TOO_SLOW, ProblemKind.THROTTLED, ProblemKind.UNAVAILABLE, ProblemKind.UNEXPECTED}
)
_NO_CALL: Final = frozenset({ProblemKind.NOT_FOUND, ProblemKind.METHOD})


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Paths without the prefix."""
    doors = Doors(gateway)
    large = gateway.large
    return [
        Route(f"/{Operation.LOGIN}", LoginDesk(gateway).login, methods=["POST"]),
        Route(f"/{Operation.SEND}", SendDesk(gateway, doors, large=large).send, methods=["POST"]),
        Route(f"/{Operation.LIST}", ListDesk(gateway, doors).received, methods=["GET"]),
        Route(f"/{Operation.FETCH}", FetchDesk(gateway, doors, large=large).fetch, methods=["GET"]),
        Route(f"/{Operation.MARK}", MarkDesk(gateway, doors).update, methods=["POST"]),
        Route(f"/{Operation.AGENCIES}", AgencyDesk(gateway, doors).all, methods=["GET"]),
    ]


def answer(problem: Problem, request: Request) -> Response:
    """What went wrong outside the desks, in the shape of the call that was made.

    What may pass is 5xx without an error code, whatever its usual status: such clients know nothing else as "try
    again". What is final is 200 with one, and what is no call at all keeps its status.
    """
    operation = operation_of(request.scope["path"])
    text = f"{problem.vi} ({problem.incident})" if problem.incident else problem.vi
    headers = dict(problem.headers)
    if problem.kind in _TRY_AGAIN or problem.status >= _SERVER_FAULT:
        status = problem.status if problem.status >= _SERVER_FAULT else 503
        headers["Retry-After"] = str(problem.retry_after or RETRY_AFTER)
        return json_answer(failure(operation, text, number=None, status=status), status=status, headers=headers)
    status = problem.status if operation is None or problem.kind in _NO_CALL else OK
    return json_answer(failure(operation, text, number=problem.lgsp, status=status), status=status, headers=headers)
