"""The pages of the lists."""

from typing import Any, Final

from starlette.requests import Request

from router.console.shell.addresses import href
from router.console.shell.answers import NotThere, Page
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.console.work.asked import PAGE_ROWS, Asked, asked_of
from router.console.work.shapes import count_shape, letter_shape, refused_shape, work_shape
from router.core.deadlines import DEADLINE_TEXT, Deadline
from router.core.people import Person, Scope
from router.core.work_lists import LEG_KINDS, WORK_TEXT, Count, Narrow, Place, WorkKind

WORK: Final = "/work"
TITLE: Final = Words("Việc cần xử lý", "Work")
RULES: Final = tuple((each.value, Words(*DEADLINE_TEXT[each])) for each in Deadline)
EXPLAINED: Final = {
    WorkKind.NOT_TAKEN: Words(
        "Phần mềm nơi nhận đã có văn bản nhưng quá hạn chưa báo đã đến (01) hoặc tiếp nhận (03).",
        "The recipient's software has the document, and no 01 or 03 came in time.",
    ),
    WorkKind.OVERDUE: Words("Một thời hạn đã qua và vẫn chưa xong.", "A deadline has passed and still stands."),
    WorkKind.PARKED: Words(
        "Không chuyển được trong thời hạn; bên gửi đã được báo. Có thể chuyển lại.",
        "Not delivered in time; the sender was told. It can be sent once more.",
    ),
    WorkKind.HELD: Words(
        "Giữ cho nơi nhận: đang tạm giữ, hoặc nơi nhận chưa nối phần mềm.",
        "Kept for the recipient: on hold, or nobody carries for it yet.",
    ),
    WorkKind.DEAD: Words(
        "Trục hoặc phần mềm không xử lý được; chờ quyết định trả lại hoặc bỏ.",
        "Nobody could handle them; they wait to be returned or discarded.",
    ),
    WorkKind.REFUSED: Words("Trục từ chối, bên gửi đã nhận lý do.", "Refused by the hub; the sender was told why."),
}


class ListPages:
    """Views of the lists."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._lists = rooms.work.lists

    def overview(self, _request: Request, _person: Person, scope: Scope) -> Page:
        """How long each list is."""
        data = {"lists": self._tabs(self._lists.narrowed(scope), {})}
        return Page(template="work/overview.html", title=TITLE, data=data)

    def one(self, request: Request, _person: Person, scope: Scope) -> Page | NotThere:
        """One list, page by page."""
        try:
            kind = WorkKind(request.path_params["kind"])
        except ValueError:
            return NotThere()
        asked = asked_of(request)
        narrow = self._lists.narrowed(
            scope,
            organ=asked.organ,
            urgency=asked.urgency,
            since=asked.since_moment,
            agent=asked.agent,
            rule=asked.rule,
        )
        rows, following = self._rows(kind, narrow, asked)
        path = f"{WORK}/{kind.value}"
        data = {
            "kind": kind,
            "of_legs": kind in LEG_KINDS,
            "title": Words(*WORK_TEXT[kind]),
            "says": EXPLAINED[kind],
            "filters": {
                "organ": asked.organ,
                "urgency": asked.urgency,
                "since": asked.since,
                "agent": asked.agent,
                "rule": asked.rule,
            },
            "rules": RULES,
            "lists": self._tabs(narrow, asked.query),
            "rows": rows,
            "next": href(path, {**asked.query, "after": str(following)}) if following is not None else "",
            "first": href(path, asked.query) if asked.after is not None else "",
        }
        return Page(template=f"work/{_template(kind)}.html", title=Words(*WORK_TEXT[kind]), data=data)

    def letter(self, request: Request, _person: Person, scope: Scope) -> Page | NotThere:
        """One dead letter, whatever became of it."""
        found = self._lists.letters_called([request.path_params["letter"]], self._lists.narrowed(scope))
        if not found:
            return NotThere()
        title = Words("Thông điệp không xử lý được", "Dead letter")
        return Page(template="work/letter.html", title=title, data={"letter": letter_shape(found[0])})

    def number(self, _person: Person, scope: Scope) -> dict[str, Count]:
        """How much there is to do, for the navigation."""
        counts = self._lists.counts(self._lists.narrowed(scope))
        overdue, dead = counts[WorkKind.OVERDUE], counts[WorkKind.DEAD]
        return {WORK: Count(overdue.number + dead.number, more=overdue.more or dead.more)}

    def _rows(self, kind: WorkKind, narrow: Narrow, asked: Asked) -> tuple[list[dict[str, Any]], Place | None]:
        registry, now = self._rooms.store.registry(), self._rooms.clock.now()
        if kind is WorkKind.DEAD:
            letters = self._lists.letters(narrow, after=asked.after, limit=PAGE_ROWS)
            return [letter_shape(each) for each in letters.rows], letters.following
        if kind is WorkKind.REFUSED:
            refused = self._lists.refused(narrow, after=asked.after, limit=PAGE_ROWS)
            return [refused_shape(registry, each) for each in refused.rows], refused.following
        legs = self._lists.legs(kind, narrow, after=asked.after, limit=PAGE_ROWS, now=now)
        return [work_shape(registry, each, now=now) for each in legs.rows], legs.following

    def _tabs(self, narrow: Narrow, query: dict[str, str]) -> list[dict[str, Any]]:
        return [
            {
                "kind": kind,
                "title": Words(*WORK_TEXT[kind]),
                "says": EXPLAINED[kind],
                "address": href(f"{WORK}/{kind.value}", query),
                "count": count_shape(count),
            }
            for kind, count in self._lists.counts(narrow).items()
        ]


def _template(kind: WorkKind) -> str:
    return "legs" if kind in LEG_KINDS else kind.value
