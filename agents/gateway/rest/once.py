"""One answer for one Idempotency-Key, however often and from however many threads it is asked.

Nobody waits for anybody: the same work may be done twice at once, because it is the same work, with the time at which
the key was first used, and what it leads to is one submission. The first answer to be kept is everybody's.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final

from fastapi import Header
from starlette.responses import Response

from agents.gateway.callers import Caller
from agents.gateway.rest.memory import Answered, OtherContent
from agents.gateway.rest.openapi import PREFIX
from agents.gateway.rest.problems import Problem, ProblemCode
from agents.gateway.rest.room import RestRoom
from agents.gateway.rest.shapes import SubmittedShape

REPLAYED: Final = "Idempotency-Replayed"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Gửi lại an toàn: cùng khóa và cùng nội dung thì cùng câu trả lời / the same key and content, the "
        "same answer; other content under the key is refused",
    ),
]


async def once(
    room: RestRoom,
    caller: Caller,
    key: str | None,
    content: str,
    work: Callable[[datetime], Awaitable[SubmittedShape]],
) -> Response:
    """The answer 202 to `work`, or the one that was given under the key before.

    `content` says what is asked; `work` gets the time to write into what it makes. It raises Problem when nothing was
    done: then the key is free again. Raises Problem.
    """
    gateway = room.gateway
    if key is None:
        return _answer((await work(gateway.clock.now())).model_dump_json().encode())
    # Whoever speaks for other organs asks for something else, though the words and the system be the same.
    asked = json.dumps([sorted(caller.organs), content])
    digest = hashlib.sha256(asked.encode()).hexdigest()
    claim = await asyncio.to_thread(
        room.memory.claim,
        caller.system_id,
        key,
        digest,
        now=gateway.clock.now(),
        keep=gateway.settings.rest.idempotency_keep,
    )
    if isinstance(claim, OtherContent):
        raise Problem(ProblemCode.KEY_REUSED)
    if isinstance(claim, Answered):
        return _answer(claim.body, {REPLAYED: "true"})
    try:
        shape = await work(claim.since)
    except Problem:
        await asyncio.to_thread(room.memory.release, caller.system_id, key, digest)
        raise
    body = shape.model_dump_json().encode()
    return _answer(await asyncio.to_thread(room.memory.settle, caller.system_id, key, digest, body))


def _answer(body: bytes, headers: dict[str, str] | None = None) -> Response:
    submission_id = SubmittedShape.model_validate_json(body).submission_id
    return Response(
        body,
        status_code=202,
        media_type="application/json",
        headers={"Location": f"{PREFIX}/documents/{submission_id}", **(headers or {})},
    )
