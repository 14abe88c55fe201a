"""The page of a document, and what can be taken from it."""

from typing import Final

from starlette.requests import Request

from edxml_schemas.visible import visible
from router.console.shell.addresses import href
from router.console.shell.answers import Download, NotThere, Page
from router.console.shell.asking import AskedWrong, number_asked
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.core.people import Person, Right, Scope
from router.core.records import MessageRecord
from router.errors import HubProblem
from router.services.documents.content import File, Reader
from router.services.documents.telling import dossier_as_dict
from router.services.proof.evidence import EvidenceProblem

DOCUMENTS: Final = "/documents"
ID_CHARS: Final = 64
MOST_ROWS: Final = 100_000


class DocumentPages:
    """Views of one document. Scope comes first; what a recipient may not know is left out by the service."""

    def __init__(self, rooms: Rooms) -> None:
        self._room = rooms.documents
        self._clock = rooms.clock

    def show(self, request: Request, person: Person, scope: Scope) -> Page | NotThere:
        return self.shown(request, request.path_params["message"], person, scope)

    def shown(
        self, request: Request, message_id: str, person: Person, scope: Scope, *, sought: str = ""
    ) -> Page | NotThere:
        """A document's page. `sought` is the question that meant this document alone."""
        first = number_asked(request, "from", usual=0, least=0, most=MOST_ROWS)
        dossiers = self._room.dossiers
        found = dossiers.of(message_id[:ID_CHARS], scope, audits=person.may(Right.AUDIT))
        if found is None:
            return NotThere()
        told = dossier_as_dict(found, dossiers.book(), now=self._clock.now(), first=first)
        path = f"{DOCUMENTS}/{found.message.id}"
        matrix = told["matrix"]
        data = {
            **told,
            "sought": sought,
            "may_read": person.may(Right.CONTENT),
            "addresses": {
                "self": href(path),
                "list": href("/search", {"q": sought, "list": "1"}) if sought else "",
                "previous": href(path, {"from": str(matrix["previous"])}) if matrix["previous"] is not None else "",
                "next": href(path, {"from": str(matrix["next"])}) if matrix["next"] is not None else "",
            },
        }
        return Page(template="documents/document.html", title=_title(found.message), data=data)

    def attachment(self, request: Request, person: Person, scope: Scope) -> Download | NotThere:
        """An attachment as a file."""
        message = self._room.dossiers.seen(request.path_params["message"][:ID_CHARS], scope)
        place = request.path_params["place"]
        if message is None or not 1 <= place <= MOST_ROWS:
            return NotThere()
        return _given(self._room.contents.attachment(message, place, _reader(request, person)))

    def envelope(self, request: Request, person: Person, scope: Scope) -> Download | NotThere:
        """The envelope with its signature. It names every recipient, so it is for who may see them all."""
        message = self._whole(request, scope)
        if message is None:
            return NotThere()
        return _given(self._room.contents.envelope(message, _reader(request, person)))

    def evidence(self, request: Request, person: Person, scope: Scope) -> Download | NotThere:
        """The evidence package. It tells everything about everybody, as the envelope does."""
        message = self._whole(request, scope)
        if message is None:
            return NotThere()
        try:
            made = self._room.contents.evidence(message, _reader(request, person))
        except (EvidenceProblem, HubProblem) as problem:
            raise AskedWrong(Words(problem.vi, problem.en), status=409) from problem
        return _given(made)

    def _whole(self, request: Request, scope: Scope) -> MessageRecord | None:
        message = self._room.dossiers.seen(request.path_params["message"][:ID_CHARS], scope)
        if message is None or not (scope.everything or scope.sees(message.sender)):
            return None
        return message


def _title(message: MessageRecord) -> Words:
    name = message.code or message.document_id or message.id
    short = visible(name if len(name) <= 80 else f"{name[:80]}…")
    return Words(short, short)


def _given(file: File | None) -> Download | NotThere:
    if file is None:
        return NotThere()
    return Download(name=file.name, media_type=file.media_type, content=file.content)


def _reader(request: Request, person: Person) -> Reader:
    return Reader(actor=person.actor, address=str(request.state.address))
