"""The search: one box, filters in the address, and pages by place."""

from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.requests import Request

from edxml_schemas.findings import FindingCode
from edxml_schemas.statuses import DOC_TYPE_TEXT, PRIORITY_TEXT, STATUS_TEXT, BussinessDocType, Priority, StatusCode
from router.console.shell.addresses import href
from router.console.shell.answers import NotThere, Page
from router.console.shell.asking import AskedWrong, choice_asked, date_asked, number_asked, text_asked
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.core.people import Person, Scope
from router.core.records import LegState, MessageState, RecallState
from router.core.search_question import TEXT_CHARS, Awaited, Question
from router.core.state_words import LEG_STATE_TEXT, MESSAGE_STATE_TEXT, RECALL_TEXT
from router.ports.search import Direction
from router.services.search.finding import PAGE, Answer, Asker, Count
from router.services.search.telling import answer_as_dict

if TYPE_CHECKING:
    from router.console.documents.document_page import DocumentPages

SEARCH: Final = "/search"
SEARCH_TITLE: Final = Words("Tìm văn bản", "Search")
LARGEST: Final = 10**12  # places of documents
MOST_ROWS: Final = 100

NO_STATUS: Final = Words("chưa có trạng thái", "no status yet")
STATUSES: Final = (
    (Awaited.NONE.value, NO_STATUS),
    *((code.value, Words(f"{code.value} {vi}", f"{code.value} {en}")) for code, (vi, en) in STATUS_TEXT.items()),
)
Number = TypeVar("Number", bound=Enum)


class SearchPage:
    """The view of the search. A question of the box alone that means one document is answered by its page."""

    def __init__(self, rooms: Rooms, documents: "DocumentPages") -> None:
        self._search = rooms.search
        self._documents = documents

    def show(self, request: Request, person: Person, scope: Scope) -> Page | NotThere:
        question = question_in(request)
        limit = number_asked(request, "limit", usual=PAGE, least=5, most=MOST_ROWS)
        start, direction = _turned(request)
        answer = self._search.find(question, Asker(scope, person.root), start=start, direction=direction, limit=limit)
        if _is_one(answer, question) and start is None and not request.state.as_json and not _as_list(request):
            return self._documents.shown(request, answer.found[0].message.id, person, scope, sought=question.text)
        told = answer_as_dict(answer, self._search.book())
        query = {**query_of(question), **({"limit": limit} if limit != PAGE else {})}
        addresses = {
            "older": href(SEARCH, {**query, "after": answer.older}) if answer.older is not None else "",
            "newer": href(SEARCH, {**query, "before": answer.newer}) if answer.newer is not None else "",
            "first": href(SEARCH, query) if start is not None else "",
        }
        data = {
            **told,
            "filters": query_of(question),
            "filtered": question != Question(text=question.text),
            "asked": not question.empty,
            "addresses": addresses,
            "choices": CHOICES,
        }
        return Page(template="documents/search.html", title=SEARCH_TITLE, data=data)


def _is_one(answer: Answer, question: Question) -> bool:
    """Whether what was typed into the box alone means one document."""
    return bool(question.text) and question == Question(text=question.text) and answer.count == Count(1, more=False)


def _as_list(request: Request) -> bool:
    return request.query_params.get("list") == "1"


def question_in(request: Request) -> Question:
    """The question in an address. Raises AskedWrong."""
    return Question(
        text=text_asked(request, "q", most=TEXT_CHARS),
        number=text_asked(request, "number", most=60),
        notation=text_asked(request, "notation", most=60),
        document_id=text_asked(request, "document_id"),
        subject=text_asked(request, "subject"),
        organ=text_asked(request, "organ"),
        sender=text_asked(request, "sender"),
        recipient=text_asked(request, "recipient"),
        below=request.query_params.get("below") == "1",
        status=choice_asked(request, "status", StatusCode) if not _awaits_nothing(request) else Awaited.NONE,
        delivery=choice_asked(request, "delivery", LegState),
        recall=choice_asked(request, "recall", RecallState),
        state=choice_asked(request, "state", MessageState),
        finding=text_asked(request, "finding", most=60),
        urgency=_numbered(request, "urgency", Priority),
        kind=_numbered(request, "kind", BussinessDocType),
        received_from=date_asked(request, "since"),
        received_to=date_asked(request, "until"),
        signed_from=date_asked(request, "signed_since"),
        signed_to=date_asked(request, "signed_until"),
    )


def query_of(question: Question) -> dict[str, str]:
    """The address of a question, without what is empty."""
    given: dict[str, Any] = {
        "q": question.text,
        "number": question.number,
        "notation": question.notation,
        "document_id": question.document_id,
        "subject": question.subject,
        "organ": question.organ,
        "sender": question.sender,
        "recipient": question.recipient,
        "below": "1" if question.below else "",
        "status": question.status,
        "delivery": question.delivery,
        "recall": question.recall,
        "state": question.state,
        "finding": question.finding,
        "urgency": question.urgency,
        "kind": question.kind,
        "since": question.received_from,
        "until": question.received_to,
        "signed_since": question.signed_from,
        "signed_until": question.signed_to,
    }
    return {name: _written(value) for name, value in given.items() if value not in (None, "")}


def _written(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _turned(request: Request) -> tuple[int | None, Direction]:
    """Where the page begins, and which way it goes."""
    after, before = request.query_params.get("after", ""), request.query_params.get("before", "")
    if after and before:
        raise AskedWrong(Words("chỉ được có một trong after, before", "only one of after, before"))
    for name, direction in (("after", Direction.OLDER), ("before", Direction.NEWER)):
        if request.query_params.get(name, ""):
            return number_asked(request, name, usual=0, least=0, most=LARGEST), direction
    return None, Direction.OLDER


def _awaits_nothing(request: Request) -> bool:
    return request.query_params.get("status", "") == Awaited.NONE.value


def _numbered(request: Request, name: str, kind: type[Number]) -> Number | None:
    if not request.query_params.get(name, "").strip():
        return None
    number = number_asked(request, name, usual=0, least=0, most=99)
    found = next((each for each in kind if each.value == number), None)
    if found is None:
        raise AskedWrong(Words(f"{name}: không có giá trị này", f"{name}: there is no such value"))
    return found


def _texts(texts: Mapping[Any, tuple[str, str]]) -> list[tuple[str, Words]]:
    return [(str(key.value), Words(*text)) for key, text in texts.items() if text[0]]


CHOICES: Final = {
    "status": STATUSES,
    "delivery": _texts(LEG_STATE_TEXT),
    "recall": _texts(RECALL_TEXT),
    "state": _texts(MESSAGE_STATE_TEXT),
    "urgency": _texts(PRIORITY_TEXT),
    "kind": _texts(DOC_TYPE_TEXT),
    "finding": [each.value for each in FindingCode],
}
"""What filters may be, as (value, text); of findings, the codes."""
