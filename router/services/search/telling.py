"""Answers as the console's twins and `truc search --json` tell them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from edxml_schemas.statuses import DOC_TYPE_TEXT, PRIORITY_TEXT
from edxml_schemas.visible import visible
from router.core.deadlines import DEADLINE_TEXT
from router.core.organ_book import OrganBook
from router.core.records import LegState, MessageRecord, RecallState
from router.core.search_question import Reading
from router.core.search_terms import LegFacts
from router.core.state_words import LEG_STATE_TEXT, MESSAGE_STATE_TEXT, RECALL_TEXT, TYPE_TEXT, status_text
from router.services.search.finding import Answer, Found

SHOWN_LEGS: Final = 6
"""Recipients that a row names; the others are counted."""
SUBJECT_CHARS: Final = 400
KEY_CHARS: Final = 160

READING_TEXT: Final[Mapping[Reading, tuple[str, str]]] = {
    Reading.DAY: ("ngày", "day"),
    Reading.MONTH: ("tháng, hoặc số/năm", "month, or number/year"),
    Reading.CODE: ("số và ký hiệu", "number and notation"),
    Reading.NUMBER: ("số văn bản", "document number"),
    Reading.ORGAN: ("mã cơ quan", "organ code"),
    Reading.DOCUMENT_ID: ("DocumentId", "DocumentId"),
    Reading.FINDING: ("mã lỗi", "finding code"),
    Reading.TRACE: ("mã vết", "trace id"),
    Reading.WORD: ("từ", "word"),
}
_DEADLINES: Final = {name.value: text for name, text in DEADLINE_TEXT.items()}
_BAD_FIRST: Final = (LegState.PARKED, LegState.HELD, LegState.QUEUED, LegState.HANDED_OVER, LegState.DELIVERED)


def answer_as_dict(answer: Answer, book: OrganBook) -> dict[str, Any]:
    """{"documents": [row], "count": {"number", "more", "text"}, "older", "newer": numbers or null, "broken_off",
    "behind": {"events", "seconds"}, "readings": [{"token", "as", "text": {vi, en}}], "too_many": [names]}.

    A row: {"message_id", "type", "type_text", "state", "state_text", "sender": {"code", "name"}, "code", "document_id",
    "subject", "doc_type", "doc_type_text", "priority", "priority_text", "promulgation_date", "received_at",
    "status_code", "findings": [codes], "recipients": {"count", "all": whether these are all, "states": [{"state",
    "text", "count"}], "shown": [{"code", "name", "forwarded_from", "state", "state_text", "status", "status_text",
    "recall", "recall_text", "overdue": [texts], "at"}]}}.
    """
    count = answer.count
    return {
        "documents": [_row(each, book) for each in answer.found],
        "count": {"number": count.number, "more": count.more, "text": f"{count.number}{'+' if count.more else ''}"},
        "older": answer.older,
        "newer": answer.newer,
        "broken_off": answer.broken_off,
        "behind": {"events": answer.lag.events, "seconds": round(answer.lag.age.total_seconds(), 1)},
        "readings": [
            {"token": visible(token), "as": reading.value, "text": _words(READING_TEXT[reading])}
            for token, reading in answer.readings
        ],
        "too_many": [visible(each) for each in answer.too_many],
    }


def headline(message: MessageRecord, book: OrganBook) -> dict[str, Any]:
    """What every list tells of a message."""
    return {
        "message_id": message.id,
        "type": message.type.value,
        "type_text": _words(TYPE_TEXT[message.type]),
        "state": message.state.value,
        "state_text": _words(MESSAGE_STATE_TEXT[message.state]),
        "sender": organ(message.sender, book),
        "code": short(message.code, KEY_CHARS),
        "document_id": short(message.document_id, KEY_CHARS),
        "subject": short(message.subject, SUBJECT_CHARS),
        "doc_type": message.doc_type,
        "doc_type_text": _numbered(DOC_TYPE_TEXT, message.doc_type),
        "priority": message.priority,
        "priority_text": _numbered(PRIORITY_TEXT, message.priority),
        "promulgation_date": message.promulgation_date.isoformat() if message.promulgation_date else None,
        "received_at": message.received_at.isoformat(),
        "status_code": message.status_code,
    }


def organ(code: str, book: OrganBook) -> dict[str, str]:
    """{"code", "name"}; the name is empty for a code that the registry does not know."""
    return {"code": short(code, KEY_CHARS), "name": visible(book.name_of(code))}


def short(text: str, most: int) -> str:
    """A text from outside, safe to show, in one line and not longer than a reader needs in a list."""
    told = visible(" ".join(text[: 4 * most].split()))
    return told if len(told) <= most and len(text) <= 4 * most else f"{told[:most]}…"


def _row(found: Found, book: OrganBook) -> dict[str, Any]:
    return {
        **headline(found.message, book),
        "findings": list(dict.fromkeys(each.code.value for each in found.message.findings)) if found.all_legs else [],
        "recipients": {
            "count": len(found.legs),
            "all": found.all_legs,
            "states": _states(found.legs),
            "shown": [_leg(each, book) for each in found.legs[:SHOWN_LEGS]],
        },
    }


def _states(legs: Sequence[LegFacts]) -> list[dict[str, Any]]:
    """How many legs are in each state, what needs a hand first."""
    counted = Counter(each.state for each in legs)
    return [
        {"state": state.value, "text": _words(LEG_STATE_TEXT[state]), "count": counted[state.value]}
        for state in _BAD_FIRST
        if counted[state.value]
    ]


def _leg(leg: LegFacts, book: OrganBook) -> dict[str, Any]:
    last = max((each for each in (leg.handed_over_at, leg.delivered_at, leg.status_at) if each), default=None)
    return {
        **organ(leg.recipient, book),
        "forwarded_from": short(leg.forwarded_from, KEY_CHARS),
        "state": leg.state,
        "state_text": _words(LEG_STATE_TEXT[LegState(leg.state)]),
        "status": leg.status,
        "status_text": _words(status_text(leg.status)),
        "recall": leg.recall,
        "recall_text": _words(RECALL_TEXT[RecallState(leg.recall)]),
        "overdue": [_words(_DEADLINES.get(each, (each, each))) for each in leg.raised.split(",") if each],
        "at": last.isoformat() if last else None,
    }


def _numbered(texts: Mapping[Any, tuple[str, str]], number: int) -> dict[str, str]:
    """The text of a numbered kind; the number itself when nobody knows it."""
    found = next((text for kind, text in texts.items() if kind == number), None)
    return _words(found or (str(number), str(number)))


def _words(text: tuple[str, str]) -> dict[str, str]:
    return {"vi": text[0], "en": text[1]}
