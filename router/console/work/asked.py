"""What addresses and forms of the work lists ask for, within bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from starlette.requests import Request

from edxml_schemas.contract import Urgency
from router.console.shell.answers import Ask
from router.console.shell.asking import AskedWrong, choice_asked, cursor_asked, date_asked, text_asked
from router.console.shell.formats import VIETNAM
from router.console.shell.words import Words
from router.core.deadlines import Deadline
from router.core.work_lists import Place, place_of
from router.services.work_lists.hands import Shown, shown_of

PAGE_ROWS: Final = 50
MOST_CHOSEN: Final = 500
"""More than any page shows."""
CODE_CHARS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The filters of a list, and where the page begins."""

    organ: str
    urgency: Urgency | None
    since: date | None
    agent: str
    rule: Deadline | None
    after: Place | None

    @property
    def since_moment(self) -> datetime | None:
        """The beginning of the day in Vietnam."""
        return None if self.since is None else datetime.combine(self.since, time(), tzinfo=VIETNAM).astimezone(UTC)

    @property
    def query(self) -> dict[str, str]:
        """The filters as they stand in an address."""
        given = {
            "organ": self.organ,
            "urgency": self.urgency.value if self.urgency is not None else "",
            "since": self.since.isoformat() if self.since is not None else "",
            "agent": self.agent,
            "rule": self.rule.value if self.rule is not None else "",
        }
        return {name: value for name, value in given.items() if value}


def asked_of(request: Request) -> Asked:
    """Raises AskedWrong."""
    cursor = cursor_asked(request)
    after = place_of(cursor) if cursor else None
    if cursor and after is None:
        raise AskedWrong(Words("after: không phải vị trí của trang", "after: no place of a page"))
    since = date_asked(request, "since")
    if since is not None and not 1970 <= since.year <= 9000:
        raise AskedWrong(Words("since: ngày quá xa", "since: that day is too far away"))
    return Asked(
        organ=text_asked(request, "organ", most=CODE_CHARS),
        urgency=choice_asked(request, "urgency", Urgency),
        since=since,
        agent=text_asked(request, "agent", most=CODE_CHARS),
        rule=choice_asked(request, "rule", Deadline),
        after=after,
    )


def chosen_in(ask: Ask, name: str) -> Sequence[Shown]:
    """What was chosen in a form. Raises AskedWrong."""
    given = ask.every(name)
    if not given:
        raise AskedWrong(Words("Chưa chọn mục nào.", "Nothing was chosen."))
    if len(given) > MOST_CHOSEN:
        raise AskedWrong(Words(f"Chọn nhiều nhất {MOST_CHOSEN} mục.", f"Choose at most {MOST_CHOSEN}."))
    found = [each for each in map(shown_of, given) if each is not None]
    if len(found) != len(given):
        raise AskedWrong(Words("Biểu mẫu không đúng.", "The form is wrong."))
    return found


def moment_in(ask: Ask, name: str, *, end_of_day: bool = False) -> datetime | None:
    """A moment as browsers write it (2026-11-25 or 2026-11-25T08:00), Vietnam time; None when it is empty.

    A day alone is its beginning, or with `end_of_day` the beginning of the next. Raises AskedWrong.
    """
    given = ask.one(name).strip()
    if not given:
        return None
    wrong = Words(f"{name}: không phải thời điểm", f"{name}: no moment")
    try:
        found = datetime.fromisoformat(given)
        if len(given) <= len("2026-11-25") and end_of_day:
            found += timedelta(days=1)
        if not 1971 <= found.year <= 9000:
            raise AskedWrong(wrong)
        return (found if found.tzinfo is not None else found.replace(tzinfo=VIETNAM)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise AskedWrong(wrong) from None
