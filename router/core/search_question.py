"""What somebody asks for in a search, and how what stands in the one box was understood."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from edxml_schemas.statuses import BussinessDocType, Priority, StatusCode
from router.core.records import LegState, MessageState, RecallState

TEXT_CHARS: Final = 200


class Reading(StrEnum):
    """How a token of the box was understood."""

    DAY = "day"
    MONTH = "month"
    CODE = "code"
    NUMBER = "number"
    ORGAN = "organ"
    DOCUMENT_ID = "document-id"
    FINDING = "finding"
    TRACE = "trace"
    WORD = "word"


class Awaited(StrEnum):
    """A leg's status in a filter that is no code: nobody has said anything."""

    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody asks for; what is empty does not matter. Days are Vietnamese, and inclusive.

    `organ` is a code, or the beginnings of words of a name, of the sender or a recipient; `below` takes the units
    below that one organ in as well. `status`, `delivery`, `recall` and `recipient` speak of one and the same leg.
    `finding` is a code or its beginning.
    """

    text: str = ""
    number: str = ""
    notation: str = ""
    document_id: str = ""
    subject: str = ""
    organ: str = ""
    sender: str = ""
    recipient: str = ""
    below: bool = False
    status: StatusCode | Awaited | None = None
    delivery: LegState | None = None
    recall: RecallState | None = None
    state: MessageState | None = None
    finding: str = ""
    urgency: Priority | None = None
    kind: BussinessDocType | None = None
    received_from: date | None = None
    received_to: date | None = None
    signed_from: date | None = None
    signed_to: date | None = None

    @property
    def empty(self) -> bool:
        return self == NOTHING_ASKED


NOTHING_ASKED: Final = Question()
