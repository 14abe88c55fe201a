"""Documents as they are offered to `POST /documents` and `POST /validate`, read to disk and made into envelopes.

Three ways to say the same: a form with files, JSON with base64, or the bare envelope.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import Request

from agents.gateway.bodies import TooLarge, TooSlow, receive_body
from agents.gateway.callers import Caller
from agents.gateway.problems import RETRY_AFTER
from agents.gateway.rest.parts import FORM_TYPE
from agents.gateway.rest.problems import Problem, ProblemCode, Said
from agents.gateway.rest.reading import ENVELOPE_TYPES, LARGE, Offer, read_offer
from agents.gateway.rest.room import RestRoom
from agents.gateway.uploads import PARTS, NoRoom
from edxml_schemas import codec, drafts
from edxml_schemas.drafts import DraftProblems
from edxml_schemas.limits import DEFAULT_LIMITS

_JSON: Final = "application/json"


@asynccontextmanager
async def offered(request: Request, room: RestRoom) -> AsyncIterator[Offer]:
    """The offer in a request's body; its files are gone afterwards. Raises Problem."""
    stated = request.headers.get("content-type", "")
    kind = stated.partition(";")[0].strip().lower()
    gateway = room.gateway
    limits = {FORM_TYPE: gateway.settings.body_limit, _JSON: gateway.settings.rest.json_limit}
    limits |= dict.fromkeys(ENVELOPE_TYPES, DEFAULT_LIMITS.envelope_bytes)
    if kind not in limits:
        raise Problem(ProblemCode.MEDIA_TYPE, headers={"Accept": ", ".join(sorted(limits))})
    receiving = receive_body(
        request.stream(),
        room=gateway.uploads,
        limit=min(limits[kind], gateway.settings.body_limit),
        idle=gateway.idle,
    )
    try:
        async with receiving as kept:
            with gateway.uploads.place(PARTS) as (folder, share):
                share.grow(0 if kind in ENVELOPE_TYPES else kept.size)  # its parts are written out beside it
                try:
                    yield await _in_turn(room, kept.size, read_offer, kept, stated, kind, folder)
                finally:
                    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    except NoRoom as fault:
        raise Problem(
            ProblemCode.NO_ROOM if fault.disk else ProblemCode.UNAVAILABLE,
            Said(vi=fault.vi, en=fault.en),
            headers={"Retry-After": str(RETRY_AFTER)},
        ) from None
    except TooLarge as error:
        raise Problem(
            ProblemCode.TOO_LARGE,
            Said(
                vi=f"Thân yêu cầu vượt {error.limit} byte cho kiểu {kind}. Văn bản lớn: đề nghị gửi "
                "multipart/form-data thay cho JSON, nén hoặc tách tệp.",
                en=f"The body is above {error.limit} bytes for {kind}. For large documents send multipart/form-data "
                "instead of JSON, compress or split the files.",
            ),
        ) from None
    except TooSlow:
        raise Problem(ProblemCode.TOO_SLOW) from None


async def _in_turn(room: RestRoom, size: int, work: Any, *arguments: Any) -> Any:
    if size <= LARGE:
        return await asyncio.to_thread(work, *arguments)
    async with room.large:
        return await asyncio.to_thread(work, *arguments)


async def packaged(offer: Offer, caller: Caller, room: RestRoom, *, now: datetime) -> Path | bytes | DraftProblems:
    """The envelope of an offer, or the file that is one already. The same offer and `now` give the same bytes."""
    if offer.envelope is not None:
        return offer.envelope
    result: Path | bytes | DraftProblems = await _in_turn(
        room, LARGE + 1 if offer.large else 0, _package, offer, caller, room, now
    )
    return result


def _package(offer: Offer, caller: Caller, room: RestRoom, now: datetime) -> bytes | DraftProblems:
    values = dict(offer.metadata or {})
    if "from" not in values and len(caller.organs) == 1:
        (organ_id,) = caller.organs
        organ = room.gateway.desk.settings.organ(organ_id)
        values["from"] = {"organ_id": organ_id, **({"organ_name": organ.name} if organ and organ.name else {})}
    draft = drafts.draft_from_mapping(values, offer.files, now=now, source=offer.name)
    return draft if isinstance(draft, tuple) else codec.encode(draft)
