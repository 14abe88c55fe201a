"""Answers as bytes: what the client library can read, and nothing that makes it fall over.

Always `status` ("OK" or "FAIL"), `ErrorCode` and `ErrorDesc`, all three strings; `DocId` beside them for a send; `data`
never null. The library reads the answer of a send as US-ASCII and joins lines, so everything else is escaped and an
answer is one line.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from starlette.responses import Response

from agents.gateway.long_answers import Pieces, base64_pieces
from agents.gateway.vxp.faults import SUCCESS, Fault

JSON: Final = "application/json"

Row = Mapping[str, str | int | bool]


def answer(
    fault: Fault | None = None,
    *,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A short answer with its three members and others, and HTTP status 200 whatever it says."""
    return Response(ascii_json({**outcome(fault), **(members or {})}), 200, dict(headers or {}), JSON)


def outcome(fault: Fault | None = None) -> dict[str, object]:
    """The three members that every answer has."""
    if fault is None:
        return {"status": "OK", "ErrorCode": "0", "ErrorDesc": SUCCESS}
    return {"status": "FAIL", "ErrorCode": str(int(fault.code)), "ErrorDesc": fault.text}


def ascii_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def list_pieces(rows: Iterable[Row]) -> Pieces:
    """An answer whose `data` is a list, row by row."""
    yield _opened(b"[")
    comma = b""
    for row in rows:
        yield comma + ascii_json(row)
        comma = b","
    yield b"]}"


def envelope_pieces(envelope: bytes) -> Pieces:
    """An answer whose `data` is the base64 of an envelope."""
    yield _opened(b'"')
    yield from base64_pieces(envelope)
    yield b'"}'


def _opened(bracket: bytes) -> bytes:
    return ascii_json(outcome())[:-1] + b',"data":' + bracket
