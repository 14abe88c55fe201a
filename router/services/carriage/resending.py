"""Sends parked legs once more on an administrator's word, one by one, and says why another leg is not sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edxml_schemas.contract import MessageType
from router.core.events import EventName
from router.core.records import Event, Leg, LegState, MessageRecord, PutEvent
from router.core.routing import present_code
from router.ports import Store, Transaction
from router.services.carriage.relay import Relay


class Answer(StrEnum):
    """What became of the wish to send a leg once more."""

    RESENT = "resent"
    UNKNOWN = "unknown"
    QUEUED = "queued"  # on its way, the hub tries by itself
    HELD = "held"  # waits for its recipient on purpose
    HANDED_OVER = "handed-over"  # in the inbox of the recipient's agent already
    DELIVERED = "delivered"


ANSWER_TEXT: Final[Mapping[Answer, tuple[str, str]]] = MappingProxyType(
    {
        Answer.RESENT: ("chuyển lại", "sent once more"),
        Answer.UNKNOWN: ("không có chặng này", "there is no such leg"),
        Answer.QUEUED: ("đang chờ chuyển, trục tự thử lại", "on its way; the hub tries again by itself"),
        Answer.HELD: (
            "đang giữ cho nơi nhận: tạm ngừng nhận, hoặc chưa nối phần mềm",
            "held for its recipient, which takes nothing now or is not connected yet",
        ),
        Answer.HANDED_OVER: (
            "đã ở hộp thư nơi nhận, phần mềm nơi nhận chưa lấy; chưa hết hạn chuyển",
            "in the inbox of the recipient's agent, which has not taken it yet; its time is not over",
        ),
        Answer.DELIVERED: ("nơi nhận đã có văn bản", "the recipient has it"),
    }
)
"""Vietnamese and English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One leg that somebody wants to be sent once more. `leg` is as it was before, None when there is none."""

    leg_id: str
    answer: Answer
    leg: Leg | None = None


def resend(
    tx: Transaction, relay: Relay, leg_ids: Sequence[str], *, actor: str, reason: str, now: datetime, dry_run: bool
) -> Sequence[Wish]:
    """Send those of these legs that are parked once more, in the caller's transaction; an answer for each, in order.

    `actor` and `reason` stand in the event `leg.resent`. With `dry_run` nothing is written and the answers are the
    same. Doing it twice sends once: the second time the leg is not parked.
    """
    legs = tx.legs_by_id(dict.fromkeys(leg_ids))
    wishes = [Wish(leg_id=each, answer=_answer(legs.get(each)), leg=legs.get(each)) for each in dict.fromkeys(leg_ids)]
    parked = [each.leg for each in wishes if each.answer is Answer.RESENT and each.leg is not None]
    if parked and not dry_run:
        tx.apply([_event(each, actor=actor, reason=reason, now=now) for each in parked])
        relay.requeue(tx, [each.id for each in parked], now=now)
    return wishes


def legs_to(store: Store, query: str, recipient: str) -> Sequence[tuple[MessageRecord, Leg]]:
    """The legs to an organ (present or former code) of the documents that a query finds, newest first."""
    registry = store.registry()
    wanted = {recipient, present_code(registry, recipient)}
    return [
        (message, leg)
        for message in store.find(query)
        if message.type is MessageType.DOCUMENT
        for leg in store.legs_of(message.id)
        if leg.recipient in wanted or leg.forwarded_from in wanted
    ]


def _answer(leg: Leg | None) -> Answer:
    if leg is None:
        return Answer.UNKNOWN
    return Answer.RESENT if leg.state is LegState.PARKED else Answer(leg.state.value)


def _event(leg: Leg, *, actor: str, reason: str, now: datetime) -> PutEvent:
    return PutEvent(
        Event(
            name=EventName.LEG_RESENT.value,
            at=now,
            message_id=leg.message_id,
            leg_id=leg.id,
            actor=actor,
            facts={"recipient": leg.recipient, "reason": reason},
        )
    )
