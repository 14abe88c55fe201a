"""What somebody does about legs and dead letters that they were shown: those, as they were shown, and nothing else.

A leg is named with its version and a letter with the number of its deaths, as they were on the page. What has moved
since is left alone and said to have changed; what is not theirs is not there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from router.core.dead import DeadLetter, DeadState
from router.core.people import Scope
from router.core.records import Leg, MessageRecord
from router.core.work_lists import Narrow
from router.ports import Store
from router.services.carriage.relay import Relay
from router.services.carriage.resending import ANSWER_TEXT, Answer, resend
from router.services.dead import dead_care
from router.services.work_lists.lists import WorkLists, sees_leg

CHANGED: Final = "changed"
ANSWERS_SHOWN: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        **{answer.value: text for answer, text in ANSWER_TEXT.items()},
        CHANGED: ("đã thay đổi từ khi hiển thị, không đụng đến", "changed since it was shown; left alone"),
    }
)
"""Vietnamese and English."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Something as it was shown: a leg with its version, a letter with its deaths."""

    id: str
    version: int

    def __str__(self) -> str:
        return f"{self.version}.{self.id}"


def shown_of(text: str) -> Shown | None:
    """What `str` wrote; None for anything else."""
    version, dot, name = text.partition(".")
    if not dot or not name or len(name) > 100 or not version.isascii() or not version.isdigit() or len(version) > 9:
        return None
    return Shown(name, int(version))


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAnswer:
    """What became of the wish to send a leg once more. `answer` is a key of `ANSWERS_SHOWN`; leg and message are as
    they were before, None for what is not there or not theirs."""

    shown: Shown
    answer: str
    leg: Leg | None = None
    message: MessageRecord | None = None

    @property
    def done(self) -> bool:
        return self.answer == Answer.RESENT.value


def resend_shown(
    store: Store,
    relay: Relay,
    shown: Sequence[Shown],
    *,
    scope: Scope,
    actor: str,
    reason: str,
    now: datetime,
    dry_run: bool,
) -> Sequence[LegAnswer]:
    """Send those of these legs that are parked, as they were shown, once more; an answer for each, in order.

    As `truc leg resend`, in one transaction. With `dry_run` nothing is written and the answers are the same.
    """
    wanted = list({each.id: each for each in shown}.values())
    with store.begin() as tx:
        legs = tx.legs_by_id([each.id for each in wanted])
        messages = tx.decided_messages({each.message_id for each in legs.values()})
        seen = {each.id: each for each in legs.values() if sees_leg(scope, messages[each.message_id], each)}
        same = [each.id for each in wanted if each.id in seen and seen[each.id].version == each.version]
        wishes = resend(tx, relay, same, actor=actor, reason=reason, now=now, dry_run=dry_run) if same else ()
        answers = {each.leg_id: each.answer.value for each in wishes}
    return [
        LegAnswer(
            shown=each,
            answer=answers.get(each.id, CHANGED if each.id in seen else Answer.UNKNOWN.value),
            leg=seen.get(each.id),
            message=messages[seen[each.id].message_id] if each.id in seen else None,
        )
        for each in wanted
    ]


class Verdict(StrEnum):
    """What somebody decides about dead letters."""

    RETURN = "return"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterAnswer:
    """What became of a decision about a dead letter, which is None when it is not there or not theirs.

    `possible`: it would be done, or was, with `done` of `decide_shown`; else it has changed since it was shown.
    """

    shown: Shown
    letter: DeadLetter | None
    possible: bool


def decide_shown(
    store: Store,
    lists: WorkLists,
    shown: Sequence[Shown],
    verdict: Verdict,
    *,
    narrow: Narrow,
    actor: str,
    reason: str,
    now: datetime,
    per_second: float,
    dry_run: bool,
) -> Sequence[LetterAnswer]:
    """Return or discard those of these letters that are open, as they were shown; an answer for each, in order.

    As `truc dead return` and `truc dead discard`.
    """
    wanted = list({each.id: each for each in shown}.values())
    seen = {each.id: each for each in lists.letters_called([each.id for each in wanted], narrow)}
    same = [each.id for each in wanted if each.id in seen and _is_as_shown(seen[each.id], each)]
    if dry_run:
        done = set(same)
    else:
        decide = _decision(verdict, per_second=per_second)
        decided = decide(store, same, actor, reason, now)
        done = {each.letter.id for each in decided if each.done}
    return [LetterAnswer(shown=each, letter=seen.get(each.id), possible=each.id in done) for each in wanted]


def _is_as_shown(letter: DeadLetter, shown: Shown) -> bool:
    return letter.state is DeadState.OPEN and letter.deaths == shown.version


_Decide = Callable[[Store, Sequence[str], str, str, datetime], Sequence[dead_care.Decided]]


def _decision(verdict: Verdict, *, per_second: float) -> _Decide:
    def give_back(store: Store, ids: Sequence[str], actor: str, why: str, now: datetime) -> Sequence[dead_care.Decided]:
        return dead_care.give_back(store, ids, actor=actor, reason=why, now=now, per_second=per_second)

    def discard(store: Store, ids: Sequence[str], actor: str, why: str, now: datetime) -> Sequence[dead_care.Decided]:
        return dead_care.discard(store, ids, actor=actor, reason=why, now=now)

    return give_back if verdict is Verdict.RETURN else discard
