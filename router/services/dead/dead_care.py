"""What an administrator does with dead letters: look, ask what would happen, send back, discard.

Sending back and discarding are decisions, written with who and why; the hub's workers do the rest. A letter that is not
open is left alone, so that doing it twice does it once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from edxml_schemas.findings import Findings
from router.core.dead import DeadKind, DeadLetter, DeadState
from router.core.events import EventName
from router.core.records import Change, Event, PutDead, PutEvent
from router.ports import Payloads, PayloadUnavailable, Store, Transaction
from router.services.dead.dead_letters import dead_event, messages_of, report_in, submission_in
from router.services.verdicts.ingest import Ingest, Settled

SELECTED: Final = 10_000
"""Most letters that one query selects."""
PORTION: Final = 500  # letters decided in one transaction
DETAIL_CHARS: Final = 500

WHY: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "delivery_limit": (
            "đã giao nhiều lần mà bên xử lý không trả lời (dừng đột ngột hoặc lỗi khi xử lý)",
            "handed out several times, and whoever handled it crashed or gave it back each time",
        ),
        "rejected": (
            "bị từ chối ngay khi đọc: không biết của ai để trả lời",
            "rejected when it was read: nobody could be answered",
        ),
        "expired": ("hết hạn trong hàng đợi", "its time in the queue was over"),
        "maxlen": ("hàng đợi đầy", "the queue was full"),
    }
)
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "accepted": ("sẽ được tiếp nhận và chuyển đi", "it would be accepted and sent on"),
        "refused": ("sẽ bị từ chối, nơi gửi nhận biên nhận kèm lý do", "it would be refused; the sender is told why"),
        "deferred": ("sẽ tạm hoãn, chờ kiểm tra lại", "the verdict would be deferred"),
        "known": (
            "đã xử lý trước đó: trả lại không làm thay đổi gì",
            "it was settled before: sending it back changes nothing",
        ),
        "crashes": ("xử lý vẫn bị lỗi", "examining it still crashes"),
        "recorded": ("sẽ được ghi nhận như một báo nhận", "it would be recorded as a delivery report"),
        "queued": ("sẽ được gửi lại vào hộp thư của phần mềm nơi nhận", "it would be sent to the inbox once more"),
        "unreadable": ("không biết là gì: chỉ có thể bỏ", "nobody can tell what it is: it can only be discarded"),
        "no-bytes": ("không đọc được nội dung đã lưu", "its bytes cannot be read now"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a letter died and what would happen to it now. `outcome` is a key of `OUTCOMES`."""

    letter: DeadLetter
    why_vi: str
    why_en: str
    outcome: str
    detail: str = ""
    findings: Findings = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of the wish to decide about a letter: done, or left alone in the state in which it is."""

    letter: DeadLetter
    done: bool


def select(
    store: Store, ids: Sequence[str], query: str | None, *, state: DeadState | None = None, limit: int = SELECTED
) -> tuple[Sequence[DeadLetter], Sequence[str]]:
    """The letters meant by ids (or their beginnings) or by a query, and the ids that name none or several."""
    if query is not None:
        return store.find_dead(query, state=state, limit=limit), ()
    found: dict[str, DeadLetter] = {}
    unclear: list[str] = []
    for each in ids:
        meant = [letter for letter in store.find_dead(each, state=None, limit=limit) if letter.id.startswith(each)]
        if len(meant) == 1:
            found[meant[0].id] = meant[0]
        else:
            unclear.append(each)
    return list(found.values()), unclear


def give_back(
    store: Store, ids: Sequence[str], *, actor: str, reason: str, now: datetime, per_second: float
) -> Sequence[Decided]:
    """Send open letters back, so many per second; an answer for each, in order. Others are left alone."""
    decided: list[Decided] = []
    started = 0
    for start in range(0, len(ids), PORTION):
        with store.begin() as tx:
            letters = tx.dead_letters(ids[start : start + PORTION])
            changed: list[DeadLetter] = []
            for each in _in_order(letters, ids[start : start + PORTION]):
                if each.state is DeadState.OPEN:
                    turn = now + timedelta(seconds=started / per_second)
                    started += 1
                    changed.append(
                        replace(
                            each,
                            state=DeadState.RETURNING,
                            return_at=turn,
                            attempts=0,
                            decided_at=now,
                            decided_by=actor,
                            note=reason,
                        )
                    )
                    decided.append(Decided(letter=changed[-1], done=True))
                else:
                    decided.append(Decided(letter=each, done=False))
            _write(tx, changed, EventName.DEAD_RETURNED, actor=actor, reason=reason, now=now)
    return decided


def discard(store: Store, ids: Sequence[str], *, actor: str, reason: str, now: datetime) -> Sequence[Decided]:
    """Put open letters aside for good; their bytes stay as evidence. An answer for each, in order."""
    decided: list[Decided] = []
    for start in range(0, len(ids), PORTION):
        with store.begin() as tx:
            letters = tx.dead_letters(ids[start : start + PORTION])
            changed: list[DeadLetter] = []
            for each in _in_order(letters, ids[start : start + PORTION]):
                if each.state is DeadState.OPEN:
                    changed.append(
                        replace(each, state=DeadState.DISCARDED, decided_at=now, decided_by=actor, note=reason)
                    )
                    decided.append(Decided(letter=changed[-1], done=True))
                else:
                    decided.append(Decided(letter=each, done=False))
            _write(tx, changed, EventName.DEAD_DISCARDED, actor=actor, reason=reason, now=now)
    return decided


def opened(store: Store, letter: DeadLetter, *, actor: str, now: datetime) -> None:
    """Write down that somebody takes a letter's bytes, before they get them."""
    facts = {"what": f"dead letter {letter.id}", "digest": letter.digest}
    with store.begin() as tx:
        tx.apply([PutEvent(Event(name=EventName.CONTENT_OPENED.value, at=now, actor=actor, facts=facts))])


