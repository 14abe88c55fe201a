"""The part of the console about work."""

from pathlib import Path
from typing import Final

from router.console.shell.page import action_route, page_route
from router.console.shell.rooms import NavEntry, Part, Rooms
from router.console.work.hold_actions import HoldActions
from router.console.work.leg_actions import RESEND, LegActions
from router.console.work.letter_actions import LETTERS, LetterActions
from router.console.work.lists import TITLE, WORK, ListPages
from router.core.people import Right

TEMPLATES: Final = Path(__file__).with_name("templates")


def part(rooms: Rooms) -> Part:
    pages, legs, letters, holds = ListPages(rooms), LegActions(rooms), LetterActions(rooms), HoldActions(rooms)
    return Part(
        name="work",
        routes=[
            action_route(RESEND, legs.resend, right=Right.ACT),
            action_route(f"{LETTERS}/return", letters.give_back, right=Right.ACT),
            action_route(f"{LETTERS}/discard", letters.discard, right=Right.ACT),
            action_route(f"{WORK}/hold", holds.hold, right=Right.ACT),
            action_route(f"{WORK}/forward", holds.forward, right=Right.ACT),
            action_route(f"{WORK}/release", holds.release, right=Right.ACT),
            *page_route(f"{LETTERS}/{{letter}}", pages.letter, right=Right.SEE),
            *page_route(f"{WORK}/{{kind}}", pages.one, right=Right.SEE),
            *page_route(WORK, pages.overview, right=Right.SEE),
        ],
        navigation=(NavEntry(path=WORK, words=TITLE, right=Right.SEE, place=30),),
        templates=TEMPLATES,
        counts=pages.number,
    )
