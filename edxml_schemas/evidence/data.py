"""What an evidence package says, as values: read strictly from its JSON members, and written to them.

The same values make the summary that people read, so that the two cannot differ.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import orjson

from edxml_schemas.evidence.merkle import EventWords
from edxml_schemas.evidence.records import LEG_FIELDS, MESSAGE_FIELDS, STATUS_FIELDS, VOUCHED_FIELD
from edxml_schemas.evidence.seals import SealProof, SealWords
from edxml_schemas.vouched import Vouched

FORMAT: Final = "truc-evidence/1"
FORMAT_VOUCHED: Final = "truc-evidence/2"
"""As the first, and records of messages may say who vouched. Written only when one does."""
Row = Mapping[str, object]
T = TypeVar("T")

_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_EVENT_TYPES: Final = (int, str, int, str, str, str, str)
_DIGEST_BYTES: Final = 32


class DataFault(Exception):
    """JSON that is not what this format says; the text names the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptNote:
    """A receipt that the hub sent: which file it is, and which event proves it. `digest` is of its unsigned words."""

    id: str
    kind: str
    message_id: str
    leg_id: str
    digest: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The records. `document` is the message id of what the evidence is about; its record is the first in `messages`.

    `legs`, `statuses` and `messages` are rows by the fields of `records.py` (a note of who vouched is one that can be
    read); `organs` are names by code. `hub` is the
    hub's name, `made_at` when the package was made (ISO 8601). `require_revocation` tells whether the hub asked for
    revocation lists before it accepted. `trace_id` is the document's (see `traces.py`), and no part
    of the proof; empty in a package of an earlier hub.
    """

    document: str
    hub: str
    made_at: str
    require_revocation: bool
    messages: tuple[Row, ...]
    legs: tuple[Row, ...]
    statuses: tuple[Row, ...]
    organs: Mapping[str, str]
    receipts: tuple[ReceiptNote, ...]
    trace_id: str = ""

    def encoded(self) -> bytes:
        return orjson.dumps(
            {
                "format": FORMAT_VOUCHED if any(VOUCHED_FIELD in each for each in self.messages) else FORMAT,
                "document": self.document,
                "hub": self.hub,
                "made_at": self.made_at,
                **({"trace_id": self.trace_id} if self.trace_id else {}),
                "require_revocation": self.require_revocation,
                "messages": [dict(each) for each in self.messages],
                "legs": [dict(each) for each in self.legs],
                "statuses": [dict(each) for each in self.statuses],
                "organs": dict(self.organs),
                "receipts": list(self.receipts),
            },
            option=_OPTIONS,
        )

    @classmethod
    def read(cls, data: bytes) -> "Evidence":
        """Raises DataFault."""
        top = _object(data, "evidence.json")
        if top.get("format") not in {FORMAT, FORMAT_VOUCHED}:
            raise DataFault("evidence.json: format")
        messages = _messages(top)
        document = _value(top, "document", str)
        if not messages or messages[0]["id"] != document:
            raise DataFault("evidence.json: messages begin with the document")
        return cls(
            document=document,
            hub=_value(top, "hub", str),
            made_at=_value(top, "made_at", str),
            trace_id=_value(top, "trace_id", str) if "trace_id" in top else "",
            require_revocation=_value(top, "require_revocation", bool),
            messages=messages,
            legs=_rows(top, "legs", LEG_FIELDS),
            statuses=_rows(top, "statuses", STATUS_FIELDS),
            organs=_texts(_value(top, "organs", dict), "organs"),
            receipts=tuple(
                ReceiptNote(**{name: _value(each, name, kind) for name, kind in _RECEIPT.items()})
                for each in _rows(top, "receipts", tuple(_RECEIPT))
            ),
        )

    @property
    def subject(self) -> Row:
        """The record of the document."""
        return self.messages[0]

    def organ(self, code: object) -> str:
        """Name and code of an organ; the code alone when the registry knew no name."""
        name = self.organs.get(str(code), "")
        return f"{name} ({code})" if name else str(code)


_RECEIPT: Final[Mapping[str, type]] = {
    "id": str,
    "kind": str,
    "message_id": str,
    "leg_id": str,
    "digest": str,
    "seq": int,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenEvent:
    """An event with its way to the root of the seal that covers it: the `index`-th of its events, from 0."""

    words: EventWords
    seal: int
    index: int
    path: tuple[bytes, ...]


def encode_events(events: Sequence[ProvenEvent]) -> bytes:
    """One event per line, so that people can read and compare them."""
    lines = (
        orjson.dumps(
            {
                "event": each.words,
                "seal": each.seal,
                "index": each.index,
                "path": [step.hex() for step in each.path],
            }
        )
        for each in events
    )
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


def read_events(data: bytes) -> tuple[ProvenEvent, ...]:
    """Raises DataFault."""
    found = []
    for row in _list(_json(data, "events.json"), "events.json"):
        words = _value(row, "event", list)
        if len(words) != len(_EVENT_TYPES) or any(
            type(value) is not kind for value, kind in zip(words, _EVENT_TYPES, strict=True)
        ):
            raise DataFault("events.json: event")
        path = tuple(_digest(each, "events.json") for each in _value(row, "path", list))
        seal, index = _value(row, "seal", int), _value(row, "index", int)
        found.append(ProvenEvent(words=tuple(words), seal=seal, index=index, path=path))
    return tuple(found)


def encode_seals(seals: Sequence[SealProof], certificates: Mapping[str, bytes]) -> bytes:
    """Seals in order of numbers, and the certificates (DER) of those who signed, by fingerprint."""
    return orjson.dumps(
        {
            "certificates": {name: b64encode(der).decode() for name, der in certificates.items()},
            "seals": [
                {
                    "words": each.words,
                    "signature": b64encode(each.signature).decode(),
                    "timestamp": b64encode(each.timestamp).decode(),
                }
                for each in seals
            ],
        },
        option=_OPTIONS,
    )


def read_seals(data: bytes) -> tuple[tuple[SealProof, ...], Mapping[str, bytes]]:
    """Seals, and certificates by the fingerprint that they are said to have. Raises DataFault."""
    top = _object(data, "seals.json")
    certificates = {
        name: _bytes(text, "certificates") for name, text in _texts(_value(top, "certificates", dict), "").items()
    }
    seals = []
    for row in _list(top.get("seals"), "seals.json"):
        words = _value(row, "words", dict)
        if set(words) != set(_SEAL):
            raise DataFault("seals.json: words")
        seals.append(
            SealProof(
                words=SealWords(**{name: _value(words, name, kind) for name, kind in _SEAL.items()}),
                signature=_bytes(_value(row, "signature", str), "signature"),
                timestamp=_bytes(_value(row, "timestamp", str), "timestamp"),
            )
        )
    return tuple(seals), certificates


_SEAL: Final[Mapping[str, type]] = {
    "number": int,
    "first_seq": int,
    "last_seq": int,
    "count": int,
    "root": str,
    "previous": str,
    "sealed_at": int,
    "certificate": str,
}


def _json(data: bytes, where: str) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise DataFault(f"{where}: {problem}") from problem


def _object(data: bytes, where: str) -> Row:
    read = _json(data, where)
    if not isinstance(read, dict):
        raise DataFault(where)
    return read


def _list(value: object, where: str) -> list[Row]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise DataFault(where)
    return value


def _rows(top: Row, name: str, fields: Sequence[str]) -> tuple[Row, ...]:
    rows = _list(top.get(name), name)
    if any(set(each) != set(fields) for each in rows):
        raise DataFault(f"evidence.json: {name}")
    return tuple(rows)


def _messages(top: Row) -> tuple[Row, ...]:
    """The records of messages; one with a note of who vouched has a field more, and makes the format the second."""
    rows = _list(top.get("messages"), "messages")
    noted = [each for each in rows if VOUCHED_FIELD in each]
    if bool(noted) != (top.get("format") == FORMAT_VOUCHED):
        raise DataFault("evidence.json: format")
    for each in noted:
        vouched_in(each)
    plain = [{name: value for name, value in each.items() if name != VOUCHED_FIELD} for each in rows]
    _rows({"messages": plain}, "messages", MESSAGE_FIELDS)
    return tuple(rows)


def vouched_in(row: Row) -> Vouched | None:
    """Who vouched for a message; None when nobody had to. Raises DataFault."""
    if VOUCHED_FIELD not in row:
        return None
    values = row[VOUCHED_FIELD]
    kinds = [type(each) for each in values] if isinstance(values, list) else []
    if not isinstance(values, list) or kinds != [str, str, int, list]:
        raise DataFault("evidence.json: vouched")
    system, digest, size, repairs = values
    try:
        if not all(isinstance(each, str) for each in repairs):
            raise DataFault("evidence.json: vouched")
        return Vouched(system=system, digest=digest, size=size, repairs=tuple(repairs))
    except ValueError as problem:
        raise DataFault("evidence.json: vouched") from problem


def _value(row: Row, name: str, kind: type[T]) -> T:
    value = row.get(name)
    if type(value) is not kind:
        raise DataFault(name)
    return value


def _texts(value: Mapping[object, object], where: str) -> Mapping[str, str]:
    texts = {name: text for name, text in value.items() if isinstance(name, str) and isinstance(text, str)}
    if len(texts) != len(value):
        raise DataFault(where)
    return texts


def _bytes(text: str, where: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as problem:
        raise DataFault(where) from problem


def _digest(value: object, where: str) -> bytes:
    try:
        raw = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        raw = b""
    if len(raw) != _DIGEST_BYTES:
        raise DataFault(where)
    return raw
