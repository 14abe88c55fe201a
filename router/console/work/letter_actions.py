"""Returns and discards dead letters."""

from collections.abc import Mapping
from typing import Final

from router.console.shell.answers import ActionAnswer, Ask, Done, Plan
from router.console.shell.rooms import Rooms
from router.console.shell.words import Words
from router.console.work.asked import chosen_in
from router.console.work.leg_actions import outcome
from router.console.work.shapes import LETTER_KIND
from router.core.work_lists import WorkKind
from router.services.work_lists.hands import CHANGED, LetterAnswer, Verdict, decide_shown

LETTERS: Final = "/work/letters"
BACK: Final = f"/work/{WorkKind.DEAD.value}"
PER_SECOND: Final = 10.0
"""How fast letters are returned, as `truc dead return` does without --rate."""
TITLES: Final[Mapping[Verdict, Words]] = {
    Verdict.RETURN: Words("Trả lại để xử lý lại", "Return to be handled once more"),
    Verdict.DISCARD: Words("Bỏ, không xử lý nữa", "Discard"),
}
EXPLAINED: Final[Mapping[Verdict, Words]] = {
    Verdict.RETURN: Words("Trả lại hai lần chỉ xử lý một lần.", "Returned twice, a letter is handled once."),
    Verdict.DISCARD: Words("Nguyên văn vẫn được giữ làm bằng chứng.", "The bytes stay as evidence."),
}
COLUMNS: Final = (
    ("id", Words("Mã", "Id")),
    ("kind", Words("Loại", "Kind")),
    ("agent", Words("Kết nối", "Agent")),
    ("answer", Words("Kết quả", "Answer")),
)
ANSWERS: Final[Mapping[str, Words]] = {
    "done": Words("được", "yes"),
    CHANGED: Words("đã thay đổi từ khi hiển thị, không đụng đến", "changed since it was shown; left alone"),
    "unknown": Words("không có thông điệp này", "there is no such letter"),
}


class LetterActions:
    """Actions on dead letters that were shown."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def give_back(self, ask: Ask) -> ActionAnswer:
        return self._decide(ask, Verdict.RETURN)

    def discard(self, ask: Ask) -> ActionAnswer:
        return self._decide(ask, Verdict.DISCARD)

    def _decide(self, ask: Ask, verdict: Verdict) -> ActionAnswer:
        lists = self._rooms.work.lists
        answers = decide_shown(
            self._rooms.store,
            lists,
            chosen_in(ask, "letter"),
            verdict,
            narrow=lists.narrowed(ask.scope),
            actor=ask.actor,
            reason=ask.reason,
            now=ask.now,
            per_second=PER_SECOND,
            dry_run=ask.dry,
        )
        done = [each for each in answers if each.possible]
        others, rows = len(answers) - len(done), [_row(each) for each in answers]
        explained = EXPLAINED[verdict]
        if ask.dry:
            return Plan(
                title=TITLES[verdict],
                says=Words(
                    f"{len(done)} thông điệp, {others} không đụng đến. {explained.vi}",
                    f"{len(done)} letters, {others} left alone. {explained.en}",
                ),
                columns=COLUMNS,
                rows=rows,
                carry={"letter": [str(each.shown) for each in done]},
                confirm=TITLES[verdict],
                back=BACK,
                danger=verdict is Verdict.DISCARD,
                possible=bool(done),
            )
        says = Words(
            f"{TITLES[verdict].vi}: {len(done)} thông điệp, {others} không đụng đến.",
            f"{TITLES[verdict].en}: {len(done)} letters, {others} left alone.",
        )
        return outcome(TITLES[verdict], says, rows, done=len(done), back=BACK) if others else Done(says=says, to=BACK)


def _row(answer: LetterAnswer) -> dict[str, object]:
    letter = answer.letter
    code = "done" if answer.possible else "unknown" if letter is None else CHANGED
    return {
        "id": answer.shown.id,
        "kind": LETTER_KIND[letter.kind] if letter is not None else "",
        "agent": letter.agent if letter is not None else "",
        "answer": ANSWERS[code],
        "answer_code": code,
        "done": answer.possible,
    }
