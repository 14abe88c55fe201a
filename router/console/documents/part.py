"""The part of the console about documents."""

from pathlib import Path
from typing import Final

from router.console.documents.document_page import DOCUMENTS, DocumentPages
from router.console.documents.search_page import SEARCH, SEARCH_TITLE, SearchPage
from router.console.shell.page import download_route, page_route
from router.console.shell.rooms import NavEntry, Part, Rooms
from router.core.people import Right

HERE: Final = Path(__file__).parent


def part(rooms: Rooms) -> Part:
    documents = DocumentPages(rooms)
    search = SearchPage(rooms, documents)
    one = f"{DOCUMENTS}/{{message}}"
    return Part(
        name="documents",
        routes=[
            *page_route(SEARCH, search.show, right=Right.SEE),
            download_route(f"{one}/files/{{place:int}}", documents.attachment, right=Right.CONTENT),
            download_route(f"{one}/envelope", documents.envelope, right=Right.CONTENT),
            download_route(f"{one}/evidence", documents.evidence, right=Right.CONTENT),
            *page_route(one, documents.show, right=Right.SEE),
        ],
        navigation=(NavEntry(path=SEARCH, words=SEARCH_TITLE, right=Right.SEE, place=20),),
        templates=HERE / "templates",
        styles=HERE / "documents.css",
    )