def explain(store: Store, ingest: Ingest, payloads: Payloads, letter: DeadLetter, *, now: datetime) -> Explanation:
    """Examine the bytes now, as a return would, and write nothing. Never raises for what a letter holds."""
    why_vi, why_en = WHY.get(letter.reason, (f"lý do của RabbitMQ: {letter.reason or '?'}", "in the broker's words"))
    outcome, detail, findings = _outcome(store, ingest, payloads, letter, now=now)
    return Explanation(letter=letter, why_vi=why_vi, why_en=why_en, outcome=outcome, detail=detail, findings=findings)


def as_dict(letter: DeadLetter) -> dict[str, object]:
    """For JSON."""
    return {
        "id": letter.id,
        "kind": letter.kind.value,
        "state": letter.state.value,
        "queue": letter.queue,
        "reason": letter.reason,
        "deaths": letter.deaths,
        "attempts": letter.attempts,
        "died_at": letter.died_at,
        "agent": letter.agent,
        "user_id": letter.user_id,
        "submission_id": letter.submission_id,
        "leg_id": letter.leg_id,
        "type": letter.type,
        "urgency": letter.urgency.value,
        "routing_key": letter.routing_key,
        "sha256": letter.digest,
        "size": letter.size,
        "payload": letter.payload,
        "properties": dict(letter.properties),
        "return_at": letter.return_at,
        "decided_at": letter.decided_at,
        "decided_by": letter.decided_by,
        "note": letter.note,
    }


class _NothingWritten(Exception):
    """Ends a transaction that was only a trial, with what it would have come to."""

    def __init__(self, settled: Settled) -> None:
        super().__init__()
        self.settled = settled


def _outcome(
    store: Store, ingest: Ingest, payloads: Payloads, letter: DeadLetter, *, now: datetime
) -> tuple[str, str, Findings]:
    match letter.kind:
        case DeadKind.DELIVERY:
            return "queued", "", ()
        case DeadKind.REPORT:
            return ("recorded" if report_in(letter) is not None else "unreadable"), "", ()
        case DeadKind.UNREADABLE:
            return "unreadable", "", ()
        case DeadKind.SUBMISSION:
            pass
    try:
        return _submitted(store, ingest, payloads.read(letter.payload), letter, now=now)
    except PayloadUnavailable as problem:
        return "no-bytes", str(problem), ()
    except Exception as problem:  # the very thing that killed it: whatever our code raises is the answer
        return "crashes", f"{type(problem).__name__}: {problem}"[:DETAIL_CHARS], ()


def _submitted(
    store: Store, ingest: Ingest, body: bytes, letter: DeadLetter, *, now: datetime
) -> tuple[str, str, Findings]:
    submission = submission_in(letter, body)
    if submission is None:
        return "unreadable", "", ()
    examined = ingest.examine(submission)
    there = store.message(examined.message_id)
    if there is not None:
        return "known", there.id, there.findings
    try:
        with store.begin() as tx:
            kept = {(examined.message_id, examined.passage.digest): letter.payload}
            raise _NothingWritten(ingest.settle(tx, [examined], now=now, kept=kept)[0])  # noqa: TRY301  undoes the trial
    except _NothingWritten as end:
        message = end.settled.message
    return message.state.value, message.id, message.findings


def _in_order(letters: Mapping[str, DeadLetter], ids: Sequence[str]) -> Sequence[DeadLetter]:
    return [letters[each] for each in dict.fromkeys(ids) if each in letters]


def _write(
    tx: Transaction, letters: Sequence[DeadLetter], name: EventName, *, actor: str, reason: str, now: datetime
) -> None:
    if not letters:
        return
    messages = messages_of(tx, letters)
    changes: list[Change] = [PutDead(each) for each in letters]
    changes += [dead_event(name, each, messages[each.id], now=now, actor=actor, reason=reason) for each in letters]
    tx.apply(changes)
