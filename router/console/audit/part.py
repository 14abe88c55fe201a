"""The page of deeds: every administrative action of the console and the terminal, out of the sealed log."""

from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final

from starlette.requests import Request

from router.console.shell.answers import Page
from router.console.shell.asking import AskedWrong, date_asked, number_asked, text_asked
from router.console.shell.formats import VIETNAM
from router.console.shell.page import page_route
from router.console.shell.rooms import NavEntry, Part, Rooms
from router.console.shell.words import Words
from router.core.audit import DeedQuestion
from router.core.people import Person, Right, Scope
from router.services.audit import deed_as_dict, subjects

AUDIT: Final = "/audit"
TITLE: Final = Words("Nhật ký quản trị", "Audit")
MOST_ROWS: Final = 200
LARGEST: Final = 2**62


def part(rooms: Rooms) -> Part:
    def deeds(request: Request, _person: Person, scope: Scope) -> Page:
        actor, subject = text_asked(request, "actor", most=64), text_asked(request, "subject", most=32)
        if subject and subject not in subjects():
            raise AskedWrong(Words("subject: không có giá trị này", "subject: there is no such value"))
        since, until = date_asked(request, "since"), date_asked(request, "until")
        before = number_asked(request, "before", usual=LARGEST, least=0, most=LARGEST)
        limit = number_asked(request, "limit", usual=50, least=1, most=MOST_ROWS)
        question = DeedQuestion(
            actor=actor,
            subject=subject,
            since=datetime.combine(since, time(), VIETNAM) if since is not None else None,
            until=datetime.combine(until, time(), VIETNAM) + timedelta(days=1) if until is not None else None,
        )
        found = rooms.audit.page(question, scope=scope, before=before, limit=limit)
        data = {
            "deeds": [deed_as_dict(each) for each in found.deeds],
            "after": found.after,
            "first": before == LARGEST,
            "asked": {"actor": actor, "subject": subject, "since": since, "until": until, "limit": limit},
            "subjects": subjects(),
        }
        return Page(template="audit/deeds.html", title=TITLE, data=data)

    return Part(
        name="audit",
        routes=page_route(AUDIT, deeds, right=Right.AUDIT),
        navigation=(NavEntry(path=AUDIT, words=TITLE, right=Right.AUDIT, place=70),),
        templates=Path(__file__).with_name("templates"),
    )
