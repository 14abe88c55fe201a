"""`GET /v1/getEdoc`: an envelope as text, with its files beside it as people get them.

Fetching leaves the document listed: only `updateStatus` says that the system has it. The other systems of the organ do
not get it meanwhile.
"""

import asyncio
from contextlib import nullcontext

import orjson
from starlette.requests import Request
from starlette.responses import Response

from agents.gateway.callers import Caller
from agents.gateway.lgsp.answers import DONE, Number, Operation, refused
from agents.gateway.lgsp.doors import Doors
from agents.gateway.lgsp.marking import ID_CHARS, NO_DOC_ID
from agents.gateway.lgsp.pieces import json_base64, json_text, long_json
from agents.gateway.lgsp.refusals import in_other_hands, not_there
from agents.gateway.lgsp.sending import LARGE
from agents.gateway.long_answers import Pieces
from agents.gateway.outcomes import Fetched, LeasedByOther, NotYours
from agents.gateway.rooms import Gateway
from agents.gateway.vouching.copies import fetch_copy
from edxml_schemas import codec, safe_xml
from edxml_schemas.attachments import open_attachment, safe_file_name
from edxml_schemas.model import Attachment, Envelope


class FetchDesk:
    """One large envelope after the other; small ones at any time."""

    def __init__(self, gateway: Gateway, doors: Doors, *, large: asyncio.Semaphore) -> None:
        self._gateway = gateway
        self._doors = doors
        self._large = large

    async def fetch(self, request: Request) -> Response:
        """Raises SpoolUnavailable, AccessUnavailable, OSError."""
        caller = await self._doors.system(request, Operation.FETCH)
        if isinstance(caller, Response):
            return caller
        doc_id = request.query_params.get("docId", "").strip()
        if not doc_id or len(doc_id) > ID_CHARS:
            return refused(Operation.FETCH, NO_DOC_ID, number=Number.BAD_FILE)
        known = await asyncio.to_thread(self._gateway.office.find, caller, doc_id)
        if isinstance(known, NotYours):
            return not_there(Operation.FETCH)
        async with self._large if known.item.size > LARGE else nullcontext():
            return await self._fetch(caller, doc_id)

    async def _fetch(self, caller: Caller, doc_id: str) -> Response:
        gateway = self._gateway
        fetched = await asyncio.to_thread(fetch_copy, gateway, caller, doc_id)
        if isinstance(fetched, NotYours):
            return not_there(Operation.FETCH)
        if isinstance(fetched, LeasedByOther):
            return in_other_hands(Operation.FETCH, fetched, now=gateway.clock.now())
        return await long_json(document_pieces(fetched), gateway)


def document_pieces(fetched: Fetched) -> Pieces:
    """The answer. Files are unpacked one at a time; of a status there are none."""
    item = fetched.item
    envelope = _read(fetched.envelope)
    head = {
        "docId": item.leg_id,
        "from": item.sender,
        "fromName": envelope.sender.organ_name if envelope else "",
        "edocCode": item.code or item.about_code,
        "edocAbstract": item.subject or item.description,
    }
    yield b'{"success":true,"message":"' + DONE.encode() + b'","data":' + orjson.dumps(head)[:-1] + b',"edxml":'
    yield from json_text(fetched.envelope)
    yield b',"attachments":['
    for number, attachment in enumerate(getattr(envelope, "attachments", ())):
        name, content = _opened(attachment)
        yield (b"," if number else b"") + b'{"fileName":' + orjson.dumps(name) + b',"fileContent":'
        yield from content
        yield b"}"
    yield b"]}}"


def _read(content: bytes) -> Envelope | None:
    """What the envelope says; None for one that cannot be read, whose text is handed out all the same."""
    parsed = safe_xml.parse(content)
    return codec.read(parsed.root) if isinstance(parsed, safe_xml.Parsed) else None


def _opened(attachment: Attachment) -> tuple[str, Pieces]:
    """A safe name, and the file as a JSON string: unzipped when it travelled zipped, else as it is.

    A file that cannot be unpacked is handed out as it travelled: the recipient decides what to make of it.
    """
    opened = open_attachment(attachment)
    if isinstance(opened, tuple):
        travelled = "".join(attachment.encoded.split())
        return safe_file_name(attachment.attachment_name), iter((orjson.dumps(travelled),))
    return opened.name, json_base64(opened.content)
