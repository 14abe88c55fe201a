"""Operations that hand out bytes: the envelope as its sender signed it, and the files in it."""

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Final, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Path
from starlette.responses import Response

from agents.gateway.callers import Caller, Right
from agents.gateway.long_answers import long_answer, plain_pieces
from agents.gateway.outcomes import Fetched, NotYours
from agents.gateway.rest.doors import Door
from agents.gateway.rest.marks import accomplished
from agents.gateway.rest.openapi import bytes_answer, problems
from agents.gateway.rest.problems import Problem, ProblemCode, findings_of, refused
from agents.gateway.rest.reading import LARGE
from agents.gateway.rest.receiving import LegId
from agents.gateway.rest.rights import requires
from agents.gateway.rest.room import RestRoom, Room, Who
from agents.gateway.rest.shapes import FileShape, FilesShape
from edxml_schemas import codec
from edxml_schemas.attachments import OpenedAttachment, open_attachment, safe_file_name
from edxml_schemas.limits import DEFAULT_LIMITS
from edxml_schemas.model import Attachment, Document

ENVELOPE_TYPE: Final = "application/xml"
ANY_TYPE: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,80}/[A-Za-z0-9!#$&^_.+-]{1,80}")
_FALLBACK: Final = re.compile(r"[^ !#$&+.0-9A-Z^_`a-z{}~(),=@\[\]-]")
_LEG: Final = (ProblemCode.FORBIDDEN, ProblemCode.NOT_FOUND, ProblemCode.INVALID, ProblemCode.LEASED)
_Made = TypeVar("_Made")


def content_routes() -> APIRouter:
    router = APIRouter(route_class=Door, tags=["nhận / receiving"])
    router.add_api_route(
        "/inbox/{leg_id}/envelope",
        envelope,
        methods=["GET"],
        response_class=Response,
        summary="Gói EDXML, nguyên byte nơi gửi đã ký / the envelope, byte for byte as its sender signed it",
        responses=bytes_answer("Gói EDXML / the envelope", ENVELOPE_TYPE) | problems(*_LEG),
    )
    router.add_api_route(
        "/inbox/{leg_id}/files",
        files,
        methods=["GET"],
        response_model=FilesShape,
        summary="Các tệp trong văn bản / the files of a document",
        responses=problems(*_LEG),
    )
    router.add_api_route(
        "/inbox/{leg_id}/files/{number}",
        file,
        methods=["GET"],
        response_class=Response,
        summary="Một tệp, với tên an toàn / one file, under a safe name",
        responses=bytes_answer("Tệp / the file", "*/*") | problems(*_LEG, ProblemCode.REFUSED),
    )
    return router


async def envelope(room: Room, who: Who, leg_id: LegId) -> Response:
    """Giữ văn bản cho khóa này như lease; gọi ack khi đã lưu / leases it as `lease` does; `ack` when it is stored."""
    fetched = await _in_turn(room, who, leg_id, lambda got: got)
    answer = await long_answer(
        plain_pieces(fetched.envelope),
        folder=room.gateway.incoming,
        idle=room.gateway.idle,
        media_type=ENVELOPE_TYPE,
    )
    answer.headers["ETag"] = f'"{fetched.item.digest}"'
    name = f"{fetched.item.code.replace('/', '-') or fetched.item.leg_id}.edxml"
    return _as_attachment(answer, safe_file_name(name))


async def files(room: Room, who: Who, leg_id: LegId) -> FilesShape:
    """Tên, kiểu, cỡ và SHA-256 của từng tệp sau khi giải nén / of every file, unzipped."""
    return FilesShape(files=await _in_turn(room, who, leg_id, _listed))


async def file(room: Room, who: Who, leg_id: LegId, number: Annotated[int, Path(ge=1, le=100_000)]) -> Response:
    """Content-Disposition theo RFC 6266; luôn là attachment / always an attachment."""

    def opened(got: Fetched) -> tuple[str, str, bytes]:
        attachments = _attachments(got)
        if number > len(attachments):
            raise Problem(ProblemCode.NOT_FOUND)
        found = open_attachment(attachments[number - 1])
        if not isinstance(found, OpenedAttachment):
            raise refused(found)
        return _names(attachments)[number - 1], found.content_type, found.content

    name, media_type, content = await _in_turn(room, who, leg_id, opened)
    answer = await long_answer(
        plain_pieces(content),
        folder=room.gateway.incoming,
        idle=room.gateway.idle,
        media_type=_media_type(media_type),
    )
    return _as_attachment(answer, name)


async def _in_turn(room: RestRoom, caller: Caller, leg_id: str, make: Callable[[Fetched], _Made]) -> _Made:
    """What `make` makes of the fetched bytes, in a thread; large ones wait until others are done."""
    requires(caller, Right.RECEIVE)
    office = room.gateway.office

    def work() -> _Made:
        return make(accomplished(office.fetch(caller, leg_id)))

    found = await asyncio.to_thread(office.find, caller, leg_id)
    if isinstance(found, NotYours):
        raise Problem(ProblemCode.NOT_FOUND)
    if found.item.size <= LARGE:
        return await asyncio.to_thread(work)
    async with room.large:
        return await asyncio.to_thread(work)


def _listed(got: Fetched) -> list[FileShape]:
    attachments = _attachments(got)
    return [
        _file_shape(number, name, each)
        for number, (name, each) in enumerate(zip(_names(attachments), attachments, strict=True), start=1)
    ]


def _file_shape(number: int, name: str, attachment: Attachment) -> FileShape:
    opened = open_attachment(attachment)
    shown: dict[str, object] = {
        "number": number,
        "name": name,
        "stated_name": attachment.attachment_name,
        "description": attachment.description,
    }
    if isinstance(opened, OpenedAttachment):
        shown |= {
            "content_type": _media_type(opened.content_type),
            "zipped": opened.zipped,
            "size": len(opened.content),
            "digest": hashlib.sha256(opened.content).hexdigest(),
        }
    else:
        shown |= {"content_type": _media_type(attachment.content_type), "findings": findings_of(opened)}
    return FileShape.model_validate(shown)


def _attachments(got: Fetched) -> tuple[Attachment, ...]:
    """None of a status, and of what nobody can read."""
    decoded = codec.decode(got.envelope, DEFAULT_LIMITS)
    if isinstance(decoded, codec.Decoded) and isinstance(decoded.envelope, Document):
        return decoded.envelope.attachments
    return ()


def _names(attachments: tuple[Attachment, ...]) -> list[str]:
    """Safe names, each once, the same on every call."""
    names: dict[str, None] = {}
    for each in attachments:
        names[safe_file_name(each.attachment_name, taken={name.casefold() for name in names} | set(names))] = None
    return list(names)


def _media_type(stated: str) -> str:
    return stated if _TYPE.fullmatch(stated) else ANY_TYPE


def _as_attachment(answer: Response, name: str) -> Response:
    answer.headers["Content-Disposition"] = disposition(name)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def disposition(name: str) -> str:
    """Content-Disposition of RFC 6266: the name in UTF-8, and beside it one in ASCII for old clients."""
    flat = unicodedata.normalize("NFKD", name.replace("đ", "d").replace("Đ", "D")).encode("ascii", "ignore").decode()
    return f"attachment; filename=\"{_FALLBACK.sub('_', flat)}\"; filename*=UTF-8''{quote(name, safe='')}"
