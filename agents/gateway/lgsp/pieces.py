"""JSON written piece by piece, for answers that may be long (see `agents.gateway.long_answers`)."""

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import orjson
from starlette.responses import Response

from agents.gateway.lgsp.answers import MEDIA_TYPE
from agents.gateway.long_answers import CHUNK, Pieces, base64_pieces, long_answer
from agents.gateway.rooms import Gateway

GATHERED: Final = 500
"""Items of a list that become one piece."""


def json_text(content: bytes) -> Pieces:
    """UTF-8 bytes as a JSON string, with its quotation marks. What is no UTF-8 becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    yield b'"'
    for start in range(0, len(content), CHUNK):
        piece = bytes(memoryview(content)[start : start + CHUNK])
        yield orjson.dumps(decoder.decode(piece, final=start + CHUNK >= len(content)))[1:-1]
    yield b'"'


def json_base64(content: bytes) -> Pieces:
    """Bytes as a JSON string of their base64."""
    yield b'"'
    yield from base64_pieces(content)
    yield b'"'


def json_list(items: Iterable[object]) -> Pieces:
    """A JSON array of small values."""
    yield b"["
    gathered: list[bytes] = []
    comma = b""
    for each in items:
        gathered.append(orjson.dumps(each))
        if len(gathered) == GATHERED:
            yield comma + b",".join(gathered)
            gathered.clear()
            comma = b","
    if gathered:
        yield comma + b",".join(gathered)
    yield b"]"


async def long_json(pieces: Pieces, gateway: Gateway) -> Response:
    """The answer that consists of the pieces, which are taken in a thread. Raises what making them raises."""
    folder: Path = gateway.incoming
    return await long_answer(pieces, folder=folder, idle=gateway.idle, media_type=MEDIA_TYPE)
