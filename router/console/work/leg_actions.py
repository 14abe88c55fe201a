"""Sends legs once more: one, or those that were chosen on a page."""

from collections.abc import Sequence
from typing import Any, Final

from router.console.shell.answers import ActionAnswer, Ask, Done, Page, Plan
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.console.work.asked import chosen_in
from router.console.work.shapes import leg_shape
from router.core.registry import Registry
from router.core.work_lists import LEG_KINDS, WorkKind
from router.services.work_lists.hands import ANSWERS_SHOWN, LegAnswer, resend_shown

RESEND: Final = "/work/legs/resend"
RESEND_TITLE: Final = Words("Chuyển lại", "Send once more")
LEG_COLUMNS: Final = (
    ("code", Words("Số, ký hiệu", "Code")),
    ("subject", Words("Trích yếu", "Subject")),
    ("recipient", Words("Nơi nhận", "Recipient")),
    ("leg_id", Words("Mã chặng", "Leg")),
    ("answer", Words("Kết quả", "Answer")),
)


class LegActions:
    """Actions on legs that were shown."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def resend(self, ask: Ask) -> ActionAnswer:
        """Those that are parked, as they were shown; the others are left alone, and why is said of each."""
        back = _list_address(ask)
        answers = resend_shown(
            self._rooms.store,
            self._rooms.work.relay,
            chosen_in(ask, "leg"),
            scope=ask.scope,
            actor=ask.actor,
            reason=ask.reason,
            now=ask.now,
            dry_run=ask.dry,
        )
        done = [each for each in answers if each.done]
        others = len(answers) - len(done)
        rows = leg_answer_rows(self._rooms.store.registry(), answers)
        if ask.dry:
            return Plan(
                title=RESEND_TITLE,
                says=Words(
                    f"{len(done)} chặng sẽ được chuyển lại, {others} chặng không đụng đến. Nơi nhận không thấy văn bản "
                    "hai lần.",
                    f"{len(done)} legs would be sent once more, {others} left alone. The recipient never sees a "
                    "document twice.",
                ),
                columns=LEG_COLUMNS,
                rows=rows,
                carry={"leg": [str(each.shown) for each in done], "list": [ask.one("list")]},
                confirm=Words(f"Chuyển lại {len(done)} chặng", f"Send {len(done)} legs"),
                back=back,
                possible=bool(done),
            )
        says = Words(
            f"Đã chuyển lại {len(done)} chặng, {others} chặng không đụng đến.",
            f"{len(done)} legs were sent once more, {others} left alone.",
        )
        return outcome(RESEND_TITLE, says, rows, done=len(done), back=back) if others else Done(says=says, to=back)


def leg_answer_rows(registry: Registry, answers: Sequence[LegAnswer]) -> list[dict[str, Any]]:
    """One row per leg that was chosen. Of what is not there, or not theirs, only the id that was sent."""
    rows: list[dict[str, Any]] = []
    for each in answers:
        text = Words(*ANSWERS_SHOWN[each.answer])
        if each.leg is None or each.message is None:
            row: dict[str, Any] = {"leg_id": each.shown.id, "code": "", "subject": "", "recipient": ""}
        else:
            told = leg_shape(registry, each.message, each.leg)
            recipient = f"{told['recipient']['name']} ({each.leg.recipient})".strip()
            row = {name: told[name] for name in ("leg_id", "code", "subject")} | {"recipient": recipient}
        rows.append({**row, "answer": text, "answer_code": each.answer, "done": each.done})
    return rows


def outcome(title: Words, says: Words, rows: Sequence[dict[str, Any]], *, done: int, back: str) -> Page:
    """What became of each, when not all was done."""
    data = {"says": says, "rows": rows, "done": done, "left_alone": len(rows) - done, "back": back}
    return Page(template="work/outcome.html", title=title, data=data)


def _list_address(ask: Ask) -> str:
    """The list from which a form came."""
    given = ask.one("list")
    known = {each.value for each in LEG_KINDS}
    return f"/work/{given}" if given in known else f"/work/{WorkKind.PARKED.value}"
