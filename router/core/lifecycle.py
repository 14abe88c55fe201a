"""The life of a leg: which status may be said, by whom, and what it makes of the leg. One table drives it.

A leg has two tracks that know nothing of each other.

*Handling* is what the recipient does: `01 < 02 < 03 < 04 < 05 < 06`. Steps may be repeated, skipped and arrive out of
order: the furthest one stands.

*Recall* is the handshake `none < requested < refused < accepted`: 13, or a revocation, update or replacement of the
document, asks; 15 and 16 answer. A recipient may refuse and later agree (16, then 15); once it has agreed the paper is
destroyed, so a 16 that arrives after a 15 is an older word that was overtaken. Both orders end in `accepted`.

Each track takes the maximum, so any order and any repetition of the same statuses ends in the same state: joining is
commutative, associative and idempotent.

Two things cannot be joined and are refused, with a finding, to whoever said the second word:

* 02 (reception refused) against 03–06 (received and handled). No reordering explains both: a body that refused has not
  entered the document in its register. The word that the hub accepted first stands; which of the two is true is for
  people to settle, the hub does not guess. A late 01 is no contradiction to either.
* 15 or 16 when nothing was asked. An answer cannot overtake its question: the recipient learns of the question only
  from the hub, after the hub has written it down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edxml_schemas.findings import FindingCode, Findings, finding
from edxml_schemas.statuses import REASON_REQUIRED, STATUS_TEXT, StatusCode
from router.core.records import Leg, RecallState


class Speaker(StrEnum):
    """Who may say a status."""

    RECIPIENT = "recipient"
    SENDER = "sender"  # of the original document, towards the recipient


class Track(StrEnum):
    HANDLING = "handling"
    RECALL = "recall"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRule:
    """One row. `rank` orders the codes of a track. `excludes` are codes of its track that contradict it.

    `recall` is what the status makes of the recall track; `answers` says that something must have been asked.
    """

    code: StatusCode
    speaker: Speaker
    track: Track
    rank: int
    excludes: frozenset[StatusCode] = frozenset()
    recall: RecallState = RecallState.NONE
    answers: bool = False

    @property
    def reason_required(self) -> bool:
        return self.code in REASON_REQUIRED


_HANDLED: Final = frozenset({StatusCode.RECEIVED, StatusCode.ASSIGNED, StatusCode.PROCESSING, StatusCode.FINISHED})
_REFUSED: Final = frozenset({StatusCode.RECEPTION_REFUSED})


def _handling(code: StatusCode, rank: int, excludes: frozenset[StatusCode] = frozenset()) -> StatusRule:
    return StatusRule(code=code, speaker=Speaker.RECIPIENT, track=Track.HANDLING, rank=rank, excludes=excludes)


RULES: Final[Mapping[str, StatusRule]] = MappingProxyType(
    {
        rule.code.value: rule
        for rule in (
            _handling(StatusCode.ARRIVED, 1),
            _handling(StatusCode.RECEPTION_REFUSED, 2, _HANDLED),
            _handling(StatusCode.RECEIVED, 3, _REFUSED),
            _handling(StatusCode.ASSIGNED, 4, _REFUSED),
            _handling(StatusCode.PROCESSING, 5, _REFUSED),
            _handling(StatusCode.FINISHED, 6, _REFUSED),
            StatusRule(
                code=StatusCode.RECALL_REQUESTED,
                speaker=Speaker.SENDER,
                track=Track.RECALL,
                rank=1,
                recall=RecallState.REQUESTED,
            ),
            StatusRule(
                code=StatusCode.CHANGE_REFUSED,
                speaker=Speaker.RECIPIENT,
                track=Track.RECALL,
                rank=2,
                recall=RecallState.REFUSED,
                answers=True,
            ),
            StatusRule(
                code=StatusCode.CHANGE_ACCEPTED,
                speaker=Speaker.RECIPIENT,
                track=Track.RECALL,
                rank=3,
                recall=RecallState.ACCEPTED,
                answers=True,
            ),
        )
    }
)
"""By code. Source: QCVN 102:2016 with Amendment 1:2022, status messages; Decision 28/2018/QĐ-TTg for 02, 13, 15, 16."""

_RECALL_RANK: Final[Mapping[RecallState, int]] = MappingProxyType(
    {RecallState.NONE: 0, RecallState.REQUESTED: 1, RecallState.REFUSED: 2, RecallState.ACCEPTED: 3}
)


def rule_of(code: str) -> StatusRule | None:
    """The row of a code; None for a code that no row knows."""
    return RULES.get(code)


def said_by_sender(code: str) -> bool:
    """Whether the original sender says this status, towards the recipient."""
    rule = RULES.get(code)
    return rule is not None and rule.speaker is Speaker.SENDER


def message_faults(code: str, reason: str) -> Findings:
    """What is wrong with a status message whatever the leg: an unknown code, a reason left out."""
    rule = RULES.get(code)
    if rule is None:
        return (finding(FindingCode.STATUS_ILLEGAL, value=code),)
    if rule.reason_required and not reason.strip():
        return (finding(FindingCode.STATUS_REASON, value=code),)
    return ()


def leg_faults(leg: Leg, code: str, *, speaker: str, sender: str, document_id: str, asked: bool = False) -> Findings:
    """What forbids this status on this leg. `speaker` says it, `sender` sent the document.

    `asked` says that the leg's document is itself a revocation, update or replacement, which 15 and 16 answer.
    """
    rule = RULES.get(code)
    if rule is None:
        return (finding(FindingCode.STATUS_ILLEGAL, value=code),)
    if rule.speaker is Speaker.SENDER and speaker != sender:
        return (finding(FindingCode.STATUS_NOT_SENDER, value=document_id, sender=speaker),)
    if rule.speaker is Speaker.RECIPIENT and speaker != leg.recipient:
        return (finding(FindingCode.STATUS_NOT_RECIPIENT, value=document_id, sender=speaker),)
    if leg.status in rule.excludes:
        return (finding(FindingCode.STATUS_ILLEGAL, value=code, state=leg.status),)
    if rule.answers and not asked and leg.recall is RecallState.NONE:
        return (finding(FindingCode.STATUS_ILLEGAL, value=code, state=leg.status or leg.state.value),)
    return ()


def fold(leg: Leg, code: str, *, at: datetime, reason: str = "") -> Leg:
    """The leg after a legal status: the same leg when the status says nothing new. The version is left alone.

    `at` is when the hub accepted the status. The leg keeps the reason of a 02; that of a 13 stays in its own record,
    so that the two tracks never write over each other.
    """
    rule = RULES[code]
    if rule.track is Track.RECALL:
        return ask_or_answer(leg, rule.recall)
    standing = RULES.get(leg.status)
    if standing is not None and standing.rank >= rule.rank:
        return leg
    return replace(leg, status=code, status_at=at, reason=reason if rule.reason_required else "")


def ask_or_answer(leg: Leg, recall: RecallState) -> Leg:
    """The leg after a step of the recall handshake; also for a revocation, update or replacement, which ask."""
    if _RECALL_RANK[recall] <= _RECALL_RANK[leg.recall]:
        return leg
    return replace(leg, recall=recall)


def standing_of(leg: Leg) -> tuple[str, RecallState]:
    """What people see of a leg's life, and what converges: the furthest handling and the recall track."""
    return leg.status, leg.recall


def lifecycle_table() -> str:
    """The rows as a Markdown table, as it stands in the README."""
    head = (
        "| code | Vietnamese | English | who says it | track and rank | needs a reason | contradicts |\n"
        "|---|---|---|---|---|---|---|"
    )
    return "\n".join((head, *map(_table_row, RULES.values())))


def _table_row(rule: StatusRule) -> str:
    vi, en = STATUS_TEXT[rule.code]
    who = "original sender" if rule.speaker is Speaker.SENDER else "recipient"
    reason = "yes" if rule.reason_required else "no"
    against = ", ".join(sorted(rule.excludes)) or ("anything, when nothing was asked" if rule.answers else "—")
    return f"| {rule.code.value} | {vi} | {en} | {who} | {rule.track.value} {rule.rank} | {reason} | {against} |"
