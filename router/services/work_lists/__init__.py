"""What waits for somebody's hand, and what they do about it; the same for the console and the terminal."""

from router.services.work_lists.desk import WorkDesk, work_desk_of
from router.services.work_lists.lists import LegPage, LegWork, LetterPage, RefusedPage, WorkLists

__all__ = ["LegPage", "LegWork", "LetterPage", "RefusedPage", "WorkDesk", "WorkLists", "work_desk_of"]
